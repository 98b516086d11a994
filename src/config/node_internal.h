/* What yaml.c and scalar.c share. */
#pragma once
#include "config/node.h"

/* Gives a plain scalar the type that YAML 1.2's core schema says. */
void node_resolve_scalar(struct node *node);
/* Line and column of a byte. */
struct place node_place_at(const char *file, const char *bytes, size_t offset);
