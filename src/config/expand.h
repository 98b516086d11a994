/* ${NAME} and {commit}: filling values into texts whose table row allows it. */
#pragma once
#include "config/node.h"

/* The value of a variable or secret, or NULL when there is none of that name. */
struct expand_lookup {
	const char *(*get)(void *context, const char *name);
	void *context;
};

/* text with each ${NAME} replaced; $${ becomes ${. NULL with err for an unknown name (message names
 * it) or a ${ that is not closed. */
char *expand_text(struct arena *arena, const char *text, const struct expand_lookup *lookup,
		  struct error *err) MUST_USE;
/* The names that text uses. */
int expand_names(struct arena *arena, const char *text, struct text_list *names, struct error *err);

struct fill_values {		/* NULL counts as "" */
	const char *app, *env, *commit, *previous, *branch, *deployer, *id, *url, *status,
		*event, *text;
};
/* text with {app}, {env} ... replaced; any other {word} stays as it is. */
char *fill_text(struct arena *arena, const char *text, const struct fill_values *values);
