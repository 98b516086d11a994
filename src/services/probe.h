/* One request of a pipeline (kinds http, wait_for, warm), and whether its answer is the expected
 * one. */
#pragma once
#include "config/config.h"
#include "net/http.h"

struct probe;
struct redactor; /* crypto/redact.h */

struct probe_options {
	const struct http_request *request; /* copied; its URL is shown as `shown` only */
	const char *shown;                  /* the address as it was written; copied */
	const struct smoke_check *expect;   /* outlives the probe; status 0: any of 200 to 299 */
	const struct redactor *redactor;    /* takes secrets out of the reason; may be NULL */
};

struct probe_answer {
	bool ok;
	const char *reason; /* why not, one line of valid UTF-8 */
	const struct http_response *response; /* status 0: there was none */
};

/* done is called once, from the loop; the answer lasts until it returns. NULL with err when the
 * request cannot be made. */
struct probe *probe_start(struct http *http, const struct probe_options *options,
			  void (*done)(void *context, const struct probe_answer *answer),
			  void *context, struct error *err);
/* Ends it; done will not be called. NULL is allowed. */
void probe_cancel(struct probe *probe);
