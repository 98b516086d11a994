/* smoke.on_fail: the previous release is made live again by the deploy whose smoke test failed. */
#include "base/text.h"
#include "commands/deploy_run.h"
#include "commands/interrupted.h"
#include "commands/rollback.h"
#include "commands/session_people.h"
#include "ui/prompt.h"

static void tell(const struct rollback_within *within, enum event_level level, const char *text)
{
	event_message(within->hub, level, "%s", text);
}

/* As loud as it gets: red, and the terminal's bell. */
static void shout(const struct rollback_within *within, const char *text)
{
	struct event event = {.type = EVENT_MESSAGE,
			      .level = LEVEL_ERROR,
			      .text = text,
			      .bell = true,
			      .exit_code = -1};

	event_emit(within->hub, &event);
}

static bool wanted(const struct rollback_within *within, const char *release)
{
	const struct call *call = within->session->call;
	const struct prompt prompt = {
		.assume_yes = call->yes, .refuse = deploy_writes_json(call), .flag = "--yes"};
	struct error err = {0};
	bool yes = false;

	if (within->session->config->smoke.on_fail != SMOKE_ASK)
		return true;
	event_flush(within->hub);
	if (prompt_yes(
		    &prompt,
		    arena_format(call->arena, "The smoke test failed. Roll back to %s?", release),
		    &yes, &err) < 0)
		tell(within, LEVEL_WARNING,
		     "smoke.on_fail: ask, and nobody can be asked: the new commit stays live");
	return yes;
}

/* The release that was live before this deploy. Its record stays the newest until ours is there. */
static const char *previous_release(const struct rollback_within *within)
{
	const struct record_list *list = &within->session->records;

	return list->records.count ? list->records.items[0].live_id : NULL;
}

static struct plan *make_plan(const struct rollback_within *within, struct session *session,
			      struct error *err)
{
	const struct plan_flags flags = {0};
	struct rollback_request request = {
		.flags = &flags,
		.irreversible = &within->result->irreversible,
		.deploy = within->id,
	};
	struct plan *plan = rollback_plan(session, &request, err);
	struct text_list missing = {0};

	if (plan)
		missing = rollback_missing(session, plan);
	for (size_t i = 0; i < missing.count; i++)
		tell(within, LEVEL_WARNING, missing.items[i]);
	if (!missing.count)
		return plan;
	tell(within, LEVEL_WARNING, "that release is built again first");
	request.build = true;
	return rollback_plan(session, &request, err);
}

/* *done is set when something was changed; -1 with err unless all went well. */
static int make_live(const struct rollback_within *within, struct session *session,
		     struct call *call, enum run_rollback *done, struct error *err)
{
	const struct session_options options = {
		.rollback = true,
		.release = previous_release(within),
		.from = within->plan->commit,
	};
	struct variables answers;
	struct plan *plan;
	int refused;

	if (session_open_target(session, call, &options, err) < 0 ||
	    session_people_renew(session, within->session, err) < 0)
		return -1;
	plan = make_plan(within, session, err);
	if (!plan)
		return -1;
	refused = plan_refused(plan);
	if (refused >= 0)
		return error_set(err, "the guard '%s' refuses: %s",
				 plan->guards.items[refused].name,
				 plan->guards.items[refused].reason);
	answers = rollback_answers(session, plan);
	return deploy_run_within(session, plan, &answers, within, done, err);
}

static void tell_end(const struct rollback_within *within, enum run_rollback done,
		     const struct error *err, struct text_list *advice)
{
	struct arena *arena = within->session->arena;

	shout(within,
	      done == RUN_NOT_ROLLED_BACK
		      ? arena_format(arena, "NOT ROLLED BACK: %s", err->message)
		      : arena_format(arena, "THE ROLLBACK IS NOT WELL EITHER: %s", err->message));
	if (err->hint[0])
		text_list_add(arena, advice, arena_string(arena, err->hint));
}

static enum run_rollback recorded(const struct record *record)
{
	if (!text_equal(record->live_id, record->id))
		return RUN_NOT_ROLLED_BACK;
	return record->exit_code ? RUN_ROLLED_BACK_FAILED : RUN_ROLLED_BACK;
}

/* It was interrupted in the midst of its rollback: that goes on, or is put right. */
static enum run_rollback take_up(const struct rollback_within *within, struct text_list *advice)
{
	const struct deploy_again *again = within->again;
	const struct interrupted *past = again->past;
	enum run_rollback done = RUN_NOT_ROLLED_BACK;
	struct error err = {0};

	if (past->record)
		return recorded(past->record);
	event_message(within->hub, LEVEL_WARNING, "its smoke test had failed, and the rollback %s "
		      "had begun: %s", past->id,
		      again->recover ? "what that left behind is put right" : "that goes on");
	if (deploy_run_within(again->session, again->plan, &past->start.answers, within, &done,
			      &err) < 0)
		tell_end(within, done, &err, advice);
	else if (done != RUN_NOT_ROLLED_BACK)
		event_message(within->hub, LEVEL_INFO, "%s is live again", past->start.release);
	return done;
}

enum run_rollback rollback_within(const struct rollback_within *within, struct text_list *advice)
{
	struct call call = *within->session->call;
	struct session session CLEANUP(session_close) = {0};
	enum run_rollback done = RUN_NOT_ROLLED_BACK;
	const char *release = previous_release(within);
	struct error err = {0};
	int result;

	if (within->again)
		return take_up(within, advice);
	if (!release) {
		tell(within, LEVEL_WARNING,
		     "the smoke test failed, and there is no release before "
		     "this one to roll back to");
		return done;
	}
	if (!wanted(within, release))
		return done;
	event_message(within->hub, LEVEL_ERROR, "the smoke test failed: rolling back to %s",
		      release);
	call.env = within->plan->env;
	call.yes = true;
	result = make_live(within, &session, &call, &done, &err);
	session_people_hand_key(within->session, &session);	/* it signs our record too */
	if (result == 0) {
		event_message(within->hub, LEVEL_INFO, "%s is live again", release);
		return done;
	}
	tell_end(within, done, &err, advice);
	return done;
}
