/* Spans from events. */
#include "services/trace.h"

#include "base/arena.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "run/event.h"
#include "services/outside.h"

enum { SPANS_MAXIMUM = 20000, TEXT_MAXIMUM = 4096 };

struct span {
	const char *name, *stage, *step, *action, *reason;
	char id[17], parent[17];
	int64_t begun, ended; /* wall ms; ended 0: not yet */
	int64_t attempt, exit_code;
	enum event_status status;
};

struct trace_spans {
	struct trace trace;
	struct arena arena;
	VEC(struct span) list; /* the deploy's own is the first */
	const char *app, *env, *commit, *previous, *branch, *deployer, *id, *rollback;
	int64_t last;
};

/* ---- trace context ---- */

static bool is_hex(const char *text, size_t length)
{
	return strspn(text, "0123456789abcdef") >= length && strspn(text, "0") < length;
}

/* size / 2 random bytes as hex, not all of them zero. */
static void random_id(char *text, size_t size)
{
	unsigned char bytes[16];

	do {
		random_bytes(bytes, size / 2);
		hex_format(bytes, size / 2, text);
	} while (!is_hex(text, size));
}

void trace_span_new(char span[17])
{
	random_id(span, 16);
}

void trace_begin(struct trace *trace, const char *traceparent)
{
	const char *given = traceparent;

	*trace = (struct trace){0};
	trace_span_new(trace->root);
	/* Versions to come may add fields behind these. */
	if (given && strlen(given) >= 55 && strspn(given, "0123456789abcdef") == 2 &&
	    strncmp(given, "ff", 2) != 0 && given[2] == '-' && is_hex(given + 3, 32) &&
	    given[35] == '-' && is_hex(given + 36, 16) && given[52] == '-' &&
	    (!given[55] || (given[55] == '-' && strncmp(given, "00", 2) != 0))) {
		memcpy(trace->id, given + 3, 32);
		memcpy(trace->parent, given + 36, 16);
		return;
	}
	random_id(trace->id, 32);
}

const char *trace_parent_text(const struct trace *trace, const char *span,
			      char text[TRACEPARENT_SIZE])
{
	snprintf(text, TRACEPARENT_SIZE, "00-%.32s-%.16s-01", trace->id, span);
	return text;
}

/* ---- events ---- */

struct trace_spans *trace_spans_new(const struct trace *trace)
{
	struct trace_spans *spans = calloc(1, sizeof(*spans));
	struct span root = {.name = "deploy", .exit_code = -1};

	if (!spans)
		abort();
	spans->trace = *trace;
	memcpy(root.id, trace->root, sizeof(root.id));
	memcpy(root.parent, trace->parent, sizeof(root.parent));
	vec_push(&spans->arena, &spans->list, root);
	return spans;
}

void trace_spans_free(struct trace_spans *spans)
{
	if (!spans)
		return;
	arena_release(&spans->arena);
	free(spans);
}

static const char *copy(struct trace_spans *spans, const char *text)
{
	return text ? arena_string(&spans->arena, text) : NULL;
}

/* The newest that has not ended: of a stage (step NULL), or of a step. */
static struct span *find_open(struct trace_spans *spans, const struct event *event,
			      const char *step)
{
	for (size_t i = spans->list.count; i-- > 1;) {
		struct span *span = &spans->list.items[i];
		if (!span->ended && text_equal(span->stage, event->stage) &&
		    text_equal(span->step, step) &&
		    (!step || text_equal(span->action, event->action)))
			return span;
	}
	return NULL;
}

static void span_open(struct trace_spans *spans, const struct event *event, const char *name,
		      const char *id, const char *parent)
{
	struct span span = {
		.name = name,
		.stage = copy(spans, event->stage),
		.step = copy(spans, event->step),
		.action = copy(spans, event->action),
		.begun = event->time,
		.attempt = event->attempt,
		.exit_code = -1,
	};

	if (spans->list.count == SPANS_MAXIMUM)
		return;
	if (id)
		snprintf(span.id, sizeof(span.id), "%s", id);
	else
		trace_span_new(span.id);
	snprintf(span.parent, sizeof(span.parent), "%s", parent);
	vec_push(&spans->arena, &spans->list, span);
}

static void span_close(struct trace_spans *spans, struct span *span, const struct event *event)
{
	span->ended = event->time > span->begun ? event->time : span->begun;
	span->status = event->status;
	span->exit_code = event->exit_code;
	span->reason = copy(spans, event->reason);
}

static void step_started(struct trace_spans *spans, const struct event *event)
{
	struct span *before = find_open(spans, event, event->step);
	struct span *stage = find_open(spans, event, NULL);
	const char *name =
		arena_format(&spans->arena, event->action ? "%s.%s (%s)" : "%s.%s%s", event->stage,
			     event->step, event->action ? event->action : "");
	char parent[17];

	if (before) { /* an attempt of which no event told the end */
		before->ended = event->time;
		before->status = STATUS_FAILED;
	}
	memcpy(parent, stage ? stage->id : spans->trace.root, sizeof(parent));
	span_open(spans, event, name, event->span, parent);
}

static void check_ended(struct trace_spans *spans, const struct event *event)
{
	const char *name = arena_format(&spans->arena, "smoke: %s", event->name);
	size_t count = spans->list.count;

	span_open(spans, event, name, NULL, spans->trace.root);
	if (spans->list.count == count)
		return;
	spans->list.items[count].begun -= event->duration;
	span_close(spans, &spans->list.items[count], event);
}

static void deploy_started(struct trace_spans *spans, const struct event *event)
{
	struct span *root = &spans->list.items[0];

	root->begun = event->time;
	root->name = arena_format(&spans->arena, "%s %s to %s",
				  event->rollback ? "roll back" : "deploy", event->app, event->env);
	spans->id = copy(spans, event->id);
	spans->app = copy(spans, event->app);
	spans->env = copy(spans, event->env);
	spans->commit = copy(spans, event->commit);
	spans->previous = copy(spans, event->previous);
	spans->branch = copy(spans, event->branch);
	spans->deployer = copy(spans, event->deployer);
	spans->rollback = copy(spans, event->rollback);
}

void trace_spans_add(struct trace_spans *spans, const struct event *event)
{
	struct span *span = NULL;

	spans->last = event->time;
	if (event->type == EVENT_DEPLOY_STARTED)
		deploy_started(spans, event);
	else if (event->type == EVENT_STAGE_STARTED)
		span_open(spans, event, copy(spans, event->stage), NULL, spans->trace.root);
	else if (event->type == EVENT_STEP_STARTED)
		step_started(spans, event);
	else if (event->type == EVENT_SMOKE_CHECK)
		check_ended(spans, event);
	else if (event->type == EVENT_STAGE_FINISHED)
		span = find_open(spans, event, NULL);
	else if (event->type == EVENT_STEP_FINISHED)
		span = find_open(spans, event, event->step);
	else if (event->type == EVENT_DEPLOY_FINISHED)
		span = &spans->list.items[0];
	if (span)
		span_close(spans, span, event);
}

/* ---- OTLP ---- */

static void attribute(json_t *list, const char *name, const char *value)
{
	if (value && *value)
		json_array_append_new(list,
				      json_pack("{s:s, s:{s:o}}", "key", name, "value",
						"stringValue", outside_text(value, TEXT_MAXIMUM)));
}

static void attribute_number(json_t *list, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	json_array_append_new(list,
			      json_pack("{s:s, s:{s:s}}", "key", name, "value", "intValue", text));
}

static bool is_bad(enum event_status status)
{
	return status == STATUS_FAILED || status == STATUS_TIMED_OUT ||
	       status == STATUS_CANCELLED || status == STATUS_FAILED_LIVE ||
	       status == STATUS_ROLLED_BACK || status == STATUS_INTERRUPTED;
}

static json_t *span_attributes(const struct span *span)
{
	json_t *list = json_array();

	attribute(list, "shipit.stage", span->stage);
	attribute(list, "shipit.step", span->step);
	attribute(list, "shipit.action", span->action);
	if (span->status)
		attribute(list, "shipit.status", event_status_name(span->status));
	if (span->attempt > 1)
		attribute_number(list, "shipit.attempt", span->attempt);
	if (span->exit_code >= 0)
		attribute_number(list, "process.exit.code", span->exit_code);
	return list;
}

static json_t *root_attributes(const struct trace_spans *spans)
{
	json_t *list = span_attributes(&spans->list.items[0]);

	attribute(list, "shipit.id", spans->id);
	attribute(list, "shipit.app", spans->app);
	attribute(list, "deployment.environment.name", spans->env);
	attribute(list, "vcs.ref.head.revision", spans->commit);
	attribute(list, "vcs.ref.head.name", spans->branch);
	attribute(list, "shipit.previous", spans->previous);
	attribute(list, "shipit.deployer", spans->deployer);
	attribute(list, "shipit.rollback", spans->rollback);
	return list;
}

static json_t *span_json(const struct trace_spans *spans, const struct span *span)
{
	int64_t ended = span->ended ? span->ended : spans->last;
	char begun_text[32], ended_text[32];
	json_t *json, *status = json_pack("{s:i}", "code", is_bad(span->status) ? 2 : 1);

	if (is_bad(span->status) && span->reason)
		json_object_set_new(status, "message", outside_text(span->reason, TEXT_MAXIMUM));
	snprintf(begun_text, sizeof(begun_text), "%lld000000", (long long)span->begun);
	snprintf(ended_text, sizeof(ended_text), "%lld000000", (long long)ended);
	json = json_pack("{s:s, s:s, s:o, s:i, s:s, s:s, s:o, s:o}", "traceId", spans->trace.id,
			 "spanId", span->id, "name", outside_text(span->name, TEXT_MAXIMUM), "kind",
			 1, "startTimeUnixNano", begun_text, "endTimeUnixNano", ended_text,
			 "attributes",
			 span == spans->list.items ? root_attributes(spans) : span_attributes(span),
			 "status", status);
	if (*span->parent)
		json_object_set_new(json, "parentSpanId", json_string(span->parent));
	return json;
}

json_t *trace_spans_json(const struct trace_spans *spans, const char *service)
{
	json_t *list = json_array(), *resource = json_array();

	for (size_t i = 0; i < spans->list.count; i++)
		json_array_append_new(list, span_json(spans, &spans->list.items[i]));
	attribute(resource, "service.name", service ? service : "shipit");
	attribute(resource, "service.version", SHIPIT_VERSION);
	attribute(resource, "deployment.environment.name", spans->env);
	return json_pack("{s:[{s:{s:o}, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans", "resource",
			 "attributes", resource, "scopeSpans", "scope", "name", "shipit", "version",
			 SHIPIT_VERSION, "spans", list);
}
