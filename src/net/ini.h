/* Files of sections and settings, as ~/.aws/config is one, read as Python's configparser does, on
 * which all of Amazon's own tools agree. */
#pragma once
#include "base/arena.h"

struct ini_entry {
	const char *key;   /* in lower case */
	const char *value; /* lines that go on below it are joined by '\n' */
	int line;
};
struct ini_section {
	const char *name; /* without its brackets and the blanks inside them */
	int line;
	VEC(struct ini_entry) entries;
};
struct ini {
	const char *path;
	char *bytes; /* what all texts point into; NULL: there is no file */
	size_t length;
	VEC(struct ini_section) sections;
};

/* Reads bytes (malloc'd, NUL-terminated at length), which become the ini's own, even on failure.
 * Lists are the arena's. Names and values that are there twice are errors, as is a line that is
 * neither; err cites the line and never its text, which may be a key. */
int ini_parse(struct arena *arena, const char *path, char *bytes, size_t length, struct ini *ini,
	      struct error *err) MUST_USE;
/* Overwrites and frees all texts. */
void ini_release(struct ini *ini);

/* NULL: not there. */
const struct ini_section *ini_section(const struct ini *ini, const char *name);
const struct ini_entry *ini_entry(const struct ini_section *section, const char *key);
/* "b" of the value "\na = b\nc = d": a setting of settings, copied; NULL: not there. */
const char *ini_nested(struct arena *arena, const char *value, const char *key);
/* An error at that line; -1. */
int ini_error_at(const struct ini *ini, int line, struct error *err);
