/* Rules of assets: read once, then applied to each key. */
#include "assets/rules.h"

#include "assets/names.h"
#include "base/text.h"

#define IMMUTABLE "public, max-age=31536000, immutable"

static int compile(struct arena *arena, const struct text_list *texts, struct place place,
		   struct pattern_list *list, struct error *err)
{
	struct pattern_texts patterns = {.folder = ""};

	for (size_t i = 0; i < texts->count; i++)
		vec_push(arena, &patterns.list, ((struct pattern_text){texts->items[i], place}));
	return pattern_list_compile(arena, &patterns, list, err);
}

static int read_encode(struct arena *arena, const struct object *object, struct place place,
		       struct asset_rule *rule, struct error *err)
{
	struct text_list names = object_texts(arena, object, "encode");

	rule->encode_written = object_has(object, "encode");
	for (size_t i = 0; i < names.count; i++) {
		if (text_equal(names.items[i], "br")) {
			rule->encode |= ENCODE_BR;
		} else if (text_equal(names.items[i], "gzip")) {
			rule->encode |= ENCODE_GZIP;
		} else {
			error_set(err, "encode: '%s' is neither br nor gzip", names.items[i]);
			snprintf(err->file, sizeof(err->file), "%s", place.file ? place.file : "");
			err->line = place.line;
			err->column = place.column;
			return error_code(err, EXIT_USAGE);
		}
	}
	return 0;
}

static int read_rule(struct arena *arena, const struct object *object, struct asset_rules *rules,
		     struct error *err)
{
	struct place place = object->node->place;
	struct text_list match = object_texts(arena, object, "match");
	struct asset_rule rule = {
		.cache_control = object_text(object, "cache_control"),
		.content_type = object_text(object, "content_type"),
		.last = object_bool(object, "last"),
		.last_written = object_has(object, "last"),
	};

	if (compile(arena, &match, place, &rule.match, err) < 0 ||
	    read_encode(arena, object, place, &rule, err) < 0)
		return -1;
	vec_push(arena, &rules->list, rule);
	return 0;
}

int asset_rules_read(struct arena *arena, const struct object *object, struct place place,
		     struct asset_rules *rules, struct error *err)
{
	const struct key *row = schema_row(object->keys, "rules");
	const struct node *list = node_get(object->node, "rules");
	struct text_list exclude = object_texts(arena, object, "exclude");

	*rules = (struct asset_rules){0};
	for (size_t i = 0; row && list && list->type == NODE_LIST && i < list->count; i++) {
		const struct object item = {list->items[i], row->each->keys};

		if (read_rule(arena, &item, rules, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < exclude.count; i++)
		rules->readmits = rules->readmits || exclude.items[i][0] == '!';
	return compile(arena, &exclude, place, &rules->exclude, err);
}

struct asset_service asset_rules_apply(const struct asset_rules *rules,
				       const struct name_census *census, const char *key)
{
	struct name_type type = name_type_of(key);
	struct asset_service service = {
		.headers = {.content_type = type.type, .content_encoding = type.encoding},
	};

	if (census && name_census_is_hashed(census, key))
		service.headers.cache_control = IMMUTABLE;
	for (size_t i = 0; i < rules->list.count; i++) {
		const struct asset_rule *rule = &rules->list.items[i];

		if (!pattern_list_matches(&rule->match, key, false))
			continue;
		if (rule->cache_control)
			service.headers.cache_control = rule->cache_control;
		if (rule->content_type)
			service.headers.content_type = rule->content_type;
		if (rule->encode_written)
			service.encode = rule->encode;
		if (rule->last_written)
			service.last = rule->last;
	}
	service.immutable =
		service.headers.cache_control && strstr(service.headers.cache_control, "immutable");
	return service;
}

bool asset_rules_exclude(const struct asset_rules *rules, const char *key, bool is_folder)
{
	return rules->exclude.count && pattern_list_matches(&rules->exclude, key, is_folder);
}
