/* Everything that is wrong with the files, collected, shown at once: line, caret, suggestion. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"

/* Where something stands in a file. line and column (in characters) count from 1; 0: unknown. */
struct place {
	const char *file;
	int line, column;
};

struct diagnostic {
	struct place place;
	const char *message, *hint;	/* hint may be NULL */
	bool warning;
};

struct diagnostics_file {
	const char *name, *bytes;	/* name as shown; bytes as read, NUL-terminated */
	size_t length;
};

struct diagnostics {
	struct arena *arena;
	VEC(struct diagnostic) list;
	VEC(struct diagnostics_file) files;
	size_t errors;		/* how many of the list (and beyond its limit) are no warnings */
	bool last_dropped;	/* the last one was said before, or one too many */
};

void diagnostics_init(struct diagnostics *diagnostics, struct arena *arena);
/* Lets lines of the file be shown; bytes must live as long as the arena. */
void diagnostics_add_file(struct diagnostics *diagnostics, const char *name, const char *bytes,
			  size_t length);
/* Adds an error; always returns -1. Beyond 50 they are only counted. */
int diagnostics_add(struct diagnostics *diagnostics, struct place place, const char *format, ...)
	PRINTF_LIKE(3, 4);
void diagnostics_warn(struct diagnostics *diagnostics, struct place place, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* What to do about the one that was added last; always returns -1. */
int diagnostics_hint(struct diagnostics *diagnostics, const char *format, ...) PRINTF_LIKE(2, 3);
/* "deploy.yml:3:5: error: unknown key 'nedes'; did you mean 'needs'?" + the line + a caret, for all
 * of them, by file and line. */
void diagnostics_write(struct diagnostics *diagnostics, struct buffer *out);
/* When there are errors: sets err (the first one with its place, how many more, EXIT_USAGE) and
 * returns -1; else 0. */
int diagnostics_result(const struct diagnostics *diagnostics, struct error *err);
