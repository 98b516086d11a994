/* HTTP(S) for everybody, on the loop or one at a time without it: the only door to libcurl. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct loop;
struct http;
struct http_transfer;

struct http_header {
	const char *name, *value;
};

/* Zero means the default everywhere. All is copied when a request is started. */
struct http_request {
	const char *url;    /* http:// or https:// */
	const char *method; /* GET */
	const struct http_header *headers;
	size_t header_count;
	const void *body;
	size_t body_length;
	int64_t timeout;         /* milliseconds for the whole exchange: 30 s */
	int64_t connect_timeout; /* 10 s */
	size_t maximum_body;     /* a longer answer is an error: 8 MiB */
	/* How many are followed: none. A request with a body, a user in its URL, or headers other
	 * than harmless ones (accept, content-type ...) never goes to another host: that is a
	 * failure. */
	int redirects;
	/* No proxy, whatever the environment says: for an address of this machine's own. */
	bool direct;

	/* How many more times it is tried (none) when that is safe: whatever failed before
	 * anything was sent; a 429; and for methods that can be repeated (all but POST and PATCH,
	 * those too if `repeatable`) lost connections, timeouts and 408, 425, 500, 502, 503, 504.
	 * Between the tries it waits as long as Retry-After says, else retry_delay, doubled each
	 * time up to 20 s, and jittered. No try begins later than retry_within after the first:
	 * the last answer is handed over then. */
	int retries;
	bool repeatable;
	int64_t retry_delay;  /* ms: 500 */
	int64_t retry_within; /* ms: 60 s */
};

struct http_response {
	int status; /* 0: no (whole) answer, then failure says why */
	struct error failure;
	struct buffer body;
	struct buffer headers; /* of the last answer: "name: value\n" lines, names in lower case */
	int64_t duration;      /* ms of the last try with its redirects, to the last byte */
	int64_t retry_after;   /* milliseconds, as the answer asks; -1: it does not */
	int tries;
	bool timed_out;
};

/* A client whose connections are kept for its next request. Loads libcurl: NULL when that fails.
 * err says then what to install. At most `parallel` requests a host are under way (0: 16). */
struct http *http_new(struct loop *loop, size_t parallel, struct error *err);
/* Cancels what is under way; no callback comes after it. NULL is allowed. */
void http_free(struct http *http);

/* Starts a request. done is called once, from the loop, never from within http_start; the response
 * is http's own and lasts until done returns. NULL when the request cannot be made
 * (a bad URL, say). */
struct http_transfer *http_start(struct http *http, const struct http_request *request,
				 void (*done)(void *context, const struct http_response *response),
				 void *context, struct error *err);
/* Ends a request whose done was not called yet; it will not be called. */
void http_cancel(struct http_transfer *transfer);

/* One request, waited for, without a loop. 0 and the response (release it) for every answer,
 * whatever its status; -1 when there was none. */
int http_fetch(const struct http_request *request, struct http_response *response,
	       struct error *err) MUST_USE;
void http_response_release(struct http_response *response);

/* The header's first value, its length in *length; NULL when it is not there. */
const char *http_header_find(const struct http_response *response, const char *name,
			     size_t *length);
/* "https://shop" and "/x" to "https://shop/x"; an absolute URL stays as it is. */
int http_url_join(struct buffer *out, const char *base, const char *path,
		  struct error *err) MUST_USE;
