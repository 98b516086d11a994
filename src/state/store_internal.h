/* What the stores of this room share: the row of the table and the handle. */
#pragma once
#include "base/buffer.h"
#include "state/store.h"

#define STORE_VALUE_MAXIMUM ((size_t)16 << 20) /* bytes of one record or entry */
#define STORE_NONCE_SIZE 33

/* One kind of store. Functions have the contracts of store.h's. */
struct store_kind {
	const char *name;
	const char *prefix; /* what `state` begins with; ':' or '/' at the end takes an argument */
	const char *help;
	int (*check)(const char *argument, struct error *err); /* may be NULL */
	int (*open)(struct store *store, const struct store_options *options, struct error *err);
	void (*close)(struct store *store); /* may be NULL */
	int (*fetch)(struct store *store, const struct store_fetch *fetch, struct error *err);
	int (*tip)(struct store *store, const char *env, char version[STORE_VERSION_SIZE],
		   struct error *err);
	int (*read)(struct store *store, const char *env, size_t limit, store_record_fn *record,
		    void *context, struct error *err);
	int (*get)(struct store *store, const char *env, const char *name, json_t **value,
		   char version[STORE_VERSION_SIZE], struct error *err);
	int (*names)(struct store *store, const char *env, const char *prefix, struct arena *arena,
		     struct text_list *names, struct error *err);
	int (*write)(struct store *store, const char *env, struct store_change *changes,
		     size_t count, struct error *err);
	int (*probe)(struct store *store, struct error *err); /* NULL: a fetch is all */
	bool fetches_refspecs;
};

struct store {
	const struct store_kind *kind;
	struct arena arena;   /* lives as long as the store */
	const char *argument; /* of `state`, behind the colon; "" without */
	bool offline;
	int64_t seen_at;
	struct text_list warnings;
	void *data; /* the kind's own, in the arena */
};

extern const struct store_kind store_git, store_git_branch, store_file, store_s3;

/* A name as one part of a ref or a path: all but [A-Za-z0-9_-] as %XX; '.' too. */
char *store_name_encode(struct arena *arena, const char *name);
void store_warn(struct store *store, const char *format, ...) PRINTF_LIKE(2, 3);
/* Bytes of a value with a fresh nonce in it (when it is an object), sorted, with a line's end. To
 * be freed. */
char *store_value_write(json_t *value, size_t *length, struct error *err);
/* A new reference; name is for the message. */
json_t *store_value_read(const char *bytes, size_t length, const char *name, struct error *err);
