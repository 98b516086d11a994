/* What the files of the markers share: one file a vendor, one row in the table of markers.c. */
#pragma once
#include "net/http.h"
#include "services/markers.h"
#include "services/outside.h"
#include "services/template.h"

enum { MARKER_HEADERS = 4 };

/* What a vendor's builder is given. */
struct marker_context {
	struct arena *arena;
	struct object object; /* the marker's keys, ${NAME} replaced */
	const struct service_deploy *deploy;
	const struct fill_values *values; /* {commit} ... */
	const struct trace_spans *spans;  /* or NULL */
};

/* One request; what is not set stays zero. */
struct marker_request {
	const char *url, *method; /* POST */
	const struct http_header *headers;
	struct http_header own[MARKER_HEADERS]; /* for headers */
	size_t header_count;
	json_t *json; /* taken over */
};

struct marker_kind {
	const char *name;
	enum marker_turn turn;
	size_t requests; /* one after the other; the first that fails is the last */
	const struct outside_api *api;
	/* The request of that index, from 0. -1 with err. */
	int (*build)(const struct marker_context *context, size_t index,
		     struct marker_request *request, struct error *err);
};

extern const struct marker_kind marker_newrelic, marker_datadog, marker_sentry, marker_honeycomb,
	marker_grafana, marker_appsignal, marker_rollbar, marker_otlp, marker_http;

/* base (the marker's endpoint, else fallback) and path, in the arena. */
const char *marker_url(const struct marker_context *context, const char *fallback,
		       const char *path);
void marker_header(struct marker_request *request, const char *name, const char *value);
/* Those that the key `headers` writes. */
void marker_headers(const struct marker_context *context, struct marker_request *request);
/* "Bearer TOKEN" */
void marker_bearer(const struct marker_context *context, struct marker_request *request);
/* "shop 9f8e7d6 is live in production, by ann" / "shop was rolled back to ...": one line. */
const char *marker_title(const struct marker_context *context);
/* The subjects of the commits, a line each, newest first, cut after so many bytes. */
const char *marker_changelog(const struct marker_context *context, size_t maximum);
/* Sets it unless value is NULL or empty. */
void marker_set(json_t *object, const char *name, const char *value, size_t maximum);
/* "2026-11-23T14:22:33.123Z" */
void marker_set_time(json_t *object, const char *name, int64_t time);
