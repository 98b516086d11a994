/* shipit task: one task of what is live, or all that are owed. */
#include "base/text.h"
#include "commands/answers.h"
#include "commands/deploy_run.h"
#include "commands/interrupted.h"
#include "commands/session_people.h"

static const struct option_row task_options[] = {
	DEPLOY_RUN_OPTIONS,
	ANSWERS_OPTION,
	{ "forget", 0, "NAME", "strike a task or step off what is owed", 0 },
	{ "reason", 0, "TEXT", "why, for --forget", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};

static int forget(struct session *session, const char *name, const char *reason,
		  struct error *err)
{
	const struct record *newest = session->records.records.count ?
		&session->records.records.items[0] : NULL;
	struct record record = { 0 };
	bool found = false;

	if (!reason || !*reason) {
		error_set(err,
			  "--forget needs --reason TEXT: it is recorded and shown in the history");
		return error_code(err, EXIT_USAGE);
	}
	for (size_t i = 0; newest && i < newest->owed.count; i++) {
		if (!strcmp(newest->owed.items[i].name, name))
			found = true;
		else
			vec_push(session->arena, &record.owed, newest->owed.items[i]);
	}
	if (!found) {
		error_set(err, "'%s' is not owed on %s", name, session->config->env);
		error_hint(err, "`shipit -e %s status` lists what is", session->config->env);
		return error_code(err, EXIT_USAGE);
	}
	record.started = record.finished = clock_now(session->call->clock);
	record.id = record_id_new(session->arena, &(struct deploy_name){
		.commit = newest->live ? newest->live : "0000000", .now = record.started,
		.records = &session->records });
	record.app = session->config->app;
	record.env = session->config->env;
	record.kind = "forget";
	record.commit = newest->live;
	record.previous = newest->live;
	record.deployer = session->deployer;
	record.status = "ok";
	record.reason = arena_format(session->arena, "forgot %s: %s", name, reason);
	record_follow(session->arena, &record, newest, false, &(struct text_list){ 0 });
	if (session_people_prove(session, err) < 0)
		return -1;
	record.key = session_key(session);
	if (record_append(session->store, session->arena, &record, false, err) < 0)
		return -1;
	call_note(session->call, "%s is no longer owed on %s.", name, session->config->env);
	return EXIT_DONE;
}

/* Of the plan's tasks, only the named one, or those that are owed. Returns how many. */
static size_t choose_tasks(struct plan *plan, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->tasks.count; i++) {
		struct plan_task *task = &plan->tasks.items[i];
		bool chosen = name && !strcmp(task->name, name);

		for (size_t o = 0; !name && o < plan->owed.count; o++)
			if (!strcmp(plan->owed.items[o].kind, "task") &&
			    !strcmp(plan->owed.items[o].name, task->name))
				chosen = true;
		task->step.selected = chosen;
		if (!chosen)
			task->step.because = (struct event_because){ .reason = name
				? "it was not asked for" : "it is not owed" };
		task->deferred = false;
		count += chosen;
	}
	return count;
}

static int run_chosen(struct session *session, const struct plan *plan,
		      const struct variables *answers, struct error *err)
{
	struct holding holding CLEANUP(holding_end) = { .session = session };
	const struct holding_options options = {
		.command = "task", .commit = plan->commit, .previous = plan->previous,
		.phase = LEASE_TASKS, .with_folder = true, .past_hold = true,
	};

	if (holding_take(session, &options, &holding, err) < 0)
		return -1;
	return deploy_run_tasks(session, plan, &holding, answers, err);
}

static int task(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	const char *name = call->options.arguments.count ? call->options.arguments.items[0] : NULL;
	const char *forgotten = options_value(&call->options, "forget");
	const struct session_options target = { .redeploy = true };
	struct variables answers = { 0 };
	struct plan_flags flags = { 0 };
	struct plan *plan;

	if (deploy_check_format(call, err) < 0 ||
	    session_open_target(&session, call, &target, err) < 0)
		return -1;
	if (forgotten)
		return forget(&session, forgotten, options_value(&call->options, "reason"), err);
	if (!session.live) {
		error_set(err, "nothing is live on %s yet: there is nothing to run a task for",
			  session.config->env);
		return error_code(err, EXIT_USAGE);
	}
	if (name)
		vec_push(call->arena, &flags.task, name);
	if (session_check_here(&session, err) < 0)
		return -1;
	plan = session_plan(&session, &flags, clock_now(call->clock), err);
	if (!plan)
		return -1;
	if (interrupted_refuse(&session, err) < 0)
		return -1;
	if (choose_tasks(plan, name) == 0) {
		if (deploy_writes_json(call))
			deploy_print_end(call, EXIT_DONE, "no task is owed");
		else
			call_note(call, "No task is owed on %s.", session.config->env);
		return EXIT_DONE;
	}
	if (answers_read(&session, true, &answers, err) < 0)
		return -1;
	return run_chosen(&session, plan, &answers, err);
}

static int run_task(struct call *call, struct error *err)
{
	return deploy_json_end(call, task(call, err), err);
}

const struct command command_task = {
	.name = "task",
	.arguments = "[NAME]",
	.summary = "run one task of what is live, or all that are owed",
	.options = task_options,
	.run = run_task,
	.arguments_most = 1,
};
