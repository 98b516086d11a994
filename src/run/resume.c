/* What an earlier run of the same deploy did: finished steps are not run again. */
#include "base/text.h"
#include "run/run_internal.h"

static bool is_live_stage(const struct run_step *step)
{
	const struct run_past *past = step->run->options->past;
	return past && past->live && text_equal(past->go_live_stage, step->stage->name);
}

bool resume_has(const struct run_step *step)
{
	return (step->past && run_past_finished(step->past)) || is_live_stage(step);
}

static enum event_status status_of(const struct run_step *step)
{
	if (!step->past)
		return STATUS_SKIPPED;
	return run_past_finished(step->past) ? STATUS_RESUMED : step->past->status;
}

/* What it prepared is kept where it was. */
static void take_place(struct run_step *step)
{
	if (step->status == STATUS_RESUMED)
		step->place = step->past->place;
}

void resume_settle(struct run_step *step)
{
	struct run *run = step->run;
	struct error err = {0};
	struct event event = {
		.type = EVENT_STEP_FINISHED, .stage = step->stage->name, .step = step->name,
		.action = step->action, .attempt = step->past ? step->past->attempt : 0,
		.exit_code = -1,
	};
	step->status = event.status = status_of(step);
	take_place(step);
	event.place = step->place;
	event.reason = step->status == STATUS_RESUMED
		? "it was done before the deploy was resumed"
		: "the stage went live before the deploy was resumed";
	event_emit(run->events, &event);
	if (step->status == STATUS_RESUMED && outputs_read(step, run->arena, &err))
		run_fail(run, step->stage->name, step->name, err.message, NULL);
}

static void lose(struct run *run, const struct run_past_step *step)
{
	run->lost = run->result->touched = true;
	text_list_add(run->arena, &run->result->advice,
		      arena_format(run->arena, "%s.%s was started, and the plan does not have it "
				   "any more: see what it left behind.", step->stage, step->name));
}

/* In the order in which they were started, so that they are undone in reverse. */
static void touch_again(struct run *run, const struct run_past *past)
{
	struct run_stage *stage = &run->stages[run->plan->go_live];
	for (size_t i = 0; i < past->steps.count; i++) {
		if (!run_past_touched(&past->steps.items[i]))
			continue;
		size_t s = 0;
		while (s < stage->count && stage->steps[s].past != &past->steps.items[i])
			s++;
		if (s < stage->count)
			run_touch(&stage->steps[s]);
		else
			lose(run, &past->steps.items[i]);
	}
}

/* Without the journal: a step that has no undo is in the lease soon after its start only. */
static void suspect(struct run *run)
{
	struct run_stage *stage = &run->stages[run->plan->go_live];
	for (size_t i = 0; i < stage->count; i++) {
		struct run_step *step = &stage->steps[i];
		if (!step->past && step->plan->selected && !step_has_undo(step) &&
		    !step_is_harmless(step))
			run_touch(step);
	}
}

void resume_begin(struct run *run)
{
	const struct run_past *past = run->options->past;
	if (!past)
		return;
	if (past->started)
		run->result->started = past->started;
	run->events->seq = past->seq > run->events->seq ? past->seq : run->events->seq;
	if (past->live || resume_verdict(run))
		run->result->live = run->result->touched = true;
	else if (!run->tasks_alone)
		touch_again(run, past);
	if (past->elsewhere && past->go_live && !past->live)
		suspect(run);
}

bool resume_verdict(const struct run *run)
{
	const struct run_past *past = run->options->past;
	return past && past->verdict && past->status == STATUS_OK;
}

/* The phase of a lease on another machine tells of whole stages that they had ended well; of a step
 * that was allowed to fail it does not. */
static bool was_passed(const struct run_step *step)
{
	const struct run_past *past = step->run->options->past;
	const struct plan_stage *stage = step->stage->plan;
	if (!past || !past->elsewhere || !stage || !stage->selected || !step->plan ||
	    !step->plan->selected || step->config->allow_failure)
		return false;
	if (stage->phase == PHASE_BEFORE)
		return past->phase >= LEASE_MAINTENANCE;
	if (stage->phase == PHASE_BEHIND)
		return past->phase >= LEASE_SMOKE;
	return past->live;
}

static void settle_silently(struct run *run, struct run_stage *stage)
{
	for (size_t i = 0; i < stage->count; i++) {
		struct run_step *step = &stage->steps[i];
		struct error err = {0};
		if (was_passed(step)) {
			step->status = STATUS_RESUMED;
			step->place = step->past ? step->past->place : NULL;
			continue;
		}
		if (!step->past && !is_live_stage(step))
			continue;
		step->status = status_of(step);
		take_place(step);
		if (step->status == STATUS_RESUMED && outputs_read(step, run->arena, &err))
			event_message(run->events, LEVEL_WARNING, "%s", err.message);
	}
}

void resume_settle_all(struct run *run)
{
	for (size_t i = 0; i < run->plan->stages.count; i++)
		settle_silently(run, &run->stages[i]);
	settle_silently(run, &run->tasks);
	settle_silently(run, &run->deferred);
}
