/* Tables of keys. Validation, JSON Schema, help and defaults all come from the same rows. */
#pragma once
#include <jansson.h>

#include "config/node.h"

enum key_type {			/* what a value may be: any of those that are set */
	TYPE_TEXT = 1 << 0,	/* a non-empty string */
	TYPE_SCALAR = 1 << 1,	/* text, number or bool, taken as written; may be empty */
	TYPE_BOOL = 1 << 2,
	TYPE_INTEGER = 1 << 3,	/* minimum..maximum when maximum is set, else >= 0 */
	TYPE_NUMBER = 1 << 4,
	TYPE_DURATION = 1 << 5,
	TYPE_SIZE = 1 << 6,
	TYPE_REGEX = 1 << 7,
	TYPE_PATTERN = 1 << 8,
	TYPE_CHOICE = 1 << 9,	/* one of choices */
	TYPE_COMMAND = 1 << 10,	/* a string for sh, or a list of arguments */
	TYPE_PERCENT = 1 << 11,	/* "10%" */
	TYPE_LIST = 1 << 12,	/* each item by the row 'each' */
	TYPE_OBJECT = 1 << 13,	/* fixed keys: 'keys' */
	TYPE_MAP = 1 << 14,	/* any names, each value by the row 'each' */
	TYPE_ANY = 1 << 15,
};

enum key_flag {
	KEY_REQUIRED = 1 << 0,
	KEY_EXPANDS = 1 << 1,	/* ${NAME} is replaced in it (and in all texts below it) */
	KEY_FILLS = 1 << 2,	/* {commit}, {env} and so on are filled in */
	KEY_LATER = 1 << 3,	/* validated, but not acted on by this version */
	KEY_ONE_OF = 1 << 4,	/* an object: exactly one of its KEY_CHOICE keys must be there */
	KEY_CHOICE = 1 << 5,
	KEY_STEP = 1 << 6,	/* an object: a step, exactly one step kind beside its keys */
	KEY_VARIABLES = 1 << 7,	/* a map: its names are those of environment variables */
	KEY_NAMES = 1 << 8,	/* a map: its names name stages, tasks ...; a text: it is a name */
	KEY_OVERLAY = 1 << 9,	/* may also stand in an environment, on top of what is outside */
	KEY_EMPTY = 1 << 10,	/* a list or map: may be empty */
};

struct key {
	const char *name;	/* NULL ends a table */
	unsigned types, flags;
	const char *fallback;	/* the default, as written in YAML; or NULL */
	const char *help;	/* one line */
	const char *const *choices;	/* NULL-terminated */
	const struct key *keys;	/* a table */
	const struct key *each;	/* one row */
	int64_t minimum, maximum;
};

/* What a step kind adds: its row says what may stand behind its key. */
struct step_kind_keys {
	struct key row;		/* name is the kind's; KEY_LATER: this version cannot run it */
	/* A step of this kind changes production as soon as it runs, which none before go-live may
	 * unless it is `early`: always (ACTS), or when it has that key; NULL: it does not. */
	const char *acts;
};
#define ACTS ""

struct schema {			/* what validation needs beside a table */
	struct diagnostics *diagnostics;
	const struct step_kind_keys *kinds;
	size_t kind_count;
	/* Whether a pattern is one; may be NULL. */
	int (*check_pattern)(const char *pattern, struct error *err);
	/* Called for each ${NAME}; may be NULL. */
	void (*variable)(void *context, const char *name, struct place place);
	/* Called for each used key of a later part; path: "maintenance.halts"; may be NULL */
	void (*later)(void *context, const char *path, struct place place);
	void *context;
};

/* Checks a whole value (what is below a KEY_OVERLAY key of an environment may be incomplete)
 * against its row; 0, or -1 with diagnostics. path is how messages and later() call it, "" for a
 * file. */
int schema_check(const struct schema *schema, const struct key *row, const struct node *node,
		 const char *path);
const struct key *schema_row(const struct key *keys, const char *name);
/* JSON Schema draft 2020-12 of a file; the caller owns it. */
json_t *schema_json(const struct key *row, const struct schema *schema, const char *title);
struct schema_file {
	const char *name;	/* "deploy.yml" */
	const struct key *row;
};
/* Help on every key whose path is, or ends in, the words ("timeout", "smoke.checks.get"), alike
 * ones together; returns how many there were. */
size_t schema_help(const struct schema_file *files, size_t count, const struct schema *schema,
		   const char *words, struct buffer *out);
/* The key path nearest to words, for "did you mean", or NULL. */
const char *schema_nearest(const struct key *row, const struct schema *schema, const char *words);

/* Reading validated values, with the table's defaults. NULL, 0 or false where there is neither. */
struct object {
	const struct node *node;	/* may be NULL: defaults only */
	const struct key *keys;
};
const char *object_text(const struct object *object, const char *name);
bool object_bool(const struct object *object, const char *name);
int64_t object_integer(const struct object *object, const char *name);
double object_number(const struct object *object, const char *name);
int64_t object_duration(const struct object *object, const char *name);	/* ms; -1: not given */
int64_t object_size(const struct object *object, const char *name);	/* bytes; -1: not given */
bool object_has(const struct object *object, const char *name);		/* given and not null */
struct object object_child(const struct object *object, const char *name);
/* Adds all texts in which ${NAME} is replaced, of a validated value of that row. */
void schema_expanding(struct arena *arena, const struct key *row, const struct node *node,
		      struct text_list *texts);
/* A text alone counts as a list of one. */
struct text_list object_texts(struct arena *arena, const struct object *object, const char *name);

/* The tables of the files (config/keys_*.c). */
extern const struct key deploy_file, pipeline_file, tasks_file, playbook_file;
/* All kinds of spec 5, the ones of later parts with KEY_LATER. */
extern const struct step_kind_keys step_kinds_known[];
extern const size_t step_kinds_known_count;
