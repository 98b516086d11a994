/* Reading validated values, with the defaults that the tables say. */
#include "base/clock.h"
#include "base/text.h"
#include "config/schema.h"

static const struct node *given(const struct object *object, const char *name)
{
	const struct node *node = node_get(object->node, name);

	return node && node->type != NODE_NULL ? node : NULL;
}

bool object_has(const struct object *object, const char *name)
{
	return given(object, name) != NULL;
}

const char *object_text(const struct object *object, const char *name)
{
	const struct node *node = given(object, name);
	const struct key *row;

	if (node)
		return node->text;
	row = schema_row(object->keys, name);
	return row ? row->fallback : NULL;
}

bool object_bool(const struct object *object, const char *name)
{
	const char *text = object_text(object, name);

	return text && (strcmp(text, "true") == 0 || strcmp(text, "True") == 0 ||
			strcmp(text, "TRUE") == 0);
}

int64_t object_integer(const struct object *object, const char *name)
{
	const struct node *node = given(object, name);
	const char *text;

	if (node && node->type == NODE_INTEGER)
		return node->integer;
	text = object_text(object, name);
	return text ? strtoll(text, NULL, 10) : 0;
}

double object_number(const struct object *object, const char *name)
{
	const char *text = object_text(object, name);

	return text ? strtod(text, NULL) : 0;
}

int64_t object_duration(const struct object *object, const char *name)
{
	const char *text = object_text(object, name);
	struct error err;
	int64_t value;

	return text && duration_parse(text, &value, &err) == 0 ? value : -1;
}

int64_t object_size(const struct object *object, const char *name)
{
	const char *text = object_text(object, name);
	struct error err;
	int64_t value;

	return text && size_parse(text, &value, &err) == 0 ? value : -1;
}

struct object object_child(const struct object *object, const char *name)
{
	const struct key *row = schema_row(object->keys, name);

	return (struct object){given(object, name), row ? row->keys : NULL};
}

struct text_list object_texts(struct arena *arena, const struct object *object, const char *name)
{
	const struct node *node = given(object, name);
	struct text_list texts = {0};

	if (!node)
		return texts;
	if (node->type != NODE_LIST) {
		text_list_add(arena, &texts, node->text);
		return texts;
	}
	for (size_t i = 0; i < node->count; i++)
		if (node->items[i]->text)
			text_list_add(arena, &texts, node->items[i]->text);
	return texts;
}

static void add_texts(struct arena *arena, const struct node *node, struct text_list *texts)
{
	if (node->type == NODE_TEXT)
		text_list_add(arena, texts, node->text);
	for (size_t i = 0; node->type == NODE_LIST && i < node->count; i++)
		add_texts(arena, node->items[i], texts);
	for (size_t i = 0; node->type == NODE_MAP && i < node->count; i++)
		add_texts(arena, node->entries[i].value, texts);
}

void schema_expanding(struct arena *arena, const struct key *row, const struct node *node,
		      struct text_list *texts)
{
	if (!row || !node)
		return;
	if (row->flags & KEY_EXPANDS) {
		add_texts(arena, node, texts);
		return;
	}
	for (size_t i = 0; node->type == NODE_LIST && i < node->count; i++)
		schema_expanding(arena, row->each, node->items[i], texts);
	for (size_t i = 0; node->type == NODE_MAP && i < node->count; i++) {
		const struct node_entry *entry = &node->entries[i];
		const struct key *below =
			row->types & TYPE_MAP ? row->each : schema_row(row->keys, entry->key->text);

		schema_expanding(arena, below, entry->value, texts);
	}
}
