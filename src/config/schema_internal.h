/* What the files of schema share. */
#pragma once
#include "config/expand.h"
#include "config/schema.h"

struct schema_type {
	enum key_type type;
	const char *words;	/* "a list" */
	const char *json;	/* its JSON Schema; NULL: built */
};
extern const struct schema_type schema_types[];
extern const size_t schema_type_count;

/* Moves what stands more than once in a JSON Schema to its $defs. */
void schema_share(json_t *schema);

const struct step_kind_keys *schema_kind(const struct schema *schema, const char *name);
/* Adds what a row takes, in words. */
void schema_describe(const struct key *row, struct buffer *out);
