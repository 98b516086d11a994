/* Halts from the config and from JSON, and back. */
#include "base/text.h"
#include "run/maintenance_internal.h"

enum { DEFAULT_TIMEOUT = 60000 };

int maintenance_check(const struct maintenance_config *config, struct error *err)
{
	for (size_t i = 0; i < config->halts.count; i++) {
		const struct halt_config *halt = &config->halts.items[i];

		if (halt_kind_find(halt->kind))
			continue;
		error_set(err, "the halt '%s' is of kind '%s', which this version of shipit cannot "
			  "stop", halt->name, halt->kind);
		error_hint(err, "write it with stop, start and running_if, or deploy with "
			   "--maintenance off");
		return error_code(err, EXIT_USAGE);
	}
	if (!config->page_heroku)
		return 0;
	error_set(err, "this version of shipit cannot show Heroku's own page");
	error_hint(err, "write page: {on: CMD, off: CMD}");
	return error_code(err, EXIT_USAGE);
}

static const json_t *find_json(const json_t *list, const char *name)
{
	const json_t *halt;
	size_t i;

	json_array_foreach(list, i, halt)
	{
		if (text_equal(json_string_value(json_object_get(halt, "halt")), name))
			return halt;
	}
	return NULL;
}

static struct text_list read_texts(struct arena *arena, const json_t *list)
{
	struct text_list texts = {0};
	const json_t *text;
	size_t i;

	json_array_foreach(list, i, text)
	{
		if (json_is_string(text))
			text_list_add(arena, &texts, arena_string(arena, json_string_value(text)));
	}
	return texts;
}

static struct maintenance *new_of(const struct maintenance_options *options, size_t count,
				  bool together)
{
	struct maintenance *maintenance = arena_new(options->arena, struct maintenance);

	*maintenance = (struct maintenance){.options = *options, .together = together};
	maintenance->halts = arena_array(options->arena, count + 1, sizeof(struct halt));
	return maintenance;
}

static struct halt *add(struct maintenance *maintenance, const char *name, const char *kind,
			int64_t timeout)
{
	struct halt *halt = &maintenance->halts[maintenance->count++];

	halt->maintenance = maintenance;
	halt->name = name;
	halt->kind = halt_kind_find(kind);
	halt->timeout = timeout > 0 ? timeout : DEFAULT_TIMEOUT;
	halt->kept = find_json(maintenance->options.kept, name);
	halt->stopped = find_json(maintenance->options.stopped, name);
	return halt;
}

struct maintenance *maintenance_new(const struct maintenance_config *config,
				    const struct maintenance_options *options)
{
	struct maintenance *maintenance = new_of(options, config->halts.count + 1,
						 config->together);

	if (config->page_on.place.line) {
		struct halt *page = add(maintenance, MAINTENANCE_PAGE, MAINTENANCE_PAGE, 0);

		page->stop = config->page_on;
		page->start = config->page_off;
	}
	for (size_t i = 0; i < config->halts.count; i++) {
		const struct halt_config *from = &config->halts.items[i];
		struct halt *halt;

		if (!halt_kind_find(from->kind))
			continue;
		halt = add(maintenance, from->name, from->kind, from->timeout);
		halt->stop = from->stop;
		halt->start = from->start;
		halt->running_if = from->running_if;
		halt->units = from->units;
		if (halt->stopped && halt->units.count) /* only those that ran */
			halt->units = read_texts(options->arena,
						 json_object_get(find_json(options->stopped,
									   from->name),
								 "units"));
	}
	return maintenance;
}

static json_t *command_json(const struct command_text *command)
{
	json_t *list;

	if (command->shell)
		return json_string(command->shell);
	list = json_array();
	for (size_t i = 0; i < command->arguments.count; i++)
		json_array_append_new(list, json_string(command->arguments.items[i]));
	return list;
}

static struct command_text read_command_json(struct arena *arena, const json_t *json)
{
	struct command_text command = {.arguments = read_texts(arena, json)};

	if (json_is_string(json))
		command.shell = arena_string(arena, json_string_value(json));
	return command;
}

static bool is_empty(const struct command_text *command)
{
	return !command->shell && !command->arguments.count;
}

json_t *halt_json(const struct halt *halt)
{
	json_t *json = json_pack("{s:s, s:s, s:I}", "halt", halt->name, "kind", halt->kind->name,
				 "timeout_ms", (json_int_t)halt->timeout);
	json_t *units = json_array();

	if (!is_empty(&halt->start))
		json_object_set_new(json, "start", command_json(&halt->start));
	if (!is_empty(&halt->running_if))
		json_object_set_new(json, "running_if", command_json(&halt->running_if));
	for (size_t i = 0; i < halt->units.count; i++)
		json_array_append_new(units, json_string(halt->units.items[i]));
	if (halt->units.count)
		json_object_set(json, "units", units);
	json_decref(units);
	return json;
}

json_t *maintenance_json(const struct maintenance *maintenance)
{
	json_t *list = json_array();

	for (size_t i = 0; i < maintenance->count; i++)
		if (maintenance->halts[i].wanted || maintenance->halts[i].stopped)
			json_array_append_new(list, halt_json(&maintenance->halts[i]));
	return list;
}

static int read_halt(struct maintenance *maintenance, const json_t *json, struct error *err)
{
	struct arena *arena = maintenance->options.arena;
	const char *name = json_string_value(json_object_get(json, "halt"));
	const char *kind = json_string_value(json_object_get(json, "kind"));
	const json_t *timeout = json_object_get(json, "timeout_ms");
	struct halt *halt;

	if (!name || !kind || !halt_kind_find(kind))
		return error_set(err, "cannot read how '%s' is started again: its kind is '%s'",
				 name ? name : "a halt", kind ? kind : "not told");
	halt = add(maintenance, arena_string(arena, name), kind, json_integer_value(timeout));
	halt->start = read_command_json(arena, json_object_get(json, "start"));
	halt->running_if = read_command_json(arena, json_object_get(json, "running_if"));
	halt->units = read_texts(arena, json_object_get(json, "units"));
	halt->stopped = true;
	if (strcmp(kind, "systemd") == 0 ? halt->units.count > 0
	    : is_empty(&halt->start)	 ? false
					 : halt->kind->blind || !is_empty(&halt->running_if))
		return 0;
	return error_set(err, "it is not told how '%s' is started again", name);
}

struct maintenance *maintenance_from_json(const json_t *list, bool together,
					  const struct maintenance_options *options,
					  struct error *err)
{
	struct maintenance *maintenance = new_of(options, json_array_size(list), together);
	const json_t *halt;
	size_t i;

	if (!json_is_array(list)) {
		error_set(err, "cannot read what was halted: it is no list");
		return NULL;
	}
	json_array_foreach(list, i, halt)
	{
		if (read_halt(maintenance, halt, err) < 0)
			return NULL;
	}
	return maintenance;
}

static bool has_units(const struct text_list *known, const json_t *units)
{
	const json_t *unit;
	size_t i;

	json_array_foreach(units, i, unit)
	{
		if (!json_is_string(unit) || !text_list_has(known, json_string_value(unit)))
			return false;
	}
	return true;
}

static bool same_command(const struct command_text *command, const json_t *json)
{
	json_t *known = is_empty(command) ? NULL : command_json(command);
	bool same = known ? json && json_equal(known, json) : !json;

	json_decref(known);
	return same;
}

bool maintenance_knows(const struct maintenance_config *config, const json_t *halt)
{
	const char *name = json_string_value(json_object_get(halt, "halt"));
	const json_t *start = json_object_get(halt, "start");

	if (text_equal(name, MAINTENANCE_PAGE))
		return same_command(&config->page_off, start);
	for (size_t i = 0; name && i < config->halts.count; i++) {
		const struct halt_config *known = &config->halts.items[i];

		if (text_equal(known->name, name))
			return same_command(&known->start, start) &&
			       same_command(&known->running_if,
					    json_object_get(halt, "running_if")) &&
			       has_units(&known->units, json_object_get(halt, "units"));
	}
	return false;
}

void maintenance_command(const json_t *halt, struct buffer *out)
{
	const json_t *start = json_object_get(halt, "start");
	const json_t *units = json_object_get(halt, "units"), *word;
	size_t i;

	if (json_is_string(start))
		buffer_add_text(out, json_string_value(start));
	else if (json_array_size(units))
		buffer_add_text(out, "systemctl start");
	json_array_foreach(start ? start : units, i, word)
	{
		if (out->length)
			buffer_add_char(out, ' ');
		if (json_is_string(word))
			text_quote_shell(out, json_string_value(word));
	}
}
