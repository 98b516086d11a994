/* Events: the table of their fields, the hub that hands them out. */
#include "run/event.h"

#include <assert.h>
#include <stdarg.h>

#include "crypto/redact.h"
#include "run/event_internal.h"

#define FIELD(NAME, KIND, MEMBER) \
	{ \
		NAME, KIND, offsetof(struct event, MEMBER) \
	}

const struct event_field event_fields[FIELD_COUNT] = {
	[FIELD_ID] = FIELD("id", KIND_TEXT, id),
	[FIELD_APP] = FIELD("app", KIND_TEXT, app),
	[FIELD_ENV] = FIELD("env", KIND_TEXT, env),
	[FIELD_COMMIT] = FIELD("commit", KIND_TEXT, commit),
	[FIELD_PREVIOUS] = FIELD("previous", KIND_TEXT_OR_NULL, previous),
	[FIELD_DEPLOYER] = FIELD("deployer", KIND_TEXT, deployer),
	[FIELD_PLAN] = FIELD("plan", KIND_TEXT, plan),
	[FIELD_BRANCH] = FIELD("branch", KIND_TEXT, branch),
	[FIELD_URL] = FIELD("url", KIND_TEXT, url),
	[FIELD_STAGE] = FIELD("stage", KIND_TEXT, stage),
	[FIELD_STEP] = FIELD("step", KIND_TEXT, step),
	[FIELD_ACTION] = FIELD("action", KIND_TEXT, action),
	[FIELD_SPAN] = FIELD("span", KIND_TEXT, span),
	[FIELD_ATTEMPT] = FIELD("attempt", KIND_NUMBER, attempt),
	[FIELD_STATUS] = FIELD("status", KIND_STATUS, status),
	[FIELD_EXIT_CODE] = FIELD("exit_code", KIND_EXIT_CODE, exit_code),
	[FIELD_SIGNAL] = FIELD("signal", KIND_TEXT, signal),
	[FIELD_DURATION] = FIELD("duration_ms", KIND_NUMBER, duration),
	[FIELD_ESTIMATE] = FIELD("estimate_ms", KIND_NUMBER_IF_SET, estimate),
	[FIELD_NAME] = FIELD("name", KIND_TEXT, name),
	[FIELD_HALT] = FIELD("halt", KIND_TEXT, halt),
	[FIELD_HOW] = FIELD("how", KIND_JSON, how),
	[FIELD_TASK] = FIELD("task", KIND_TEXT, task),
	[FIELD_BECAUSE] = FIELD("because", KIND_BECAUSE, because),
	[FIELD_REASON] = FIELD("reason", KIND_TEXT, reason),
	[FIELD_ALLOWED] = FIELD("allowed", KIND_FLAG, allowed),
	[FIELD_INTERACTIVE] = FIELD("interactive", KIND_FLAG, interactive),
	[FIELD_LOG] = FIELD("log", KIND_TEXT, log),
	[FIELD_PLACE] = FIELD("place", KIND_TEXT, place),
	[FIELD_STREAM] = FIELD("stream", KIND_TEXT, stream),
	[FIELD_LINE] = FIELD("line", KIND_TEXT, line),
	[FIELD_PID] = FIELD("pid", KIND_NUMBER, pid),
	[FIELD_PID_STARTED] = FIELD("pid_started", KIND_NUMBER, pid_started),
	[FIELD_SECONDS] = FIELD("seconds", KIND_NUMBER, seconds),
	[FIELD_LEVEL] = FIELD("level", KIND_LEVEL, level),
	[FIELD_TEXT] = FIELD("text", KIND_TEXT, text),
	[FIELD_BELL] = FIELD("bell", KIND_FLAG, bell),
	[FIELD_FAILED_STEP] = FIELD("failed_step", KIND_TEXT, failed_step),
	[FIELD_TASKS_ONLY] = FIELD("tasks_only", KIND_FLAG, tasks_only),
	[FIELD_ROLLBACK] = FIELD("rollback", KIND_TEXT, rollback),
	[FIELD_RECOVERS] = FIELD("recovers", KIND_FLAG, recovers),
	[FIELD_OWED] = FIELD("owed", KIND_LIST, owed),
	[FIELD_ADVICE] = FIELD("advice", KIND_LIST, advice),
	[FIELD_REMARKS] = FIELD("remarks", KIND_LIST, remarks),
};

#define HAS(NAME) (UINT64_C(1) << FIELD_##NAME)
#define STEP (HAS(STAGE) | HAS(STEP) | HAS(ACTION) | HAS(ATTEMPT))
#define OUTCOME (HAS(NAME) | HAS(STATUS) | HAS(REASON))
#define HALT_OUTCOME (HAS(HALT) | HAS(STATUS) | HAS(DURATION) | HAS(REASON))

const struct event_shape event_shapes[EVENT_TYPES] = {
	[EVENT_DEPLOY_STARTED] = {"deploy.started", HAS(ID) | HAS(APP) | HAS(ENV) | HAS(COMMIT) |
							    HAS(PREVIOUS) | HAS(DEPLOYER) |
							    HAS(PLAN) | HAS(BRANCH) | HAS(URL) |
							    HAS(ESTIMATE) | HAS(TASKS_ONLY) |
							    HAS(ROLLBACK) | HAS(RECOVERS)},
	[EVENT_STAGE_STARTED] = {"stage.started", HAS(STAGE) | HAS(ESTIMATE)},
	[EVENT_STAGE_FINISHED] = {"stage.finished",
				  HAS(STAGE) | HAS(STATUS) | HAS(DURATION) | HAS(REASON)},
	[EVENT_STEP_STARTED] = {"step.started",
				STEP | HAS(SPAN) | HAS(ESTIMATE) | HAS(INTERACTIVE)},
	[EVENT_STEP_PROCESS] = {"step.process", STEP | HAS(PID) | HAS(PID_STARTED)},
	[EVENT_STEP_OUTPUT] = {"step.output", HAS(STAGE) | HAS(STEP) | HAS(STREAM) | HAS(LINE)},
	[EVENT_STEP_FINISHED] = {"step.finished", STEP | HAS(STATUS) | HAS(DURATION) |
							  HAS(EXIT_CODE) | HAS(SIGNAL) |
							  HAS(REASON) | HAS(ALLOWED) | HAS(LOG) |
							  HAS(PLACE)},
	[EVENT_MAINTENANCE_INTENT] = {"maintenance.intent", HAS(HALT) | HAS(HOW)},
	[EVENT_MAINTENANCE_ON] = {"maintenance.on", HALT_OUTCOME},
	[EVENT_MAINTENANCE_OFF] = {"maintenance.off", HALT_OUTCOME},
	[EVENT_COUNTDOWN] = {"countdown", HAS(SECONDS)},
	[EVENT_GO_LIVE] = {"go_live", HAS(COMMIT)},
	[EVENT_SMOKE_CHECK] = {"smoke.check", OUTCOME | HAS(DURATION)},
	[EVENT_TASK_SELECTED] = {"task.selected", HAS(TASK) | HAS(BECAUSE)},
	[EVENT_TASK_SKIPPED] = {"task.skipped", HAS(TASK) | HAS(BECAUSE)},
	[EVENT_MARKER] = {"marker", OUTCOME},
	[EVENT_NOTIFY] = {"notify", OUTCOME},
	[EVENT_GUARD] = {"guard", OUTCOME},
	[EVENT_WAITING] = {"waiting", HAS(TEXT)},
	[EVENT_MESSAGE] = {"message", HAS(LEVEL) | HAS(TEXT) | HAS(BELL)},
	[EVENT_DEFERRED_FINISHED] = {"deferred.finished", HAS(STATUS) | HAS(REASON)},
	[EVENT_DEPLOY_FINISHED] = {"deploy.finished", HAS(STATUS) | HAS(EXIT_CODE) | HAS(DURATION) |
							      HAS(REASON) | HAS(FAILED_STEP) |
							      HAS(LOG) | HAS(OWED) | HAS(ADVICE) |
							      HAS(REMARKS) |
							      HAS(TASKS_ONLY) | HAS(ROLLBACK) |
							      HAS(RECOVERS)},
};

static const char *const status_names[STATUS_COUNT] = {
	[STATUS_OK] = "ok",
	[STATUS_FAILED] = "failed",
	[STATUS_TIMED_OUT] = "timed_out",
	[STATUS_CANCELLED] = "cancelled",
	[STATUS_SKIPPED] = "skipped",
	[STATUS_CACHED] = "cached",
	[STATUS_RESUMED] = "resumed",
	[STATUS_FAILED_LIVE] = "failed_live",
	[STATUS_ROLLED_BACK] = "rolled_back",
	[STATUS_INTERRUPTED] = "interrupted",
	[STATUS_PASS] = "pass",
	[STATUS_WARN] = "warn",
	[STATUS_REFUSE] = "refuse",
};

const char *const event_level_names[3] = {"info", "warning", "error"};

const char *event_type_name(enum event_type type)
{
	return type > EVENT_NONE && type < EVENT_TYPES ? event_shapes[type].name : "";
}

enum event_type event_type_parse(const char *name)
{
	for (int i = 1; i < EVENT_TYPES; i++)
		if (strcmp(event_shapes[i].name, name) == 0)
			return (enum event_type)i;
	return EVENT_NONE;
}

const char *event_status_name(enum event_status status)
{
	return status > STATUS_NONE && status < STATUS_COUNT ? status_names[status] : "";
}

enum event_status event_status_parse(const char *name)
{
	for (int i = 1; i < STATUS_COUNT; i++)
		if (strcmp(status_names[i], name) == 0)
			return (enum event_status)i;
	return STATUS_NONE;
}

void event_hub_add(struct event_hub *hub, struct event_sink *sink)
{
	assert(hub->count < EVENT_SINKS);
	sink->hub = hub;
	hub->sinks[hub->count++] = sink;
}

void event_hub_add_first(struct event_hub *hub, struct event_sink *sink)
{
	event_hub_add(hub, sink);
	memmove(hub->sinks + 1, hub->sinks, (hub->count - 1) * sizeof(hub->sinks[0]));
	hub->sinks[0] = sink;
}

void event_hub_remove(struct event_hub *hub, struct event_sink *sink)
{
	size_t kept = 0;

	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i] != sink)
			hub->sinks[kept++] = hub->sinks[i];
	hub->count = kept;
}

void event_stamp(struct event_hub *hub, struct event *event)
{
	if (!event->time)
		event->time = clock_now(hub->clock ? hub->clock : &clock_system);
	if (!event->seq)
		event->seq = ++hub->seq;
}

static const char *redacted(const struct redactor *redactor, struct arena *arena, const char *text)
{
	struct buffer out;
	const char *copy;

	if (!text)
		return NULL;
	buffer_init(&out, SIZE_MAX / 2);
	redact_text(redactor, text, strlen(text), &out);
	copy = arena_bytes(arena, out.data, out.length);
	buffer_release(&out);
	return copy;
}

/* Texts that others wrote; names that files give stay, so that events still belong together. */
static struct event redacted_event(const struct event_hub *hub, struct arena *arena,
				   const struct event *event, struct text_list *advice)
{
	struct event copy = *event;

	copy.reason = redacted(hub->redactor, arena, event->reason);
	copy.text = redacted(hub->redactor, arena, event->text);
	copy.name = redacted(hub->redactor, arena, event->name);
	copy.url = redacted(hub->redactor, arena, event->url);
	for (size_t i = 0; event->advice && i < event->advice->count; i++)
		vec_push(arena, advice, redacted(hub->redactor, arena, event->advice->items[i]));
	copy.advice = event->advice ? advice : NULL;
	return copy;
}

void event_emit(struct event_hub *hub, struct event *event)
{
	struct arena arena = ARENA_INIT;
	struct text_list advice = {0};
	struct event copy;

	event_stamp(hub, event);
	if (!redactor_empty(hub->redactor)) {
		copy = redacted_event(hub, &arena, event, &advice);
		event = &copy;
	}
	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i]->event)
			hub->sinks[i]->event(hub->sinks[i], event);
	arena_release(&arena);
}

void event_mask(struct event_hub *hub, const char *value)
{
	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i]->mask)
			hub->sinks[i]->mask(hub->sinks[i], value);
}

void event_emit_output(struct event_hub *hub, const struct event_output *output)
{
	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i]->output)
			hub->sinks[i]->output(hub->sinks[i], output);
}

void event_tick(struct event_hub *hub)
{
	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i]->tick)
			hub->sinks[i]->tick(hub->sinks[i]);
}

void event_flush(struct event_hub *hub)
{
	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i]->flush)
			hub->sinks[i]->flush(hub->sinks[i]);
}

bool event_wants_ticks(const struct event_hub *hub)
{
	for (size_t i = 0; i < hub->count; i++)
		if (hub->sinks[i]->tick)
			return true;
	return false;
}

void event_message(struct event_hub *hub, enum event_level level, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	event_emit(hub, &(struct event){.type = EVENT_MESSAGE, .level = level, .text = text});
}
