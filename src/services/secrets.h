/* Reads the secrets that deploy.yml names: from a variable, from a command's output, or sealed in
 * the repository. */
#pragma once
#include "base/arena.h"
#include "config/config.h"

struct sealed_file;
struct secret_key;

/* Where sealed ones come from. */
struct sealed_source {
	const struct sealed_file *file;	/* NULL: there is none */
	const char *where;	/* "secrets.sealed.yml on origin/master" */
	const struct secret_key *key;
};

struct secret_options {
	struct arena *arena;
	const struct config *config;
	const char *directory;	/* where a secret's command runs */
	/* Asked when a sealed one is. May be NULL: none can be opened here. */
	int (*sealed)(void *context, struct sealed_source *source, struct error *err);
	void *context;
};

/* The value, in the arena; NULL with err that names the secret, never its value; EXIT_USAGE when
 * deploy.yml and the sealed file do not fit together. Waits for the secret's command, at most a
 * minute; its prompts reach the terminal. Behind this the process leaves no core file. */
const char *secret_read(const struct secret_options *options, const char *name,
			struct error *err);
