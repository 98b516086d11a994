/* From the journal of a deploy that ended or died to what it had done. */
#include "run/past.h"

#include <errno.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "proc/child.h"
#include "run/journal.h"
#include "run/maintenance.h"
#include "state/lease.h"

#define JOURNAL_MAXIMUM ((size_t)1 << 30)

struct reader {
	struct arena *arena;
	struct run_past *past;
};

struct run_past_step *run_past_find(const struct run_past *past, const char *stage,
				    const char *name, const char *action)
{
	for (size_t i = 0; i < past->steps.count; i++) {
		struct run_past_step *step = &past->steps.items[i];
		if (text_equal(step->stage, stage) && text_equal(step->name, name) &&
		    text_equal(step->action, action))
			return step;
	}
	return NULL;
}

static bool is_undo(const struct event *event)
{
	return text_equal(event->action, "undo");
}

/* The undo of a step names neither half: it belongs to what the go-live stage started of it. */
static struct run_past_step *step_of(const struct run_past *past, const struct event *event)
{
	if (!is_undo(event))
		return run_past_find(past, event->stage, event->step, event->action);
	for (size_t i = 0; i < past->steps.count; i++) {
		struct run_past_step *step = &past->steps.items[i];
		if (step->go_live && text_equal(step->stage, event->stage) &&
		    text_equal(step->name, event->step))
			return step;
	}
	return NULL;
}

static const char *keep(struct arena *arena, const char *text)
{
	return text ? arena_string(arena, text) : NULL;
}

static void deploy_started(struct reader *reader, const struct event *event)
{
	struct run_past *past = reader->past;
	if (!past->started) {
		past->started = event->time;
		past->id = keep(reader->arena, event->id);
		past->env = keep(reader->arena, event->env);
		past->commit = keep(reader->arena, event->commit);
		past->previous = keep(reader->arena, event->previous);
		past->deployer = keep(reader->arena, event->deployer);
		past->plan = keep(reader->arena, event->plan);
		past->tasks_only = event->tasks_only;
	}
	past->verdict = past->deferred = false;
	past->status = STATUS_NONE;
}

static void step_started(struct reader *reader, const struct event *event)
{
	struct run_past *past = reader->past;
	struct run_past_step *step = step_of(past, event);
	if (!event->stage || !event->step || text_equal(event->action, "prune"))
		return; /* what no release needs is pruned once more, or is not: no matter */
	if (is_undo(event)) {
		past->undoing = true;
		past->live = false;
		if (step) {
			step->undoing = true;
			step->pid = step->started = 0;
		}
		return;
	}
	if (!step) {
		struct run_past_step fresh = {
			.stage = keep(reader->arena, event->stage),
			.name = keep(reader->arena, event->step),
			.action = keep(reader->arena, event->action),
		};
		vec_push(reader->arena, &past->steps, fresh);
		step = &past->steps.items[past->steps.count - 1];
	}
	step->go_live = past->go_live && !past->live &&
			text_equal(past->go_live_stage, event->stage);
	step->undoing = step->undone = false;
	step->status = STATUS_NONE;
	step->attempt = event->attempt;
	step->pid = step->started = 0;
}

static void step_finished(struct reader *reader, const struct event *event)
{
	struct run_past_step *step = step_of(reader->past, event);
	if (!step)
		return;		/* it was skipped or called off: it never started */
	step->pid = step->started = 0;
	if (is_undo(event)) {
		step->undone = event->status == STATUS_OK;
		return;
	}
	/* A later run that did not come to it, or took it over, changes nothing of what it did. */
	if (event->attempt == 0 && step->status != STATUS_NONE)
		return;
	if (event->status == STATUS_RESUMED && step->status == STATUS_OK)
		return;
	step->status = event->status;
	step->duration = event->duration;
	step->place = keep(reader->arena, event->place);
}

static struct run_past_halt *find_halt(struct run_past *past, const char *name)
{
	for (size_t i = 0; i < past->halts.count; i++)
		if (text_equal(past->halts.items[i].name, name))
			return &past->halts.items[i];
	return NULL;
}

static void step_process(struct reader *reader, const struct event *event)
{
	struct run_past_step *step = step_of(reader->past, event);
	struct run_past_halt *halt = text_equal(event->stage, MAINTENANCE_STAGE)
		? find_halt(reader->past, event->step) : NULL;
	if (halt) {
		halt->pid = event->pid;
		halt->started = event->pid_started;
	} else if (step) {
		step->pid = event->pid;
		step->started = event->pid_started;
	}
}

static void halt_changed(struct reader *reader, const struct event *event,
			 enum run_past_halt_state state)
{
	struct run_past *past = reader->past;
	struct run_past_halt *halt = find_halt(past, event->halt);
	if (!event->halt || (!halt && state != PAST_HALT_INTENT))
		return;
	if (!halt) {
		struct run_past_halt fresh = {.name = keep(reader->arena, event->halt)};
		vec_push(reader->arena, &past->halts, fresh);
		halt = &past->halts.items[past->halts.count - 1];
	}
	/* One that would not stop, or would not start again, may be either. */
	bool failed = event->status != STATUS_OK && event->status != STATUS_NONE;
	halt->state = failed ? PAST_HALT_INTENT : state;
	if (state == PAST_HALT_INTENT && event->how)
		halt->how = keep(reader->arena, event->how);
}

static void stage_event(struct reader *reader, const struct event *event)
{
	struct run_past *past = reader->past;
	if (event->type == EVENT_STAGE_STARTED && past->go_live && !past->go_live_stage)
		past->go_live_stage = keep(reader->arena, event->stage);
	if (event->type == EVENT_STAGE_FINISHED && event->status == STATUS_OK &&
	    past->go_live_stage && text_equal(past->go_live_stage, event->stage))
		past->live = true;
}

static int take(void *context, const struct event *event)
{
	struct reader *reader = context;
	struct run_past *past = reader->past;
	past->ended = event->time;
	past->seq = event->seq > past->seq ? event->seq : past->seq;
	switch (event->type) {
	case EVENT_DEPLOY_STARTED:
		deploy_started(reader, event);
		break;
	case EVENT_STAGE_STARTED:
	case EVENT_STAGE_FINISHED:
		stage_event(reader, event);
		break;
	case EVENT_STEP_STARTED:
		step_started(reader, event);
		break;
	case EVENT_STEP_PROCESS:
		step_process(reader, event);
		break;
	case EVENT_STEP_FINISHED:
		step_finished(reader, event);
		break;
	case EVENT_MAINTENANCE_INTENT:
		halt_changed(reader, event, PAST_HALT_INTENT);
		break;
	case EVENT_MAINTENANCE_ON:
		halt_changed(reader, event, PAST_HALT_ON);
		break;
	case EVENT_MAINTENANCE_OFF:
		halt_changed(reader, event, PAST_HALT_OFF);
		break;
	case EVENT_GO_LIVE:
		past->go_live = true;
		past->live_at = event->time;
		break;
	case EVENT_MARKER:
		if (event->status == STATUS_OK && event->name)
			text_list_add(reader->arena, &past->told, keep(reader->arena, event->name));
		break;
	case EVENT_DEPLOY_FINISHED:
		past->verdict = true;
		past->status = event->status;
		break;
	case EVENT_DEFERRED_FINISHED:
		past->deferred = true;
		break;
	default:
		break;
	}
	return 0;
}

struct run_past *run_past_parse(struct arena *arena, const char *bytes, size_t length)
{
	struct run_past *past = arena_new(arena, struct run_past);
	struct reader reader = {.arena = arena, .past = past};
	journal_read(bytes, length, &past->bad, take, &reader);
	return past;
}

struct run_past *run_past_read(struct arena *arena, const char *path, struct error *err)
{
	CLEANUP(buffer_release) struct buffer bytes;
	struct error problem = {0};
	buffer_init(&bytes, JOURNAL_MAXIMUM);
	if (file_read(path, &bytes, &problem) && errno != ENOENT) {
		*err = problem;
		return NULL;
	}
	return run_past_parse(arena, bytes.data, bytes.length);
}

static void step_from_work(struct arena *arena, struct run_past *past, const json_t *entry)
{
	const char *status = json_text_get(arena, entry, "status");
	struct run_past_step step = {
		.stage = json_text_get(arena, entry, "stage"),
		.name = json_text_get(arena, entry, "step"),
		.action = json_text_get(arena, entry, "action"),
		.status = status ? event_status_parse(status) : STATUS_NONE,
		.undone = json_is_true(json_object_get(entry, "undone")),
		.go_live = true,
	};
	step.undoing = step.undone || json_is_true(json_object_get(entry, "undoing"));
	past->undoing = past->undoing || step.undoing;
	if (step.stage && step.name)
		vec_push(arena, &past->steps, step);
}

struct run_past *run_past_from_work(struct arena *arena, const json_t *work, int phase)
{
	struct run_past *past = arena_new(arena, struct run_past);
	const json_t *entry;
	size_t i;
	past->elsewhere = true;
	past->phase = phase;
	past->plan = json_text_get(arena, work, "plan");
	past->go_live_stage = json_text_get(arena, work, "go_live");
	past->go_live = phase >= LEASE_GO_LIVE;
	past->live = phase >= LEASE_BEHIND;
	past->verdict = phase == LEASE_DEFERRED;
	past->status = past->verdict ? STATUS_OK : STATUS_NONE;
	json_array_foreach(json_object_get(work, "steps"), i, entry)
		step_from_work(arena, past, entry);
	json_array_foreach(json_object_get(work, "halts"), i, entry)
	{
		char *how = json_dumps(entry, JSON_COMPACT);
		struct run_past_halt halt = {.name = json_text_get(arena, entry, "halt")};
		halt.how = how ? arena_string(arena, how) : NULL;
		free(how);
		if (halt.name)
			vec_push(arena, &past->halts, halt);
	}
	return past;
}

bool run_past_finished(const struct run_past_step *step)
{
	return !step->undoing && !step->again && (step->done || step->status == STATUS_OK ||
				  step->status == STATUS_CACHED || step->status == STATUS_RESUMED);
}

bool run_past_unknown(const struct run_past_step *step)
{
	return step->status == STATUS_NONE && !step->undoing && !step->again && !step->done;
}

bool run_past_touched(const struct run_past_step *step)
{
	return step->go_live && !step->undone;
}

bool run_past_survives(const struct run_past_step *step)
{
	return step->pid > 0 && process_runs(step->pid, step->started);
}

json_t *run_past_stopped(const struct run_past *past)
{
	json_t *list = json_array();
	for (size_t i = 0; i < past->halts.count; i++) {
		const struct run_past_halt *halt = &past->halts.items[i];
		json_t *how = halt->state != PAST_HALT_OFF && halt->how
			? json_loads(halt->how, 0, NULL) : NULL;
		if (how)
			json_array_append_new(list, how);
	}
	return list;
}

static bool is_whole_name(const struct run_past_step *step, const char *name)
{
	size_t length = strlen(step->stage);
	return !strncmp(name, step->stage, length) && name[length] == '.' &&
	       text_equal(name + length + 1, step->name);
}

/* Of the steps under way the one that is meant; NULL when there is none, or more than one. */
static struct run_past_step *find_unknown(struct run_past *past, const char *name)
{
	struct run_past_step *found = NULL;
	size_t count = 0;
	for (size_t i = 0; i < past->steps.count; i++) {
		struct run_past_step *step = &past->steps.items[i];
		if (step->status != STATUS_NONE || step->undoing)
			continue;
		if (is_whole_name(step, name))
			return step;
		if (text_equal(step->name, name)) {
			found = step;
			count++;
		}
	}
	return count == 1 ? found : NULL;
}

int run_past_answer(struct run_past *past, const char *name, bool done, struct error *err)
{
	struct run_past_step *step = find_unknown(past, name);
	if (!step) {
		error_set(err, "no step '%s' was under way when the deploy ended, or several were",
			  name);
		error_hint(err, "name it STAGE.STEP, as `shipit -e %s status` shows it",
			   past->env ? past->env : "ENV");
		return error_code(err, EXIT_USAGE);
	}
	step->done = done;
	step->again = !done;
	return 0;
}
