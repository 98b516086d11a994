/* The running smoke test, shared by its driver and its two kinds of tries; for this room only. */
#pragma once
#include "crypto/redact.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "services/smoke.h"
#include "services/smoke_internal.h"

enum check_state { CHECK_WAITING, CHECK_TRYING, CHECK_DONE };

struct running_check {
	struct smoke *smoke;
	const struct smoke_check *config;
	struct smoke_check_result *result;
	enum check_state state;
	int64_t due;     /* WAITING: when the next try may start, on the loop's clock */
	int64_t started; /* of this try */
	bool cut;        /* this try's time was cut short by the end of `within` */
	bool timed_out;
	struct buffer reason; /* of the last failed try */

	/* get */
	const char *url;
	struct http_header *headers;
	size_t header_count;
	struct http_transfer *transfer;
	bool showed_commit;
	/* run */
	const char *const *arguments, *const *environment;
	const char *directory;
	struct child *child;
	struct loop_timer *timeout;
	struct redact_stream raw[2];
	struct buffer tail; /* of its output, without secrets */
};

struct smoke {
	struct arena arena;
	struct smoke_options options;
	const struct smoke_config *config;
	struct regex *commit_match;
	struct http *http; /* NULL: no check needs it */
	struct loop_timer *pump;
	struct running_check *checks;
	struct smoke_check_result *results; /* one more than checks, for the commit */
	struct smoke_result result;
	size_t count, trying, done, children;
	int64_t started, deadline;
	bool stopping, finished, freed;
};

/* Prepares a check once; -1 when it can never run. */
int check_prepare(struct running_check *running, struct error *err) MUST_USE;
/* Starts a try; what cannot be started is a failed try. */
void check_try(struct running_check *running);
/* Ends a try under way; check_tried still comes for a child, no longer for a request. */
void check_interrupt(struct running_check *running);
/* The outcome of a try; its reason stands in running->reason. */
void check_tried(struct running_check *running, bool ok);
/* A child has ended whose smoke test is gone: the last one frees it. */
void smoke_child_gone(struct smoke *smoke);
