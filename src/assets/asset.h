/* One object of a release of assets: a key and what stands behind it. */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "crypto/hash.h"

#define ASSET_KEY_MAXIMUM 1024 /* bytes, the prefix included: S3's own limit */
#define ASSETS_FOLDER ".shipit/"
#define ASSETS_INDEX ".shipit/index.json"
#define ASSETS_RELEASES ".shipit/releases/"
#define ASSETS_OBJECTS ".shipit/objects/"

/* How it is served. NULL: the header is not set. */
struct asset_headers {
	const char *content_type, *cache_control, *content_encoding;
};

enum asset_flag {
	ASSET_LAST = 1 << 0,       /* goes up after all others */
	ASSET_AT_PUBLISH = 1 << 1, /* what is there is seen: it is replaced at go-live */
	ASSET_STORED = 1 << 2,     /* its content lies below .shipit/objects/ as well */
	ASSET_ADOPTED = 1 << 3,    /* was there before us: its headers are not known */
	ASSET_HEADERS = 1 << 4,    /* it was there already, under other headers */
	ASSET_FLAGS = (1 << 5) - 1,
	/* Never in a manifest: */
	ASSET_MISSING = 1 << 5,   /* not at the target */
	ASSET_DIFFERENT = 1 << 6, /* the target has something else there */
	ASSET_OBJECT = 1 << 7,    /* is below .shipit/objects/ itself */
};

struct asset {
	const char *key;
	/* What is sent: a path from the folder that is synced, or an absolute one. NULL: read from
	 * a manifest. */
	const char *path;
	int64_t size;
	unsigned char hash[HASH_SIZE];
	uint32_t headers; /* index into the release's list of headers */
	uint32_t flags;
	/* Of a compressed copy: its original. Else NULL. */
	const unsigned char *original;
};

/* Grows by realloc: hundreds of thousands need no second copy of themselves. */
struct asset_table {
	struct asset *items;
	size_t count, capacity;
};
/* A zeroed one more; the pointer is good until the next. */
struct asset *asset_table_add(struct asset_table *table);
void asset_table_sort(struct asset_table *table); /* by the keys' bytes */
void asset_table_release(struct asset_table *table);

struct asset_headers_list {
	VEC(struct asset_headers) list;
};
/* The index of these headers, which are added when they are new. Texts are not copied. */
uint32_t asset_headers_index(struct arena *arena, struct asset_headers_list *list,
			     const struct asset_headers *headers);
bool asset_headers_equal(const struct asset_headers *one, const struct asset_headers *other);
/* Whether a key can be one of ours: relative, without empty, "." or ".." parts, UTF-8, within
 * ASSET_KEY_MAXIMUM. */
bool asset_key_is_safe(const char *key);
/* ".shipit/objects/<sha256>" */
const char *asset_object_key(char text[96], const unsigned char hash[HASH_SIZE]);
