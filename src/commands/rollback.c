/* shipit rollback: the previous release, or a named one, is live again without being built. */
#include "base/text.h"
#include "commands/deploy_flags.h"
#include "commands/deploy_run.h"
#include "commands/rollback.h"
#include "commands/session_people.h"
#include "ui/prompt.h"

static const struct option_row rollback_options[] = {
	{"no-lock", 0, NULL, "do not lock the environment afterwards", 0},
	{"build", 0, NULL, "build what was not kept", 0},
	{"dry-run", 'n', NULL, "show the plan and stop", 0},
	{"override", 0, "irreversible", "go back past what cannot be taken back", OPTION_REPEATS},
	{"reason", 0, "TEXT", "why, for --override", 0},
	DEPLOY_RUN_OPTIONS,
	{NULL, 0, NULL, NULL, 0},
};

static int read_flags(struct call *call, struct plan_flags *flags, struct error *err)
{
	*flags = (struct plan_flags){
		.override = options_values(call->arena, &call->options, "override"),
		.override_reason = options_value(&call->options, "reason"),
	};
	if (!flags->override.count || (flags->override_reason && *flags->override_reason))
		return 0;
	error_set(err, "--override needs --reason TEXT: it is recorded and shown in the history");
	return error_code(err, EXIT_USAGE);
}

static int check_guards(const struct plan *plan, struct error *err)
{
	int refused = plan_refused(plan);
	const struct plan_guard *guard;

	if (refused < 0)
		return 0;
	guard = &plan->guards.items[refused];
	error_set(err, "the guard '%s' refuses this rollback: %s", guard->name, guard->reason);
	if (guard->override)
		error_hint(err, "if it must be: shipit -e %s rollback %s %s", plan->env,
			   plan->rollback->id, guard->override);
	return error_code(err, EXIT_REFUSED);
}

static int ask(struct session *session, const char *flag, const char *question, struct error *err)
{
	const struct call *call = session->call;
	const struct prompt prompt = {
		.assume_yes = call->yes, .refuse = deploy_writes_json(call), .flag = flag};
	bool yes = false;

	if (prompt_yes(&prompt, question, &yes, err) < 0)
		return -1;
	if (yes)
		return 0;
	error_set(err, "not rolled back: you said no");
	return error_code(err, EXIT_REFUSED);
}

/* What cannot be had here is said before anything; it may be built instead. */
static struct plan *plan_it(struct session *session, const struct plan_flags *flags,
			    struct error *err)
{
	struct call *call = session->call;
	struct rollback_request request = {
		.flags = flags,
		.build = options_has(&call->options, "build"),
	};
	struct plan *plan = rollback_plan(session, &request, err);
	struct text_list missing = {0};

	if (plan)
		missing = rollback_missing(session, plan);
	for (size_t i = 0; i < missing.count; i++)
		call_note(call, "%s", missing.items[i]);
	if (!missing.count || options_has(&call->options, "dry-run"))
		return plan;
	if (ask(session, "--build",
		arena_format(session->arena, "The release %s cannot be had here. Build it?",
			     session->release.release->id),
		err) < 0)
		return NULL;
	request.build = true;
	return rollback_plan(session, &request, err);
}

static bool is_live(const struct session *session)
{
	return session->release.release == release_live(&session->records, 0);
}

static int say_live(struct session *session)
{
	const char *id = session->release.release->id;

	if (deploy_writes_json(session->call))
		deploy_print_end(session->call, EXIT_DONE,
				 arena_format(session->arena, "%s is live already", id));
	call_note(session->call, "Nothing to do: %s is live on %s.", id, session->config->env);
	return EXIT_DONE;
}

/* Somebody may have deployed while this one was agreed to: then it would go back to another
 * release. */
static int check_unchanged(struct session *session, struct holding *holding, struct error *err)
{
	const struct store_fetch request = {.env = session->config->env};
	struct store *store = holding_borrow(holding);
	const char *known = session->records.records.items[0].version;
	char tip[STORE_VERSION_SIZE] = "";
	int result = store_fetch(store, &request, err);

	if (result == 0)
		result = store_tip(store, session->config->env, tip, err);
	holding_return(holding);
	if (result < 0 || !known || !strcmp(tip, known))
		return result;
	error_set(err, "somebody else deployed to %s meanwhile", session->config->env);
	error_hint(err, "look at it (shipit -e %s status), then roll back again",
		   session->config->env);
	return error_code(err, EXIT_REFUSED);
}

static int run_under_lease(struct session *session, const struct plan *plan,
			   const struct holding_options *options, struct error *err)
{
	struct holding holding CLEANUP(holding_end) = {.session = session};
	struct variables answers = rollback_answers(session, plan);

	if (holding_take(session, options, &holding, err) < 0 ||
	    check_unchanged(session, &holding, err) < 0)
		return -1;
	return deploy_run_rollback(session, plan, &holding, &answers,
				   !options_has(&session->call->options, "no-lock"), err);
}

/* Asks, once nobody stands in the way. */
static int agree_and_run(struct session *session, const struct plan *plan, struct error *err)
{
	const struct holding_options options = {
		.command = "rollback",
		.commit = plan->commit,
		.previous = plan->previous,
		.with_folder = true,
		.past_hold = true,
	};

	if (holding_check(session, &options, err) < 0 || check_guards(plan, err) < 0 ||
	    ask(session, "--yes",
		arena_format(session->arena, "Roll %s back to %.7s (%s)?", plan->env, plan->commit,
			     plan->rollback->id),
		err) < 0 ||
	    session_people_prove(session, err) < 0)
		return -1;
	return run_under_lease(session, plan, &options, err);
}

static int rollback(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	const struct session_options target = {
		.rollback = true,
		.release = call->options.arguments.count ? call->options.arguments.items[0] : NULL,
	};
	struct plan_flags flags;
	struct plan *plan;

	if (read_flags(call, &flags, err) < 0 || deploy_check_format(call, err) < 0 ||
	    session_open_target(&session, call, &target, err) < 0)
		return -1;
	if (is_live(&session))
		return say_live(&session);
	if (!options_has(&call->options, "dry-run") && session_people_identify(&session, err) < 0)
		return -1;
	plan = plan_it(&session, &flags, err);
	if (!plan)
		return -1;
	if (options_has(&call->options, "dry-run"))
		return plan_show(call, plan, err);
	if (!deploy_writes_json(call) && !call->quiet)
		plan_print(call, plan);
	return agree_and_run(&session, plan, err);
}

static int run_rollback_command(struct call *call, struct error *err)
{
	int result = rollback(call, err);

	return options_has(&call->options, "dry-run") ? result : deploy_json_end(call, result, err);
}

const struct command command_rollback = {
	.name = "rollback",
	.arguments = "[ID]",
	.summary = "make the previous release, or that of a deploy, live again",
	.details = "Nothing is built: the release's own go-live stage runs, with what was kept of "
		   "it. Then the environment is locked, so that nobody ships the bad commit by "
		   "accident; `shipit unlock` ends that.",
	.options = rollback_options,
	.run = run_rollback_command,
	.arguments_most = 1,
};
