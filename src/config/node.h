/* YAML as a tree of nodes with positions. Scalars are YAML 1.2's: on and no mean themselves. */
#pragma once
#include <stdint.h>

#include "config/diagnostics.h"

enum node_type {
	NODE_NULL,
	NODE_BOOL,
	NODE_INTEGER,
	NODE_NUMBER,
	NODE_TEXT,
	NODE_LIST,
	NODE_MAP,
};

struct node;
struct node_entry {
	struct node *key, *value;	/* keys are scalars; their text counts */
};

/* Nodes are shared where the file has aliases; never change one that was read. */
struct node {
	enum node_type type;
	struct place place;
	const char *text;	/* scalars: as written, NUL-terminated, without NULs inside */
	bool boolean;
	bool merge;		/* a plain "<<" as a key */
	int64_t integer;	/* NODE_INTEGER */
	double number;		/* NODE_INTEGER and NODE_NUMBER */
	struct node **items;	/* NODE_LIST */
	struct node_entry *entries;	/* NODE_MAP, as written; merged keys last */
	size_t count;		/* of items or entries */
	size_t weight;		/* nodes below and with it, aliases expanded */
};

#define NODE_FILE_MAXIMUM ((size_t)8 << 20)
#define NODE_COUNT_MAXIMUM 100000
#define NODE_DEPTH_MAXIMUM 64

/* Parses one document; name is how messages call the file. bytes must live as long as the arena.
 * NULL when it is no YAML or beyond a limit. What else is wrong (a key twice, say) is only in
 * diagnostics, so that the schema's findings stand beside it. */
struct node *node_parse(struct diagnostics *diagnostics, const char *name, const char *bytes,
			size_t length);

const char *node_type_name(enum node_type type);	/* "a list", "text", ... */
/* The value of a key of a map, or NULL (also when node is NULL or no map). */
const struct node *node_get(const struct node *node, const char *key);
const struct node_entry *node_entry(const struct node *node, const char *key);
/* over on base: maps merge deeply, all else replaces, null removes. Shares nodes with both. */
const struct node *node_overlay(struct arena *arena, const struct node *base,
				const struct node *over);
/* Canonical JSON-like text of a node, for digests: equal values give equal text. */
void node_write(const struct node *node, struct buffer *out);
