/* The inside of the S3 client. A transfer waits in line, has its body hashed, runs on a slot (a
 * curl handle that is used again and again), rests before another try, and ends. */
#pragma once
#include "base/arena.h"
#include "net/credentials.h"
#include "net/curl_internal.h"
#include "net/s3.h"
#include "net/sigv4.h"

enum {
	S3_LINES = 32,         /* headers of a request at most */
	S3_SMALL_BODY = 65535, /* curl sends so much together with the headers, at once */
	S3_BODY_MAXIMUM = 64 << 20,
	S3_WAIT_MAXIMUM = 20000,  /* ms between two tries, unless Retry-After says more */
	S3_ASKED_MAXIMUM = 60000, /* ms of Retry-After that are waited for */
	S3_BUDGET = 500,          /* what tries after the first may cost before some succeed */
	S3_PARTS_AT_ONCE = 16,    /* of one upload */
};

/* What s3.h does not show: the steps of an upload in parts. */
enum s3_inner_action {
	S3_PARTS_CREATE = S3_DELETE_MANY + 1,
	S3_PARTS_PUT,
	S3_PARTS_COMPLETE,
	S3_PARTS_ABORT,
	S3_ACTIONS,
};

struct s3_action_row {
	const char *method;
	const char *permission; /* what a policy calls it */
	const char *words;      /* "cannot ... s3://bucket/key" */
	bool of_bucket;         /* not of a key */
	bool slow;              /* the server may think about it for minutes */
};
const struct s3_action_row *s3_action_row(int action);

struct s3_place {
	bool https, amazon; /* amazon: the host follows the region */
	char *host;         /* as the Host header has it */
	char *path;         /* "" or "/bucket", encoded */
};

struct s3_slot {
	struct s3 *s3;
	CURL *easy;
	struct s3_transfer *transfer; /* NULL: free */
	struct s3_slot *next_free;
	struct buffer url, headers, body, authorization;
	char date_line[32], *host_line, *token_line;
	char hash_line[96], checksum_line[80];
	const char *lines[S3_LINES];
	size_t line_count;
	struct curl_slist nodes[S3_LINES + 4];
	int file; /* -1: none is open */
	int64_t position;
	char *small;
	int64_t received;
	int64_t moved, moved_at; /* bytes both ways, and when it was another number */
	int status;              /* of the answer that is arriving */
	bool changed, sunk;      /* the file is shorter than it was; the sink gave up */
	bool begun;              /* the request went out, or is about to */
	struct digest *md5;
	char words[CURL_ERROR_SIZE];
};

enum s3_state {
	S3_WAITING,
	S3_HASHING,
	S3_RUNNING,
	S3_SETTLING, /* its answer is being looked at */
	S3_RESTING,
	S3_SPREAD, /* over transfers of its own */
};

struct s3_transfer {
	struct s3 *s3;
	struct arena arena;
	enum s3_state state;
	int action;              /* enum s3_action or s3_inner_action */
	const char *key, *query; /* the query encoded and sorted */
	const char **lines;      /* "name:value", sorted */
	size_t line_count;
	struct s3_body body;
	int64_t offset; /* in the body's file */
	bool hashed, verifying;
	unsigned char sha256[32];
	bool refused;         /* the request makes no sense, trouble says why */
	struct error trouble; /* that, or why the body could not be hashed */
	bool has_type;        /* a content-type is among its lines */
	size_t maximum_body;
	int (*sink)(void *context, int64_t offset, const void *bytes, size_t length);
	void (*progress)(void *context, int64_t bytes);
	int64_t progressed; /* of this try */
	s3_done_fn *done;   /* NULL: nobody waits for it */
	void *context;
	bool on_thread, cancelled; /* it is being hashed; it is freed behind that */
	int tries;
	uint64_t number;                  /* of the last try, among all */
	unsigned keys;                    /* which ones signed the last try */
	bool checked;                     /* the last try had the checksum's header */
	bool unsure;                      /* a try may have been carried out, no answer said so */
	bool skewed, redirected, renewed; /* each puts something right, once */
	struct loop_timer *rest;
	struct s3_slot *slot;
	struct s3_upload *upload; /* when it goes up in parts */
	struct s3_many *many;     /* of S3_DELETE_MANY: what goes one by one */
	struct s3_transfer *next, *previous;
};

struct s3_line { /* a queue of transfers */
	struct s3_transfer *first, *last;
	size_t count;
};

struct s3 {
	struct loop *loop;
	const struct curl_api *curl;
	struct multi *multi;
	struct s3_options options; /* bucket, profile and endpoint are our copies */
	struct s3_place place;
	char *region, *name;
	struct credentials credentials, loaded; /* loaded: by the other thread */
	bool has_credentials, loading;
	struct error load_error; /* by the other thread, too */
	int64_t loaded_at;       /* loop_now */
	unsigned keys;           /* how many times there were others */
	struct sigv4_key signing_key;
	int64_t skew;  /* ms that the server's clock is ahead of ours */
	bool plain;    /* it does not know the checksum's header */
	bool unquotes; /* it compares If-Match with an ETag that has no quotes */
	struct s3_slot *slots, *free_slots;
	struct s3_line waiting, others; /* others: under way */
	size_t running, hashing;
	double limit;
	uint64_t cut_at;      /* how many were sent when the limit was cut */
	int64_t paused_until; /* loop_now */
	int budget;
	struct loop_timer *kick, *watch;
	bool watching, stopping, freed;
	int depth;          /* callbacks that are under way */
	size_t on_threads;  /* works that refer to us */
	struct error fatal; /* message empty: none */
	struct error denied[S3_ACTIONS];
	bool worked[S3_ACTIONS];
	struct s3_totals totals;
};

/* s3_place.c: where a bucket is. */
int s3_place_find(const struct s3_options *options, const char *endpoint, const char *region,
		  struct s3_place *place, struct error *err) MUST_USE;
void s3_place_release(struct s3_place *place);

/* s3_request.c: what is asked for, as a query and lines of headers. */
int s3_request_read(struct s3_transfer *transfer, const struct s3_request *request,
		    struct error *err) MUST_USE;
int s3_line_add(struct s3_transfer *transfer, const char *name, const char *value,
		struct error *err) MUST_USE;

/* Takes the quotes off the ETag of its If-Match; false when it has none. */
bool s3_unquote(struct s3_transfer *transfer);

/* s3_send.c: a try. */
void s3_slot_init(struct s3 *s3, struct s3_slot *slot);
void s3_slot_release(struct s3_slot *slot);
/* Opens, signs and starts it; -1 with err when the body cannot be read. */
int s3_send(struct s3_slot *slot, struct s3_transfer *transfer, struct error *err) MUST_USE;
/* Tells of bytes that moved. */
void s3_progress(struct s3_transfer *transfer, int64_t bytes);
/* Takes back what was told of this try as progress. */
void s3_progress_undo(struct s3_transfer *transfer);
void s3_slot_clear(struct s3_slot *slot);

/* s3_hash.c: bodies from files hashed off the loop, others at once: whoever cancels a request may
 * free them. s3_hashed is called behind it. */
bool s3_needs_hash(const struct s3_transfer *transfer);
void s3_hash_start(struct s3_transfer *transfer);
/* Opens the body's file; -1 with err. */
int s3_body_open(const struct s3_transfer *transfer, struct error *err) MUST_USE;
/* Says so. */
void s3_body_changed(const struct s3_transfer *transfer, struct error *err);

/* s3_keys.c: the credentials. Whether there are any that still hold; else they are being looked
 * for, and the line moves on when they were found or load_failed. */
bool s3_keys_ready(struct s3 *s3);
/* Those in use were refused: others are looked for. false: there can be none. */
bool s3_keys_renew(struct s3 *s3);

/* s3_answer.c: what came back, understood. */
struct s3_reading {
	struct arena arena;
	struct s3_answer answer;
	CURLcode curl;
	const char *message, *region; /* of an <Error>, or of the headers */
	bool is_error;                /* there is an <Error>, whatever the status */
	bool is_damaged;              /* it is not whole, not XML or not what the server has */
	bool timed_out;
	const char *words;   /* curl's, when there was no answer */
	int64_t date, asked; /* ms: the server's clock, 0 when it tells no time; Retry-After */
	bool sunk, changed;  /* the sink gave up; the body's file became shorter */
};
void s3_answer_read(const struct s3_transfer *transfer, struct s3_slot *slot, CURLcode code,
		    struct s3_reading *reading);
/* s3_xml.c: the body's part of it. */
void s3_xml_read(int action, const struct buffer *body, struct s3_reading *reading);

/* s3_verdict.c: what to do about it. */
enum s3_verdict {
	S3_VERDICT_END,     /* the answer is final, good or bad */
	S3_VERDICT_AGAIN,   /* later */
	S3_VERDICT_SLOWER,  /* later, and with fewer at once */
	S3_VERDICT_SKEW,    /* at once, by the server's clock */
	S3_VERDICT_REGION,  /* at once, signed for the region that it names */
	S3_VERDICT_RENEW,   /* with new credentials */
	S3_VERDICT_CHANGED, /* is the body still what was hashed? */
	S3_VERDICT_PLAIN,   /* without the checksum's header */
	S3_VERDICT_UNQUOTE, /* with a condition's ETag as radosgw wants it */
	S3_VERDICT_DENIED,  /* the action is denied */
	S3_VERDICT_FATAL,   /* nothing will work */
	S3_VERDICTS,
};
enum s3_verdict s3_judge(const struct s3_transfer *transfer, const struct s3_reading *reading);
/* What a final answer means; S3_FAILED when it is none of the others. */
enum s3_outcome s3_outcome_of(const struct s3_transfer *transfer, const struct s3_reading *reading);
/* s3_react.c: does it. */
void s3_react(struct s3_transfer *transfer, struct s3_reading *reading);
/* Milliseconds until the next try. */
int64_t s3_backoff(const struct s3_transfer *transfer);

/* s3_explain.c: why it failed, without saying what: s3_transfer_fail puts that before it. */
void s3_explain(const struct s3_transfer *transfer, const struct s3_reading *reading,
		struct error *reason);

/* s3_parts.c: uploads in parts. */
bool s3_goes_in_parts(const struct s3_transfer *transfer);
void s3_parts_start(struct s3_transfer *transfer);
/* The file as a whole was hashed. */
void s3_parts_hashed(struct s3_transfer *transfer);
/* Lets go of what is under way; the server is asked to forget the parts, and the transfer fails
 * behind that. */
void s3_parts_stop(struct s3_transfer *transfer, const struct error *reason);
bool s3_parts_stopping(const struct s3_transfer *transfer);

/* s3_many.c: keys that no XML can hold are deleted one by one, behind the others. */
struct s3_many *s3_many_new(struct s3_transfer *transfer, const struct text_list *keys);
/* Whether one is left, for which the transfer was made ready. */
bool s3_many_next(struct s3_transfer *transfer);
/* Keeps what an answer refused; at the end the answer is that of all. */
void s3_many_gather(struct s3_transfer *transfer, struct s3_reading *reading);

/* s3_queue.c: who goes when. */
void s3_enter(struct s3 *s3);
/* Moves the line on, and destroys a client that was freed meanwhile. */
void s3_leave(struct s3 *s3);
void s3_kick(struct s3 *s3, int64_t delay);
void s3_ended(void *context, CURL *easy, CURLcode code);
void s3_hashed(void *transfer);
void s3_rest(struct s3_transfer *transfer, int64_t delay);
void s3_rest_over(void *transfer);
void s3_wait(struct s3_transfer *transfer, bool first);
/* Takes it from its line, its slot and its timer. */
void s3_detach(struct s3_transfer *transfer);
/* The server had too much to do, with this one and others, and asks for so many ms. */
void s3_slower(struct s3_transfer *transfer, int64_t asked);
void s3_faster(struct s3 *s3);
int64_t s3_now(const struct s3 *s3); /* by the server's clock */

/* s3.c */
struct s3_transfer *s3_transfer_new(struct s3 *s3, int action, s3_done_fn *done, void *context);
/* Takes it out of its line, tells its owner and frees it. */
void s3_transfer_end(struct s3_transfer *transfer, const struct s3_answer *answer);
void s3_transfer_fail(struct s3_transfer *transfer, const struct error *reason,
		      struct s3_reading *reading);
void s3_transfer_free(struct s3_transfer *transfer);
void s3_destroy(struct s3 *s3);
