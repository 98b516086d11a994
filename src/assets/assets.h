/* The door of assets/: a folder is synced to a place in two halves, what is dead there goes, and
 * what is there can be looked at. spec 8; docs/assets.md tells how it lies at the place. */
#pragma once
#include "assets/index.h"
#include "assets/rules.h"

enum assets_act {
	ASSETS_PREPARE, /* sends what nobody sees yet, and the release's manifest */
	ASSETS_PUBLISH, /* replaces what is seen, `last` files after all others, then the index */
	ASSETS_SYNC,    /* both */
	ASSETS_UNDO,    /* the release before the one that was just published is live again */
	ASSETS_KEPT,    /* changes nothing: whether all that ASSETS_PUBLISH needs is there */
	ASSETS_PRUNE,
	ASSETS_SURVEY, /* changes nothing: what lies there, and what becomes of it */
};

struct assets_limit { /* of a prune: so many objects, or so many percent of all; -1: not this */
	int64_t number, percent;
};

/* All of it outlives the job. */
struct assets_options {
	struct loop *loop;
	struct arena *arena; /* only the work uses it until it is done */
	enum assets_act act;
	const char *to;                /* "file:/srv/assets", "s3://BUCKET/PREFIX" */
	const char *endpoint, *region; /* or NULL */
	int64_t concurrency;
	struct index_line line;
	const char *id;     /* PREPARE, SYNC: of this deploy; PUBLISH, KEPT: which release */
	const char *folder; /* PREPARE, SYNC: absolute */
	struct asset_rules rules;
	int64_t keep, grace; /* PRUNE, SURVEY */
	struct assets_limit limit;
	int64_t older_than; /* ms; PRUNE: -1, or what no manifest knows goes too from this age */
	bool dry_run;       /* SYNC, PRUNE: changes nothing, fills result.items */
	bool may_skip;      /* SYNC: does nothing at all when nothing changed, makes no release */
	bool verify;        /* SYNC: goes by what is there, not by what the manifest says */
	bool with_items;    /* SURVEY: result.items too */
	const char *who;    /* for others: who prunes */
	int64_t now;
};

struct assets_item {
	const char *what; /* "send", "replace", "headers", "delete"; "live", "kept", "dead" ... */
	const char *key;
	int64_t size;
};
struct assets_sum {
	int64_t objects, bytes;
};

struct assets_result {
	bool ok;
	struct error failure;
	const char *id;            /* of the release that was made; NULL: none was */
	struct assets_sum total;   /* of the release; PRUNE: of all that manifests name */
	struct assets_sum sent;    /* or would be, in a dry run */
	struct assets_sum headers; /* objects whose headers alone were changed */
	struct assets_sum removed;
	bool unchanged;         /* may_skip: nothing was to be done */
	struct text_list notes; /* what a person should know, a sentence each */
	VEC(struct assets_item) items;
	/* SURVEY. kept: live no more, but of the last releases or within the grace period; gone:
	 * named by a manifest and not there. */
	struct assets_sum live, kept, dead, unknown, gone;
	struct index index;
};

struct assets;
/* Starts the work off the loop; done is called on it, once, and the result is the arena's. NULL
 * with err when it cannot be started. */
struct assets *assets_start(const struct assets_options *options,
			    void (*done)(void *context, struct assets_result *result),
			    void *context, struct error *err) MUST_USE;
/* It ends soon, as a failure; what was sent stays and is not sent again. */
void assets_stop(struct assets *assets);
const struct assets_progress *assets_progress(const struct assets *assets);
/* "142 of 2,000 files, 3.1 MB" and the like: what was done, in a few words. */
const char *assets_words(struct arena *arena, const struct assets_options *options,
			 const struct assets_result *result);
