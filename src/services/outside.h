/* One exchange with an API of the outside world (APM, chat, platform, CI): a bounded number of
 * tries within a bounded time, an answer judged, and a failure in words: what happened, why, what
 * to do. Never follows a redirect to another host, never without a valid certificate. */
#pragma once
#include <jansson.h>

#include "net/http.h"

struct redactor; /* crypto/redact.h */

/* A row of a vendor's table of errors, which docs/ show as well. The first row that fits counts;
 * behind the last comes what holds for every API. */
struct outside_error {
	int status;       /* HTTP's; 0: any */
	const char *code; /* how the answer's own words begin ("channel_not_found"); NULL: any */
	const char *why; /* "the token is not valid": goes on after "Slack refused the message: " */
	const char *todo; /* a sentence without its full stop */
};

struct outside_api {
	const char *name;                   /* "New Relic": whom sentences speak of */
	const struct outside_error *errors; /* ends with a row whose `why` is NULL; may be NULL */
	/* Of an answer with a status of 200 to 299 (body NULL: it is not JSON): true when it was
	 * taken; else words may be set to the body's own complaint. NULL: always taken. */
	bool (*accepts)(const json_t *body, const char **words);
	bool any_body; /* a web page may be its answer; else that is somebody else's */
};

/* Zero means the default. All but api and redactor is copied when it is started. */
struct outside_request {
	const struct outside_api *api;
	const char *what;   /* "the deploy", "the message": what is refused, when it is */
	const char *url;    /* its path and query are never shown: they may hold a key */
	const char *method; /* GET, with a body POST */
	const struct http_header *headers; /* json's Content-Type need not be among them */
	size_t header_count;
	const json_t *json; /* the body; or: */
	const char *body;
	size_t body_length;
	/* May be sent again although the first one may have arrived. A 429 and a connection that
	 * was never made are tried again anyway. */
	bool repeatable;
	bool once;       /* no further try, whatever happens */
	int redirects;   /* so many are followed (none), as http_request.redirects says */
	int64_t timeout; /* ms of one try: 5 s */
	int64_t within;  /* ms of them all, the waiting that Retry-After asks for included: 30 s */
	size_t maximum_body;             /* of the answer: 1 MiB */
	const struct redactor *redactor; /* takes secrets out of the failure; may be NULL */
};

struct outside_answer {
	bool ok;            /* 200 to 299, and taken */
	bool outage;        /* not ok and not our fault: no answer, 429, 5xx; another day may do */
	int status;         /* HTTP's; 0: no whole answer */
	const json_t *json; /* the body, when it is JSON; else NULL */
	const char *body;   /* as it came, ends with a NUL */
	size_t body_length;
	struct error failure; /* when not ok: one line of valid UTF-8, and a hint what to do */
	const struct http_response *response; /* for its headers */
};

struct outside_call;
/* Starts it. done is called once, from the loop; the answer lasts until done returns. NULL with
 * err when the request cannot be made at all (a bad URL or header). */
struct outside_call *outside_start(struct http *http, const struct outside_request *request,
				   void (*done)(void *context, const struct outside_answer *answer),
				   void *context, struct error *err);
/* Ends it before done was called; it will not be called. */
void outside_cancel(struct outside_call *call);

/* The same without a loop: waits. 0 when the answer is ok; else -1 with the failure in err. The
 * answer is filled either way; release it. */
int outside_ask(const struct outside_request *request, struct outside_answer *answer,
		struct error *err) MUST_USE;
void outside_answer_release(struct outside_answer *answer);

/* What the vendors' documents call it, from the JSON of an error in any of the usual forms: the
 * text in error, error.message, message, detail, errors[0] ...; NULL when there is none. */
const char *outside_words(const json_t *body);
/* Makes what strangers wrote one line of valid UTF-8 without control characters and secrets, in its
 * place; url, where it stands in it, becomes shown (NULL: its scheme and host). */
void outside_clean(const struct redactor *redactor, const char *url, const char *shown, char *text,
		   size_t size);
/* "https://api.example.com:8443" of an URL: what may be shown of it. */
void outside_host(const char *url, struct buffer *out);
/* base without "/" at its end, then path: an endpoint of deploy.yml in place of the vendor's. */
void outside_url(struct buffer *out, const char *base, const char *path);
/* Adds text with all but A-Z a-z 0-9 - . _ ~ percent-encoded: one segment of a path, or a value of
 * a query. */
void outside_encode(struct buffer *out, const char *text);
/* A JSON string of any bytes (a branch's name, a message), at most so many bytes long (0: any) and
 * cut between characters; what is no UTF-8 becomes U+FFFD. JSON null for NULL. */
json_t *outside_text(const char *text, size_t maximum);
