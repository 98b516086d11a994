/* Where assets lie: a folder or a bucket, behind one interface. All calls block and are made from
 * the one thread that works for this place; keys are relative to it. */
#pragma once
#include <stdatomic.h>

#include "assets/asset.h"
#include "base/buffer.h"

struct loop;

/* What is going on, for whoever shows it; written by the working thread, read by the loop's. */
struct assets_progress {
	atomic_llong files, files_total, bytes, bytes_total;
};

struct target_options {
	struct loop *loop;
	const char *to;                /* "file:/absolute/folder" or "s3://BUCKET/PREFIX" */
	const char *endpoint, *region; /* NULL: by the environment */
	int64_t concurrency;
	const char *cache; /* absolute folder of this machine, which is there */
	const atomic_bool *stopped;
	struct assets_progress *progress;
};

/* An object's version, for conditional writes. */
struct target_version {
	char text[160]; /* "": it is not there */
};

/* One object to be there. Texts last until the next is asked for. */
struct target_send {
	const char *key;
	const char *path; /* a file with the content; it must hash to `hash` still; or */
	const char *from; /* ... a key of this place whose content it gets; may be its own */
	int64_t size;
	const unsigned char *hash;
	const struct asset_headers *headers;
};
struct target_sends {
	/* False when there is no more. */
	bool (*next)(void *context, struct target_send *send);
	void *context;
};
struct target_keys {
	const char *(*next)(void *context); /* NULL when there is no more */
	void *context;
};

struct asset_target;
struct target_kind {
	const char *prefix; /* "file:" */
	/* NULL with err. */
	struct asset_target *(*open)(const struct target_options *options, struct error *err);
	void (*free)(struct asset_target *target);
	/* 1 read, 0 it is not there, -1. */
	int (*read)(struct asset_target *target, const char *key, struct buffer *out,
		    struct target_version *version, struct error *err);
	/* A small object, if what is there is that version still (""; nothing). 0 with the new one;
	 * 1 it is not: nothing was changed; -1. */
	int (*write)(struct asset_target *target, const char *key, const void *bytes, size_t length,
		     struct target_version *version, struct error *err);
	/* 1: *path is a file of this machine with the object's content, to be read only; 0 it is
	 * not there; -1. digest: the SHA-256 that it should have, so that one that was fetched
	 * before will do; NULL: not known. */
	int (*fetch)(struct asset_target *target, struct arena *arena, const char *key,
		     const char *digest, const char **path, struct error *err);
	/* A file of this machine with what was just sent, whose SHA-256 is digest: it is taken
	 * away and kept for fetch. NULL: fetch needs no help. */
	void (*keep)(struct asset_target *target, const char *digest, const char *path);
	/* Puts all of them, many at once and in no order. -1 with the first failure: what came
	 * before it is there. */
	int (*send)(struct asset_target *target, const struct target_sends *sends,
		    struct error *err);
	/* Sets ASSET_MISSING or ASSET_DIFFERENT in each of the sorted table's flags, by what is
	 * there and not by what a manifest says. folder: assets' paths are relative to it; assets
	 * without one are compared by their size alone. */
	int (*compare)(struct asset_target *target, struct asset_table *assets, const char *folder,
		       struct error *err);
	/* What is not there counts as removed. -1 with the first failure; *removed are gone. */
	int (*remove)(struct asset_target *target, const struct target_keys *keys, int64_t *removed,
		      struct error *err);
	/* Calls for each object in the order of keys, modified in ms: of those below .shipit/
	 * for the stored contents alone; or, with `releases`, for the manifests and nothing
	 * else. each calls nothing of the target's. */
	int (*list)(struct asset_target *target, bool releases,
		    int (*each)(void *context, const char *key, int64_t size, int64_t modified,
				struct error *err),
		    void *context, struct error *err);
	/* Whether headers of what is there can differ from ours; else they are the web server's. */
	bool has_headers;
};

/* Embedded first in what `open` makes. */
struct asset_target {
	const struct target_kind *kind;
	const struct target_options *options;
};

extern const struct target_kind target_file, target_s3;
/* By the table of kinds; NULL with err (EXIT_USAGE) for a `to` that is none. */
struct asset_target *target_open(const struct target_options *options, struct error *err) MUST_USE;
void target_free(struct asset_target *target);
/* 0, or -1: the user, or the deploy, wants it to end. */
int target_check(const struct asset_target *target, struct error *err) MUST_USE;
