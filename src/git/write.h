/* Writing to the repository without starting git: what the shared state is made of. */
#pragma once
#include <stddef.h>

#include "git/repository.h"

/* A commit by shipit itself, of now, with one file in its tree. */
struct commit_file {
	const char *name;	/* of the file */
	const void *bytes;
	size_t length;
	const char *message;
	const char *parent;	/* whole id; NULL: none */
};
int commit_write(const struct repository *repository, const struct commit_file *file,
		 char id[COMMIT_TEXT], struct error *err) MUST_USE;
/* Points the ref (its full name) to that id, whatever it pointed to; NULL: it goes. 0 or -1. */
int ref_write(const struct repository *repository, const char *name, const char *id,
	      struct error *err) MUST_USE;
