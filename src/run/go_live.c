/* Around go-live: the countdown, the foghorn, undo, the smoke test. */
#include "base/file.h"
#include "base/text.h"
#include "proc/loop.h"
#include "run/run_internal.h"
#include "services/smoke.h"
#include "sound/sound.h"

struct foghorn {
	struct run *run;
	struct sound_player *player;
	bool waited_for;
	int64_t begun;		/* clock_monotonic */
};

enum { SOUND_TROUBLE = 250 };	/* ms within which a missing device is known and told */

static void count_down(void *context)
{
	struct run *run = context;
	struct event event = {.type = EVENT_COUNTDOWN, .exit_code = -1};
	event.seconds = --run->seconds;
	event_emit(run->events, &event);
	if (run->seconds <= 0)
		loop_stop(run->loop);
}

static void loop_over(void *context)
{
	struct run *run = context;
	loop_stop(run->loop);
}

static void wait_countdown(struct run *run)
{
	run->phase = RUN_COUNTDOWN;
	run->seconds = run->options->countdown + 1;
	run->waiting = true;
	run->countdown = loop_timer_start(run->loop, 0, 1000, count_down, run);
	loop_run(run->loop);
	loop_timer_stop(run->countdown);
	run->countdown = NULL;
	run->waiting = false;
}

static void sound_over(void *context, const char *problem)
{
	struct foghorn *foghorn = context;
	foghorn->player = NULL;
	if (problem) {
		struct event event = {.type = EVENT_MESSAGE, .level = LEVEL_INFO, .bell = true,
				      .exit_code = -1};
		event.text = arena_format(foghorn->run->arena, "no foghorn: %s", problem);
		event_emit(foghorn->run->events, &event);
	}
	if (foghorn->waited_for)
		loop_stop(foghorn->run->loop);
}

static void blow(struct run *run)
{
	struct error err = {0};
	if (!run->options->sound)
		return;
	run->foghorn = arena_new(run->arena, struct foghorn);
	run->foghorn->run = run;
	run->foghorn->begun = clock_monotonic();
	run->foghorn->player = sound_start(run->loop, run->options->sound, sound_over,
					   run->foghorn, &err);
	if (!run->foghorn->player)
		sound_over(run->foghorn, err.message);
}

int go_live_announce(struct run *run)
{
	if (run->options->countdown > 0)
		wait_countdown(run);
	if (run->result->signal || run->deadline_over)
		return -1;
	blow(run);
	return 0;
}

int go_live_intend(struct run *run, struct error *err)
{
	return work_set(run, LEASE_GO_LIVE, err);
}

void go_live_begin(struct run *run)
{
	struct event event = {.type = EVENT_GO_LIVE, .exit_code = -1,
			      .commit = run->options->identity.commit};
	run->phase = RUN_GO_LIVE;
	run->signals = 0;
	run->result->touched = true;
	event_emit(run->events, &event);
}

void go_live_end_sound(struct run *run)
{
	struct foghorn *foghorn = run->foghorn;
	if (!foghorn || !foghorn->player)
		return;
	int64_t left = foghorn->begun + SOUND_TROUBLE - clock_monotonic();
	if (run->result->signal) {
		sound_stop(foghorn->player);
	} else if (left > 0) {
		struct loop_timer *timer = loop_timer_start(run->loop, left, 0, loop_over, run);
		foghorn->waited_for = true;
		run->waiting = true;
		loop_run(run->loop);
		loop_timer_stop(timer);
	}
	/* It plays to its end while we go on: nobody waits for it. */
	if (!run->result->signal)
		sound_leave(foghorn->player);
	foghorn->player = NULL;
}

void run_touch(struct run_step *step)
{
	struct run *run = step->run;
	for (size_t i = 0; i < run->touched.count; i++)
		if (run->touched.items[i] == step)
			return;
	vec_push(run->arena, &run->touched, step);
	run->result->touched = true;
}

/* What a rollback ran in place of a step is not what the step's undo undoes. */
static bool has_command(const struct run_step *step)
{
	const struct command_text *undo = &step->config->undo;
	return !step->command && (undo->shell || undo->arguments.count);
}

bool step_has_undo(const struct run_step *step)
{
	const struct step_kind *kind = step_kind_find(step->config->kind);
	return has_command(step) || (!step->command && kind && kind->undo);
}

bool step_is_harmless(const struct run_step *step)
{
	const struct step_kind *kind = step_kind_find(step->config->kind);
	if (step_has_undo(step) || !kind)
		return false;
	return kind->harmless || (kind->is_harmless && kind->is_harmless(step->config));
}

typedef void *start_fn(const struct step_request *request, struct error *err);

/* start NULL: the step's own undo. */
static bool run_aside(struct run *run, struct run_step *of, const char *action, start_fn *start)
{
	struct run_stage *stage = of->stage;
	struct run_step *step = arena_new(run->arena, struct run_step);
	*step = (struct run_step){
		.run = run, .stage = stage, .config = of->config, .name = of->name,
		.action = action, .aside = true, .start = start,
		.command = start ? NULL : &of->config->undo,
		.plan = of->plan, .half = of->half, .place = of->place, .estimate = -1,
		.active = true,
	};
	run->running++;
	stage->active++;
	run->undoing = step;
	if (!stage->environment)	/* an earlier run of this deploy started it */
		stage->environment = environment_stage(run, stage);
	step_begin(step);
	while (step->status == STATUS_NONE)
		if (loop_run(run->loop))
			break;
	run->undoing = NULL;
	return step->status == STATUS_OK;
}

static bool undo_step(struct run *run, struct run_step *of)
{
	const struct step_kind *kind = step_kind_find(of->config->kind);
	of->undo_begun = true;
	work_note(run);
	of->undone = run_aside(run, of, "undo", has_command(of) ? NULL : kind->undo);
	work_note(run);
	return of->undone;
}

bool go_live_can_undo(const struct run *run)
{
	bool can = true;
	for (size_t i = 0; i < run->touched.count; i++)
		can = can && (step_has_undo(run->touched.items[i]) ||
			      step_is_harmless(run->touched.items[i]));
	return can;
}

bool go_live_undo(struct run *run)
{
	bool all = !run->lost;
	run->phase = RUN_UNDO;
	run->signals = 0;
	for (size_t i = run->touched.count; i-- > 0;) {
		struct run_step *step = run->touched.items[i];
		if (step_is_harmless(step))
			continue;
		if (step_has_undo(step) && !run_may_go_on(run)) {
			all = false;
			text_list_add(run->arena, &run->result->advice,
				      arena_format(run->arena, "%s.%s was not undone, for the "
						   "lease was lost.", step->stage->name,
						   step->name));
			continue;
		}
		if (step_has_undo(step) && undo_step(run, step))
			continue;
		all = false;
		text_list_add(run->arena, &run->result->advice,
			      arena_format(run->arena, step_has_undo(step)
				? "The undo of %s.%s failed: put right by hand what it left behind."
				: "%s.%s was started and has no undo: see what it left behind.",
				step->stage->name, step->name));
	}
	return all;
}

void go_live_prune(struct run *run)
{
	for (size_t i = 0; i < run->touched.count && !run->cancelled; i++) {
		struct run_step *step = run->touched.items[i];
		const struct step_kind *kind = step_kind_find(step->config->kind);
		if (kind && kind->prune && !step->command && !step->plan->kept &&
		    step->status == STATUS_OK && !run_aside(run, step, "prune", kind->prune))
			run->result->deferred_failed = true;
	}
}

static enum event_status status_of(enum smoke_status status)
{
	static const enum event_status statuses[] = {
		[SMOKE_OK] = STATUS_OK, [SMOKE_FAILED] = STATUS_FAILED,
		[SMOKE_TIMED_OUT] = STATUS_TIMED_OUT, [SMOKE_CANCELLED] = STATUS_CANCELLED,
	};
	return statuses[status];
}

void run_smoke_checked(void *context, const struct smoke_check_result *check)
{
	struct run *run = context;
	struct event event = {.type = EVENT_SMOKE_CHECK, .name = check->name, .exit_code = -1,
			      .status = status_of(check->status), .duration = check->duration,
			      .reason = check->reason};
	event_emit(run->events, &event);
}

static void check_retried(void *context, const struct smoke_check_result *check)
{
	struct run *run = context;
	struct event event = {.type = EVENT_WAITING, .exit_code = -1};
	event.text = arena_format(run->arena, "smoke test %s: %s", check->name,
				  check->reason ? check->reason : "not yet");
	event_emit(run->events, &event);
}

static void check_printed(void *context, const char *check, const char *bytes, size_t length)
{
	struct run *run = context;
	struct event_output output = {.stage = "smoke", .step = check, .stream = "stdout",
				      .bytes = bytes, .length = length};
	event_emit_output(run->events, &output);
}

static void smoke_ended(void *context, const struct smoke_result *result)
{
	struct run *run = context;
	struct event event = {.type = EVENT_WAITING, .exit_code = -1, .text = ""};
	event_emit(run->events, &event);
	if (!result->passed) {
		const struct smoke_check_result *first = result->first_failed;
		run_fail(run, "smoke", first ? arena_string(run->arena, first->name) : NULL,
			 first && first->reason ? arena_string(run->arena, first->reason)
						: "the smoke test failed", NULL);
	}
	run->smoke_duration = result->passed ? result->duration : -1;
	run->smoke_over = true;
	loop_stop(run->loop);
}

const char *run_stage_commit(void *context, const char *stage)
{
	const struct run *run = context;
	for (size_t i = 0; i < run->plan->stages.count; i++)
		if (!strcmp(run->stages[i].name, stage) &&
		    (!run->stages[i].plan->selected || run->stages[i].unchanged))
			return run->options->stage_commit
				? run->options->stage_commit(run->options->context, stage) : NULL;
	return run->options->identity.commit;
}

/* The commit that pages must show: the one with which the named stage last went live. */
static const char *smoke_commit(struct run *run)
{
	const char *of = run->options->config->smoke.commit_of;
	return of ? run_stage_commit(run, of) : run->options->identity.commit;
}

void smoke_phase(struct run *run)
{
	const struct smoke_config *config = &run->options->config->smoke;
	struct error err = {0};
	run->phase = RUN_SMOKE;
	run->signals = 0;
	keeper_note(run->options->keeper, LEASE_SMOKE, NULL);
	if (run->options->without_smoke || !config->present || !config->checks.count)
		return;
	const struct expand_lookup lookup = {.get = run_value, .context = run};
	struct smoke_options options = {
		.loop = run->loop,
		.config = config,
		.lookup = &lookup,
		.url = run->options->identity.url,
		.commit = config->commit_match ? smoke_commit(run) : NULL,
		.environment = run->environment,
		.directory = run->options->root,
		.context = run,
		.on_check = run_smoke_checked,
		.on_retry = check_retried,
		.on_output = check_printed,
		.on_done = smoke_ended,
		.redactor = run->redactor,
	};
	run->waiting = true;
	run->smoke = smoke_start(&options, &err);
	if (!run->smoke)
		run_fail(run, "smoke", NULL, arena_string(run->arena, err.message), NULL);
	while (run->smoke && !run->smoke_over)
		if (loop_run(run->loop))
			break;
	smoke_free(run->smoke);
	run->smoke = NULL;
	run->waiting = false;
}
