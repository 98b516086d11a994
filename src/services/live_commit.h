/* Asks production itself which commit it runs (live_commit of deploy.yml). */
#pragma once
#include <stdint.h>

#include "base/error.h"

struct live_commit_request {
	const char *base;   /* the environment's url */
	const char *url;    /* a path below it, or a URL of its own */
	const char *header; /* look in this header of the answer, or */
	const char *json;   /* at this path of its JSON; both NULL: in the whole body */
	const char *match;  /* a regular expression; its first group (else all of it) is the commit.
				 * NULL: the first run of 7 to 64 hex digits that stands alone */
	int64_t timeout;    /* milliseconds, 0 or less: 10 s */
};

/* The commit as production shows it: 7 to 64 lower-case hex digits, often a short form that the
 * caller resolves in the repository. -1 when there is no answer, or none that matches. Waits. */
int live_commit_ask(const struct live_commit_request *request, char commit[65],
		    struct error *err) MUST_USE;
