/* What the kinds that make requests (http, wait_for, warm, heartbeat, mark) share. */
#pragma once
#include "net/http.h"
#include "services/template.h"
#include "steps/kind.h"

struct request_step {
	const struct step_request *request;
	struct http *http;
	struct template template;
	struct fill_values values;
	struct loop_timer *end;
	struct step_outcome outcome;
};

/* Ready for requests, at most so many at once. 0 or -1; closed by request_step_end. */
int request_step_open(struct request_step *step, const struct step_request *request,
		      size_t parallel, struct error *err) MUST_USE;
/* Ends it: what is under way is cancelled, done is called soon, from the loop. Only the first end
 * counts. reason may be NULL; copied. */
void request_step_end(struct request_step *step, bool ok, const char *reason);
bool request_step_ended(const struct request_step *step);
/* Of the environment that a command in its place would have; NULL when it is not set. */
const char *request_step_variable(const struct request_step *step, const char *name);
/* A line of the step's output. */
void request_step_say(struct request_step *step, const char *format, ...) PRINTF_LIKE(2, 3);
/* text expanded and joined to the environment's url; in the arena, or NULL with err. */
const char *request_step_url(struct request_step *step, const char *text, struct error *err);
/* How long one request may take: the step's timeout when it is written (whose end is told as one),
 * else so long. */
int64_t request_step_timeout(const struct request_step *step, int64_t otherwise);
