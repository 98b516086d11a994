/* How the rows of the key tables are written, and the tables that several of them share. */
#pragma once
#include "config/schema.h"

#define PLAIN(n, t, f, h) { .name = n, .types = t, .flags = f, .help = h }
#define DEFAULT(n, t, f, d, h) { .name = n, .types = t, .flags = f, .fallback = d, .help = h }
#define OBJECT(n, f, k, h) { .name = n, .types = TYPE_OBJECT, .flags = f, .keys = k, .help = h }
#define LIST(n, f, e, h) { .name = n, .types = TYPE_LIST, .flags = f, .each = &(e), .help = h }
/* One text or a list of them. */
#define ONE_OR_LIST(n, t, f, e, h) \
	{ .name = n, .types = (t) | TYPE_LIST, .flags = f, .each = &(e), .help = h }
#define MAP(n, f, e, h) { .name = n, .types = TYPE_MAP, .flags = f, .each = &(e), .help = h }
#define END { .name = NULL }

extern const struct key key_text_row, key_scalar_row, key_pattern_row, key_expanding_row;
/* The keys of an if_changed, env and secrets, alike in stages, steps, tasks and checks. */
#define KEY_IF_CHANGED(h) ONE_OR_LIST("if_changed", TYPE_PATTERN, 0, key_pattern_row, h)
#define KEY_ENV(h) MAP("env", KEY_VARIABLES, key_scalar_row, h)

extern const struct key smoke_keys[], sounds_keys[];	/* of deploy.yml and of the step kinds */
extern const struct key markers_row, marker_keys[], notify_keys[];
extern const struct key step_row, task_row;
