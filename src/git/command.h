/* The user's own git, run and waited for: the network (ssh config, agents, credential helpers just
 * work) and what only git does right. Nobody is ever asked without a terminal. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "git/repository.h"

struct child_result;

struct git_options {
	const char *folder;		/* git -C; NULL: where we are */
	const char *const *arguments;	/* behind "git", NULL-terminated */
	const char *const
		*environment; /* NULL, or "NAME=value" on top of our own, NULL-terminated */
	const void *input;		/* stdin, or NULL */
	size_t input_length;
	bool (*take)(void *context, const char *bytes, size_t length); /* as child_options.take */
	void *context;
	int64_t timeout;		/* ms; 0: none */
	bool may_ask;			/* git and ssh may ask on the terminal, when there is one */
	bool no_hooks;			/* core.hooksPath=/dev/null */
	bool progress;			/* its stderr goes to ours */
};

/* Runs git; 0 however it ended (result->exit), -1 when it could not be started (result is empty
 * then). Release result with child_result_release. GIT_DIR and other variables that point at a
 * repository are taken out; GIT_TERMINAL_PROMPT=0 and ssh's BatchMode unless it may ask. */
int git_run(const struct git_options *options, struct child_result *result,
	    struct error *err) MUST_USE;
/* The same; anything but exit code 0 is an error that cites git's own last words. */
int git_run_ok(const struct git_options *options, struct child_result *result,
	       struct error *err) MUST_USE;
/* The first line of git's output, or NULL with err. */
char *git_line(struct arena *arena, const struct git_options *options, struct error *err) MUST_USE;

/* Fetches the remote's branches to refs/remotes/<remote>/; nothing is pruned that the user's own
 * settings do not prune. No tags are followed beyond git's own rule, submodules are not fetched.
 * listing gets what git says of each ref. */
int git_fetch(const struct repository *repository, const char *remote, struct buffer *listing,
	      struct error *err) MUST_USE;
/* Takes what a verbose fetch of all branches said: those that it does not name are gone from the
 * remote. The user's refs to them stay as they are, but nothing here goes by them any more. */
void git_fetched_branches(struct repository *repository, struct arena *arena, const char *remote,
			  const char *listing);
/* Makes sure that a commit is here: a shallow clone fetches it (alone, else all it lacks). Error
 * when the remote does not have it, too. */
int git_fetch_commit(const struct repository *repository, const char *remote, const char *commit,
		     bool may_ask, struct error *err) MUST_USE;
/* The default branch as the remote says now (ls-remote --symref HEAD), or NULL with err. */
char *git_ask_default_branch(const struct repository *repository, struct arena *arena,
				const char *remote, struct error *err) MUST_USE;
