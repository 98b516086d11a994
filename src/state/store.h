/* The shared state of an app: per environment a chain of records and named entries. What a store
 * is kept in (refs on the git remote, a folder, S3) is a row of a table. All calls block; a store
 * is used by one thread at a time. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define STORE_VERSION_SIZE 80
#define STORE_CHAIN "deploys" /* the name of the chain in store_change */

struct buffer;
struct store;

struct store_options {
	const char *state;    /* deploy.yml's: "git", "file:DIR", "s3://BUCKET/PREFIX" ... */
	const char *folder;   /* what DIR is relative to: the folder of deploy.yml */
	const char *work_dir; /* where git runs: any folder of the repository, or its git dir */
	const char
		*common_dir; /* the repository's common git dir: what was last seen is kept there */
	const char *remote;  /* "origin"; NULL is that */
	bool offline;        /* answer from what was last seen; writing is an error */
};

/* Contacts nothing and runs nothing. Options' texts are copied. NULL on failure (exit code 2 is in
 * err when `state` is wrong). */
struct store *store_open(const struct store_options *options, struct error *err);
void store_free(struct store *store);
/* "git", "git+branch", "file", "s3" */
const char *store_kind_name(const struct store *store);
/* Whether state: TEXT names a store of this version; for check. 0 or -1 with exit code 2. */
int store_check(const char *state, struct error *err) MUST_USE;

struct store_fetch {
	const char *env; /* NULL: every environment */
	/* NULL, or what the same round trip should fetch from the git remote, like
	 * "+refs/heads/x:refs/remotes/origin/x"; only the git stores do. */
	const struct text_list *refspecs;
	/* NULL, or gets what that git said of each ref (git_fetched_branches reads it). */
	struct buffer *listing;
};

/* Brings the newest state here in one round trip. Everything below answers from it (file: from the
 * folder itself; s3: of every environment, each is asked for when it is first looked at). Offline
 * it contacts nobody. Must be called once before anything else is. */
int store_fetch(struct store *store, const struct store_fetch *fetch, struct error *err) MUST_USE;
/* Whether the place answers, and does what a store there needs of it; leaves nothing behind. 0 or
 * -1. */
int store_probe(struct store *store, struct error *err) MUST_USE;
/* Whether store_fetch has brought refspecs: the git stores, when not offline. */
bool store_fetches_refspecs(const struct store *store);
/* When the state was last seen, in ms since 1970; 0 never. For "as of 3 hours ago" offline. */
int64_t store_seen_at(const struct store *store);
/* What a person must hear: a chain that became shorter, forked or vanished. May be empty. */
const struct text_list *store_warnings(const struct store *store);

/* One record of the chain. Returns 0 to go on, 1 to stop, -1 on failure. value is borrowed. */
typedef int store_record_fn(void *context, const char *version, json_t *value, struct error *err);
/* Newest first, at most limit records (0: all). 0 or -1. A chain that is not there has none. */
int store_read(struct store *store, const char *env, size_t limit, store_record_fn *record,
	       void *context, struct error *err) MUST_USE;
/* The version of the newest record, "" when there is none. */
int store_tip(struct store *store, const char *env, char version[STORE_VERSION_SIZE],
	      struct error *err) MUST_USE;

/* A named entry (a lease, a hold): *value is a new reference, or NULL and version "" when it is not
 * there. Names are of [a-z0-9-]. -1 with a version: what is there is no value (torn, forged), and
 * can be replaced by store_write. */
int store_get(struct store *store, const char *env, const char *name, json_t **value,
	      char version[STORE_VERSION_SIZE], struct error *err) MUST_USE;

/* Adds the names of the environment's entries that begin with prefix, sorted. */
int store_names(struct store *store, const char *env, const char *prefix, struct arena *arena,
		struct text_list *names, struct error *err) MUST_USE;

struct store_change {
	const char *name;     /* STORE_CHAIN appends a record, any other name puts an entry */
	json_t *value;        /* borrowed; NULL deletes the entry. Its "nonce" is set anew */
	const char *expected; /* the version that must be there now; "": none may be */
	char version[STORE_VERSION_SIZE]; /* out: the new one */
};

/* All changes or none, when every expected version is still there. 0 done; 1 somebody was quicker
 * and nothing was changed (fetch, look, decide again); -1 failed, with what to do. A host that
 * refuses the refs is exit code 2 with its words. Synced when it returns. */
int store_write(struct store *store, const char *env, struct store_change *changes, size_t count,
		struct error *err) MUST_USE;
