/* The smoke test: is production up, whole, and the commit that went live? */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct loop;
struct smoke;
struct smoke_config;  /* config/config.h */
struct expand_lookup; /* config/expand.h */
struct redactor;      /* crypto/redact.h */

enum smoke_status {
	SMOKE_OK,
	SMOKE_FAILED,
	SMOKE_TIMED_OUT, /* no answer until `within` was over */
	SMOKE_CANCELLED,
};
/* "ok", "failed", "timed_out", "cancelled": the words of the event smoke.check. */
const char *smoke_status_name(enum smoke_status status);

struct smoke_check_result {
	const char *name; /* the check's own, or "GET /path", or the command */
	enum smoke_status status;
	int64_t duration; /* milliseconds of the last try */
	int attempts;
	const char *reason; /* why it failed, a sentence; NULL when ok */
};

struct smoke_result {
	bool passed;
	int64_t duration;
	const struct smoke_check_result *checks; /* in written order */
	size_t count, failed;
	const struct smoke_check_result *first_failed; /* NULL when passed */
};

struct smoke_options {
	struct loop *loop;
	const struct smoke_config *config;
	const char *url;                /* the environment's; may be NULL when no check needs it */
	const char *commit;             /* whole hash that pages must show; NULL: do not look */
	const char *const *environment; /* of `run` checks, NULL-terminated "A=b" */
	const char *directory;          /* where they run: the checkout */
	const struct expand_lookup *lookup; /* for ${NAME} in URLs and headers, and the secrets that
						 * a check names; may be NULL */
	const struct redactor *redactor; /* takes secrets out of reasons and output; may be NULL */
	void *context;
	/* A check's final verdict, for the event smoke.check. May be NULL. */
	void (*on_check)(void *context, const struct smoke_check_result *check);
	/* A try failed and will be repeated: for "waiting for ..." lines. May be NULL. */
	void (*on_retry)(void *context, const struct smoke_check_result *check);
	/* A chunk of a `run` check's output, as it came. May be NULL. */
	void (*on_output)(void *context, const char *check, const char *bytes, size_t length);
	/* The end, from the loop; result lasts until smoke_free. */
	void (*on_done)(void *context, const struct smoke_result *result);
};

/* Starts all checks, at most `parallel` at once; each is tried again until it passes or `within` is
 * over. options is copied, what it points to must live on. NULL when it cannot start (a bad
 * URL or regular expression, no libcurl). No checks at all: passes at once. */
struct smoke *smoke_start(const struct smoke_options *options, struct error *err);
/* Ends what is under way: checks without a verdict are cancelled, on_done still
 * comes (from the loop). */
void smoke_stop(struct smoke *smoke);
/* After on_done, or at any time (then nothing is called any more). Not from within a callback
 * other than on_done. NULL is allowed. */
void smoke_free(struct smoke *smoke);
