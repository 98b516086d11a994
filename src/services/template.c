/* Fills values into what was written. */
#include "services/template.h"
#include "net/http.h"
#include "services/outside.h"

const char *template_text(const struct template *template, const char *text, struct error *err)
{
	text = expand_text(template->arena, text, template->lookup, err);
	if (!text || !template->values)
		return text;
	return fill_text(template->arena, text, template->values);
}

static json_t *list_json(const struct template *template, const struct node *node,
			 struct error *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < node->count; i++) {
		json_t *item = template_json(template, node->items[i], err);
		if (!item) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *map_json(const struct template *template, const struct node *node, struct error *err)
{
	json_t *map = json_object();

	for (size_t i = 0; i < node->count; i++) {
		json_t *value = template_json(template, node->entries[i].value, err);
		if (!value) {
			json_decref(map);
			return NULL;
		}
		json_object_set_new(map, node->entries[i].key->text, value);
	}
	return map;
}

json_t *template_json(const struct template *template, const struct node *node, struct error *err)
{
	const char *text;

	switch (node->type) {
	case NODE_NULL:
		return json_null();
	case NODE_BOOL:
		return json_boolean(node->boolean);
	case NODE_INTEGER:
		return json_integer(node->integer);
	case NODE_NUMBER:
		return json_real(node->number);
	case NODE_LIST:
		return list_json(template, node, err);
	case NODE_MAP:
		return map_json(template, node, err);
	case NODE_TEXT:
		break;
	}
	text = template_text(template, node->text, err);
	return text ? outside_text(text, 0) : NULL;
}

int template_headers(const struct template *template, const struct node *node,
		     struct http_header **headers, size_t *count, struct error *err)
{
	*count = node ? node->count : 0;
	*headers = arena_array(template->arena, *count + 1, sizeof(**headers));
	for (size_t i = 0; i < *count; i++) {
		struct http_header *header = &(*headers)[i];
		header->name = node->entries[i].key->text;
		header->value = template_text(template, node->entries[i].value->text, err);
		if (!header->value)
			return -1;
	}
	return 0;
}
