/* Values of deploy.yml and pipelines with ${NAME} and {commit} filled in: as texts, as headers, as
 * JSON. What a branch or a message holds is never looked through for ${NAME}. */
#pragma once
#include <jansson.h>

#include "config/config.h"

struct http_header;

struct template {
	struct arena *arena;
	const struct expand_lookup *lookup; /* NULL: ${NAME} stays as it is */
	const struct fill_values *values; /* NULL: {commit} and so on stay as they are */
};

/* NULL with err for an unknown ${NAME}. */
const char *template_text(const struct template *template, const char *text, struct error *err);
/* A text, list or map as JSON, its texts filled; the caller's. NULL with err. */
json_t *template_json(const struct template *template, const struct node *node, struct error *err);
/* A map of headers; node may be NULL: none. 0 or -1. */
int template_headers(const struct template *template, const struct node *node,
		     struct http_header **headers, size_t *count, struct error *err) MUST_USE;
/* A copy of a validated value of that row, in the arena, ${NAME} replaced wherever the row says
 * so. NULL with err. */
const struct node *template_expand(const struct template *template, const struct key *row,
				   const struct node *node, struct error *err);
