/* What a deploy changes: live tree to target tree, and the commits in between. */
#pragma once
#include <stdint.h>

#include "git/pattern.h"
#include "git/repository.h"

struct changed_file {
	const char *path;	/* bytes as in git; not always UTF-8 */
	char status; /* A, M, D or T, as git diff --name-status --no-renames: a rename is D and A */
	bool is_folder;		/* a submodule */
	bool counted;		/* its lines were counted: not ignored, not binary */
	unsigned old_mode, new_mode;	/* 0: not there */
	unsigned char old_id[20], new_id[20];
	uint32_t added, removed;	/* lines */
};

struct change_commit {
	const char *id, *author, *email, *subject;	/* valid UTF-8 */
	int64_t time;		/* committed, ms since 1970 */
};

struct change_trailer {		/* Deploy-Task: NAME, Deploy-Note: TEXT */
	const char *value, *commit;
};

struct change {
	const char *live;	/* whole id; NULL: nothing was ever live */
	const char *target;
	bool everything;	/* select everything: first deploy, or the live commit is unknown */
	bool live_unknown;	/* `live` is not here and could not be fetched */
	VEC(struct changed_file) files;		/* sorted by bytes */
	/* live..target, newest first; everything: the newest CHANGE_HISTORY of target's history */
	VEC(struct change_commit) commits;
	size_t commit_count;	/* commits has at most CHANGE_COMMITS of them */
	struct text_list authors;	/* "Ann <ann@example.com>", each once, by commits */
	bool commits_incomplete;	/* everything, or a shallow clone: there are more */
	size_t undone;		/* commits of live that are not in target (going back, diverged) */
	VEC(struct change_trailer) tasks, notes;
	bool lines_known;	/* change_count_lines was called; it fills what follows */
	int64_t added, removed;	/* lines of all counted files */
	size_t not_counted;	/* files that were ignored */
	size_t binary;
};
#define CHANGE_COMMITS 2000
#define CHANGE_HISTORY 100

struct change_options {
	const char *live;	/* NULL: nothing live */
	const char *also; /* another commit that may be live (live_commit disagrees): what changed
				 * since either counts; or NULL */
	const char *target;
	bool without_files_of_first;	/* everything: leave files empty */
};

/* On the first deploy, files are all of the target's (status A). With a live commit that is not
 * here, everything is set and files are all of the target's; fetch it before (git_fetch_commit). */
int change_read(const struct repository *repository, struct arena *arena,
		const struct change_options *options, struct change *change,
		struct error *err) MUST_USE;
/* Fills added and removed like git diff --numstat. Files that each of the lists of `ignore` matches
 * (there may be no list) are not counted.
 * Counts are kept per pair of blobs below common_dir; a cache that cannot be read or written costs
 * time only. */
int change_count_lines(const struct repository *repository, struct change *change,
		       const struct pattern_list *ignore, size_t lists,
		       struct error *err) MUST_USE;
/* The new version of a changed file, for what looks at the lines that a change adds. */
struct line_span {
	size_t first, count;	/* lines, from 1 */
};
struct changed_text {
	const char *text;	/* NUL-terminated; NULL: binary, very large, or gone */
	size_t length;
	VEC(struct line_span) added;	/* sorted, apart; of a new file one span */
};
int change_read_text(const struct repository *repository, struct arena *arena,
		     const struct changed_file *file, struct changed_text *text,
		     struct error *err) MUST_USE;
/* Whether that line (from 1) is one that the change adds. */
bool changed_text_adds(const struct changed_text *text, size_t line);
/* The paths of files, for pattern_index_new: in the arena. */
struct pattern_path *change_paths(struct arena *arena, const struct change *change);
/* NUL-separated, for SHIPIT_CHANGED_FILES. */
int change_write_paths(const struct change *change, const char *file, struct error *err) MUST_USE;

struct dirty {
	bool known;		/* false: it would have taken too long to find out */
	size_t count;
	struct text_list paths;	/* the first few */
};
/* Uncommitted changes in the user's working tree (untracked files too, while the repository is not
 * large). It looks in the background; finish waits at most that many ms, < 0: as long as needed. */
struct dirty_check;
struct dirty_check *dirty_check_start(const struct repository *repository);
void dirty_check_finish(struct dirty_check *check, struct arena *arena, int64_t wait,
			struct dirty *dirty);
