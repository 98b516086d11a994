/* The files that a release holds. */
#pragma once
#include "steps/release_tree.h"

struct release_file {
	const char *path;
	const char *id; /* of its content: git's, or a SHA-256 */
	char type;      /* 'f' a file, 'x' one that can be run, 'l' a link */
	int64_t size;   /* bytes as they are kept */
	int64_t time;   /* seconds; of a folder's file */
};
struct release_list {
	VEC(struct release_file) files; /* sorted by path */
};

/* Of the tree's commit, or of `commit` in its place (may be NULL); else of the folder `from`. */
int release_list_read(struct arena *arena, const struct release_tree *tree, const char *commit,
		      struct release_list *list, struct error *err) MUST_USE;
/* "f ID PATH\n" for each. */
void release_list_write(const struct release_list *list, struct buffer *out);

/* Hands on what stands in some of its files, one after another, filtered as git checks them out;
 * use returns 0 to go on. */
typedef int release_content_fn(void *context, const struct release_file *file, const char *bytes,
			       size_t length, struct error *err);
int release_list_contents(const struct release_tree *tree,
			  const struct release_file *const *files, size_t count,
			  release_content_fn *use, void *context, struct error *err) MUST_USE;
