/* maintenance: as a struct, and what its keys must have together. */
#include "config/config_internal.h"

#include "base/text.h"

static const struct key *maintenance_keys(void)
{
	return schema_row(deploy_file.keys, "maintenance")->keys;
}

static void require(struct loader *loader, const struct node *node, const char *name,
		    const char *key, const char *why)
{
	if (node_get(node, key))
		return;
	diagnostics_add(loader->diagnostics, node->place, "%s lacks '%s'", name, key);
	diagnostics_hint(loader->diagnostics, "%s", why);
}

static void check_halt(struct loader *loader, const struct node_entry *entry)
{
	const char *name = arena_format(loader->arena, "the halt '%s'", entry->key->text);
	const struct node *halt = entry->value;

	if (strcmp(entry->key->text, "page") == 0) {
		diagnostics_add(loader->diagnostics, entry->key->place,
				"no halt can be called 'page': that is maintenance's own page");
		diagnostics_hint(loader->diagnostics, "call it something else");
	}
	if (!node_get(halt, "stop"))
		return;
	require(loader, halt, name, "start", "what is stopped must be started again");
	require(loader, halt, name, "running_if",
		"a command that succeeds while it runs, so that only what ran is started again");
}

void maintenance_config_check(struct loader *loader, const struct node *node)
{
	const struct node *page = node_get(node, "page"), *halts = node_get(node, "halts");

	if (node_get(page, "on"))
		require(loader, page, "the page", "off", "what is shown must be taken away again");
	else if (node_get(page, "off"))
		require(loader, page, "the page", "on", "nothing would show it");
	for (size_t i = 0; halts && halts->type == NODE_MAP && i < halts->count; i++)
		if (!text_starts_with(halts->entries[i].key->text, "x-"))
			check_halt(loader, &halts->entries[i]);
}

static const char *kind_of(const struct node *halt)
{
	static const char *const kinds[] = {"systemd", "heroku", "cron"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (node_get(halt, kinds[i]))
			return kinds[i];
	return "run";
}

static struct halt_config read_halt(struct arena *arena, const struct node_entry *entry,
				    const struct key *keys)
{
	struct object object = {entry->value, keys};

	return (struct halt_config){
		.name = entry->key->text,
		.kind = kind_of(entry->value),
		.stop = read_command(arena, node_get(entry->value, "stop")),
		.start = read_command(arena, node_get(entry->value, "start")),
		.running_if = read_command(arena, node_get(entry->value, "running_if")),
		.units = object_texts(arena, &object, "systemd"),
		.timeout = object_duration(&object, "timeout"),
		.place = entry->key->place,
	};
}

static void read_needs(struct arena *arena, const struct node *list,
		       struct maintenance_config *maintenance)
{
	for (size_t i = 0; list && i < list->count; i++) {
		const struct node *adds = node_get(list->items[i], "adds");
		struct maintenance_need need = {
			.changed = read_patterns(arena, node_get(list->items[i], "changed"), ""),
			.adds = adds ? adds->text : NULL,
			.place = list->items[i]->place,
		};

		vec_push(arena, &maintenance->needed_if, need);
	}
}

void maintenance_config_read(struct loader *loader, const struct node *node,
			     struct maintenance_config *maintenance)
{
	struct arena *arena = loader->arena;
	struct object object = {node, maintenance_keys()};
	struct object page = object_child(&object, "page");
	const struct node *halts = node_get(node, "halts");
	const struct key *halt_keys = schema_row(maintenance_keys(), "halts")->each->keys;
	const char *when = object_text(&object, "when");

	*maintenance = (struct maintenance_config){
		.present = node && node->type == NODE_MAP,
		.when = strcmp(when, "always") == 0  ? MAINTENANCE_ALWAYS
			: strcmp(when, "never") == 0 ? MAINTENANCE_NEVER
						     : MAINTENANCE_AUTO,
		.hot_tables = object_texts(arena, &object, "hot_tables"),
		.page_on = read_command(arena, node_get(page.node, "on")),
		.page_off = read_command(arena, node_get(page.node, "off")),
		.page_heroku = object_bool(&page, "heroku"),
		.together = object_bool(&object, "together"),
		.hold = strcmp(object_text(&object, "if_undo_fails"), "hold") == 0,
		.node = node,
	};
	if (!node || !maintenance->present)
		return;
	maintenance->place = node->place;
	read_needs(arena, node_get(node, "needed_if"), maintenance);
	for (size_t i = 0; halts && i < halts->count; i++)
		if (!text_starts_with(halts->entries[i].key->text, "x-"))
			vec_push(arena, &maintenance->halts,
				 read_halt(arena, &halts->entries[i], halt_keys));
}
