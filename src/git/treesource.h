/* A commit's files: as a source of configuration, and their fingerprints. */
#pragma once
#include "config/config.h"
#include "git/pattern.h"
#include "git/repository.h"

/* The files of a commit, for config_load. Where files of a name are is kept per tree below
 * common_dir. Everything lives in the arena; the repository must outlive it. */
int config_source_commit(const struct repository *repository, struct arena *arena,
			 const char *commit, struct config_source *source,
			 struct error *err) MUST_USE;
/* One file of a commit: 1 read, 0 there is none (or it is no file), -1 error. */
int commit_read_file(const struct repository *repository, const char *commit, const char *path,
		     struct buffer *out, struct error *err) MUST_USE;
/* SHIPIT_HASH_<NAME>: 16 hex of SHA-256 over "path NUL blob-id LF" of the commit's files that a
 * list matches, sorted by path; one walk for all lists. texts[i] is set to the arena's text. */
int commit_fingerprints(const struct repository *repository, struct arena *arena,
			const char *commit, const struct pattern_list *lists, size_t count,
			const char **texts, struct error *err) MUST_USE;
