/* Flags: tables of rows, from which parsing, help and completion come. */
#pragma once
#include "base/arena.h"

enum option_flag {
	OPTION_REPEATS = 1 << 0,	/* may be given several times; comma-separated values too */
	OPTION_OPTIONAL = 1 << 1,	/* a value only as --name=VALUE */
	OPTION_LATER = 1 << 2,		/* known, refused by this version in one sentence */
	OPTION_HIDDEN = 1 << 3,
};

struct option_row {
	const char *name;	/* "ref" is --ref; NULL ends a table */
	char letter;		/* 'n' is -n; 0: none */
	const char *value;	/* what stands for it in help ("REF"); NULL: a switch */
	const char *help;	/* one line */
	unsigned flags;
};

struct option_value {
	const struct option_row *row;
	const char *value;	/* "" for a switch */
};

struct options {
	VEC(struct option_value) values;
	struct text_list arguments;	/* what is no flag, in order */
	struct text_list rest;		/* behind "--" */
	bool has_rest;
};

/* The flags that every command takes. */
extern const struct option_row options_global[];

/* Parses argv[0..argc) by the two tables (rows may be NULL), the global one as well. Adds to *out.
 * With `stop_at_argument` it ends at the first argument that is no flag. Returns how many of argv
 * were used, or -1 (EXIT_USAGE) with a suggestion. */
int options_parse(struct arena *arena, const struct option_row *rows, int argc, char *const *argv,
		  bool stop_at_argument, struct options *out, struct error *err) MUST_USE;

bool options_has(const struct options *options, const char *name);
/* The last value given, or NULL. */
const char *options_value(const struct options *options, const char *name);
/* All values, those with commas taken apart. */
struct text_list options_values(struct arena *arena, const struct options *options,
				const char *name);
