/* The clean checkout that is deployed: one per repository and environment, outside .git. */
#pragma once
#include "git/repository.h"

struct worktree_options {
	const char *env;
	const char *commit;
	bool clean_all;		/* ignored files go too */
	bool may_ask;		/* submodules, LFS: git may ask for a password on the terminal */
};

/* Where it is: below SHIPIT_WORKTREES or ${XDG_CACHE_HOME:-~/.cache}/shipit/worktrees. */
char *worktree_path(const struct repository *repository, struct arena *arena, const char *env,
		    struct error *err) MUST_USE;
/* Makes it, or resets it: detached at the commit, untracked files gone, ignored ones kept unless
 * clean_all, submodules updated, none of the user's hooks run. Returns its path. One that is broken
 * (moved repository, killed checkout) is made anew. */
char *worktree_prepare(const struct repository *repository, struct arena *arena,
		       const struct worktree_options *options, struct error *err) MUST_USE;
/* What is left of a checkout of ours whose making died with the machine (its HEAD is zeros) makes
 * every git command in the repository fail: takes such away. Whether there was one. */
bool worktree_mend(const struct repository *repository, struct arena *arena);

/* Whoever builds in a checkout claims it, so that he finds what he has built so far when he comes
 * back; worktree_prepare ends every claim. user: a deploy's ID. */
int checkout_claim(const struct repository *repository, struct arena *arena, const char *path,
		   const char *user, struct error *err) MUST_USE;
bool checkout_is_claimed(const struct repository *repository, struct arena *arena,
			 const char *path, const char *user);
