/* Releases in a folder of this machine: TO/releases/<ID> and the link TO/current. All calls block
 * and touch nothing outside TO (shared paths are below TO/shared). */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "git/pattern.h"

struct release_tree {
	const char *to; /* absolute */
	const char *id; /* of the release: a folder's name */
	const char *commit;
	const char *root;                   /* of a checkout of the commit; git runs there */
	const char *from;                   /* absolute folder; NULL: the commit's tree */
	const struct pattern_list *exclude; /* paths from `from` or the root */
	const struct text_list *shared;
	const char *description;    /* release.json */
	const atomic_bool *stopped; /* ends it early, half-made */
};

/* Makes TO/releases/<ID> whole or not at all. *files and *bytes are what it holds. */
int release_tree_make(const struct release_tree *tree, int64_t *files, int64_t *bytes,
		      struct error *err) MUST_USE;
/* Whether TO/releases/<ID> is there and whole. */
bool release_tree_whole(const char *to, const char *id);
/* TO/current names TO/releases/<ID> from here on, all at once; what it named before is remembered
 * under the deploy's ID. Refuses a release that is not whole. */
int release_tree_switch(const char *to, const char *id, const char *deploy,
			struct error *err) MUST_USE;
/* TO/current as it was before that deploy switched it; fine when it did not, or when somebody
 * else has switched it since. */
int release_tree_switch_back(const char *to, const char *id, const char *deploy,
			     struct error *err) MUST_USE;
/* Keeps the `keep` releases that were live last (or made, when they never were), current among
 * them, and removes the others and what was left half-made. *removed is their number. */
int release_tree_prune(const char *to, int64_t keep, int64_t *removed, struct error *err) MUST_USE;
