/* A slug: a commit's tree less what a list leaves out, made of git's objects. Nothing is checked
 * out, and the same tree gives the same slug. What .gitattributes says is not looked at. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "git/pattern.h"
#include "git/repository.h"

struct slug_file {
	const char *path;
	unsigned mode;         /* git's */
	unsigned char id[20];
};
struct slug_trimmed { /* what was left out, by the first part of its path */
	const char *name;
	size_t length;
	int64_t files;
};
struct slug {
	VEC(struct slug_file) files; /* in git's order */
	VEC(struct slug_trimmed) trimmed;
	int64_t left_out, left_out_bytes;
};

/* Lives in the arena. A slug without a file is an error. */
int slug_choose(const struct repository *repository, struct arena *arena, const char *commit,
		const struct pattern_list *exclude, struct slug *slug, struct error *err) MUST_USE;
/* How many bytes its files hold. */
int slug_size(const struct repository *repository, const struct slug *slug, int64_t *bytes,
	      struct error *err) MUST_USE;
/* "12,345 files left out (3.1 MiB): frontend 12,000, native 345"; NULL when nothing was. */
const char *slug_trimmed_words(struct arena *arena, const struct slug *slug);

/* Writes its folders into the repository; id is the tree's. */
int slug_write_tree(const struct repository *repository, const struct slug *slug,
		    char id[COMMIT_TEXT], struct error *err) MUST_USE;
struct slug_commit {
	const char *tree;
	const char *parent; /* the last slug; NULL: none */
	const char *source; /* the commit that it was made of, which lends author and time */
	const char *deploy; /* ID */
};
int slug_write_commit(const struct repository *repository, const struct slug_commit *commit,
		      char id[COMMIT_TEXT], struct error *err) MUST_USE;
/* What a slug's commit says of itself: the deploy's ID in the arena ("" for a commit that is no
 * slug), its tree, and its first parent ("" when it has none). */
int slug_read_commit(const struct repository *repository, struct arena *arena, const char *id,
		     const char **deploy, char tree[COMMIT_TEXT], char parent[COMMIT_TEXT],
		     struct error *err) MUST_USE;

struct slug_archive {
	const struct repository *repository;
	const struct slug *slug;
	const char *path;   /* of the file; written whole or not at all */
	const char *prefix; /* before each name: "./app/" or "" */
	const atomic_bool *stopped;
	unsigned threads; /* 0: as many as there are processors */
};
/* A tar.gz whose bytes depend on nothing but the slug, the prefix and zlib. *bytes: what its files
 * hold. */
int slug_archive(const struct slug_archive *archive, int64_t *bytes, struct error *err) MUST_USE;
