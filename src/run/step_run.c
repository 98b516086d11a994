/* One step: attempts and time limits. */
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"
#include "proc/loop.h"
#include "run/step_internal.h"
#include "state/deploys.h"

#define LATE_LEAST 30000	/* ms */

const char *step_log_path(struct run_step *step, struct arena *arena)
{
	struct deploy_folder folder = {
		.path = step->run->options->folder,
		.logs = arena_format(arena, "%s/logs", step->run->options->folder),
	};
	return deploy_log_path(arena, &folder, step->stage->name, step->name);
}

static struct event event_of(const struct run_step *step, enum event_type type)
{
	return (struct event){
		.type = type, .stage = step->stage->name, .step = step->name,
		.action = step->action, .attempt = step->attempts, .exit_code = -1,
		.interactive = step->config->interactive,
	};
}

static void note_process(void *context, int64_t pid, int64_t started)
{
	struct step_attempt *attempt = context;
	struct event event = event_of(attempt->step, EVENT_STEP_PROCESS);
	event.pid = pid;
	event.pid_started = started;
	event_emit(attempt->step->run->events, &event);
}

static void stop_timers(struct step_attempt *attempt)
{
	loop_timer_stop(attempt->timeout);
	loop_timer_stop(attempt->idle);
	loop_timer_stop(attempt->late);
	loop_timer_stop(attempt->retry);
	loop_timer_stop(attempt->save);
	attempt->timeout = attempt->idle = attempt->late = attempt->retry = attempt->save = NULL;
}

static void free_attempt(struct step_attempt *attempt)
{
	stop_timers(attempt);
	step_log_close(&attempt->log);
	buffer_release(&attempt->clean);
	buffer_release(&attempt->line[0]);
	buffer_release(&attempt->line[1]);
	redact_end(attempt->step->run->redactor, &attempt->raw[0], NULL);
	redact_end(attempt->step->run->redactor, &attempt->raw[1], NULL);
	arena_release(&attempt->arena);
	free(attempt);
}

static void stop_attempt(struct step_attempt *attempt)
{
	if (attempt->step->command)
		step_command_stop(attempt->running);
	else
		step_kind_find(attempt->step->config->kind)->stop(attempt->running);
}

static void time_out(struct step_attempt *attempt, const char *reason)
{
	if (attempt->timed_out || !attempt->running)
		return;
	attempt->timed_out = true;
	attempt->request.patient = false;	/* a limit that was written is meant */
	attempt->reason = reason;
	stop_attempt(attempt);
}

static void timeout_over(void *context)
{
	struct step_attempt *attempt = context;
	char text[32];
	time_out(attempt, arena_format(&attempt->arena, "took longer than its timeout of %s",
				       duration_format(text, attempt->step->timeout)));
}

static void idle_over(void *context)
{
	struct step_attempt *attempt = context;
	char text[32];
	time_out(attempt, arena_format(&attempt->arena, "printed nothing for %s (idle_timeout)",
		duration_format(text, attempt->step->config->idle_timeout)));
}

static void late_over(void *context)
{
	struct step_attempt *attempt = context;
	struct run_step *step = attempt->step;
	char text[32], usual[32];
	event_message(step->run->events, LEVEL_WARNING,
		      "%s.%s has been running for %s; it usually takes %s", step->stage->name,
		      step->name, duration_format(text, clock_monotonic() - step->begun),
		      duration_format(usual, step->estimate));
}

/* Three times as long as usual; what usually takes a moment may take its time. */
static int64_t late_after(const struct run_step *step)
{
	return step->estimate * 3 > LATE_LEAST ? step->estimate * 3 : LATE_LEAST;
}

static void start_timers(struct step_attempt *attempt)
{
	struct run_step *step = attempt->step;
	struct loop *loop = step->run->loop;
	if (step->timeout > 0)
		attempt->timeout = loop_timer_start(loop, step->timeout, 0, timeout_over, attempt);
	else if (step->estimate > 0)
		attempt->late = loop_timer_start(loop, late_after(step), 0, late_over, attempt);
	if (step->config->idle_timeout > 0)
		attempt->idle = loop_timer_start(loop, step->config->idle_timeout, 0, idle_over,
						 attempt);
}

/* The step has ended for good. */
static void settle(struct run_step *step, enum event_status status,
		   const struct step_outcome *outcome)
{
	struct step_attempt *attempt = step->attempt;
	struct event event = event_of(step, EVENT_STEP_FINISHED);
	step->status = status;
	if (outcome->place)
		step->place = arena_string(step->run->arena, outcome->place);
	step->duration = clock_monotonic() - step->begun;
	event.status = status;
	event.duration = step->duration;
	event.reason = attempt->reason ? attempt->reason
				       : outcome->reason ? outcome->reason : outcome->remark;
	event.exit_code = outcome->exit.code;
	event.signal = outcome->exit.signal ? child_signal_name(outcome->exit.signal) : NULL;
	event.allowed = step->config->allow_failure;
	event.place = outcome->place;
	if (status == STATUS_OK && outcome->remark)
		run_remark(step, outcome->remark);
	event.log = attempt->log.fd >= 0 || attempt->log.errnum ? attempt->log.path : NULL;
	step_output_close(attempt);	/* whoever hears of the end finds all of it there */
	event_emit(step->run->events, &event);
	if (status != STATUS_OK && status != STATUS_CANCELLED && !step->unchanged &&
	    !event.allowed && !step->aside)
		run_fail(step->run, step->stage->name, step->name,
			 event.reason ? event.reason : "failed", event.log);
	step->attempt = NULL;
	attempt->over = true;
	free_attempt(attempt);
	if (step->run->phase == RUN_GO_LIVE && !step->aside)
		work_note(step->run);
	schedule_ended(step);
}

static void begin_attempt(struct run_step *step);

static void try_again(void *context)
{
	struct step_attempt *attempt = context;
	struct run_step *step = attempt->step;
	step->attempt = NULL;
	free_attempt(attempt);
	begin_attempt(step);
}

static bool retry_later(struct step_attempt *attempt, enum event_status status,
			const struct step_outcome *outcome)
{
	struct run_step *step = attempt->step;
	if (step->attempts > step->config->retries || step->stopping || step->run->cancelled)
		return false;
	int64_t delay = (int64_t)1000 << (step->attempts < 6 ? step->attempts - 1 : 5);
	delay = delay * 3 / 4 + random_below((uint32_t)delay / 2);
	char text[32];
	event_message(step->run->events, LEVEL_WARNING, "%s.%s %s (%s); attempt %d of %d in %s",
		      step->stage->name, step->name,
		      status == STATUS_TIMED_OUT ? "timed out" : "failed",
		      attempt->reason ? attempt->reason
				      : outcome->reason ? outcome->reason : "no reason given",
		      step->attempts + 1, step->config->retries + 1,
		      duration_format(text, delay));
	stop_timers(attempt);
	step_output_close(attempt);
	attempt->running = NULL;
	attempt->retry = loop_timer_start(step->run->loop, delay, 0, try_again, attempt);
	return true;
}

static void attempt_ended(void *context, const struct step_outcome *outcome)
{
	struct step_attempt *attempt = context;
	struct run_step *step = attempt->step;
	struct error err = {0};
	enum event_status status = outcome->ok ? STATUS_OK : STATUS_FAILED;
	step_output_end(attempt);
	if (attempt->timed_out)
		status = STATUS_TIMED_OUT;
	else if (step->stopping && !outcome->ok)
		status = STATUS_CANCELLED;
	if (status == STATUS_OK && outputs_read(step, &attempt->arena, &err)) {
		status = STATUS_FAILED;
		attempt->reason = arena_string(&attempt->arena, err.message);
	}
	if (status == STATUS_OK && outcome->unchanged && !step->aside) {
		status = STATUS_SKIPPED;
		step->unchanged = run_redacted(step->run, outcome->reason);
	}
	bool bad = status == STATUS_FAILED || status == STATUS_TIMED_OUT;
	if (!bad || !retry_later(attempt, status, outcome))
		settle(step, status, outcome);
}

static void could_not_start(struct step_attempt *attempt, const struct error *err)
{
	struct step_outcome outcome = {.exit = {.code = -1}};
	attempt->reason = arena_string(&attempt->arena, err->message);
	settle(attempt->step, STATUS_FAILED, &outcome);
}

static void start_kind(struct step_attempt *attempt)
{
	struct run_step *step = attempt->step;
	const struct step_kind *kind = step_kind_find(step->config->kind);
	struct error err = {0};
	if (step->command)
		attempt->running = step_command_start(&attempt->request, step->command, &err);
	else if (step->start)
		attempt->running = step->start(&attempt->request, &err);
	else if (kind)
		attempt->running = kind->start(&attempt->request, &err);
	else
		error_set(&err, "this version of shipit cannot run a step of kind '%s'",
			  step->config->kind);
	if (!attempt->running) {
		could_not_start(attempt, &err);
		return;
	}
	step->started = true;
	if (step->run->phase == RUN_GO_LIVE && !step->aside && step->attempts == 1)
		run_touch(step);
	start_timers(attempt);
}

/* What was announced is on the disk now, or the disk is broken. */
static void announced(void *context)
{
	struct step_attempt *attempt = context;
	struct run_step *step = attempt->step;
	struct run *run = step->run;
	struct error err = {0};
	journal_flush(run->journal);
	if (journal_check(run->journal, &err) && !run_production(run)) {
		could_not_start(attempt, &err);
		return;
	}
	if (err.message[0] && !run->journal_told)
		event_message(run->events, LEVEL_ERROR, "%s", err.message);
	run->journal_told = run->journal_told || err.message[0];
	if (step->stopping) {
		struct step_outcome outcome = {.exit = {.code = -1}};
		settle(step, STATUS_CANCELLED, &outcome);
		return;
	}
	struct error lost = {0};
	if (run->phase == RUN_GO_LIVE && !step->command && work_step(step, &lost))
		could_not_start(attempt, &lost);
	else
		start_kind(attempt);
}

static int fill_request(struct step_attempt *attempt, struct error *err)
{
	struct run_step *step = attempt->step;
	const struct run_options *options = step->run->options;
	attempt->request = (struct step_request){
		.loop = step->run->loop,
		.arena = &attempt->arena,
		.config = options->config,
		.step = step->config,
		.half = step->half,
		.id = options->identity.id,
		.commit = options->identity.commit,
		.release = step->plan && step->plan->kept ? step->plan->kept->release
							  : options->identity.id,
		.place = step_kept_place(step),
		.fingerprints = &step->run->plan->fingerprints,
		.root = options->root,
		.grace = options->grace,
		.patient = run_production(step->run),
		.events = step->run->events,
		.services = &step->run->services,
		.output = step_output_take,
		.started = note_process,
		.done = attempt_ended,
		.context = attempt,
	};
	attempt->request.directory = step->config->dir
		? path_join(&attempt->arena, options->root, step->config->dir) : options->root;
	attempt->request.environment = environment_step(step, &attempt->arena, err);
	if (!attempt->request.environment)
		return -1;
	attempt->request.handed = environment_handed(&attempt->arena, attempt->request.environment);
	return 0;
}

static void begin_attempt(struct run_step *step)
{
	struct step_attempt *attempt = calloc(1, sizeof(*attempt));
	struct error err = {0};
	if (!attempt)
		abort();
	step->attempt = attempt;
	step->attempts++;
	attempt->step = step;
	attempt->begun = clock_monotonic();
	buffer_init(&attempt->clean, SIZE_MAX / 2);
	buffer_init(&attempt->line[0], LINE_MAXIMUM);
	buffer_init(&attempt->line[1], LINE_MAXIMUM);
	if (step->attempts > 1 || step->run->options->past)
		unlink(outputs_path(step, &attempt->arena));
	step_log_init(&attempt->log, step_log_path(step, &attempt->arena));
	struct event event = event_of(step, EVENT_STEP_STARTED);
	trace_span_new(step->span);
	event.span = step->span;
	event.estimate = step->estimate > 0 ? step->estimate : 0;
	event.log = attempt->log.path;
	event_emit(step->run->events, &event);
	if (fill_request(attempt, &err))
		could_not_start(attempt, &err);
	else if (run_production(step->run))
		journal_sync(step->run->journal, step->run->loop, announced, attempt);
	else
		announced(attempt);
}

void step_begin(struct run_step *step)
{
	step->begun = clock_monotonic();
	begin_attempt(step);
}

void step_stop(struct run_step *step)
{
	struct step_attempt *attempt = step->attempt;
	step->stopping = true;
	if (!attempt)
		return;
	if (attempt->retry) {
		struct step_outcome outcome = {.exit = {.code = -1}};
		settle(step, STATUS_CANCELLED, &outcome);
	} else if (attempt->running) {
		stop_attempt(attempt);
	}
}
