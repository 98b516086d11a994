/* The repository on disk: where it is, what its names mean, how commits relate. Whole object ids
 * are 40 lower-case hex digits. Only this room sees libgit2; the network is git's own. */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#define COMMIT_TEXT 41		/* an object id as text, with its NUL */

struct git_repository;		/* libgit2's */
struct repository {
	const char *root;	/* the working tree, absolute, without a slash at its end */
	const char *git_dir;	/* of this working tree */
	const char *common_dir;	/* shared by all working trees; shipit's own files are below it */
	bool shallow;
	bool bare;
	struct git_repository *handle;
	struct text_list gone;	/* remote branches that the last fetch no longer found, as refs */
};

/* Finds the repository from folder upward. Errors (EXIT_USAGE) are told apart by their right names:
 * no repository, bare, another owner's (safe.directory), sha256 or another format that cannot be
 * read. One without a commit opens; repository_head tells. */
struct repository *repository_open(struct arena *arena, const char *folder,
				   struct error *err) MUST_USE;
/* For CLEANUP; the struct itself is the arena's. */
void repository_close(struct repository **repository);

struct head {
	char id[COMMIT_TEXT];
	const char *branch;	/* "main"; NULL when detached */
};
/* Error (EXIT_USAGE) when there is no commit yet. */
int repository_head(const struct repository *repository, struct arena *arena, struct head *head,
		    struct error *err) MUST_USE;
/* Any name of a commit (branch, tag, id, HEAD~2); tags are peeled. Also tried as
 * refs/remotes/<remote>/<name> when remote is not NULL. Error EXIT_USAGE with near names. */
int repository_resolve(const struct repository *repository, const char *name, const char *remote,
		       char id[COMMIT_TEXT], struct error *err) MUST_USE;
/* Whether that whole id is a commit that is here. */
bool repository_has_commit(const struct repository *repository, const char *id);
/* As git would shorten it, at least 7 digits. */
const char *repository_short(const struct repository *repository, struct arena *arena,
			     const char *id);
/* The id of the commit's tree. */
int repository_tree(const struct repository *repository, const char *commit, char id[COMMIT_TEXT],
		    struct error *err) MUST_USE;
/* A value of git's configuration (all levels), or NULL. */
char *repository_setting(const struct repository *repository, struct arena *arena,
			 const char *name);
/* A label, "ann@example.com": SHIPIT_DEPLOYER, else user.email, else user@host. */
const char *repository_deployer(const struct repository *repository, struct arena *arena);

/* ---- the remote, as last fetched ---- */

bool repository_has_remote(const struct repository *repository, const char *remote);
/* The default branch's name by refs/remotes/<remote>/HEAD; else, if only one of master and main is
 * there, that; else NULL. Contacts nobody. */
char *repository_default_branch(const struct repository *repository, struct arena *arena,
				const char *remote);
/* The tip of a branch of the remote; 1 found, 0 there is none. */
int repository_remote_tip(const struct repository *repository, const char *remote,
			  const char *branch, char id[COMMIT_TEXT]);
/* Names of the remote's branches that match glob (NULL: all) and contain the commit. None: it is
 * unpushed, or on no allowed branch. */
int repository_branches_with(const struct repository *repository, struct arena *arena,
			     const char *remote, const char *glob, const char *commit,
			     struct text_list *branches, struct error *err) MUST_USE;
/* Whether the commit is the tip of a branch of the remote that matches glob (NULL: any): the usual
 * case, for which nobody need ask git. */
bool repository_is_tip(const struct repository *repository, const char *remote, const char *glob,
		       const char *commit);
/* How many commits of `tip` are not in `base`: "how far behind". -1 when unknown. */
int64_t repository_count(const struct repository *repository, const char *base, const char *tip);
/* 1 when ancestor is in descendant's past (or the same), 0 not, -1 unknown (one is not here). */
int repository_is_ancestor(const struct repository *repository, const char *ancestor,
			   const char *descendant);

/* ---- which commit is deployed (spec 1) ---- */

struct choice_options {
	const char *ref;	/* --ref, or NULL */
	const char *branch;	/* the environment's: a name or a glob; NULL: the default branch */
	const char *remote;
	bool ci;		/* HEAD is what counts: CI checked it out */
};
struct choice {
	char id[COMMIT_TEXT];
	const char *branch;	/* SHIPIT_BRANCH: never NULL, "" when nobody knows */
	const char *from;	/* in words: "--ref v1.2", "origin/master", "HEAD" */
};
/* Contacts nobody: fetch before it. Whether it is on an allowed branch is for
 * repository_branches_with to say. */
int repository_choose(const struct repository *repository, struct arena *arena,
		      const struct choice_options *options, struct choice *choice,
		      struct error *err) MUST_USE;
/* The branch by the CI's own variables (GITHUB_HEAD_REF, GITHUB_REF_NAME, CI_COMMIT_BRANCH,
 * BUILDKITE_BRANCH ...), or NULL. */
const char *repository_ci_branch(void);
