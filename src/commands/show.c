/* shipit show: one deploy, from the shared records and from what this machine kept of it. */
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/listing.h"

static const struct option_row rows[] = {
	LISTING_OFFLINE,
	{NULL, 0, NULL, NULL, 0},
};

static void row_begin(struct listing *listing, const char *title)
{
	buffer_add_text(&listing->out, style(listing->color, STYLE_DIM));
	listing_add_column(listing, title, 10);
	buffer_add_text(&listing->out, style(listing->color, STYLE_NONE));
	buffer_add_char(&listing->out, ' ');
}

static void row(struct listing *listing, const char *title, const char *text)
{
	if (!text)
		return;
	row_begin(listing, title);
	listing_add_name(listing, text);
	buffer_add_char(&listing->out, '\n');
}

static void head_add(struct listing *listing, const struct record *record)
{
	char text[32];
	row(listing, "deploy", record->id);
	if (!text_equal(record->kind, "deploy"))
		row(listing, "kind", record->kind);
	row_begin(listing, "status");
	listing_add_status(listing, record->status, 0);
	buffer_add_format(&listing->out, " (exit code %d)\n", record->exit_code);
	row(listing, "cause", record->reason);
	row(listing, "app", record->app);
	row(listing, "env", record->env);
	row(listing, "commit", record->commit);
	row(listing, "previous", record->previous ? record->previous : "none: the first deploy");
	if (!text_equal(record->live, record->commit))
		row(listing, "live", record->live ? record->live : "nothing");
	row(listing, "branch", record->branch);
	row(listing, "deployer", record->deployer);
	row(listing, "host", record->host);
	row_begin(listing, "started");
	listing_add_time(listing, record->started);
	if (record->finished >= record->started)
		buffer_add_format(&listing->out, ", took %s",
				  duration_format(text, record->finished - record->started));
	buffer_add_char(&listing->out, '\n');
	row(listing, "plan", record->plan);
}

static void lists_add(struct listing *listing, const struct record *record)
{
	char text[32];
	for (size_t i = 0; i < record->owed.count; i++) {
		const struct record_owed *owed = &record->owed.items[i];
		row_begin(listing, "owed");
		listing_add_name(listing, owed->kind);
		buffer_add_char(&listing->out, ' ');
		listing_add_name(listing, owed->name);
		buffer_add_text(&listing->out, " since ");
		listing_add_name(listing, owed->since);
		if (owed->reason)
			buffer_add_text(&listing->out, ": ");
		if (owed->reason)
			listing_add_name(listing, owed->reason);
		buffer_add_char(&listing->out, '\n');
	}
	for (size_t i = 0; i < record->remarks.count; i++)
		row(listing, "not well", record->remarks.items[i]);
	for (size_t i = 0; i < record->durations.count; i++) {
		const struct record_duration *duration = &record->durations.items[i];
		row_begin(listing, i ? " " : "took");
		listing_add_column(listing, duration_format(text, duration->milliseconds), 8);
		listing_add_name(listing, duration->stage);
		buffer_add_char(&listing->out, '.');
		listing_add_name(listing, duration->step);
		buffer_add_char(&listing->out, '\n');
	}
}

/* The guards that spoke against it, and why somebody went on. */
static void verdicts_add(struct listing *listing, const struct record *record)
{
	json_t *verdicts = json_object_get(record->json, "verdicts"), *verdict;
	size_t i;
	json_array_foreach(verdicts, i, verdict) {
		const char *name = json_string_value(json_object_get(verdict, "name"));
		const char *said = json_string_value(json_object_get(verdict, "verdict"));
		const char *reason = json_string_value(json_object_get(verdict, "reason"));
		const char *why = json_string_value(json_object_get(verdict, "override_reason"));
		if (!name || text_equal(said, "pass"))
			continue;
		row_begin(listing, why ? "overrode" : "guard");
		listing_add_name(listing, name);
		buffer_add_text(&listing->out, ": ");
		listing_add_name(listing, reason);
		if (why)
			buffer_add_text(&listing->out, "; because: ");
		if (why)
			listing_add_name(listing, why);
		buffer_add_char(&listing->out, '\n');
	}
}

static int print_record(struct session *session, const struct record *record,
			const struct deploy_folder *folder, struct error *err)
{
	if (session->call->json) {
		json_t *json = listing_record_json(record);
		json_object_set_new(json, "folder",
				    folder ? json_string(folder->path) : json_null());
		return call_print_json(json, err);
	}
	struct listing listing;
	listing_init(&listing, session->call);
	head_add(&listing, record);
	verdicts_add(&listing, record);
	lists_add(&listing, record);
	if (folder)
		row(&listing, "folder", folder->path);
	else
		row(&listing, "folder", "on the machine that deployed");
	listing_note_age(session);
	return listing_end(&listing, err);
}

/* A deploy that has a folder here and no record: it runs now, or was killed. */
static int print_unrecorded(struct session *session, const struct deploy_folder *folder,
			    struct error *err)
{
	const char *status = deploy_folder_finished(folder) ? "not recorded" : "unfinished";
	if (session->call->json)
		return call_print_json(json_pack("{s:s, s:s, s:s}", "id", folder->id, "status",
						 status, "folder", folder->path),
				       err);
	struct listing listing;
	listing_init(&listing, session->call);
	row(&listing, "deploy", folder->id);
	row(&listing, "status", status);
	row(&listing, "folder", folder->path);
	return listing_end(&listing, err);
}

static int show(struct session *session, const char *id, struct error *err)
{
	struct deploy_folder folder;
	struct error local = {0};
	struct record_list list = {0};
	const struct record *record = NULL;
	bool here;
	int result;
	bool newest = !id && session->records.records.count;
	if (newest)
		id = session->records.records.items[0].id;
	here = deploy_folder_find(session->arena, session->common_dir, id, &folder, &local) == 0;
	if (newest && here)
		here = text_equal(folder.id, id); /* -2 is another one of that second */
	if (id)
		record = listing_find(session, here ? folder.id : id, &list, err);
	if (!record && here)
		error_clear(err);
	else if (!id)
		error_set(err, "nothing was deployed to %s yet", session->config->env);
	if (record)
		result = print_record(session, record, here ? &folder : NULL, err);
	else
		result = here ? print_unrecorded(session, &folder, err)
			      : error_code(err, EXIT_USAGE);
	record_list_release(&list);
	return result;
}

static int run_show(struct call *call, struct error *err)
{
	struct session session = {0};
	const struct session_options options = {
		.offline = options_has(&call->options, "offline"),
		.every_environment = true,
	};
	const struct text_list *arguments = &call->options.arguments;
	int result = session_open(&session, call, &options, err);
	if (result == 0)
		result = show(&session, arguments->count ? arguments->items[0] : NULL, err);
	session_close(&session);
	return result;
}

const struct command command_show = {
	.name = "show",
	.arguments = "[ID]",
	.summary = "one deploy: what it was, how it ended, what it owes",
	.details = "Without an ID the newest one. The beginning of an ID is enough.",
	.options = rows,
	.run = run_show,
	.arguments_most = 1,
};
