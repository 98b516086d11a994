/* Finds, compares and shows values inside JSON. */
#include "services/json_path.h"

static const json_t *item_find(const json_t *list, const char *path)
{
	char *end;
	unsigned long index = strtoul(path, &end, 10);

	if (end == path || (*end && *end != '.') || *path == '-' || *path == '+')
		return NULL;
	const json_t *item = json_array_get(list, index);
	return item && *end ? json_path_find(item, end + 1) : item;
}

const json_t *json_path_find(const json_t *root, const char *path)
{
	if (!*path)
		return root;
	if (json_is_array(root))
		return item_find(root, path);
	if (!json_is_object(root))
		return NULL;
	const json_t *whole = json_object_get(root, path);
	if (whole)
		return whole;
	for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
		char *key = strndup(path, (size_t)(dot - path));
		if (!key)
			abort();
		const json_t *child = json_object_get(root, key);
		free(key);
		const json_t *found = child ? json_path_find(child, dot + 1) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

bool json_equals_node(const json_t *value, const struct node *expected)
{
	char *end;

	switch (expected->type) {
	case NODE_NULL:
		return json_is_null(value);
	case NODE_BOOL:
		return json_is_boolean(value) && json_is_true(value) == expected->boolean;
	case NODE_INTEGER:
		if (json_is_integer(value))
			return json_integer_value(value) == expected->integer;
		break;
	case NODE_TEXT:
		return json_is_string(value) && !strcmp(json_string_value(value), expected->text);
	case NODE_NUMBER:
		break;
	case NODE_LIST:
	case NODE_MAP:
		return false;
	}
	if (json_is_number(value))
		return !(json_number_value(value) < expected->number) &&
		       !(json_number_value(value) > expected->number);
	if (!json_is_string(value))
		return false;
	if (!strcmp(json_string_value(value), expected->text))
		return true;
	double number = strtod(json_string_value(value), &end);
	return end != json_string_value(value) && !*end && !(number < expected->number) &&
	       !(number > expected->number);
}

static int text_add(const char *bytes, size_t length, void *context)
{
	struct buffer *out = context;

	if (length > out->maximum - out->length)
		length = out->maximum - out->length;
	return buffer_add(out, bytes, length);
}

void json_value_text(const json_t *value, struct buffer *out)
{
	if (json_is_string(value))
		text_add(json_string_value(value), json_string_length(value), out);
	else
		json_dump_callback(value, text_add, out, JSON_COMPACT | JSON_ENCODE_ANY);
}
