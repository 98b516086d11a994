/* shipit exec: a command with a step's environment, in the checkout of what is live. */
#include <signal.h>

#include "commands/lock_facts.h"
#include "git/worktree.h"
#include "proc/child.h"
#include "run/run.h"

static const struct option_row exec_options[] = {
	{ "hosts", 0, "GROUP", "on these hosts", OPTION_LATER },
	{ NULL, 0, NULL, NULL, 0 },
};

/* The environment's checkout; one of its own while a deploy may be using that (our caller, too). */
static const char *checkout(struct session *session, struct error *err)
{
	struct lock_facts lock CLEANUP(lock_release) = { 0 };
	struct worktree_options options = {
		.env = session->config->env,
		.commit = session->commit,
		.may_ask = terminal_present(),
	};

	if (session->config->workspace == WORKSPACE_HERE)
		return session->root;
	if (lock_read(session, session->config->env, &lock, err) < 0)
		return NULL;
	if (lock.leased && (lock.state == LEASE_MINE || lock.state == LEASE_HELD))
		options.env = arena_format(session->arena, "%s+exec", options.env);
	return worktree_prepare(session->repository, session->arena, &options, err);
}

/* It has the terminal and answers its signals; its exit code is ours. */
static int run_command(struct call *call, const char *const *environment, const char *directory,
		       struct error *err)
{
	struct child_result result CLEANUP(child_result_release) = { 0 };
	struct child_options options = {
		.environment = environment,
		.directory = directory,
		.terminal = true,
	};

	vec_push(call->arena, &call->options.rest, NULL);
	options.arguments = call->options.rest.items;
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	if (child_run(&options, &result, err) < 0)
		return error_code(err, EXIT_USAGE);
	return result.exit.signal ? 128 + result.exit.signal : result.exit.code;
}

static int run_exec(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	const struct session_options target = { .redeploy = true };
	struct run_options run = { 0 };
	struct plan *plan;
	const char *const *environment;

	if (!call->options.has_rest || call->options.rest.count == 0) {
		error_set(err, "'shipit exec' needs a command: shipit exec -- CMD");
		return error_code(err, EXIT_USAGE);
	}
	if (session_open_target(&session, call, &target, err) < 0)
		return -1;
	run = (struct run_options){
		.arena = session.arena,
		.config = session.config,
		.identity =
			{
				.id = "exec",
				.app = session.config->app,
				.env = session.config->env,
				.commit = session.commit,
				.previous = session.live,
				.branch = session.branch,
				.url = session.config->url,
				.deployer = session.deployer,
			},
		.fingerprints = session.fingerprints,
	};
	run.root = checkout(&session, err);
	plan = session_plan(&session, &(struct plan_flags){ 0 }, clock_now(call->clock), err);
	environment = plan && run.root ? run_environment(plan, &run, err) : NULL;
	if (!environment)
		return -1;
	return run_command(call, environment, run.root, err);
}

const struct command command_exec = {
	.name = "exec",
	.arguments = "-- CMD",
	.summary = "run a command with a step's environment",
	.options = exec_options,
	.run = run_exec,
};
