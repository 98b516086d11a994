/* Fills values into what was written. */
#include "services/template.h"
#include "net/http.h"
#include "services/outside.h"

const char *template_text(const struct template *template, const char *text, struct error *err)
{
	if (template->lookup)
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

static const struct key *row_below(const struct key *row, const char *name)
{
	if (row->flags & KEY_EXPANDS)
		return row;
	return row->types & TYPE_MAP ? row->each : schema_row(row->keys, name);
}

static int expand_below(const struct template *template, const struct key *row, struct node *copy,
			struct error *err)
{
	struct arena *arena = template->arena;

	if (copy->type == NODE_LIST) {
		struct node **items = arena_array(arena, copy->count + 1, sizeof(*items));
		for (size_t i = 0; i < copy->count; i++) {
			const struct key *each = row->flags & KEY_EXPANDS ? row : row->each;
			items[i] =
				(struct node *)template_expand(template, each, copy->items[i], err);
			if (!items[i])
				return -1;
		}
		copy->items = items;
		return 0;
	}
	struct node_entry *entries = arena_array(arena, copy->count + 1, sizeof(*entries));
	for (size_t i = 0; i < copy->count; i++) {
		entries[i] = copy->entries[i];
		entries[i].value = (struct node *)template_expand(
			template, row_below(row, entries[i].key->text), entries[i].value, err);
		if (!entries[i].value)
			return -1;
	}
	copy->entries = entries;
	return 0;
}

const struct node *template_expand(const struct template *template, const struct key *row,
				   const struct node *node, struct error *err)
{
	struct node *copy;

	if (!row || (node->type == NODE_TEXT && !(row->flags & KEY_EXPANDS)) ||
	    (node->type != NODE_TEXT && node->type != NODE_LIST && node->type != NODE_MAP))
		return node;
	copy = arena_new(template->arena, struct node);
	*copy = *node;
	if (node->type != NODE_TEXT)
		return expand_below(template, row, copy, err) ? NULL : copy;
	copy->text = expand_text(template->arena, node->text, template->lookup, err);
	return copy->text ? copy : NULL;
}
