/* shipit check: validates every file, as it is in the working tree. */
#include <dirent.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/sealing_check.h"
#include "commands/session.h"
#include "crypto/key.h"
#include "git/pattern.h"
#include "git/repository.h"
#include "plan/plan.h"
#include "steps/kind.h"
#include "ui/annotate.h"

static const struct option_row check_options[] = {
	{"online", 0, NULL, "also try where the state is kept", 0},
	{"alarms", 0, NULL, "make the test endpoints of smoke.alarms fail", OPTION_LATER},
	{0},
};

/* The other files of a folder beside deploy.yml: pipelines, playbooks. */
static void check_folder(const struct session *session, const struct config_options *options,
			 const char *folder, const struct key *row, struct diagnostics *diagnostics,
			 struct text_list *checked)
{
	struct arena *arena = session->arena;
	const char *base = path_folder(arena, options->path);
	const char *below = path_join(arena, base, folder);
	DIR *entries = opendir(path_join(arena, session->root, below));
	struct text_list paths = {0};
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".yml"))
			text_list_add(arena, &paths, path_join(arena, below, entry->d_name));
	if (entries)
		closedir(entries);
	text_list_sort(&paths);
	for (size_t i = 0; i < paths.count; i++) {
		struct place place = {.file = paths.items[i]};
		struct error err = {0};

		if (text_list_has(checked, paths.items[i]))
			continue;
		text_list_add(arena, checked, paths.items[i]);
		if (config_check_file(arena, options, row, paths.items[i], diagnostics, &err) < 0 &&
		    err.message[0])
			diagnostics_add(diagnostics, place, "%s", err.message);
	}
}

static int open_config_path(struct session *session, struct call *call, const char **path,
			    struct error *err)
{
	if (session_open_repository(session, call, err) < 0)
		return -1;
	if (!call->config) {
		*path = config_find(call->arena, session->root, call->folder, err);
		return *path ? 0 : -1;
	}
	*path = path_normal(call->arena, path_join(call->arena, call->folder, call->config));
	if (text_starts_with(*path, session->root) && (*path)[strlen(session->root)] == '/')
		*path += strlen(session->root) + 1;
	return 0;
}

static json_t *diagnostics_json(const struct diagnostics *diagnostics, bool warnings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diagnostics->list.count; i++) {
		const struct diagnostic *it = &diagnostics->list.items[i];

		if (it->warning == warnings)
			json_array_append_new(
				list, json_pack("{s:s?,s:i,s:i,s:s,s:s?}", "file", it->place.file,
						"line", it->place.line, "column", it->place.column,
						"message", it->message, "hint", it->hint));
	}
	return list;
}

static int print_json(const struct diagnostics *diagnostics, const struct config *config,
		      const struct text_list *checked, struct error *err)
{
	json_t *files = json_array(), *notes = json_array();

	for (size_t i = 0; i < checked->count; i++)
		json_array_append_new(files, json_string(checked->items[i]));
	for (size_t i = 0; config && i < config->notes.count; i++)
		json_array_append_new(notes, json_string(config->notes.items[i].key));
	return call_print_json(
		json_pack("{s:b,s:o,s:o,s:o,s:o}", "ok", diagnostics->errors == 0, "files", files,
			  "errors", diagnostics_json(diagnostics, false), "warnings",
			  diagnostics_json(diagnostics, true), "not_acted_on", notes),
		err);
}

static int print_text(struct diagnostics *diagnostics, const struct config *config,
		      const struct text_list *checked, struct error *err)
{
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 1 << 20);
	diagnostics_write(diagnostics, &out);
	ui_annotate(diagnostics, &out);
	terminal_write(STDERR_FILENO, out.data, out.length);
	buffer_clear(&out);
	for (size_t i = 0; config && i < config->notes.count; i++) {
		const struct config_note *note = &config->notes.items[i];

		buffer_add_format(&out,
				  "%s:%d:%d: note: '%s' is checked, but not acted on by "
				  "this version\n",
				  note->place.file, note->place.line, note->place.column,
				  note->key);
	}
	for (size_t i = 0; diagnostics->errors == 0 && i < checked->count; i++)
		buffer_add_format(&out, "%s: fine\n", checked->items[i]);
	return stdout_write(out.data, out.length, err) < 0 ? -1 : 0;
}

/* Whether the state can be kept where deploy.yml says; online: by trying. */
static void check_state(struct session *session, struct config *config, bool online)
{
	struct diagnostics *diagnostics = &session->diagnostics;
	struct place place = {.file = config->file};
	struct error err = {0};
	int result = store_check(config->state, &err);

	session->config = config;
	if (result == 0 && online)
		result = session_open_store(session, &err);
	if (result == 0 && online)
		result = store_probe(session->store, &err);
	if (result < 0)
		diagnostics_add(diagnostics, place, "%s", err.message);
	if (result < 0 && err.hint[0])
		diagnostics_hint(diagnostics, "%s", err.hint);
}

static int run_check(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	struct diagnostics *diagnostics = &session.diagnostics;
	struct config_options options = {
		.env = call->env,
		.check_pattern = pattern_check,
		.check_key = public_key_check,
		.every_environment = true,
	};
	struct config_source source;
	struct config *config;
	struct text_list checked = {0};

	if (open_config_path(&session, call, &options.path, err) < 0)
		return -1;
	source = config_source_folder(session.root);
	options.source = &source;
	options.kinds = step_kind_rows(call->arena, &options.kind_count);
	config = config_load(call->arena, &options, diagnostics, err);
	if (!config && diagnostics->errors == 0)
		return -1;
	error_clear(err);
	if (config && config->pipeline)
		plan_check(call->arena, config->pipeline, diagnostics);
	for (size_t i = 0; i < diagnostics->files.count; i++)
		text_list_add(call->arena, &checked, diagnostics->files.items[i].name);
	if (options.path[0] != '/') {
		check_folder(&session, &options, "pipelines", &pipeline_file, diagnostics,
			     &checked);
		check_folder(&session, &options, "playbooks", &playbook_file, diagnostics,
			     &checked);
	}
	if (config) {
		sealing_check(&session, config, &checked);
		check_state(&session, config, options_has(&call->options, "online"));
	}
	if (call->json && print_json(diagnostics, config, &checked, err) < 0)
		return -1;
	if (!call->json && print_text(diagnostics, config, &checked, err) < 0)
		return -1;
	return diagnostics->errors ? EXIT_USAGE : EXIT_DONE;
}

const struct command command_check = {
	.name = "check",
	.summary = "validate deploy.yml, the pipelines, tasks and playbooks",
	.details = "All errors of all files are shown at once. Nothing from the files is run.",
	.options = check_options,
	.run = run_check,
};
