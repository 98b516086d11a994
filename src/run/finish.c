/* The end of a deploy: what is owed, how it went, what to do now. */
#include "base/text.h"
#include "run/run_internal.h"

void run_emit_frame(struct run *run, struct event *event)
{
	struct event_hub journal = *run->events;
	if (!run->options->nested) {
		event_emit(run->events, event);
		return;
	}
	journal.sinks[0] = journal_sink(run->journal);
	journal.count = 1;
	event_emit(&journal, event);
	run->events->seq = journal.seq;
}

#define OUTPUT_KEPT ((size_t)64 << 10) /* bytes of one value in the record */

static bool is_done(enum event_status status)
{
	return status == STATUS_OK || status == STATUS_CACHED || status == STATUS_RESUMED;
}

void run_remark(struct run_step *step, const char *remark)
{
	struct run *run = step->run;
	text_list_add(run->arena, &run->result->remarks,
		      arena_format(run->arena, "%s.%s: %s", step->stage->name, step->name,
				   run_redacted(run, remark)));
}

static void owe(struct run *run, struct run_stage *stage, const char *kind)
{
	struct run_result *result = run->result;
	for (size_t i = 0; i < stage->count; i++) {
		struct run_step *step = &stage->steps[i];
		const char *name = stage->plan
			? arena_format(run->arena, "%s.%s", stage->name, step->name) : step->name;
		bool selected = step->plan && step->plan->selected &&
				(!stage->plan || stage->plan->selected);
		if (!selected)
			continue;
		if (!is_done(step->status) && !step->unchanged) {
			struct run_owed owed = {.kind = kind, .name = name,
						.status = step->status};
			if (!step->status && run->recovers)
				owed.status = STATUS_INTERRUPTED;
			else if (!step->status && stage != &run->deferred)
				owed.status = STATUS_CANCELLED;
			vec_push(run->arena, &result->owed, owed);
		} else if (step->started) {
			struct run_duration duration = {.kind = kind, .name = name,
							.duration = step->duration};
			vec_push(run->arena, &result->durations, duration);
		}
	}
}

void finish_owed(struct run *run, bool last)
{
	run->result->owed.count = run->result->durations.count = 0;
	for (size_t i = 0; !run->tasks_alone && i < run->plan->stages.count; i++) {
		struct run_stage *stage = &run->stages[i];
		owe(run, stage, "step");
		if (!stage->finished || stage->failed || !stage->started)
			continue;
		struct run_duration duration = {.kind = "stage", .name = stage->name,
						.duration = stage->duration};
		vec_push(run->arena, &run->result->durations, duration);
	}
	if (run->smoke_duration >= 0) {
		struct run_duration duration = {.kind = "smoke", .name = "smoke",
						.duration = run->smoke_duration};
		vec_push(run->arena, &run->result->durations, duration);
	}
	owe(run, &run->tasks, "task");
	owe(run, &run->deferred, "task");
	if (!last || run->result->status != STATUS_OK)
		return;
	for (size_t i = 0; i < run->deferred.count; i++) {
		struct run_step *step = &run->deferred.steps[i];
		if (step->plan->selected && !is_done(step->status) && !step->unchanged)
			run->result->deferred_failed = true;
	}
}

/* The value of a secret, or what is too long for a record, is not kept. */
static bool may_keep(struct run *run, const char *value)
{
	return strlen(value) <= OUTPUT_KEPT && text_equal(run_redacted(run, value), value);
}

static void keep_outputs(struct run *run, const char *stage, const struct variables *outputs)
{
	for (size_t i = 0; i < outputs->list.count; i++) {
		struct record_output output = {.stage = stage, .name = outputs->list.items[i].name,
					       .value = outputs->list.items[i].value};
		if (may_keep(run, output.value))
			vec_push(run->arena, &run->result->outputs, output);
	}
}

static void keep_step(struct run *run, const struct run_step *step)
{
	const char *name = arena_format(run->arena, "%s.%s", step->stage->name, step->name);
	struct record_artefact artefact = {.step = name, .release = run->options->identity.id,
					   .kind = step->config->kind, .place = step->place};
	if (step->place)
		vec_push(run->arena, &run->result->artefacts, artefact);
	if (step->config->irreversible && (step->started || step->past) && !step->command)
		text_list_add(run->arena, &run->result->irreversible, name);
}

void finish_release(struct run *run)
{
	run->result->artefacts.count = run->result->outputs.count = 0;
	run->result->irreversible.count = run->result->unchanged.count = 0;
	keep_outputs(run, "", &run->options->outputs);
	for (size_t i = 0; !run->tasks_alone && i < run->plan->stages.count; i++) {
		const struct run_stage *stage = &run->stages[i];
		if (stage->unchanged)
			text_list_add(run->arena, &run->result->unchanged, stage->name);
		if (stage->plan->phase == PHASE_BEFORE)
			keep_outputs(run, stage->name, &stage->outputs);
		for (size_t s = 0; s < stage->count; s++)
			keep_step(run, &stage->steps[s]);
	}
	for (size_t i = 0; i < run->tasks.count; i++)
		keep_step(run, &run->tasks.steps[i]);
}

static const char *status_name(const struct run *run)
{
	if (run->result->rolled_back == RUN_ROLLED_BACK)
		return "rolled_back";
	if (run->result->rolled_back)
		return "failed_live";
	if (run->result->live)
		return "failed_live";
	return run->result->signal ? "interrupted" : "failed";
}

static void add_extra(struct run *run, const char *name, const char *value)
{
	struct variable variable = {.name = name, .value = value ? value : ""};
	vec_push(run->arena, &run->extra.list, variable);
}

void finish_failure_steps(struct run *run)
{
	const struct run_result *result = run->result;
	const char *step = result->cause_stage;
	if (!run->on_failure.count || (!result->reason && !result->signal))
		return;
	if (step && result->cause_step)
		step = arena_format(run->arena, "%s.%s", step, result->cause_step);
	add_extra(run, "SHIPIT_STATUS", status_name(run));
	add_extra(run, "SHIPIT_FAILED_STEP", step);
	add_extra(run, "SHIPIT_LOG", result->log);
	run->phase = RUN_FAILURE;
	run->signals = 0;
	run->cancelled = false;
	schedule_stage(run, &run->on_failure);
}

static void advise(struct run *run, const char *text)
{
	text_list_add(run->arena, &run->result->advice, text);
}

static const char *after_rollback(const struct run *run)
{
	const struct run_identity *identity = &run->options->identity;
	return arena_format(run->arena, "%.7s failed. Fix it, then: shipit -e %s unlock, and "
			    "deploy.", identity->commit, identity->env);
}

static void advise_all(struct run *run)
{
	struct run_result *result = run->result;
	const char *env = run->options->identity.env;
	if (result->log)
		advise(run, arena_format(run->arena, "Its output: shipit -e %s logs %s %s.%s", env,
					 run->options->identity.id, result->cause_stage,
					 result->cause_step));
	if (run->tasks_alone)
		;	/* it changed nothing that is live; what is owed is listed below */
	else if (result->rolled_back)
		advise(run, after_rollback(run));
	else if (result->live && result->exit_code && run->plan->rollback)
		advise(run, arena_format(run->arena, "The release that was rolled back to is live "
					 "and does not pass. Look at production now; the others: "
					 "shipit -e %s history", env));
	else if (result->live && result->exit_code)
		advise(run, arena_format(run->arena, "The new commit is live. Look at production; "
					 "fix forward and deploy, or: shipit -e %s rollback", env));
	else if (result->touched && result->exit_code && !result->undone)
		advise(run, "The go-live stage did not finish: put right what is named above, then "
			    "deploy again.");
	else if (result->exit_code && !result->halted && run->plan->rollback)
		advise(run, arena_format(run->arena, "See what is live: shipit -e %s status", env));
	else if (result->exit_code && !result->halted)
		advise(run, arena_format(run->arena, "%s; or go on where it ended: "
					 "shipit -e %s resume %s",
					 result->signal ? "Deploy again" : "Fix it and deploy", env,
					 run->options->identity.id));
	else if (result->exit_code)
		advise(run, "Of what goes live nothing has changed.");
	halts_advise(run);
	for (size_t i = 0; result->live && i < result->owed.count; i++)
		if (!strcmp(result->owed.items[i].kind, "task") && result->owed.items[i].status)
			advise(run, arena_format(run->arena, "Owed: shipit -e %s task %s", env,
						 result->owed.items[i].name));
}

static void end_result(struct run *run)
{
	const struct clock *clock = run->events->clock;
	run->result->finished = clock_now(clock ? clock : &clock_system);
	advise_all(run);
}

void finish_result(struct run *run)
{
	struct run_result *result = run->result;
	bool clean = !result->live && !result->halted && (!result->touched || result->undone);
	finish_owed(run, false);
	if (result->rolled_back) {
		bool well = result->rolled_back == RUN_ROLLED_BACK;
		result->status = well ? STATUS_ROLLED_BACK : STATUS_FAILED_LIVE;
		result->exit_code = well ? EXIT_ROLLED_BACK : EXIT_ATTENTION;
		end_result(run);
		return;
	}
	if (!result->reason && !result->signal)
		result->status = STATUS_OK;
	else if (result->signal)
		result->status = result->live ? STATUS_FAILED_LIVE : STATUS_INTERRUPTED;
	else
		result->status = result->live ? STATUS_FAILED_LIVE : STATUS_FAILED;
	if (result->status == STATUS_OK)
		result->exit_code = EXIT_DONE;
	else if (!clean)
		result->exit_code = EXIT_ATTENTION;
	else if (result->signal)
		result->exit_code = result->signal == 2 ? 130 : 143;
	else
		result->exit_code = EXIT_FAILED;
	end_result(run);
}

static enum event_status recovered_status(const struct run_result *result)
{
	if (result->rolled_back == RUN_ROLLED_BACK)
		return STATUS_ROLLED_BACK;
	return result->live || result->rolled_back ? STATUS_FAILED_LIVE : STATUS_INTERRUPTED;
}

/* Why there is something to recover. A deploy that went well has no lease behind its record. */
static const char *recovered_reason(const struct run_past *past)
{
	if (past->elsewhere)
		return "nothing more was heard of it: it was killed, or cut off from the state "
		       "store";
	if (past->verdict && past->status != STATUS_OK)
		return "it came to its end, and its record could not be stored then";
	return "shipit was killed, or its machine died";
}

void finish_recovery(struct run *run)
{
	struct run_result *result = run->result;
	const char *env = run->plan->env;
	bool clean = !result->halted && !run->rollback_unwell &&
		     (result->live || result->rolled_back || !result->touched || result->undone);

	finish_owed(run, false);
	result->status = recovered_status(result);
	result->exit_code = clean ? EXIT_DONE : EXIT_ATTENTION;
	result->reason = recovered_reason(run->options->past);
	result->finished = clock_now(run->events->clock ? run->events->clock : &clock_system);
	if (result->rolled_back)
		advise(run, after_rollback(run));
	else if (result->live && run->plan->rollback)
		advise(run, arena_format(run->arena, "The earlier release is live again, and was "
					 "not tested. Look at production; what is left: shipit -e "
					 "%s smoke, shipit -e %s task", env, env));
	else if (result->live && run->options->rolling_back)
		advise(run, arena_format(run->arena, "The new commit is live, and its smoke test "
					 "had failed. Look at production; fix forward and deploy, "
					 "or: shipit -e %s rollback", env));
	else if (result->live)
		advise(run, arena_format(run->arena, "The new commit is live, and was not tested. "
					 "Look at production; what is left: shipit -e %s smoke, "
					 "shipit -e %s task", env, env));
	else if (run->tasks_alone)
		advise(run, arena_format(run->arena, "What is owed is done by the next deploy, or "
					 "now: shipit -e %s task", env));
	else if (clean)
		advise(run, "Production is as it was: deploy again.");
	else
		advise(run, "Put right what is named above, then deploy again.");
	halts_advise(run);
}

void finish_verdict(struct run *run)
{
	struct run_result *result = run->result;
	struct text_list owed = {0};
	struct error err = {0};
	bool stored = true;
	journal_give_back(run->journal);
	if (run->options->verdict &&
	    run->options->verdict(run->options->context, result, &err)) {
		stored = false;
		event_message(run->events, LEVEL_ERROR, "%s", err.message);
		if (err.hint[0])
			advise(run, arena_string(run->arena, err.hint));
		if (result->exit_code == EXIT_DONE)
			result->exit_code = result->live || run->recovers ? EXIT_ATTENTION
									  : EXIT_FAILED;
		if (result->status == STATUS_OK)
			result->status = result->live ? STATUS_FAILED_LIVE : STATUS_FAILED;
		if (!result->reason)
			result->reason = arena_string(run->arena, err.message);
	}
	for (size_t i = 0; i < result->owed.count; i++)	/* deferred ones have their turn yet */
		if (result->owed.items[i].status || result->status != STATUS_OK)
			text_list_add(run->arena, &owed, result->owed.items[i].name);
	if (!stored && owed.count) {	/* no plan will know of it */
		advise(run, arena_format(run->arena, "Not done, and in no record: %s",
					 text_join(run->arena, &owed, ", ")));
		owed.count = 0;
	}
	struct event event = {
		.type = EVENT_DEPLOY_FINISHED, .status = result->status,
		.exit_code = result->exit_code, .duration = clock_monotonic() - run->begun,
		.reason = result->reason, .log = result->log, .owed = &owed,
		.advice = &result->advice, .remarks = &result->remarks,
		.id = run->options->identity.id,
		.tasks_only = run->tasks_alone, .recovers = run->recovers,
		.rollback = run->plan->rollback ? run->plan->rollback->id : NULL,
	};
	if (result->cause_stage)
		event.failed_step = result->cause_step
			? arena_format(run->arena, "%s.%s", result->cause_stage, result->cause_step)
			: result->cause_stage;
	run_emit_frame(run, &event);
}
