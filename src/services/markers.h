/* Deploy markers: APM and error trackers are told that a release went live, each in its own words.
 * Never fails anything: an outage is retried within a bound and then told once. */
#pragma once
#include <jansson.h>

#include "base/buffer.h"
#include "config/config.h"

struct http;
struct outside_api;
struct redactor;
struct trace_spans;

struct service_commit {
	const char *id, *author, *email, *subject;
	int64_t time; /* ms */
};

/* A deploy as outside services are told of it; texts may hold any bytes. */
struct service_deploy {
	const char *app, *env, *commit, *id, *status; /* status: "ok", "failed_live" ... */
	const char *previous, *branch, *deployer, *url; /* may be NULL */
	const char *repository;       /* its address without credentials; may be NULL */
	bool rollback;               /* an earlier release was made live again */
	int64_t started, live, ended; /* wall ms: began, production changed, this was sent */
	VEC(struct service_commit) commits; /* newest first */
};

struct markers_options {
	struct arena *arena;
	const struct node *node; /* a validated list of markers, or one; NULL: none */
	const struct expand_lookup *lookup;
	const struct redactor *redactor;
	const struct trace_spans *spans; /* for otlp; NULL: no trace can be sent */
	const struct text_list *told; /* names of those that know it already; may be NULL */
};

struct markers;
/* Reads what they need to know (secrets) now; sends nothing. What is missing is told when the
 * marker's turn comes. All lives in the arena and until the calls under way have ended. */
struct markers *markers_new(const struct markers_options *options);

/* Behind the smoke test; when all is over (a trace). */
enum marker_turn { MARKER_LIVE, MARKER_END };
size_t markers_turn_count(const struct markers *markers, enum marker_turn turn);
/* Tells those whose turn it is, at once; `told` once for each, perhaps before this returns: failure
 * NULL when it was told. deploy must live until then. */
void markers_send(struct markers *markers, enum marker_turn turn, struct http *http,
		  const struct service_deploy *deploy,
		  void (*told)(void *context, const char *name, const struct error *failure),
		  void *context);
/* Adds their names, ", " between. */
void markers_under_way(const struct markers *markers, struct buffer *names);
/* Ends what is under way; `told` is not called for it. */
void markers_cancel(struct markers *markers);

/* For docs and tests: the services' tables of errors. */
const struct outside_api *markers_api(size_t index, const char **name); /* NULL: no more */
