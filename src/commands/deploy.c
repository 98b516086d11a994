/* shipit deploy: plan, ask, run, record. */
#include <unistd.h>

#include "commands/answers.h"
#include "commands/deploy_flags.h"
#include "commands/deploy_run.h"
#include "proc/interrupt.h"

static const struct option_row deploy_options[] = {
	DEPLOY_CHOICE_OPTIONS,
	{ "dry-run", 'n', NULL, "show the plan and stop", 0 },
	DEPLOY_RUN_OPTIONS,
	ANSWERS_OPTION,
	{ "wait", 0, "30m", "queue until it is one's turn", OPTION_OPTIONAL | OPTION_LATER },
	{ "train", 0, NULL, "explain each step", OPTION_LATER },
	{ NULL, 0, NULL, NULL, 0 },
};

/* 0, or -1 with EXIT_REFUSED when a guard refuses that is not overridden. */
static int check_guards(const struct plan *plan, struct error *err)
{
	int refused = plan_refused(plan);
	const struct plan_guard *guard;

	if (refused < 0)
		return 0;
	guard = &plan->guards.items[refused];
	error_set(err, "the guard '%s' refuses this deploy: %s", guard->name,
		  guard->reason ? guard->reason : "see the plan");
	if (guard->override)
		error_hint(err, "if it must be: shipit deploy %s", guard->override);
	return error_code(err, EXIT_REFUSED);
}

static int ask_questions(struct session *session, const struct plan *plan,
			 struct variables *answers, struct error *err)
{
	struct prompt prompt = answers_prompt(session->call, "--yes");
	bool yes = false;

	if (answers_read(session, session->call->yes, answers, err) < 0)
		return -1;
	if (prompt_yes(&prompt,
		       arena_format(session->arena, "Deploy %.7s to %s?", plan->commit, plan->env),
		       &yes, err) < 0)
		return -1;
	if (yes)
		return 0;
	error_set(err, "not deployed: you said no");
	return error_code(err, EXIT_REFUSED);
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

static int deploy(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	struct session_options target;
	struct variables answers = { 0 };
	struct plan_flags flags;
	struct plan *plan;

	if (deploy_flags_read(call, &target, &flags, err) < 0 || deploy_check_format(call, err) < 0)
		return -1;
	if (target.offline && !options_has(&call->options, "dry-run")) {
		error_set(err, "a deploy needs the newest state: --offline goes with plan only");
		return error_code(err, EXIT_USAGE);
	}
	if (session_open_target(&session, call, &target, err) < 0)
		return -1;
	plan = session_plan(&session, &flags, clock_now(call->clock), err);
	if (!plan)
		return -1;
	if (answers_check(call, session.config->pipeline, err) < 0)
		return -1;
	if (options_has(&call->options, "dry-run"))
		return plan_show(call, plan, err);
	if (plan->nothing_to_do)
		return nothing_to_do(call, plan, err);
	if (!deploy_writes_json(call) && !call->quiet)
		plan_print(call, plan);
	if (check_guards(plan, err) < 0 || ask_questions(&session, plan, &answers, err) < 0)
		return -1;
	return deploy_run(&session, plan, &answers, err);
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
