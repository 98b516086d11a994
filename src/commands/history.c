/* shipit history: past deploys of an environment, newest first. */
#include "base/text.h"
#include "commands/history.h"

#define SHOWN 20 /* for a person, unless told otherwise; a program gets all */

static const struct option_row rows[] = {
	{"limit", 'n', "N", "at most so many, newest first (0: all; default: 20, --json all)", 0},
	{"verify", 0, NULL, "check the order and the signatures of all records", 0},
	LISTING_OFFLINE,
	{NULL, 0, NULL, NULL, 0},
};

static int limit_parse(const struct call *call, size_t *limit, struct error *err)
{
	const char *text = options_value(&call->options, "limit");
	char *end;
	*limit = call->json ? 0 : SHOWN;
	if (!text)
		return 0;
	unsigned long number = strtoul(text, &end, 10);
	if (!*text || *end || *text == '-' || number > 1000000) {
		error_set(err, "--limit takes a number, not '%s'", text);
		return error_code(err, EXIT_USAGE);
	}
	*limit = number;
	return 0;
}

/* Which guards the deployer overrode, and why. */
static void overrides_add(struct listing *listing, const struct record *record)
{
	json_t *verdicts = json_object_get(record->json, "verdicts"), *verdict;
	size_t i;

	json_array_foreach(verdicts, i, verdict) {
		const char *name = json_string_value(json_object_get(verdict, "name"));
		const char *reason = json_string_value(json_object_get(verdict, "override_reason"));
		if (!name || !reason)
			continue;
		buffer_add_text(&listing->out, "  overrode ");
		listing_add_name(listing, name);
		buffer_add_text(&listing->out, ": ");
		listing_add_name(listing, reason);
	}
}

static void line_add(struct listing *listing, const struct record *record)
{
	char text[32];
	listing_add_column(listing, record->id, 25);
	buffer_add_text(&listing->out, "  ");
	listing_add_time(listing, record->started);
	buffer_add_text(&listing->out, "  ");
	int64_t took = record->finished - record->started;
	listing_add_column(listing, duration_format(text, took > 0 ? took : 0), 7);
	buffer_add_text(&listing->out, "  ");
	listing_add_status(listing, record->status, 11);
	buffer_add_text(&listing->out, "  ");
	listing_add_commit(listing, record->commit);
	buffer_add_text(&listing->out, "  ");
	listing_add_name(listing, record->deployer);
	if (record->kind && !text_equal(record->kind, "deploy")) {
		buffer_add_text(&listing->out, "  ");
		listing_add_name(listing, record->kind);
	}
	if (record->reason) {
		buffer_add_text(&listing->out, "  ");
		listing_add_name(listing, record->reason);
	}
	overrides_add(listing, record);
	buffer_add_char(&listing->out, '\n');
}

/* What came of deferred steps is no deploy of its own. At most limit (0: all) of the others. */
static void keep_deploys(struct record_list *list, size_t limit)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->records.count; i++) {
		struct record *record = &list->records.items[i];
		if (text_equal(record->kind, "deferred") || (limit && kept == limit)) {
			json_decref((json_t *)(uintptr_t)record->json);
			continue;
		}
		list->records.items[kept++] = *record;
	}
	list->records.count = kept;
}

static int print_records(struct session *session, const struct record_list *list, struct error *err)
{
	if (session->call->json) {
		json_t *array = json_array();
		for (size_t i = 0; i < list->records.count; i++)
			json_array_append_new(array, listing_record_json(&list->records.items[i]));
		return call_print_json(array, err);
	}
	struct listing listing;
	listing_init(&listing, session->call);
	for (size_t i = 0; i < list->records.count; i++)
		line_add(&listing, &list->records.items[i]);
	if (!list->records.count)
		call_note(session->call, "nothing was deployed to %s yet", session->config->env);
	listing_note_age(session);
	return listing_end(&listing, err);
}

static int run_history(struct call *call, struct error *err)
{
	struct session session = {0};
	struct record_list list = {0};
	const struct session_options options = {
		.offline = options_has(&call->options, "offline"),
	};
	size_t limit;
	if (limit_parse(call, &limit, err) < 0)
		return -1;
	bool verify = options_has(&call->options, "verify");
	int result = session_open(&session, call, &options, err);
	if (result == 0)
		result = record_list_read(session.store, session.arena, session.config->env,
					  verify ? 0 : 2 * limit, &list, err);
	if (!verify)
		keep_deploys(&list, limit);
	if (result == 0)
		result = verify ? history_verify(&session, &list, err)
				: print_records(&session, &list, err);
	record_list_release(&list);
	session_close(&session);
	return result;
}

const struct command command_history = {
	.name = "history",
	.summary = "past deploys of an environment, newest first",
	.options = rows,
	.run = run_history,
};
