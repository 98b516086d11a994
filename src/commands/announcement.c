/* shipit announce: a change that was made elsewhere, told, signed and kept. */
#include "base/text.h"
#include "commands/announce.h"
#include "commands/notices.h"
#include "commands/session_internal.h"
#include "commands/session_people.h"
#include "state/deploys.h"

enum { TEXT_MAXIMUM = 4000 };

static const struct option_row announce_options[] = {
	{"link", 0, "URL", "where more of it stands", 0},
	{NULL, 0, NULL, NULL, 0},
};

/* In the chain, behind what is live, which stays as it is. */
static int keep(struct session *session, const char *text, struct error *err)
{
	const struct record *newest =
		session->records.records.count ? &session->records.records.items[0] : NULL;
	struct record record = {
		.app = session->config->app,
		.env = session->config->env,
		.kind = "announce",
		.deployer = session->deployer,
		.status = "ok",
		.reason = text,
	};

	if (!newest) {
		call_note(session->call, "Nothing was ever deployed to %s: there is no history yet "
			  "in which it could be kept.", session->config->env);
		return 0;
	}
	record.started = record.finished = clock_now(session->call->clock);
	record.commit = record.previous = newest->live;
	record.id = record_id_new(session->arena,
				  &(struct deploy_name){
					  .commit = newest->live ? newest->live : "0000000",
					  .now = record.started,
					  .records = &session->records});
	for (size_t i = 0; i < newest->owed.count; i++)
		vec_push(session->arena, &record.owed, newest->owed.items[i]);
	record_follow(session->arena, &record, newest, false, &(struct text_list){0});
	if (session_people_prove(session, err) < 0)
		return -1;
	record.key = session_key(session);
	return record_append(session->store, session->arena, &record, false, err);
}

static int tell(struct session *session, const char *text, const char *link, struct error *err)
{
	const char *who = session->deployer ? session->deployer : "somebody";
	const struct notice notice = {
		.event = "announce",
		.text = arena_format(session->arena, "%s (%s): %s, says %s", session->config->app,
				     session->config->env, text, who),
		.link = link,
		.status = "announce",
		.apart = true,
	};
	int told = notice_tell(session, &notice, err);

	if (told < 0)
		return -1;
	if (!notify_names_any(session->config->notify))
		call_note(session->call,
			  "Nobody was told: %s has no notify. It stands in the history, and the "
			  "next plan shows it.", session->config->file);
	else
		call_note(session->call, "It stands in the history, and the next plan shows it.");
	return told ? EXIT_FAILED : EXIT_DONE;
}

static int check_text(const char *text, const char *link, struct error *err)
{
	if (!*text || strlen(text) > TEXT_MAXIMUM)
		error_set(err, "the text must have 1 to %d bytes", TEXT_MAXIMUM);
	else if (link && !text_starts_with(link, "https://") && !text_starts_with(link, "http://"))
		error_set(err, "--link takes an address that begins with https://, not '%s'", link);
	else
		return 0;
	return error_code(err, EXIT_USAGE);
}

static int announce(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	const char *text = call->options.arguments.items[0];
	const char *link = options_value(&call->options, "link");
	const struct session_options options = {0};

	if (check_text(text, link, err) < 0 || session_open(&session, call, &options, err) < 0)
		return -1;
	if (keep(&session,
		 link ? arena_format(call->arena, "%s (%s)", text, link) : text, err) < 0)
		return -1;
	return tell(&session, text, link, err);
}

/* What was announced since the last deploy, for the plan. */
void announcements_note(struct session *session)
{
	int64_t now = clock_now(session->call->clock);
	char age[32];

	for (size_t i = 0; i < session->records.records.count; i++) {
		const struct record *record = &session->records.records.items[i];
		if (!text_equal(record->kind, "announce")) {
			if (!record->kind || text_equal(record->kind, "deploy"))
				return;
			continue;
		}
		const char *note = arena_format(
			session->arena, "%s announced %s ago: %s",
			record->deployer ? record->deployer : "somebody",
			duration_format(age, now > record->started ? now - record->started : 0),
			record->reason ? record->reason : "");
		vec_push(session->arena, &session->facts.notes, note);
	}
}

const struct command command_announce = {
	.name = "announce",
	.arguments = "TEXT",
	.summary = "tell the team of a change that was made elsewhere",
	.details = "A setting of some other service, say: it is told to notify, stands signed in "
		   "the history, and the next plan shows it. Exit code 1 when somebody could not "
		   "be told.",
	.options = announce_options,
	.run = announce,
	.arguments_least = 1,
	.arguments_most = 1,
};
