/* Patterns on paths, by git's ignore rules (spec 4): a list matches a path when the last of its
 * patterns that matches the path or one of its parent folders has no `!`. Case counts. */
#pragma once
#include <stddef.h>

#include "config/config.h"

#define PATTERN_MAXIMUM 1024	/* bytes of one pattern */

/* 0, or -1 with what is wrong with it: fits config_options.check_pattern. */
int pattern_check(const char *pattern, struct error *err) MUST_USE;

struct pattern;
struct pattern_list {
	struct pattern *items;
	size_t count;
};
/* Compiles a list, with its folder and "//". The result lives in the arena, so must texts. An empty
 * list matches nothing. Errors have the pattern's place and EXIT_USAGE. */
int pattern_list_compile(struct arena *arena, const struct pattern_texts *texts,
			 struct pattern_list *list, struct error *err) MUST_USE;
/* Whether the list matches one path; is_folder: the path itself is a folder (a submodule). */
bool pattern_list_matches(const struct pattern_list *list, const char *path, bool is_folder);
/* Whether the pattern at that place of the list, taken alone and without its `!`, matches. */
bool pattern_list_item_matches(const struct pattern_list *list, size_t item, const char *path,
			       bool is_folder);

struct pattern_path {
	const char *path;
	bool is_folder;
};
struct pattern_hit {
	const char *path;	/* the first in path order that the list matches; NULL: none */
	const char *pattern;	/* as written, the one that decided */
	size_t count;		/* how many paths match */
};

/* Many lists against the same paths: what a list cannot match is never looked at. */
struct pattern_index;
/* paths must be sorted by bytes, without doubles, and live as long as the index. */
struct pattern_index *pattern_index_new(const struct pattern_path *paths, size_t count);
void pattern_index_free(struct pattern_index *index);
void pattern_index_cleanup(struct pattern_index **index);	/* for CLEANUP */
void pattern_index_match(struct pattern_index *index, const struct pattern_list *list,
			 struct pattern_hit *hit);
/* The places in paths that match, sorted; returns how many. The result is the arena's. */
size_t pattern_index_paths(struct pattern_index *index, struct arena *arena,
			   const struct pattern_list *list, size_t **places);
