/* One value inside a JSON text: "status", "checks.db.ok", "items.0.id", "" for all of it. */
#pragma once
#include <jansson.h>

#include "base/buffer.h"
#include "config/node.h"

/* NULL when nothing is there; else root's own. A key that holds a dot wins over a path. */
const json_t *json_path_find(const json_t *root, const char *path);
/* Whether a JSON value is the one that a scalar of a YAML file means: 5 equals "5" and 5.0. */
bool json_equals_node(const json_t *value, const struct node *expected);
/* As text, for a person or for a match: a string without its quotes. Cut at out's maximum. */
void json_value_text(const json_t *value, struct buffer *out);
