/* How files are served: `rules` and `exclude` of a step, over what their names tell. */
#pragma once
#include "assets/asset.h"
#include "config/config.h"
#include "git/pattern.h"

enum asset_encoding { ENCODE_BR = 1 << 0, ENCODE_GZIP = 1 << 1 };

struct asset_rule {
	struct pattern_list match;
	const char *cache_control, *content_type; /* NULL: as if the rule was not there */
	unsigned encode;                          /* enum asset_encoding */
	bool encode_written, last, last_written;
};
struct name_census;
struct asset_rules {
	VEC(struct asset_rule) list;
	struct pattern_list exclude;
	bool readmits; /* exclude takes something back (`!`): its folders are looked into */
};

/* From the step's own keys. -1 with err (EXIT_USAGE). */
int asset_rules_read(struct arena *arena, const struct object *object, struct place place,
		     struct asset_rules *rules, struct error *err) MUST_USE;

struct asset_service { /* what the rules say of one key */
	struct asset_headers headers;
	unsigned encode;
	bool last;
	bool immutable; /* it never changes under its name */
};
/* Of several rules that match, what the last one says of each key counts. census: of all files, or
 * NULL where it is no matter which names hold hashes. */
struct asset_service asset_rules_apply(const struct asset_rules *rules,
				       const struct name_census *census, const char *key);
bool asset_rules_exclude(const struct asset_rules *rules, const char *key, bool is_folder);
