/* The parts of change.c's room. */
#pragma once
#include "git/change.h"

/* Fills commits, authors, trailers and undone; both commits are here. */
int change_read_commits(const struct repository *repository, struct arena *arena,
			struct change *change, struct error *err) MUST_USE;

/* Everything: the newest commits of the target's history, without trailers. */
int change_read_history(const struct repository *repository, struct arena *arena,
			struct change *change, struct error *err) MUST_USE;

/* Line counts of pairs of blobs, kept in a file: sorted rows, looked up by halving. */
#define LINES_BINARY UINT32_MAX
struct lines_row {
	unsigned char old_id[20], new_id[20];
	uint32_t added, removed;	/* both LINES_BINARY: binary */
};
struct lines_cache {
	struct lines_row *rows;
	size_t count;
};
/* What cannot be read is an empty cache. */
void lines_cache_read(struct lines_cache *cache, const char *common_dir);
const struct lines_row *lines_cache_find(const struct lines_cache *cache,
					 const struct lines_row *pair);
/* Adds rows; a failure to write is nobody's business. */
void lines_cache_write(struct lines_cache *cache, const char *common_dir,
		       const struct lines_row *rows, size_t count);
void lines_cache_release(struct lines_cache *cache);
