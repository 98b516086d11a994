/* The git store's two halves: what was seen and reading it, and writing. */
#pragma once
#include "git/repository.h"
#include "proc/child.h"
#include "state/store_internal.h"

/* Where a store's refs are; the remote's and those under which this clone remembers them differ in
 * their beginning only. */
struct git_layout {
	const char *remote_prefix;   /* "refs/shipit/" */
	const char *name;            /* part of the refs in this clone */
	const char *chain_suffix;    /* what stands behind the environment for the chain */
	const char *entry_separator; /* and before the name of an entry */
	const char *subject_suffix;  /* of the commits' messages */
};

struct git_ref {
	const char *suffix; /* "production/deploys": behind either prefix */
	const char *id;     /* NULL: it is not there */
};

struct git_store {
	const struct git_layout *layout;
	const char *work_dir, *remote;
	const char *local_prefix;       /* "refs/shipit-seen/origin/git/" */
	const char *seen_file;          /* when the last fetch was, in ms; NULL: not kept */
	const char *const *environment; /* of every git that is run */
	struct repository *repository;	/* opened when something is first written or read */
	VEC(struct git_ref) refs;
};

/* Arguments for git, grown in an arena. */
struct git_call {
	struct arena arena;
	VEC(const char *) arguments;
	const char *input;
	size_t input_length;
};

/* Begins `git -C work_dir -c core.hooksPath=/dev/null ...`. */
void git_call_init(struct git_call *call, const struct git_store *store);
void git_call_add(struct git_call *call, const char *argument);
void git_call_add_format(struct git_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
/* Runs it; 0 however it exits. The result is always to be released, and the call is released. */
int git_call_run(struct git_call *call, const struct git_store *store, struct child_result *result,
		 struct error *err);
/* The line of git's stderr that says what is wrong, in a buffer of 400 bytes; returns it. */
const char *git_complaint(const struct child_result *result, char text[400]);

struct git_store *git_store_of(struct store *store);
/* NULL with err when it cannot be opened. */
const struct repository *git_store_repository(struct store *store, struct error *err);
char *git_suffix(struct store *store, struct arena *arena, const char *env, const char *name);
/* The id that a ref was last seen with, "" when it is not there. */
const char *git_ref_get(struct git_store *self, const char *suffix);
/* id NULL: gone. */
void git_ref_set(struct store *store, const char *suffix, const char *id);

int git_store_read(struct store *store, const char *env, size_t limit, store_record_fn *record,
		   void *context, struct error *err);
int git_store_get(struct store *store, const char *env, const char *name, json_t **value,
		  char version[STORE_VERSION_SIZE], struct error *err);
int git_store_names(struct store *store, const char *env, const char *prefix, struct arena *arena,
		    struct text_list *names, struct error *err);
int git_store_write(struct store *store, const char *env, struct store_change *changes,
		    size_t count, struct error *err);
