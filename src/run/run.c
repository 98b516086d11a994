/* The order of a deploy (spec 4), phase by phase. */
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "proc/loop.h"
#include "run/run_internal.h"
#include "services/hosts.h"
#include "services/smoke.h"

bool run_production(const struct run *run)
{
	return run->phase >= RUN_GO_LIVE && run->phase != RUN_FAILURE &&
	       run->phase != RUN_DEFERRED && run->result->touched;
}

void run_fail(struct run *run, const char *stage, const char *step, const char *reason,
	      const char *log)
{
	struct run_result *result = run->result;
	if (result->reason || run->phase == RUN_FAILURE || run->phase == RUN_DEFERRED)
		return;
	result->cause_stage = stage;
	result->cause_step = step;
	result->reason = run_redacted(run, reason);
	result->log = log ? arena_string(run->arena, log) : NULL;
}

void run_fail_with(struct run *run, const struct error *err)
{
	run_fail(run, NULL, NULL, err->message, NULL);
	if (err->hint[0])
		text_list_add(run->arena, &run->result->advice,
			      arena_string(run->arena, err->hint));
}

static void interrupt_before(struct run *run)
{
	event_message(run->events, LEVEL_WARNING, run->signals == 1
		? run->result->touched ? "interrupted: stopping what runs"
				       : "interrupted: stopping what runs; production is as it was"
		: "interrupted again: killing what runs");
	if (run->signals == 1)
		schedule_cancel(run, true);
	else
		schedule_stop_running(run);
	if (run->countdown || (!run->running && !run->first))
		loop_stop(run->loop);
}

static void interrupt_production(struct run *run)
{
	if (run->signals == 1) {
		event_message(run->events, LEVEL_WARNING, run->phase == RUN_GO_LIVE
			? "interrupted: the running step ends first, then everything is undone"
			: run->phase == RUN_UNDO
			? "interrupted: what was done is undone first"
			: "interrupted: the running step ends first; nothing new is started");
		schedule_cancel(run, false);
		return;
	}
	event_message(run->events, LEVEL_WARNING, "interrupted again: %s what runs",
		      run->signals == 2 ? "stopping (once more: killing)" : "killing");
	if (run->undoing)
		step_stop(run->undoing);
	schedule_stop_running(run);
}

static void on_signal(void *context, int signal)
{
	struct run *run = context;
	run->signals++;
	if (run->phase == RUN_DEFERRED || run->phase == RUN_FAILURE) {
		schedule_cancel(run, true);
		if (run->waiting)
			loop_stop(run->loop);
		if (run->signals > 1)
			schedule_stop_running(run);
		if (run->undoing)
			step_stop(run->undoing);
		return;
	}
	if (!run->result->signal && !run->result->reason)
		run->result->signal = signal;	/* after a failure it only hurries its end */
	if (run->phase <= RUN_COUNTDOWN)
		interrupt_before(run);
	else if (run->phase == RUN_HALTING || run->phase == RUN_STARTING)
		halts_interrupt(run);
	else if (run->smoke)
		smoke_stop(run->smoke);
	else
		interrupt_production(run);
}

/* Nobody knows who else is at work now: what was begun ends, nothing is started. */
static void lose_lease(struct run *run, const char *text)
{
	run_fail(run, NULL, NULL, text, NULL);
	event_message(run->events, LEVEL_ERROR, "%s", text);
	schedule_cancel(run, run->phase <= RUN_COUNTDOWN);
	if (run->countdown)
		loop_stop(run->loop);
	if (run->smoke)
		smoke_stop(run->smoke);
}

static void on_news(void *context, enum keeper_news news, const char *text)
{
	struct run *run = context;
	if (news == KEEPER_LOST) {
		lose_lease(run, text);
		return;
	}
	event_message(run->events, LEVEL_WARNING, "%s", text);
	on_signal(run, SIGTERM);
}

bool run_may_go_on(struct run *run)
{
	struct error err = {0};
	if (run->phase < RUN_HALTING || run->phase == RUN_FAILURE ||
	    !keeper_verify(run->options->keeper, &err))
		return true;
	if (!run->cancelled)
		lose_lease(run, err.message);
	return false;
}

static void on_deadline(void *context)
{
	struct run *run = context;
	char text[32];
	run->deadline_over = true;
	loop_timer_stop(run->deadline);
	run->deadline = NULL;
	if (run->phase >= RUN_BEHIND && run->phase <= RUN_TASKS && run->phase != RUN_UNDO)
		schedule_cancel(run, false);
	if (run->phase > RUN_COUNTDOWN)
		return;
	run_fail(run, "deadline", NULL,
		 arena_format(run->arena, "the deadline of %s passed before go-live",
			      duration_format(text, run->plan->deadline)), NULL);
	schedule_cancel(run, true);
	if (run->countdown)
		loop_stop(run->loop);
}

static void on_tick(void *context)
{
	struct run *run = context;
	event_tick(run->events);
}

static void emit_guard(struct run *run, const struct plan_guard *guard)
{
	struct event event = {.type = EVENT_GUARD, .name = guard->name, .status = guard->verdict,
			      .reason = guard->reason, .exit_code = -1};
	if (guard->overridden)
		event.reason = arena_format(run->arena, "%s; overridden: %s", guard->reason,
					    guard->override_reason);
	event_emit(run->events, &event);
}

static void emit_started(struct run *run)
{
	const struct run_identity *identity = &run->options->identity;
	struct event event = {
		.type = EVENT_DEPLOY_STARTED, .id = identity->id, .app = identity->app,
		.env = identity->env, .commit = identity->commit, .previous = identity->previous,
		.deployer = identity->deployer, .plan = run->plan->digest,
		.branch = identity->branch, .url = identity->url, .exit_code = -1,
		.tasks_only = run->tasks_alone, .recovers = run->recovers,
		.rollback = run->plan->rollback ? run->plan->rollback->id : NULL,
	};
	if (run->plan->estimate > 0 && !run->tasks_alone && !run->options->past)
		event.estimate = run->plan->estimate;
	run_emit_frame(run, &event);
	if (run->recovers)
		return;
	for (size_t i = 0; !run->tasks_alone && i < run->plan->guards.count; i++)
		emit_guard(run, &run->plan->guards.items[i]);
	for (size_t i = 0; i < run->plan->tasks.count; i++) {
		const struct plan_task *task = &run->plan->tasks.items[i];
		if (run->tasks_alone && !task->step.selected)
			continue;
		struct event chosen = {.task = task->name, .because = task->step.because,
				       .exit_code = -1};
		chosen.type = task->step.selected ? EVENT_TASK_SELECTED : EVENT_TASK_SKIPPED;
		event_emit(run->events, &chosen);
	}
}

static size_t default_jobs(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 8 ? (size_t)count : 8;
}

static int begin(struct run *run, struct error *err)
{
	const struct run_options *options = run->options;
	run->last = &run->first;
	run->begun = clock_monotonic();
	run->jobs = options->jobs > 0 ? (size_t)options->jobs : default_jobs();
	run->result->started = clock_now(run->events->clock ? run->events->clock : &clock_system);
	if (environment_prepare(run, err))
		return -1;
	run->journal = journal_open(path_join(run->arena, options->folder, "events.ndjson"), err);
	if (!run->journal)
		return -1;
	stages_build(run);
	resume_begin(run);
	secrets_begin(run);
	if (halts_prepare(run, err) || (!run->recovers && secrets_check(run, err))) {
		secrets_release(run);
		journal_close(run->journal);
		return -1;
	}
	child_adopt_strays();
	if (loop_on_signal(run->loop, on_signal, run, err) ||
	    keeper_listen(options->keeper, run->loop, on_news, run, err)) {
		secrets_release(run);
		journal_close(run->journal);
		return -1;
	}
	signals_let();
	event_hub_add_first(run->events, journal_sink(run->journal));
	if (event_wants_ticks(run->events))
		run->tick = loop_timer_start(run->loop, 100, 100, on_tick, run);
	if (run->plan->deadline > 0)
		run->deadline = loop_timer_start(run->loop, run->plan->deadline, 0, on_deadline,
						 run);
	emit_started(run);
	secrets_tell(run);
	telling_begin(run);
	return 0;
}

static bool goes_on(const struct run *run)
{
	return !run->result->reason && !run->result->signal;
}

static bool before_go_live(struct run *run)
{
	struct error err = {0};
	run->phase = RUN_BEFORE;
	schedule_phase(run, PHASE_BEFORE);
	for (size_t i = 0; goes_on(run) && i < run->plan->stages.count; i++)
		if (run->stages[i].plan->phase == PHASE_BEFORE && !run->stages[i].finished)
			run_fail(run, run->stages[i].name, NULL, "could not be reached", NULL);
	if (goes_on(run) && (journal_check(run->journal, &err) ||
	    journal_reserve(run->journal, &err) || secrets_ready(run, &err) ||
	    (!run->plan->maintenance && !run->result->live && go_live_intend(run, &err))))
		run_fail_with(run, &err);
	if (goes_on(run))
		telling_ready(run);
	loop_poll(run->loop);	/* a signal that came meanwhile still counts as before go-live */
	return goes_on(run);
}

/* To where production changes; what was halted on the way is started again later. */
static bool reach(struct run *run)
{
	struct error err = {0};
	if (go_live_announce(run) || !halts_stop(run))
		return false;
	if (!run->plan->maintenance || !go_live_intend(run, &err))
		return true;
	run_fail_with(run, &err);
	return false;
}

static void go_live(struct run *run)
{
	struct run_stage *stage = &run->stages[run->plan->go_live];
	if (run->result->live) {	/* an earlier run of this deploy came so far */
		schedule_stage(run, stage);
		return;
	}
	if (!reach(run))
		return;
	go_live_begin(run);
	schedule_stage(run, stage);
	run->result->live = stage->finished && !stage->failed &&
			    (goes_on(run) || (!run->result->reason && !go_live_can_undo(run)));
}

/* What went live half-way, in an earlier run of this deploy too, is undone. */
static void undo(struct run *run)
{
	if (run->result->touched && !run->result->live)
		run->result->undone = go_live_undo(run);
}

/* While the previous release is made live, the loop's signals and the hub's events are that
 * rollback's own, and stand in its own journal. */
static void roll_back(struct run *run)
{
	const struct run_options *options = run->options;
	struct run_result *result = run->result;
	size_t advised = result->advice.count;
	struct error err = {0};
	finish_release(run);
	event_hub_remove(run->events, journal_sink(run->journal));
	result->rolled_back = options->roll_back(options->context, result, &result->advice);
	run->events->redactor = run->redactor;
	event_hub_add_first(run->events, journal_sink(run->journal));
	if (result->rolled_back != RUN_NOT_ROLLED_BACK)
		result->live = false;
	run->rollback_unwell = result->advice.count > advised;
	if (loop_on_signal(run->loop, on_signal, run, &err) ||
	    keeper_listen(options->keeper, run->loop, on_news, run, &err))
		event_message(run->events, LEVEL_WARNING, "%s", err.message);
	signals_let();
}

static bool is_to_roll_back(const struct run *run)
{
	const struct run_options *options = run->options;
	return run->phase == RUN_SMOKE && text_equal(run->result->cause_stage, "smoke") &&
	       !run->result->signal && options->roll_back &&
	       options->config->smoke.on_fail != SMOKE_STOP;
}

/* An earlier run of this deploy had begun to roll back. */
static void roll_back_again(struct run *run)
{
	run->phase = RUN_SMOKE;
	run_fail(run, "smoke", NULL, "the smoke test failed before the deploy was interrupted",
		 NULL);
	roll_back(run);
}

static void behind(struct run *run)
{
	run->phase = RUN_BEHIND;
	run->signals = 0;
	keeper_note(run->options->keeper, LEASE_BEHIND, NULL);
	run->cancelled = run->deadline_over;
	schedule_phase(run, PHASE_BEHIND);
	for (size_t i = 0; i < run->plan->stages.count && goes_on(run); i++)
		if (run->stages[i].plan->phase == PHASE_BEHIND && run->stages[i].plan->selected &&
		    (!run->stages[i].finished || run->stages[i].failed))
			run_fail(run, run->stages[i].name, NULL,
				 "was not run: the deadline had passed", NULL);
	halts_start(run);
	if (goes_on(run))
		smoke_phase(run);
	if (is_to_roll_back(run))
		roll_back(run);
	if (!goes_on(run))
		return;
	run->phase = RUN_TASKS;
	run->signals = 0;
	keeper_note(run->options->keeper, LEASE_TASKS, NULL);
	run->cancelled = run->deadline_over;
	telling_passed(run);
	schedule_stage(run, &run->tasks);
	for (size_t i = 0; i < run->tasks.count && goes_on(run); i++)
		if (run->tasks.steps[i].status == STATUS_CANCELLED)
			run_fail(run, "tasks", run->tasks.steps[i].name,
				 "was not run: the deadline had passed", NULL);
}

static void run_deferred(struct run *run)
{
	bool any = false;
	for (size_t i = 0; i < run->deferred.count; i++)
		any = any || run->deferred.steps[i].plan->selected;
	run->phase = RUN_DEFERRED;
	run->signals = 0;
	run->cancelled = false;
	if (any && run->result->live && run->result->status == STATUS_OK &&
	    !run->options->nested)
		schedule_stage(run, &run->deferred);
	if (run->result->live && run->result->status == STATUS_OK && !run->tasks_alone &&
	    !run->options->nested)
		go_live_prune(run);
	finish_owed(run, true);
	telling_wait(run);
	struct event event = {.type = EVENT_DEFERRED_FINISHED, .exit_code = -1};
	event.status = run->result->deferred_failed ? STATUS_FAILED : STATUS_OK;
	if (any && run->result->status != STATUS_OK)
		event.status = STATUS_CANCELLED;
	run_emit_frame(run, &event);
}

static void loop_ends(void *context)
{
	loop_stop(context);
}

static void end(struct run *run)
{
	struct error err = {0};
	go_live_end_sound(run);
	journal_sync(run->journal, run->loop, loop_ends, run->loop);
	loop_run(run->loop);
	event_hub_remove(run->events, journal_sink(run->journal));
	journal_close(run->journal);
	loop_timer_stop(run->tick);
	loop_timer_stop(run->deadline);
	hosts_free(run->services.hosts);
	run->services.hosts = NULL;
	child_stop_strays(run->options->grace ? run->options->grace : CHILD_GRACE);
	if (keeper_listen(run->options->keeper, run->loop, NULL, NULL, &err))
		event_message(run->events, LEVEL_WARNING, "%s", err.message);
	signals_hold();
	if (loop_on_signal(run->loop, NULL, NULL, &err))
		event_message(run->events, LEVEL_WARNING, "%s", err.message);
	unlink(path_join(run->arena, run->options->folder, "changed"));
	bool over = run->result->status == STATUS_OK || run->recovers;	/* nothing to resume */
	if (over && tree_remove(path_join(run->arena, run->options->folder, "outputs"), &err))
		event_message(run->events, LEVEL_WARNING, "%s", err.message);
	secrets_release(run);
}

static struct run run_of(const struct plan *plan, const struct run_options *options,
			 struct run_result *result)
{
	*result = (struct run_result){0};
	return (struct run){
		.plan = plan, .options = options, .result = result, .loop = options->loop,
		.arena = options->arena, .events = options->events, .smoke_duration = -1,
	};
}

static void carry_out(struct run *run)
{
	if (run->options->rolling_back) {
		resume_settle_all(run);
		roll_back_again(run);
		return;
	}
	if (before_go_live(run))
		go_live(run);
	undo(run);
	if (run->result->live && goes_on(run))
		behind(run);
}

int run_deploy(const struct plan *plan, const struct run_options *options,
	       struct run_result *result, struct error *err)
{
	struct run run = run_of(plan, options, result);
	if (begin(&run, err))
		return -1;
	if (resume_verdict(&run))
		resume_settle_all(&run);
	else
		carry_out(&run);
	halts_start(&run);
	finish_failure_steps(&run);
	finish_release(&run);
	finish_result(&run);
	finish_verdict(&run);
	run_deferred(&run);
	end(&run);
	return 0;
}

int run_recover(const struct plan *plan, const struct run_options *options,
		struct run_result *result, struct error *err)
{
	struct run run = run_of(plan, options, result);
	run.recovers = true;
	run.tasks_alone = options->past->tasks_only;
	if (begin(&run, err))
		return -1;
	resume_settle_all(&run);
	run.phase = RUN_UNDO;
	undo(&run);
	halts_start(&run);
	if (options->rolling_back)
		roll_back_again(&run);
	finish_release(&run);
	finish_recovery(&run);
	finish_verdict(&run);
	end(&run);
	return 0;
}

int run_tasks(const struct plan *plan, const struct run_options *options,
	      struct run_result *result, struct error *err)
{
	struct run run = run_of(plan, options, result);
	run.tasks_alone = true;
	if (begin(&run, err))
		return -1;
	run.phase = RUN_TASKS;
	result->live = result->touched = true;
	schedule_stage(&run, &run.tasks);
	finish_result(&run);
	finish_verdict(&run);
	run_deferred(&run);
	end(&run);
	return 0;
}
