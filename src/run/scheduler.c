/* Counters: a stage knows how many others it waits for; zero means ready. */
#include "proc/loop.h"
#include "run/run_internal.h"

static void pump(struct run *run);

static void enqueue(struct run_step *step)
{
	struct run *run = step->run;
	step->queued = true;
	step->next = NULL;
	*run->last = step;
	run->last = &step->next;
}

static void emit_stage(struct run *run, struct run_stage *stage, enum event_type type,
		       enum event_status status)
{
	struct event event = {.type = type, .stage = stage->name, .status = status,
			      .exit_code = -1};
	if (!stage->plan)
		return;
	if (type == EVENT_STAGE_STARTED)
		event.estimate = stage->plan->estimate > 0 ? stage->plan->estimate : 0;
	else if (stage->started)
		event.duration = stage->duration = clock_monotonic() - stage->begun;
	if (status == STATUS_SKIPPED)
		event.reason = stage->unchanged		     ? stage->unchanged
			       : stage->plan->because.reason ? stage->plan->because.reason
							     : "nothing that it watches changed";
	event_emit(run->events, &event);
}

/* A step that will not run: it says so, and why. */
static void settle_unrun(struct run_step *step, enum event_status status)
{
	struct event event = {
		.type = EVENT_STEP_FINISHED, .stage = step->stage->name, .step = step->name,
		.action = step->action, .attempt = 0, .status = status, .exit_code = -1,
	};
	step->status = status;
	if (status == STATUS_SKIPPED)
		event.reason = step->plan && step->plan->because.reason
			? step->plan->because.reason : "nothing that it watches changed";
	else
		event.reason = "the deploy had failed or was stopped before its turn";
	event_emit(step->run->events, &event);
}

static void start_stage(struct run *run, struct run_stage *stage);

static void stage_done(struct run *run, struct run_stage *stage)
{
	stage->finished = true;
	if (!stage->plan || (stage->failed && stage->plan->selected))
		return;
	for (size_t i = 0; i < stage->plan->free_count; i++) {
		struct run_stage *next = &run->stages[stage->plan->frees[i]];
		if (next->waits && --next->waits == 0 &&
		    next->plan->phase == stage->plan->phase)
			start_stage(run, next);
	}
}

/* Why nothing was done in a stage that was to do something, or NULL. The go-live stage went live
 * all the same. */
static const char *why_unchanged(const struct run_stage *stage)
{
	const char *why = NULL;
	if (!stage->plan || stage->plan->phase == PHASE_GO_LIVE)
		return NULL;
	for (size_t i = 0; i < stage->count; i++) {
		if (stage->steps[i].status != STATUS_SKIPPED)
			return NULL;
		why = stage->steps[i].unchanged ? stage->steps[i].unchanged : why;
	}
	return why;
}

static void end_stage(struct run *run, struct run_stage *stage)
{
	bool cancelled = false;
	for (size_t i = 0; i < stage->count; i++)
		cancelled = cancelled || stage->steps[i].status == STATUS_CANCELLED;
	if (cancelled && !stage->failed) {
		stage->failed = true;
		emit_stage(run, stage, EVENT_STAGE_FINISHED, STATUS_CANCELLED);
	} else {
		stage->unchanged = why_unchanged(stage);
		emit_stage(run, stage, EVENT_STAGE_FINISHED,
			   stage->failed      ? STATUS_FAILED
			   : stage->unchanged ? STATUS_SKIPPED
					      : STATUS_OK);
	}
	stage_done(run, stage);
}

/* Queues what is next in a stage; ends it when nothing is left. */
static void advance(struct run *run, struct run_stage *stage)
{
	while (stage->next < stage->count && (stage->parallel || !stage->active)) {
		struct run_step *step = &stage->steps[stage->next++];
		bool stopped = stage->failed || run->cancelled;
		if (step->plan && !step->plan->selected) {
			settle_unrun(step, STATUS_SKIPPED);
		} else if (resume_has(step)) {
			resume_settle(step);
		} else if (stopped && !step->config->always) {
			settle_unrun(step, STATUS_CANCELLED);
		} else {
			stage->active++;
			enqueue(step);
		}
	}
	if (!stage->active && stage->next == stage->count && !stage->finished)
		end_stage(run, stage);
}

static void start_stage(struct run *run, struct run_stage *stage)
{
	if (stage->started || stage->finished)
		return;
	if (stage->plan && !stage->plan->selected) {
		emit_stage(run, stage, EVENT_STAGE_FINISHED, STATUS_SKIPPED);
		stage_done(run, stage);
		return;
	}
	if (run->cancelled)
		return;		/* it never started: its `always` steps do not run either */
	stage->started = true;
	stage->begun = clock_monotonic();
	stage->environment = environment_stage(run, stage);
	emit_stage(run, stage, EVENT_STAGE_STARTED, STATUS_NONE);
	advance(run, stage);
}

/* A queued step whose turn came after the failure. */
static bool is_called_off(const struct run_step *step)
{
	bool stopped = step->run->cancelled || step->stage->failed;
	return stopped && !step->config->always && !step->aside;
}

static void pump(struct run *run)
{
	if (run->pumping)
		return;
	run->pumping = true;
	while (run->first && run->running < run->jobs) {
		struct run_step *step = run->first;
		run->first = step->next;
		if (!run->first)
			run->last = &run->first;
		step->queued = false;
		run->running++;
		step->active = true;
		if (is_called_off(step) || !run_may_go_on(run)) {
			settle_unrun(step, STATUS_CANCELLED);
			schedule_ended(step);
		} else {
			step_begin(step);
		}
	}
	run->pumping = false;
	if (!run->running && !run->first && !run->waiting)
		loop_stop(run->loop);
}

void schedule_ended(struct run_step *step)
{
	struct run *run = step->run;
	struct run_stage *stage = step->stage;
	bool bad = step->status == STATUS_FAILED || step->status == STATUS_TIMED_OUT;
	step->active = false;
	run->running--;
	stage->active--;
	if (bad && !step->config->allow_failure && stage != &run->tasks &&
	    stage != &run->deferred && stage != &run->on_failure)
		stage->failed = true;
	if (stage->failed && run->phase == RUN_BEFORE && !step->aside)
		schedule_cancel(run, true);
	else if (stage->failed && run->phase == RUN_BEHIND)
		schedule_cancel(run, false);
	if (!step->aside)	/* an undo stands outside its stage's order */
		advance(run, stage);
	pump(run);
}

static void flush_events(void *context)
{
	event_flush(context);
}

static void wait_for_steps(struct run *run)
{
	run->events->gathering = true;
	loop_before_wait(run->loop, flush_events, run->events);
	pump(run);
	while (run->running || run->first)
		if (loop_run(run->loop))
			break;
	loop_before_wait(run->loop, NULL, NULL);
	run->events->gathering = false;
	event_flush(run->events);
}

void schedule_phase(struct run *run, enum plan_phase phase)
{
	for (size_t i = 0; i < run->plan->stages.count; i++)
		if (run->stages[i].plan->phase == phase && !run->stages[i].waits)
			start_stage(run, &run->stages[i]);
	wait_for_steps(run);
}

void schedule_stage(struct run *run, struct run_stage *stage)
{
	start_stage(run, stage);
	wait_for_steps(run);
}

/* `always` steps are let alone until somebody insists. */
static void stop_stage(struct run *run, struct run_stage *stage)
{
	for (size_t i = 0; i < stage->count; i++)
		if (stage->steps[i].active &&
		    (!stage->steps[i].config->always || run->signals > 1))
			step_stop(&stage->steps[i]);
}

void schedule_stop_running(struct run *run)
{
	for (size_t i = 0; i < run->plan->stages.count; i++)
		stop_stage(run, &run->stages[i]);
	stop_stage(run, &run->tasks);
	stop_stage(run, &run->deferred);
	stop_stage(run, &run->on_failure);
}

void schedule_cancel(struct run *run, bool stop)
{
	bool first = !run->cancelled;
	run->cancelled = true;
	if (stop && first)
		schedule_stop_running(run);
}
