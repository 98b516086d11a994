/* What stands more than once in a JSON Schema goes to $defs, and references to it in its places. */
#include "base/map.h"
#include "config/schema_internal.h"

enum { LEAST = 60 };	/* bytes of what is worth a definition */

struct sharing {
	struct arena arena;
	struct map uses;	/* the text of a schema: its struct use */
	json_t *defs;
};

struct use {
	size_t count;
	const char *name;	/* in defs, when it is there */
};

/* Called for each schema right below another; name is of what it describes. Its result, a new
 * reference, takes the place of the schema; NULL leaves it. */
typedef json_t *schema_visit(struct sharing *sharing, json_t *schema, const char *name);

static void visit_one(struct sharing *sharing, json_t *object, const char *key, const char *name,
		      schema_visit *visit)
{
	json_t *found = json_object_get(object, key), *other;

	if (!json_is_object(found))
		return;
	other = visit(sharing, found, name);
	if (other)
		json_object_set_new(object, key, other);
}

static void visit_list(struct sharing *sharing, json_t *list, const char *name, schema_visit *visit)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *other = visit(sharing, json_array_get(list, i), name);

		if (other)
			json_array_set_new(list, i, other);
	}
}

static void visit_below(struct sharing *sharing, json_t *schema, const char *name,
			schema_visit *visit)
{
	json_t *properties = json_object_get(schema, "properties"), *value;
	const char *item = arena_format(&sharing->arena, "%s-item", name);
	const char *key;

	json_object_foreach(properties, key, value)
		visit_one(sharing, properties, key, key, visit);
	visit_one(sharing, schema, "items", item, visit);
	visit_one(sharing, schema, "additionalProperties", item, visit);
	visit_list(sharing, json_object_get(schema, "anyOf"), name, visit);
}

/* NULL: it is too short to be shared. */
static struct use *use_of(struct sharing *sharing, const json_t *schema)
{
	char *text = json_dumps(schema, JSON_COMPACT | JSON_SORT_KEYS);
	struct use *use = NULL;

	if (strlen(text) >= LEAST) {
		use = map_get_text(&sharing->uses, text);
		if (!use) {
			use = arena_new(&sharing->arena, struct use);
			map_set_text(&sharing->uses, arena_string(&sharing->arena, text), use);
		}
	}
	free(text);
	return use;
}

/* What is inside of a schema seen before will be in its definition. */
static json_t *count_uses(struct sharing *sharing, json_t *schema, const char *name)
{
	struct use *use = use_of(sharing, schema);

	if (!use || use->count++ == 0)
		visit_below(sharing, schema, name, count_uses);
	return NULL;
}

static const char *free_name(struct sharing *sharing, const char *name)
{
	const char *candidate = name;

	for (int i = 2; json_object_get(sharing->defs, candidate); i++)
		candidate = arena_format(&sharing->arena, "%s-%d", name, i);
	return candidate;
}

static json_t *replace(struct sharing *sharing, json_t *schema, const char *name)
{
	struct use *use = use_of(sharing, schema);
	json_t *copy = json_deep_copy(schema);

	if (!use || use->count < 2) {
		visit_below(sharing, copy, name, replace);
		return copy;
	}
	if (!use->name) {
		use->name = free_name(sharing, name);
		json_object_set_new(sharing->defs, use->name, json_null());
		visit_below(sharing, copy, name, replace);
		json_object_set(sharing->defs, use->name, copy);
	}
	json_decref(copy);
	return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", use->name));
}

void schema_share(json_t *schema)
{
	struct sharing sharing = {.uses = MAP_INIT, .defs = json_object()};

	visit_below(&sharing, schema, "file", count_uses);
	visit_below(&sharing, schema, "file", replace);
	json_object_set_new(schema, "$defs", sharing.defs);
	map_release(&sharing.uses);
	arena_release(&sharing.arena);
}
