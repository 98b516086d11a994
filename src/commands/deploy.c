/* shipit deploy: plan, ask, run, record. */
#include <unistd.h>

#include "base/text.h"
#include "commands/answers.h"
#include "commands/deploy_flags.h"
#include "commands/deploy_run.h"
#include "commands/interrupted.h"
#include "commands/replan.h"
#include "commands/session_ci.h"
#include "commands/session_people.h"
#include "plan/difference.h"
#include "proc/interrupt.h"
#include "ui/prompt.h"

static const struct option_row deploy_options[] = {
	DEPLOY_CHOICE_OPTIONS,
	{ "dry-run", 'n', NULL, "show the plan and stop", 0 },
	DEPLOY_RUN_OPTIONS,
	ANSWERS_OPTION,
	{ "wait", 0, "30m", "queue until it is one's turn", OPTION_OPTIONAL },
	{ "train", 0, NULL, "explain each step", OPTION_LATER },
	{ NULL, 0, NULL, NULL, 0 },
};

static int agree(const struct call *call, const char *question, struct error *err)
{
	struct prompt prompt = answers_prompt(call, "--yes");
	bool yes = false;

	if (prompt_yes(&prompt, question, &yes, err) < 0)
		return -1;
	if (yes)
		return 0;
	error_set(err, "not deployed: you said no");
	return error_code(err, EXIT_REFUSED);
}

static int ask_questions(struct session *session, const struct plan *plan,
			 struct variables *answers, struct error *err)
{
	if (answers_read(session, session->call->yes, answers, err) < 0)
		return -1;
	return agree(session->call, arena_format(session->arena, "Deploy %.7s to %s?",
						 plan->commit, plan->env), err);
}

void deploy_print_end(const struct call *call, int exit_code, const char *reason)
{
	struct event event = {
		.type = EVENT_DEPLOY_FINISHED, .time = clock_now(call->clock), .seq = 1,
		.status = exit_code > 128 ? STATUS_INTERRUPTED : exit_code ? STATUS_FAILED :
			STATUS_OK,
		.exit_code = exit_code,
		.reason = reason,
	};
	struct buffer line CLEANUP(buffer_release);

	buffer_init(&line, 1 << 20);
	event_write_json(&line, &event);
	terminal_write(STDOUT_FILENO, line.data, line.length);
}

int deploy_json_end(const struct call *call, int result, const struct error *err)
{
	if (result < 0 && deploy_writes_json(call) && interrupt_signal())
		deploy_print_end(call, 128 + interrupt_signal(), "interrupted");
	else if (result < 0 && deploy_writes_json(call))
		deploy_print_end(call, err->exit_code ? err->exit_code : EXIT_FAILED,
				 err->message[0] ? err->message : "the configuration is wrong");
	return result;
}

static int nothing_to_do(struct call *call, const struct plan *plan, struct error *err)
{
	(void)err;
	if (deploy_writes_json(call))
		deploy_print_end(call, EXIT_DONE, "nothing to do: this commit is live");
	call_note(call, "Nothing to do: %.7s is live on %s and nothing is owed. "
		  "(--redeploy deploys it once more.)", plan->commit, plan->env);
	return EXIT_DONE;
}

enum { PATIENCE = 30 * 60000 };	/* ms of --wait without a value */

static int read_patience(const struct call *call, int64_t *patience, struct error *err)
{
	const char *text = options_value(&call->options, "wait");

	*patience = 0;
	if (!text)
		return 0;
	*patience = PATIENCE;
	if (!*text || (duration_parse(text, patience, err) == 0 && *patience > 0))
		return 0;
	error_set(err, "--wait takes a duration like 30m, not '%s'", text);
	return error_code(err, EXIT_USAGE);
}

/* The plan is another one than was agreed to: it is shown, and agreed to once more. */
static int agree_again(const struct plan *shown, const struct replan *replan, struct error *err)
{
	struct call *call = replan->session->call;
	const struct plan *plan = replan->plan;

	call_note(call, "The plan changed while you waited:");
	for (size_t i = 0; i < replan->differences.count; i++)
		call_note(call, "  %s", replan->differences.items[i]);
	if (call->yes && plan_got_worse(shown, plan)) {
		error_set(err, "the plan got riskier than the one that --yes was said to: %s",
			  text_join(call->arena, &replan->differences, "; "));
		error_hint(err, "look at it (shipit -e %s plan) and deploy again", plan->env);
		return error_code(err, EXIT_REFUSED);
	}
	if (!deploy_writes_json(call) && !call->quiet && !call->yes)
		plan_print(call, plan);
	return agree(call, arena_format(call->arena, "Deploy %.7s to %s all the same?",
					plan->commit, plan->env), err);
}

/* Under the lease: a guard that refuses now, too, may want somebody's approval. */
static int check_again(const struct replan *replan, struct holding *holding, struct error *err)
{
	if (plan_check_guards(replan->plan, err) == 0)
		return 0;
	holding_borrow(holding);
	session_people_request(replan->session, replan->plan, replan->flags, err);
	holding_return(holding);
	return -1;
}

/* Approvals let one deploy through: they are taken away before it begins. */
static int use_approvals(const struct replan *replan, struct holding *holding, struct error *err)
{
	int result;

	holding_borrow(holding);
	result = session_approvals_use(replan->session, replan->plan, err);
	holding_return(holding);
	return result;
}

/* Takes the lease, looks once more, runs. */
static int deploy_under_lease(struct replan *replan, const struct holding_options *options,
			      const struct variables *answers, struct error *err)
{
	struct holding holding CLEANUP(holding_end) = { .session = replan->session };
	const struct plan *shown = replan->plan;
	struct call *call = replan->session->call;

	if (holding_take(replan->session, options, &holding, err) < 0)
		return -1;
	replan->session->facts.lock = NULL;	/* it is ours */
	if (replan_under_lease(replan, &holding, err) < 0)
		return -1;
	if (replan->plan->nothing_to_do)
		return nothing_to_do(call, replan->plan, err);
	if (check_again(replan, &holding, err) < 0)
		return -1;
	if (replan->differences.count && agree_again(shown, replan, err) < 0)
		return -1;
	if (use_approvals(replan, &holding, err) < 0)
		return -1;
	return deploy_run(replan->session, replan->plan, &holding, answers, err);
}

static int deploy_target(struct session *session, const struct session_options *target,
			 const struct plan_flags *flags, int64_t patience, struct error *err)
{
	struct session fresh CLEANUP(session_close) = { 0 };
	struct call *call = session->call;
	struct variables answers = { 0 };
	struct replan replan = { .session = session, .fresh = &fresh, .target = target,
				 .flags = flags };

	if (lock_tell_plan(session, patience > 0, err) < 0 ||
	    session_ci_gather(session, patience, err) < 0)
		return -1;
	replan.plan = session_plan(session, flags, clock_now(call->clock), err);
	if (!replan.plan)
		return -1;
	if (answers_check(call, session->config->pipeline, err) < 0)
		return -1;
	if (options_has(&call->options, "dry-run"))
		return plan_show(call, replan.plan, err);
	if (interrupted_refuse(session, err) < 0)
		return -1;
	if (replan.plan->nothing_to_do)
		return nothing_to_do(call, replan.plan, err);
	if (!deploy_writes_json(call) && !call->quiet)
		plan_print(call, replan.plan);
	const struct holding_options options = {
		.command = "deploy", .commit = replan.plan->commit,
		.previous = replan.plan->previous, .with_folder = true, .patience = patience,
	};
	if (holding_check(session, &options, err) < 0)
		return -1;
	if (plan_check_guards(replan.plan, err) < 0) {
		session_people_request(session, replan.plan, flags, err);
		return -1;
	}
	if (ask_questions(session, replan.plan, &answers, err) < 0 ||
	    session_people_prove(session, err) < 0)
		return -1;
	return deploy_under_lease(&replan, &options, &answers, err);
}

static int deploy(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	struct session_options target;
	struct plan_flags flags;
	int64_t patience;

	if (deploy_flags_read(call, &target, &flags, err) < 0 ||
	    deploy_check_format(call, err) < 0 || read_patience(call, &patience, err) < 0)
		return -1;
	if (target.offline && !options_has(&call->options, "dry-run")) {
		error_set(err, "a deploy needs the newest state: --offline goes with plan only");
		return error_code(err, EXIT_USAGE);
	}
	target.looking = options_has(&call->options, "dry-run");
	if (session_open_target(&session, call, &target, err) < 0 ||
	    session_check_here(&session, err) < 0)
		return -1;
	if (!options_has(&call->options, "dry-run") && session_people_identify(&session, err) < 0)
		return -1;
	return deploy_target(&session, &target, &flags, patience, err);
}

static int run_deploy_command(struct call *call, struct error *err)
{
	int result = deploy(call, err);

	return options_has(&call->options, "dry-run") ? result : deploy_json_end(call, result, err);
}

const struct command command_deploy = {
	.name = "deploy",
	.summary = "find out what changed, show the plan, ask, run it",
	.details =
		"What is deployed is a clean checkout of the commit, never the files being edited.",
	.options = deploy_options,
	.run = run_deploy_command,
};
