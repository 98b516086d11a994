/* shipit secrets list: which there are, and who can open them. */
#include "base/text.h"
#include "commands/listing.h"
#include "commands/sealing.h"

struct row {
	const char *name;
	const struct secret_config *secret;	/* NULL: deploy.yml does not name it */
	const struct sealed_entry *entry;	/* NULL: it is not sealed here */
	const char *state;	/* "sealed", "stale", "missing", "unused", "damaged", "elsewhere" */
	struct text_list lack;	/* who should be able to open it and is not */
	struct text_list extra;	/* who can open it and should not */
};

static void judge_audience(struct sealing *sealing, struct row *row)
{
	struct arena *arena = sealing->session.arena;
	const struct sealed_value *value = &row->entry->value;
	struct seal_recipients to;
	struct error ignored = {0};
	if (sealing_audience(sealing, row->name, &to, &ignored) < 0)
		to = (struct seal_recipients){0};
	for (size_t i = 0; i < to.list.count; i++)
		if (seal_place(value, &to.list.items[i].key) < 0)
			text_list_add(arena, &row->lack, to.list.items[i].name);
	for (size_t i = 0; i < value->to.count; i++)
		if (!seal_place_taken(value, &to, i))
			text_list_add(arena, &row->extra, value->to.items[i]);
	if (!seal_is_to(value, &to))
		row->state = "stale";
}

static void judge(struct sealing *sealing, struct row *row)
{
	struct error ignored = {0};
	row->entry = sealed_file_find(&sealing->file, row->name);
	row->state = "sealed";
	if (row->secret && !row->secret->sealed)
		row->state = "elsewhere";
	else if (!row->entry)
		row->state = "missing";
	else if (seal_check(&row->entry->value, &ignored) < 0)
		row->state = "damaged";
	else
		judge_audience(sealing, row);
	if (!row->secret && strcmp(row->state, "sealed") == 0)
		row->state = "unused";
}

json_t *names_to_json(const struct text_list *names)
{
	json_t *list = json_array();
	for (size_t i = 0; names && i < names->count; i++)
		json_array_append_new(list, json_string(names->items[i]));
	return list;
}

static json_t *row_json(const struct row *row)
{
	const char *source = "sealed";
	if (row->secret && row->secret->env)
		source = "env";
	else if (row->secret && row->secret->command.place.line)
		source = "command";
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", row->name, "source", source,
			 "state", row->state, "for",
			 names_to_json(row->secret ? &row->secret->roles : NULL), "to",
			 names_to_json(row->entry ? &row->entry->value.to : NULL), "known",
			 names_to_json(row->entry ? &row->entry->value.known : NULL));
}

static void add_note(struct listing *listing, const char *text)
{
	listing_add_styled(listing, STYLE_YELLOW, text);
	buffer_add_char(&listing->out, '\n');
}

static void add_notes(struct arena *arena, struct listing *listing, const struct row *row,
		      const char *indent)
{
	const struct text_list *known = &row->entry->value.known;
	const char *name = row->name;
	if (!strcmp(row->state, "damaged"))
		add_note(listing, arena_format(arena, "%swas changed by hand, or is another "
						      "name's line: shipit secrets set %s",
					       indent, name));
	if (row->lack.count)
		add_note(listing, arena_format(arena, "%snot yet to %s: shipit secrets rotate",
					       indent, text_join(arena, &row->lack, ", ")));
	if (row->extra.count)
		add_note(listing, arena_format(arena, "%sno longer for %s: shipit secrets rotate",
					       indent, text_join(arena, &row->extra, ", ")));
	if (known->count)
		add_note(listing, arena_format(arena, "%sknown to %s: change it where it was "
						      "issued, then shipit secrets set %s",
					       indent, text_join(arena, known, ", "), name));
	if (!row->secret)
		add_note(listing, arena_format(arena, "%sdeploy.yml does not name it", indent));
}

static void add_row(struct arena *arena, struct listing *listing, const struct row *row,
		    size_t width)
{
	listing_add_column(listing, row->name, width + 2);
	if (!strcmp(row->state, "elsewhere")) {
		buffer_add_format(&listing->out, "from a %s\n",
				  row->secret->env ? "variable" : "command");
		return;
	}
	if (!row->entry) {
		add_note(listing, arena_format(arena, "not set: shipit secrets set %s",
					       row->name));
		return;
	}
	listing_add_name(listing, text_join(arena, &row->entry->value.to, ", "));
	buffer_add_char(&listing->out, '\n');
	add_notes(arena, listing, row, arena_format(arena, "%*s", (int)width + 2, ""));
}

struct rows {
	VEC(struct row) list;
};

static void collect(struct sealing *sealing, struct rows *rows)
{
	struct arena *arena = sealing->session.arena;
	const struct config *config = sealing->session.config;
	for (size_t i = 0; i < config->secrets.count; i++)
		vec_push(arena, &rows->list,
			 ((struct row){.name = config->secrets.items[i].name,
				       .secret = &config->secrets.items[i]}));
	for (size_t i = 0; i < sealing->file.entries.count; i++) {
		const char *name = sealing->file.entries.items[i].value.name;
		if (!config_secret(config, name))
			vec_push(arena, &rows->list, ((struct row){.name = name}));
	}
	for (size_t i = 0; i < rows->list.count; i++)
		judge(sealing, &rows->list.items[i]);
}

int secrets_list(struct sealing *sealing, const struct text_list *names, struct error *err)
{
	struct call *call = sealing->session.call;
	const char *difference = sealing_difference(sealing);
	struct rows rows = {0};
	struct listing listing;
	size_t width = 0;
	(void)names;
	collect(sealing, &rows);
	if (difference)
		call_note(call, "%s.", difference);
	if (call->json) {
		json_t *list = json_array();
		for (size_t i = 0; i < rows.list.count; i++)
			json_array_append_new(list, row_json(&rows.list.items[i]));
		return call_print_json(list, err);
	}
	for (size_t i = 0; i < rows.list.count; i++)
		if (strlen(rows.list.items[i].name) > width)
			width = strlen(rows.list.items[i].name);
	listing_init(&listing, call);
	for (size_t i = 0; i < rows.list.count; i++)
		add_row(call->arena, &listing, &rows.list.items[i], width);
	if (!rows.list.count)
		call_note(call, "There are no secrets: shipit secrets set NAME seals one.");
	return listing_end(&listing, err);
}
