/* Tables of assets, their headers and keys. */
#include "assets/asset.h"

#include <string.h>

#include "base/text.h"

struct asset *asset_table_add(struct asset_table *table)
{
	struct asset *asset;

	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity + table->capacity / 2 : 64;
		table->items = realloc(table->items, table->capacity * sizeof(*table->items));
		if (!table->items)
			abort();
	}
	asset = &table->items[table->count++];
	*asset = (struct asset){0};
	return asset;
}

static int compare_keys(const void *one, const void *other)
{
	return strcmp(((const struct asset *)one)->key, ((const struct asset *)other)->key);
}

void asset_table_sort(struct asset_table *table)
{
	if (table->count)
		qsort(table->items, table->count, sizeof(*table->items), compare_keys);
}

void asset_table_release(struct asset_table *table)
{
	free(table->items);
	*table = (struct asset_table){0};
}

static bool same_text(const char *one, const char *other)
{
	return one == other || text_equal(one, other);
}

bool asset_headers_equal(const struct asset_headers *one, const struct asset_headers *other)
{
	return same_text(one->content_type, other->content_type) &&
	       same_text(one->cache_control, other->cache_control) &&
	       same_text(one->content_encoding, other->content_encoding);
}

uint32_t asset_headers_index(struct arena *arena, struct asset_headers_list *list,
			     const struct asset_headers *headers)
{
	for (size_t i = 0; i < list->list.count; i++)
		if (asset_headers_equal(&list->list.items[i], headers))
			return (uint32_t)i;
	vec_push(arena, &list->list, *headers);
	return (uint32_t)list->list.count - 1;
}

bool asset_key_is_safe(const char *key)
{
	size_t length = strlen(key);

	if (!length || length > ASSET_KEY_MAXIMUM || !text_is_utf8(key, length, NULL))
		return false;
	for (const char *part = key;; part++) {
		size_t size = strcspn(part, "/");

		if (!size || (size == 1 && part[0] == '.') ||
		    (size == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += size;
		if (!*part)
			return true;
	}
}

const char *asset_object_key(char text[96], const unsigned char hash[HASH_SIZE])
{
	char hex[HASH_HEX_SIZE];

	hex_format(hash, HASH_SIZE, hex);
	snprintf(text, 96, "%s%s", ASSETS_OBJECTS, hex);
	return text;
}
