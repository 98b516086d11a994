/* JSON and our own types. */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "base/text.h"

/* A text of a struct, a const char * at that offset, and its key. */
struct json_row {
	const char *key;
	size_t offset;
};

/* The string that stands there, copied; NULL: there is none. */
const char *json_text_get(struct arena *arena, const json_t *object, const char *key);
/* Sets it, unless it is NULL or no UTF-8, which JSON cannot hold. */
void json_text_set(json_t *object, const char *key, const char *text);
/* All of a table of them, to and from a struct. */
void json_texts_get(struct arena *arena, const json_t *object, const struct json_row *rows,
		    size_t count, void *into);
void json_texts_set(json_t *object, const struct json_row *rows, size_t count, const void *from);
/* The strings of an array, added to the list. */
void json_list_get(struct arena *arena, const json_t *object, const char *key,
		   struct text_list *list);
void json_list_set(json_t *object, const char *key, const struct text_list *list);
