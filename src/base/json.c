/* Texts and lists of texts to and from JSON. */
#include "base/json.h"

const char *json_text_get(struct arena *arena, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? arena_string(arena, text) : NULL;
}

void json_text_set(json_t *object, const char *key, const char *text)
{
	if (text && text_is_utf8(text, strlen(text), NULL))
		json_object_set_new(object, key, json_string(text));
}

void json_texts_get(struct arena *arena, const json_t *object, const struct json_row *rows,
		    size_t count, void *into)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = json_text_get(arena, object, rows[i].key);
		memcpy((char *)into + rows[i].offset, &text, sizeof(text));
	}
}

void json_texts_set(json_t *object, const struct json_row *rows, size_t count, const void *from)
{
	for (size_t i = 0; i < count; i++) {
		const char *text;
		memcpy(&text, (const char *)from + rows[i].offset, sizeof(text));
		json_text_set(object, rows[i].key, text);
	}
}

void json_list_get(struct arena *arena, const json_t *object, const char *key,
		   struct text_list *list)
{
	size_t i;
	const json_t *value;
	json_array_foreach(json_object_get(object, key), i, value)
	{
		if (json_is_string(value))
			text_list_add(arena, list, arena_string(arena, json_string_value(value)));
	}
}

void json_list_set(json_t *object, const char *key, const struct text_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	json_object_set_new(object, key, array);
}
