/* Memory that lives as long as one command: allocated piece by piece, freed at once. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "base/error.h"

struct arena_block;
struct arena {
	struct arena_block *blocks;
	size_t used;		/* bytes handed out so far */
};

#define ARENA_INIT {0}

/* Zeroed memory aligned for any type; never NULL (out of memory aborts). */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size, zeroed; aborts when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
char *arena_string(struct arena *arena, const char *text);
char *arena_bytes(struct arena *arena, const void *bytes, size_t length);	/* adds a NUL */
char *arena_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_release(struct arena *arena);

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

#define CLEANUP(function) __attribute__((cleanup(function)))

/* A list whose items live in an arena: VEC(const char *) names; vec_push(arena, &names, "x"); */
#define VEC(type) struct { type *items; size_t count, capacity; }
#define vec_push(arena, vec, item) do { \
	if ((vec)->count == (vec)->capacity) \
		(vec)->items = arena_grow((arena), (vec)->items, (vec)->count, \
					  &(vec)->capacity, sizeof(*(vec)->items)); \
	(vec)->items[(vec)->count++] = (item); \
} while (0)

/* For vec_push: a larger copy of items; *capacity is set anew. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size);

/* Lists of texts and of named values are everywhere. */
struct text_list {
	const char **items;
	size_t count, capacity;
};
