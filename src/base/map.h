/* A hash map from byte strings to pointers; keys are copied, values belong to the caller. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;
struct map {
	struct map_slot *slots;
	size_t count, capacity;
};

#define MAP_INIT {0}

void map_release(struct map *map);
/* The value, or NULL. */
void *map_get(const struct map *map, const void *key, size_t length);
void *map_get_text(const struct map *map, const char *key);
/* Sets a value (not NULL); returns the one that was there before, or NULL. */
void *map_set(struct map *map, const void *key, size_t length, void *value);
void *map_set_text(struct map *map, const char *key, void *value);
