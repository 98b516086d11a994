/* .shipit/index.json: which releases a place holds, which of them are live, and when each was
 * superseded. Small, changed by conditional writes alone. docs/assets.md has the format. */
#pragma once
#include "assets/target.h"

#define INDEX_VERSION 1

struct index_release {
	const char *id;               /* of the deploy that made it */
	const char *app, *env, *from; /* its line: of each, one release is live */
	const char *manifest;         /* its key */
	const char *sha256;           /* of the manifest's bytes */
	int64_t objects, bytes;
	/* ms; 0: not (yet). Prepared only: its objects may still be arriving. */
	int64_t prepared, published, superseded;
};
struct index {
	VEC(struct index_release) releases; /* as they were prepared */
	/* Somebody prunes: nobody prepares meanwhile. pruning 0: nobody. */
	int64_t pruning;
	const char *pruner;
	struct target_version version;
	/* It is there, but damaged or of a newer version: nothing in it counts, and nothing is
	 * written over it by mistake. */
	bool damaged;
	const char *why;
};

struct index_line {
	const char *app, *env, *from;
};

/* An index that is not there is an empty one. */
int index_read(struct arena *arena, struct asset_target *target, struct index *index,
	       struct error *err) MUST_USE;
/* 0, 1: somebody else wrote it since it was read (read it anew), -1. */
int index_write(struct arena *arena, struct asset_target *target, struct index *index,
		struct error *err) MUST_USE;
bool index_is_of(const struct index_release *release, const struct index_line *line);
/* NULL: nothing is live. */
struct index_release *index_live(const struct index *index, const struct index_line *line);
struct index_release *index_find(const struct index *index, const struct index_line *line,
				 const char *id);
void index_drop(struct index *index, const struct index_release *release);
/* Whether a prune must leave its objects alone: live, one of the last `keep` that were published of
 * its line, dead for less than `grace` ms, or prepared and not abandoned. */
bool index_keeps(const struct index *index, const struct index_release *release, int64_t keep,
		 int64_t grace, int64_t now);
/* Since when nothing live needs it (ms); 0: something does. */
int64_t index_dead_since(const struct index *index, const struct index_release *release);
