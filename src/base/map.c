/* Open addressing, FNV-1a with a final mix, grown at three quarters. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct map_slot {
	char *key;
	size_t length;
	uint64_t hash;
	void *value;
};

static uint64_t hash_bytes(const void *key, size_t length)
{
	const unsigned char *bytes = key;
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	hash ^= hash >> 32;
	return hash;
}

static struct map_slot *find(const struct map *map, const void *key, size_t length, uint64_t hash)
{
	size_t i = (size_t)hash & (map->capacity - 1);

	for (;; i = (i + 1) & (map->capacity - 1)) {
		struct map_slot *slot = &map->slots[i];

		if (!slot->key)
			return slot;
		if (slot->hash == hash && slot->length == length &&
		    memcmp(slot->key, key, length) == 0)
			return slot;
	}
}

static void grow(struct map *map)
{
	struct map old = *map;

	map->capacity = old.capacity ? old.capacity * 2 : 16;
	map->slots = calloc(map->capacity, sizeof(*map->slots));
	if (!map->slots)
		abort();
	for (size_t i = 0; i < old.capacity; i++) {
		struct map_slot *slot = &old.slots[i];

		if (slot->key)
			*find(map, slot->key, slot->length, slot->hash) = *slot;
	}
	free(old.slots);
}

void map_release(struct map *map)
{
	for (size_t i = 0; i < map->capacity; i++)
		free(map->slots[i].key);
	free(map->slots);
	*map = (struct map)MAP_INIT;
}

void *map_get(const struct map *map, const void *key, size_t length)
{
	if (!map->count)
		return NULL;
	return find(map, key, length, hash_bytes(key, length))->value;
}

void *map_get_text(const struct map *map, const char *key)
{
	return map_get(map, key, strlen(key));
}

void *map_set(struct map *map, const void *key, size_t length, void *value)
{
	uint64_t hash = hash_bytes(key, length);
	struct map_slot *slot;
	void *old;

	if (map->count * 4 >= map->capacity * 3)
		grow(map);
	slot = find(map, key, length, hash);
	old = slot->value;
	slot->value = value;
	if (slot->key)
		return old;
	slot->key = malloc(length + 1);
	if (!slot->key)
		abort();
	memcpy(slot->key, key, length);
	slot->key[length] = '\0';
	slot->length = length;
	slot->hash = hash;
	map->count++;
	return NULL;
}

void *map_set_text(struct map *map, const char *key, void *value)
{
	return map_set(map, key, strlen(key), value);
}
