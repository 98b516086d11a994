/* Nodes: looking into them, laying one over another, writing them canonically. */
#include "config/node.h"

#include "base/text.h"

const char *node_type_name(enum node_type type)
{
	static const char *const names[] = {
		[NODE_NULL] = "nothing",     [NODE_BOOL] = "true or false",
		[NODE_INTEGER] = "a number", [NODE_NUMBER] = "a number",
		[NODE_TEXT] = "text",        [NODE_LIST] = "a list",
		[NODE_MAP] = "a mapping",
	};

	return names[type];
}

const struct node_entry *node_entry(const struct node *node, const char *key)
{
	if (!node || node->type != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < node->count; i++)
		if (strcmp(node->entries[i].key->text, key) == 0)
			return &node->entries[i];
	return NULL;
}

const struct node *node_get(const struct node *node, const char *key)
{
	const struct node_entry *entry = node_entry(node, key);

	return entry ? entry->value : NULL;
}

const struct node *node_overlay(struct arena *arena, const struct node *base,
				const struct node *over)
{
	struct node *merged;
	size_t count = 0;

	if (!over)
		return base;
	if (over->type == NODE_NULL)
		return NULL;
	if (!base || base->type != NODE_MAP || over->type != NODE_MAP)
		return over;
	merged = arena_new(arena, struct node);
	*merged = *over;
	merged->entries = arena_array(arena, base->count + over->count, sizeof(*merged->entries));
	for (size_t i = 0; i < base->count; i++) {
		const struct node_entry *entry = &base->entries[i];
		const struct node_entry *upper = node_entry(over, entry->key->text);
		const struct node *value = entry->value;

		if (upper)
			value = node_overlay(arena, value, upper->value);
		if (value)
			merged->entries[count++] = (struct node_entry){
				upper ? upper->key : entry->key, (struct node *)(uintptr_t)value};
	}
	for (size_t i = 0; i < over->count; i++)
		if (over->entries[i].value->type != NODE_NULL &&
		    !node_entry(base, over->entries[i].key->text))
			merged->entries[count++] = over->entries[i];
	merged->count = count;
	return merged;
}

static void write_text(const char *text, struct buffer *out)
{
	buffer_add_char(out, '"');
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20)
			buffer_add_format(out, "\\u%04x", byte);
		else if (byte == '"' || byte == '\\')
			buffer_add_format(out, "\\%c", byte);
		else
			buffer_add_char(out, *text);
	}
	buffer_add_char(out, '"');
}

static int compare_entries(const void *one, const void *other)
{
	const struct node_entry *a = one, *b = other;

	return strcmp(a->key->text, b->key->text);
}

static void write_map(const struct node *node, struct buffer *out)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct node_entry *sorted;

	if (node->count == 0) {
		buffer_add_text(out, "{}");
		return;
	}
	sorted = arena_array(&arena, node->count, sizeof(*sorted));
	memcpy(sorted, node->entries, node->count * sizeof(*sorted));
	qsort(sorted, node->count, sizeof(*sorted), compare_entries);
	for (size_t i = 0; i < node->count; i++) {
		buffer_add_char(out, i ? ',' : '{');
		write_text(sorted[i].key->text, out);
		buffer_add_char(out, ':');
		node_write(sorted[i].value, out);
	}
	buffer_add_char(out, '}');
}

void node_write(const struct node *node, struct buffer *out)
{
	if (!node || node->type == NODE_NULL) {
		buffer_add_text(out, "null");
	} else if (node->type == NODE_LIST) {
		buffer_add_char(out, '[');
		for (size_t i = 0; i < node->count; i++) {
			if (i)
				buffer_add_char(out, ',');
			node_write(node->items[i], out);
		}
		buffer_add_char(out, ']');
	} else if (node->type == NODE_MAP) {
		write_map(node, out);
	} else if (node->type == NODE_TEXT) {
		write_text(node->text, out);
	} else {
		buffer_add_text(out, node->text);
	}
}
