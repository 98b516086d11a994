/* The deploy as a trace: W3C trace context for its children, OTLP/HTTP JSON for a collector. */
#pragma once
#include <jansson.h>

struct event; /* run/event.h */

struct trace {
	char id[33];     /* 32 hex digits, not all zero */
	char root[17];   /* the deploy's own span */
	char parent[17]; /* the span that it belongs to; "": none */
};
#define TRACEPARENT_SIZE 56

/* A new trace; the continuation of another one when traceparent (may be NULL) is valid. */
void trace_begin(struct trace *trace, const char *traceparent);
void trace_span_new(char span[17]);
/* TRACEPARENT for who continues at that span; returns text. */
const char *trace_parent_text(const struct trace *trace, const char *span,
			      char text[TRACEPARENT_SIZE]);

/* A span each for the deploy, its stages, steps (one an attempt) and smoke checks. */
struct trace_spans;
struct trace_spans *trace_spans_new(const struct trace *trace);
void trace_spans_free(struct trace_spans *spans); /* NULL is allowed */
void trace_spans_add(struct trace_spans *spans, const struct event *event);
/* The body of POST /v1/traces, what has not ended counted as ended by the last event; the caller's.
 * service: of the resource (OTEL_SERVICE_NAME). */
json_t *trace_spans_json(const struct trace_spans *spans, const char *service);
