/* The store in S3. All of an environment but its records is one object, PREFIX/<env>/head.json,
 * which changes by conditional writes only: what a writer changes, it changes at once.
 *
 *   {"version": 1, "chain": [NAME, ...], "entries": {NAME: value}, "writes": [nonce, ...],
 *    "locks": true}
 *
 * chain has the newest records' names, newest first; a record is an object of its own,
 * PREFIX/<env>/deploys/NUMBER-SHA256.json with {"before": [NAME, ...], "record": value}, that never
 * changes and is there before a head names it. writes are the nonces of the last writes, so that
 * who did not hear how his ended can read it. locks: conditions were seen to be heeded here. */
#pragma once
#include "net/s3.h"
#include "state/store_internal.h"

#define S3_ETAG_SIZE 128
#define S3_NAME_LENGTH 73 /* of a record: eight digits, '-', SHA-256 in hex */
#define S3_HEAD_MAXIMUM (2 * STORE_VALUE_MAXIMUM)
#define S3_LISTED 200 /* records that a head names */
#define S3_BEFORE 64  /* and that a record names */
#define S3_WRITES 32  /* nonces that a head keeps */

struct loop;
struct waiting;

struct s3_env {
	const char *name;
	const char *folder; /* of its objects: "PREFIX/production/" */
	const char *seen;   /* the folder of what this clone keeps of it; NULL: nothing */
	bool fresh;         /* head is what was there when it was fetched */
	json_t *head;       /* NULL: there is none */
	char etag[S3_ETAG_SIZE];
};

struct s3_store {
	const char *bucket, *prefix; /* prefix is "" or ends in '/' */
	const char *name;            /* "s3://bucket/prefix" */
	const char *seen;            /* a folder, or NULL */
	struct loop *loop;           /* made when the first request is */
	struct s3 *s3;
	VEC(struct s3_env *) envs;
};

struct s3_store *s3_store_of(struct store *store);

/* ---- store_s3_call.c ---- */

/* A request and what came of it. */
struct s3_call {
	struct s3_request request; /* key and body must last */
	struct s3_transfer *transfer;
	enum s3_outcome outcome;
	struct error failure;
	int status;
	char etag[S3_ETAG_SIZE];
	struct buffer body;
	struct waiting *waiting;
};

/* Sends all at once and waits for their ends, or until the program is interrupted (-1). Failed
 * requests are no failure of it. s3_calls_release in any case. */
int s3_calls_run(struct store *store, struct s3_call *calls, size_t count,
		 struct error *err) MUST_USE;
void s3_calls_release(struct s3_call *calls, size_t count);
/* Puts why the call failed in err, behind what was tried. -1. */
int s3_call_failed(const struct s3_call *call, const char *tried, struct error *err);
/* A GET of a small object, a PUT of a text (that lasts until it has ended). */
struct s3_call s3_call_get(const char *key);
struct s3_call s3_call_put(const char *key, const char *text, size_t length);
void s3_store_disconnect(struct s3_store *self);

/* ---- store_s3_head.c ---- */

/* The environment with its newest head, asked for when it is not there yet. NULL with err. */
struct s3_env *s3_env_get(struct store *store, const char *env, struct error *err);
/* Asks for the head in any case. */
int s3_env_load(struct store *store, struct s3_env *env, struct error *err) MUST_USE;
/* The head (taken) is there now; it is kept in this clone too. */
void s3_env_set(struct s3_env *env, json_t *head, const char *etag);
/* The name of a record, 0 the newest; "" when the head does not name it. */
const char *s3_head_record(const json_t *head, size_t index);
/* Whether it can be a record's name: they become keys and paths. */
bool s3_is_record_name(const json_t *name);
/* The number in a record's name. */
long s3_record_number(const char *name);
/* The version of an entry, "" without one. */
void s3_head_version(const json_t *head, const char *name, char version[STORE_VERSION_SIZE]);

/* ---- store_s3_chain.c ---- */

/* What a record's object holds; new references. NULL for those that an offline store never saw. */
int s3_records_get(struct store *store, struct s3_env *env, const char *const *names,
		   json_t **objects, size_t count, struct error *err) MUST_USE;
/* Keeps a record's object in this clone. */
void s3_record_keep(const struct s3_env *env, const char *name, const char *text, size_t length);
/* The name of record `number` in the chain that head ends, "" when there is none or it cannot be
 * read. */
void s3_chain_find(struct store *store, struct s3_env *env, const json_t *head, long number,
		   char name[STORE_VERSION_SIZE]);
int s3_store_read(struct store *store, const char *env, size_t limit, store_record_fn *record,
		  void *context, struct error *err);

/* ---- store_s3_write.c ---- */

int s3_store_write(struct store *store, const char *env, struct store_change *changes, size_t count,
		   struct error *err);
int s3_store_probe(struct store *store, struct error *err);
