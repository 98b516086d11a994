/* guards: as a struct, and times and zones that mean nothing. */
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/zone.h"
#include "config/config_internal.h"

enum { DAY_MINUTES = 24 * 60 };

static const struct key *guard_keys(const char *name)
{
	const struct key *guards = schema_row(deploy_file.keys, "guards");

	return name ? schema_row(guards->keys, name)->keys : guards->keys;
}

static int parse_weekday(const char **cursor)
{
	static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
					    "Friday", "Saturday", "Sunday"};
	size_t length = strcspn(*cursor, " ");

	for (int day = 0; day < 7; day++) {
		if (strncasecmp(*cursor, names[day], length) != 0 ||
		    (length != 3 && length != strlen(names[day])))
			continue;
		*cursor += length + strspn(*cursor + length, " ");
		return day;
	}
	return -1;
}

static int parse_two(const char **cursor, int high)
{
	const char *at = *cursor;
	int value;

	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
		return -1;
	value = (at[0] - '0') * 10 + (at[1] - '0');
	*cursor += 2;
	return value <= high ? value : -1;
}

/* "Fri 15:30" as minutes since Monday 00:00; "Sun 24:00" is 10080. -1 when it is none. */
static int parse_week_time(const char *text)
{
	int day = parse_weekday(&text), hour, minute;

	if (day < 0)
		return -1;
	hour = parse_two(&text, 24);
	if (hour < 0 || *text++ != ':')
		return -1;
	minute = parse_two(&text, hour == 24 ? 0 : 59);
	return minute < 0 || *text ? -1 : day * DAY_MINUTES + hour * 60 + minute;
}

static void check_week_time(struct loader *loader, const struct node *node)
{
	if (!node || node->type != NODE_TEXT || parse_week_time(node->text) >= 0)
		return;
	diagnostics_add(loader->diagnostics, node->place, "'%s' is not a day and a time",
			node->text);
	diagnostics_hint(loader->diagnostics, "write one as \"Fri 15:00\" or \"Sun 24:00\"");
}

/* A system without the database can still look at its deploys: the guard says it then. */
static void check_zone(struct loader *loader, const struct node *node)
{
	struct error err = {0};
	bool no_database;

	if (!node || node->type != NODE_TEXT ||
	    zone_load(loader->arena, node->text, &no_database, &err) || no_database)
		return;
	diagnostics_add(loader->diagnostics, node->place, "%s", err.message);
	diagnostics_hint(loader->diagnostics, "%s", err.hint);
}

static void check_friday(struct loader *loader, const struct node *node)
{
	struct object object = {node, guard_keys("friday")};
	int from, to;

	if (!node || node->type != NODE_MAP)
		return;
	check_week_time(loader, node_get(node, "from"));
	check_week_time(loader, node_get(node, "to"));
	check_zone(loader, node_get(node, "timezone"));
	from = parse_week_time(object_text(&object, "from"));
	to = parse_week_time(object_text(&object, "to"));
	if (from < 0 || to < 0 || from % (7 * DAY_MINUTES) != to)
		return;
	diagnostics_add(loader->diagnostics, node->place, "friday ends when it begins");
	diagnostics_hint(loader->diagnostics, "for the whole week: from \"Mon 00:00\" to "
					      "\"Sun 24:00\"");
}

static bool check_time(struct loader *loader, const struct node *node)
{
	struct wall_time wall;
	struct error err = {0};

	if (!node || !node->text || time_parse_wall(node->text, &wall, &err) == 0)
		return node && node->text;
	diagnostics_add(loader->diagnostics, node->place, "%s", err.message);
	diagnostics_hint(loader->diagnostics, "%s", err.hint);
	return false;
}

/* Seconds at which it begins, or behind which it is over. */
static int64_t freeze_bound(const char *text, bool is_end, bool *utc)
{
	struct wall_time wall = {0};
	struct error ignored = {0};

	if (time_parse_wall(text, &wall, &ignored) < 0)
		return 0;
	*utc = wall.zoned;
	return wall.seconds + (is_end && wall.day ? 86400 : 0);
}

static void check_freeze(struct loader *loader, const struct node *node)
{
	const struct node *from = node_get(node, "from"), *to = node_get(node, "to");
	bool from_utc = false, to_utc = false;

	check_zone(loader, node_get(node, "timezone"));
	if (!check_time(loader, from) || !check_time(loader, to) ||
	    freeze_bound(from->text, false, &from_utc) < freeze_bound(to->text, true, &to_utc) ||
	    from_utc != to_utc)
		return;
	diagnostics_add(loader->diagnostics, to->place, "the freeze ends before it begins");
	diagnostics_hint(loader->diagnostics, "it is from %s to %s", from->text, to->text);
}

static void check_approvals(struct loader *loader, const struct node *node)
{
	const struct node *all = node_get(loader->root, "environments");
	struct text_list names = {0};

	for (size_t i = 0; all && all->type == NODE_MAP && i < all->count; i++)
		text_list_add(loader->arena, &names, all->entries[i].key->text);
	for (size_t i = 0; node && node->type == NODE_MAP && i < node->count; i++) {
		const struct node *key = node->entries[i].key;
		const char *near;

		if (text_list_has(&names, key->text) || text_starts_with(key->text, "x-"))
			continue;
		near = text_nearest(key->text, names.items, names.count);
		diagnostics_add(loader->diagnostics, key->place,
				"approvals names '%s', which is no environment", key->text);
		if (near)
			diagnostics_hint(loader->diagnostics, "did you mean '%s'?", near);
	}
}

void guards_config_check(struct loader *loader, const struct node *node)
{
	const struct node *freezes = node_get(node, "freezes");

	check_friday(loader, node_get(node, "friday"));
	for (size_t i = 0; freezes && freezes->type == NODE_LIST && i < freezes->count; i++)
		check_freeze(loader, freezes->items[i]);
	check_approvals(loader, node_get(node, "approvals"));
}

static const struct zone *read_zone(struct loader *loader, const char *name)
{
	struct error ignored = {0};

	return zone_load(loader->arena, name, NULL, &ignored);
}

static struct friday_config read_friday(struct loader *loader, const struct object *guards)
{
	struct object object = object_child(guards, "friday");
	const char *refuse = object_text(&object, "refuse");
	struct friday_config friday = {
		.present = object.node != NULL,
		.from_text = object_text(&object, "from"),
		.to_text = object_text(&object, "to"),
		.timezone = object_text(&object, "timezone"),
		.refuse = strcmp(refuse, "low") == 0      ? 0
			  : strcmp(refuse, "medium") == 0 ? 1
							  : 2,
	};

	if (!friday.present)
		return friday;
	friday.from = parse_week_time(friday.from_text);
	friday.to = parse_week_time(friday.to_text);
	friday.zone = read_zone(loader, friday.timezone);
	friday.place = object.node->place;
	return friday;
}

static void read_freezes(struct loader *loader, const struct node *list,
			 struct guards_config *guards)
{
	const struct key *keys = schema_row(guard_keys(NULL), "freezes")->each->keys;

	for (size_t i = 0; list && list->type == NODE_LIST && i < list->count; i++) {
		struct object object = {list->items[i], keys};
		struct freeze_config freeze = {
			.from_text = object_text(&object, "from"),
			.to_text = object_text(&object, "to"),
			.reason = object_text(&object, "reason"),
			.timezone = object_text(&object, "timezone"),
			.place = list->items[i]->place,
		};

		freeze.from = freeze_bound(freeze.from_text, false, &freeze.from_utc);
		freeze.to = freeze_bound(freeze.to_text, true, &freeze.to_utc);
		if (!freeze.timezone)
			freeze.timezone = guards->friday.timezone;
		freeze.zone = read_zone(loader, freeze.timezone);
		vec_push(loader->arena, &guards->freezes, freeze);
	}
}

void guards_config_read(struct loader *loader, const struct node *node)
{
	struct guards_config *guards = &loader->config->guards;
	struct object object = {node, guard_keys(NULL)};
	struct object size = object_child(&object, "size");
	struct object risky = object_child(&object, "risky");
	const struct node *approvals = node_get(node_get(node, "approvals"), loader->env);

	*guards = (struct guards_config){
		.size_warn = object_integer(&size, "warn"),
		.size_refuse = object_integer(&size, "refuse"),
		.size_ignore = read_patterns(loader->arena, node_get(size.node, "ignore"), ""),
		.risky_high = read_patterns(loader->arena, node_get(risky.node, "high"), ""),
		.risky_medium = read_patterns(loader->arena, node_get(risky.node, "medium"), ""),
		.friday = read_friday(loader, &object),
		.approvals = approvals ? approvals->integer : 0,
		.node = node,
	};
	if (!size.node)
		guards->size_warn = guards->size_refuse = -1;
	read_freezes(loader, node_get(node, "freezes"), guards);
}
