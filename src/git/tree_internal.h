/* Raw tree objects, read with bounds checks: several times faster than libgit2's own diff. */
#pragma once
#include <git2.h>

#include "git/repository.h"

struct tree_entry {
	const char *name;	/* NUL-terminated, as it stands in the object */
	size_t length;
	unsigned mode;
	const unsigned char *id;
};

#define MODE_FOLDER 040000
#define MODE_SUBMODULE 0160000

/* One side of a walk is 0 when the path is not there. Returns 0 to go on. */
struct tree_difference {
	const char *path;	/* valid during the call only */
	size_t length;
	unsigned old_mode, new_mode;
	const unsigned char *old_id, *new_id;
};
typedef int tree_difference_fn(void *context, const struct tree_difference *difference);

/* Every file (and submodule) that differs between two trees, in the order of paths by bytes; either
 * id may be NULL for an empty tree. Equal folders are not read. */
int tree_diff(const struct repository *repository, const unsigned char *old_id,
	      const unsigned char *new_id, tree_difference_fn *difference, void *context,
	      struct error *err) MUST_USE;
int commit_tree_id(const struct repository *repository, const char *commit, git_oid *id,
		   struct error *err) MUST_USE;
/* What stands in a changed file, for the caller to free. */
int blob_read(git_odb *odb, const unsigned char *id, git_odb_object **object,
	      struct error *err) MUST_USE;
/* Paths of the files called `name` in the index, if that is a whole tree (whose id it gives; the
 * object need not be here): false when it is not, or is of a kind that is not read here. */
bool index_names(const struct repository *repository, struct arena *arena, const char *name,
		 struct text_list *paths, git_oid *tree) MUST_USE;
/* Starts libgit2 with our options; git_libgit2_shutdown ends it, as often as it was started. */
int libgit2_start(struct error *err) MUST_USE;
/* libgit2's words for its last failure. */
int libgit2_error(struct error *err, const char *what);
