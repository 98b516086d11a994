/* S3 on the loop: objects of one bucket, at Amazon or any server that speaks like it. Requests wait
 * in line for one of many kept connections, are signed anew for each try, tried again while that
 * helps, and end in a sentence when it does not. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "net/http.h"

struct credentials;
struct loop;
struct s3;
struct s3_transfer;

/* All is copied but `credentials` and `clock`, which outlive the client. */
struct s3_options {
	const char *bucket;
	/* "https://host[:port][/path]"; "{bucket}" in it stands for the bucket's name, without it
	 * the bucket is the first part of the path. NULL: what credentials_endpoint finds, else
	 * Amazon's of the region. */
	const char *endpoint;
	const char *region;  /* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1 */
	const char *profile; /* NULL: AWS_PROFILE ... */
	size_t concurrency;  /* connections at most: 64 */
	/* NULL: looked for off the loop when the first request is made, and again before they
	 * expire. */
	const struct credentials *credentials;
	const struct clock *clock; /* NULL: the system's */
	int64_t stall;             /* ms without a byte either way until a try is given up: 30 s */
	int tries;                 /* of one request at most: 10 */
	int64_t retry_delay;       /* ms, the unit of the waits between tries: 1 s */
	int64_t part_size;         /* of a multipart upload: 16 MiB, more for huge files */
	int64_t multipart_from;    /* bodies of so many bytes go up in parts: 64 MiB */
};

/* NULL with err (exit code 2) for an endpoint or bucket name that cannot be. Contacts nobody. */
struct s3 *s3_new(struct loop *loop, const struct s3_options *options, struct error *err) MUST_USE;
/* Cancels what is under way, uploads in parts included (they are not aborted at the server then:
 * call s3_stop before, where there is time); no done comes after it. NULL is allowed. */
void s3_free(struct s3 *s3);
/* Lets every request that is under way or waits end with the failure "stopped", soon: parts that
 * are there already are taken back first. */
void s3_stop(struct s3 *s3);

/* How many more requests it could use now to keep its connections busy. Whoever has thousands
 * starts so many, and more from each done. */
size_t s3_room(const struct s3 *s3);
/* "s3://bucket" and where it is, for messages. */
const char *s3_name(const struct s3 *s3);

struct s3_totals {
	uint64_t requests; /* sent, tries and parts included */
	uint64_t retries;
	uint64_t sent, received; /* bytes of bodies */
	size_t running, waiting;
	size_t limit; /* connections that it uses now; less than asked for when it was slowed */
};
struct s3_totals s3_totals(const struct s3 *s3);

enum s3_action {
	S3_GET,
	S3_HEAD,
	S3_PUT,
	S3_COPY, /* of copy_from in the same bucket; with headers: those replace all */
	S3_DELETE,
	S3_LIST,        /* one page */
	S3_DELETE_MANY, /* of up to 1,000 keys */
};

/* Bytes to send: from memory, or of a file, which is opened when its turn comes. */
struct s3_body {
	const void *bytes; /* NULL: the file. Must last until done */
	const char *path;  /* copied */
	int64_t length;
	/* Its SHA-256 where the caller knows it, else the client reads the body for it first. A
	 * body that is another by now is a failure that says that it changed; nothing is stored. */
	const unsigned char *sha256; /* 32 bytes, copied */
};

/* Texts are copied, keys may hold any bytes but NUL. Zero is the default everywhere. */
struct s3_request {
	enum s3_action action;
	const char *key;
	struct s3_body body; /* S3_PUT */
	/* S3_PUT and S3_COPY: content-type, cache-control, content-encoding, x-amz-meta-... ;
	 * S3_GET: range. Names in lower case. */
	const struct http_header *headers;
	size_t header_count;
	const char *if_match, *if_none_match; /* an ETag as it was given, quotes included, or "*" */
	const char *copy_from;                /* a key */
	/* S3_LIST: keys that begin with prefix and come after `after`, 1,000 at a time; with
	 * a delimiter those that have it behind the prefix are summed up as prefixes. */
	const char *prefix, *after, *delimiter;
	const char *token; /* from the page before */
	int page;          /* keys a page: 1,000 */
	/* S3_DELETE_MANY. The texts must last until done. */
	const char *const *keys;
	size_t key_count;
	size_t maximum_body; /* S3_GET: 64 MiB; a longer one is a failure */
	/* S3_GET: what arrives is handed on in pieces instead of being kept; -1 ends it. A try
	 * that broke begins anew: offset is 0 then. */
	int (*sink)(void *context, int64_t offset, const void *bytes, size_t length);
	/* Bytes that went out or came in since the last call, for progress; less than 0 when a
	 * try has to begin anew. */
	void (*progress)(void *context, int64_t bytes);
};

enum s3_outcome {
	S3_DONE,
	S3_MISSING,  /* no such key (GET, HEAD, COPY) */
	S3_CONFLICT, /* if_match or if_none_match does not hold: nothing was changed */
	S3_FAILED,   /* failure says why */
};

struct s3_object {
	const char *key; /* or a prefix, ending in the delimiter */
	const char *etag;
	int64_t size, modified; /* bytes; ms since 1970 */
	bool is_prefix;
};

/* A key that S3_DELETE_MANY could not delete. */
struct s3_refusal {
	const char *key, *code, *message;
};

/* Lasts until done returns. */
struct s3_answer {
	enum s3_outcome outcome;
	struct error failure;            /* set unless S3_DONE */
	int status;                      /* of the last try; 0: none came */
	const char *code;                /* S3's own word ("AccessDenied"), "" when there is none */
	const char *etag;                /* with its quotes; "" */
	int64_t length, modified;        /* GET, HEAD: bytes (-1: not told); ms since 1970 */
	const struct buffer *body;       /* GET without a sink */
	const struct buffer *headers;    /* "name: value\n" lines, names in lower case */
	const struct s3_object *objects; /* LIST, in the server's order: by key's bytes */
	size_t object_count;
	const char *token;                 /* LIST: for the next page; NULL: this was the last */
	const struct s3_refusal *refusals; /* DELETE_MANY: S3_FAILED when there is one */
	size_t refusal_count;
	int tries;
	/* An earlier try ended without an answer, or with one that does not say that nothing was
	 * done: what S3_CONFLICT or S3_MISSING speaks of may be our own doing. */
	bool unsure;
};

typedef void s3_done_fn(void *context, const struct s3_answer *answer);

/* Puts a request in line. done is called once, from the loop, never from within s3_start. After a
 * failure that all others would share (no such bucket, keys refused, an action denied that never
 * succeeded) what waits fails alike without being sent, until nothing is under way any more. */
struct s3_transfer *s3_start(struct s3 *s3, const struct s3_request *request, s3_done_fn *done,
			     void *context);
/* Ends a request whose done was not called yet; it will not be called. An upload in parts is
 * aborted in the background. */
void s3_cancel(struct s3_transfer *transfer);

/* The header's value, NUL-terminated in text; NULL when it is not there or does not fit. */
const char *s3_header(const struct s3_answer *answer, const char *name, char *text, size_t size);
