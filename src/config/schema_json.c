/* The tables as JSON Schema, draft 2020-12. */
#include "config/schema_internal.h"

#define ANY_SCALAR "{\"type\": [\"string\", \"number\", \"boolean\"]}"

const struct schema_type schema_types[] = {
	{TYPE_TEXT, "text", "{\"type\": \"string\", \"minLength\": 1}"},
	{TYPE_SCALAR, "text", ANY_SCALAR},
	{TYPE_BOOL, "true or false", "{\"type\": \"boolean\"}"},
	{TYPE_INTEGER, "a whole number", NULL},
	{TYPE_NUMBER, "a number", "{\"type\": \"number\"}"},
	{TYPE_DURATION, "a duration (30s, 10m)",
	 "{\"anyOf\": [{\"type\": \"string\", \"pattern\": "
	 "\"^[0-9]+(\\\\.[0-9]+)?(ms|s|m|h|d)$\"}, {\"enum\": [0, \"0\"]}]}"},
	{TYPE_SIZE, "a size (64KiB, 5MiB)",
	 "{\"anyOf\": [{\"type\": \"string\", \"pattern\": "
	 "\"^[0-9]+(\\\\.[0-9]+)?([KMGT]i?B|kB|B)?$\"}, {\"type\": \"integer\"}]}"},
	{TYPE_REGEX, "a regular expression", "{\"type\": \"string\", \"minLength\": 1}"},
	{TYPE_PATTERN, "a pattern", "{\"type\": \"string\", \"minLength\": 1}"},
	{TYPE_CHOICE, "one of ", NULL},
	{TYPE_COMMAND, "a command",
	 "{\"anyOf\": [" ANY_SCALAR ", {\"type\": \"array\", \"items\": " ANY_SCALAR
	 ", \"minItems\": 1}]}"},
	{TYPE_PERCENT, "a percentage", "{\"type\": \"string\", \"pattern\": \"^[0-9]+%$\"}"},
	{TYPE_LIST, "a list", NULL},
	{TYPE_OBJECT, "a mapping", NULL},
	{TYPE_MAP, "a mapping", NULL},
	{TYPE_ANY, "anything", "{}"},
};
const size_t schema_type_count = sizeof(schema_types) / sizeof(schema_types[0]);

static json_t *row_json(const struct key *row, const struct schema *schema);

static json_t *object_json(const struct key *row, const struct schema *schema)
{
	json_t *object = json_object(), *properties = json_object(), *required = json_array();
	json_t *choices = json_array();

	for (const struct key *key = row->keys; key && key->name; key++) {
		json_object_set_new(properties, key->name, row_json(key, schema));
		if (key->flags & KEY_REQUIRED)
			json_array_append_new(required, json_string(key->name));
		if (key->flags & KEY_CHOICE)
			json_array_append_new(choices, json_pack("{s:[s]}", "required", key->name));
	}
	for (size_t i = 0; row->flags & KEY_STEP && i < schema->kind_count; i++) {
		const struct key *kind = &schema->kinds[i].row;

		json_object_set_new(properties, kind->name, row_json(kind, schema));
		json_array_append_new(choices, json_pack("{s:[s]}", "required", kind->name));
	}
	json_object_set_new(object, "type", json_string("object"));
	json_object_set_new(object, "properties", properties);
	json_object_set_new(object, "patternProperties", json_pack("{s:b}", "^x-", 1));
	json_object_set_new(object, "additionalProperties", json_false());
	if (json_array_size(required) > 0)
		json_object_set(object, "required", required);
	if (row->flags & (KEY_ONE_OF | KEY_STEP) && json_array_size(choices) > 0)
		json_object_set(object, "oneOf", choices);
	json_decref(required);
	json_decref(choices);
	return object;
}

static json_t *map_json(const struct key *row, const struct schema *schema)
{
	json_t *object = json_pack("{s:s,s:o}", "type", "object", "additionalProperties",
				   row_json(row->each, schema));

	if (row->flags & KEY_VARIABLES)
		json_object_set_new(object, "propertyNames",
				    json_pack("{s:s}", "pattern", "^[A-Za-z_][A-Za-z0-9_]*$"));
	if (row->flags & KEY_REQUIRED)
		json_object_set_new(object, "minProperties", json_integer(1));
	return object;
}

static json_t *type_json(const struct schema_type *type, const struct key *row,
			 const struct schema *schema)
{
	json_t *json;

	if (type->json)
		return json_loads(type->json, 0, NULL);
	switch (type->type) {
	case TYPE_INTEGER:
		json = json_pack("{s:s,s:I}", "type", "integer", "minimum",
				 (json_int_t)row->minimum);
		if (row->maximum)
			json_object_set_new(json, "maximum", json_integer(row->maximum));
		return json;
	case TYPE_CHOICE:
		json = json_array();
		for (size_t i = 0; row->choices[i]; i++)
			json_array_append_new(json, json_string(row->choices[i]));
		return json_pack("{s:o}", "enum", json);
	case TYPE_LIST:
		json = json_pack("{s:s,s:o}", "type", "array", "items",
				 row_json(row->each, schema));
		if (!(row->flags & KEY_EMPTY))
			json_object_set_new(json, "minItems", json_integer(1));
		return json;
	case TYPE_OBJECT:
		return object_json(row, schema);
	default:
		return map_json(row, schema);
	}
}

static json_t *fallback_json(const struct key *row)
{
	json_t *json = NULL;

	if (row->types & (TYPE_BOOL | TYPE_INTEGER | TYPE_NUMBER))
		json = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
	return json ? json : json_string(row->fallback);
}

/* Allows null: in the last type itself where that can be said there. */
static void add_null(json_t *types)
{
	json_t *last = json_array_get(types, json_array_size(types) - 1);
	json_t *type = json_object_get(last, "type"), *choices = json_object_get(last, "enum");

	if (choices)
		json_array_append_new(choices, json_null());
	else if (json_is_array(type))
		json_array_append_new(type, json_string("null"));
	else if (type)
		json_object_set_new(last, "type", json_pack("[O,s]", type, "null"));
	else
		json_array_append_new(types, json_pack("{s:s}", "type", "null"));
}

static json_t *row_json(const struct key *row, const struct schema *schema)
{
	json_t *types = json_array(), *json;

	for (size_t i = 0; i < schema_type_count; i++)
		if (row->types & schema_types[i].type)
			json_array_append_new(types, type_json(&schema_types[i], row, schema));
	if (row->name && !(row->flags & KEY_REQUIRED))
		add_null(types);
	if (json_array_size(types) == 1) {
		json = json_incref(json_array_get(types, 0));
	} else {
		json = json_object();
		json_object_set(json, "anyOf", types);
	}
	json_decref(types);
	if (row->help)
		json_object_set_new(json, "description", json_string(row->help));
	if (row->fallback)
		json_object_set_new(json, "default", fallback_json(row));
	return json;
}

json_t *schema_json(const struct key *row, const struct schema *schema, const char *title)
{
	json_t *json = json_pack("{s:s,s:s}", "$schema",
				 "https://json-schema.org/draft/2020-12/schema", "title", title);
	json_t *body = row_json(row, schema);

	json_object_update(json, body);
	json_decref(body);
	schema_share(json);
	return json;
}
