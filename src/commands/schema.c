/* shipit schema: the JSON Schema of a file; and help on any key of the files. */
#include "base/text.h"
#include "commands/command.h"
#include "config/config.h"
#include "steps/kind.h"

static const char *const names[] = {"deploy", "pipeline", "tasks", "playbook"};
static const struct schema_file files[] = {
	{"deploy.yml", &deploy_file},
	{"pipelines/NAME.yml", &pipeline_file},
	{"deploy.tasks.yml", &tasks_file},
	{"playbooks/NAME.yml", &playbook_file},
};
enum { FILE_COUNT = sizeof(files) / sizeof(files[0]) };

static struct schema all_kinds(struct arena *arena)
{
	struct config_options options = {0};
	struct schema schema = {0};

	options.kinds = step_kind_rows(arena, &options.kind_count);
	schema.kinds = config_all_kinds(arena, &options, &schema.kind_count);
	return schema;
}

size_t help_keys(const char *words, struct buffer *out)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct schema schema = all_kinds(&arena);

	return schema_help(files, FILE_COUNT, &schema, words, out);
}

/* An editor reads it: narrow rather than wide. */
static int print(struct call *call, json_t *json, struct error *err)
{
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	const char *line = arena_format(call->arena, "%s\n", text);
	int result = stdout_write(line, strlen(line), err);

	free(text);
	json_decref(json);
	return result < 0 ? -1 : EXIT_DONE;
}

static int run_schema(struct call *call, struct error *err)
{
	const char *name =
		call->options.arguments.count ? call->options.arguments.items[0] : "deploy";
	struct schema schema = all_kinds(call->arena);
	const char *nearest;

	for (size_t i = 0; i < FILE_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			return print(call, schema_json(files[i].row, &schema, files[i].name), err);
	nearest = text_nearest(name, names, FILE_COUNT);
	error_set(err, "there is no schema '%s'", name);
	if (nearest)
		error_hint(err, "did you mean '%s'?", nearest);
	else
		error_hint(err, "there are: deploy, pipeline, tasks, playbook");
	return error_code(err, EXIT_USAGE);
}

const struct command command_schema = {
	.name = "schema",
	.arguments = "[deploy|pipeline|tasks|playbook]",
	.summary = "print the JSON Schema of a file",
	.details = "Editors check and complete deploy.yml with it. The default is deploy.",
	.run = run_schema,
	.arguments_most = 1,
};
