/* Line counts that were found before. */
#include "base/file.h"
#include "git/change_internal.h"

#define ROWS_MAXIMUM ((size_t)100000)

static const char magic[16] = "shipit lines 1\n";

struct header {
	char magic[16];
	uint64_t count, sum;	/* sum: FNV-1a over the rows */
};

static uint64_t sum_of(const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	uint64_t sum = 14695981039346656037U;

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ p[i]) * 1099511628211U;
	return sum;
}

static char *cache_path(struct arena *arena, const char *common_dir)
{
	return arena_format(arena, "%s/shipit/cache/lines", common_dir);
}

void lines_cache_read(struct lines_cache *cache, const char *common_dir)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct header header;
	struct buffer bytes;

	*cache = (struct lines_cache) {0};
	buffer_init(&bytes, sizeof(header) + ROWS_MAXIMUM * sizeof(struct lines_row));
	if (file_read(cache_path(&arena, common_dir), &bytes, &ignored) == 0 &&
	    bytes.length >= sizeof(header)) {
		size_t length = bytes.length - sizeof(header);

		memcpy(&header, bytes.data, sizeof(header));
		if (!memcmp(header.magic, magic, sizeof(magic)) &&
		    length == header.count * sizeof(struct lines_row) &&
		    header.sum == sum_of(bytes.data + sizeof(header), length)) {
			cache->rows = malloc(length ? length : 1);
			if (!cache->rows)
				abort();
			memcpy(cache->rows, bytes.data + sizeof(header), length);
			cache->count = (size_t)header.count;
		}
	}
	buffer_release(&bytes);
}

static int compare_pairs(const void *one, const void *other)
{
	const struct lines_row *a = one, *b = other;
	int order = memcmp(a->old_id, b->old_id, sizeof(a->old_id));

	return order ? order : memcmp(a->new_id, b->new_id, sizeof(a->new_id));
}

const struct lines_row *lines_cache_find(const struct lines_cache *cache,
					 const struct lines_row *pair)
{
	if (!cache->count)
		return NULL;
	return bsearch(pair, cache->rows, cache->count, sizeof(*pair), compare_pairs);
}

void lines_cache_write(struct lines_cache *cache, const char *common_dir,
		       const struct lines_row *rows, size_t count)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct buffer bytes;
	struct header header = {0};
	size_t old = cache->count, all, kept = 0;
	struct lines_row *sorted;

	if (count > ROWS_MAXIMUM)
		count = ROWS_MAXIMUM;
	if (old + count > ROWS_MAXIMUM)
		old = 0;	/* too much: begin anew with what is used now */
	all = old + count;
	sorted = arena_array(&arena, all + 1, sizeof(*sorted));
	if (old)
		memcpy(sorted, cache->rows, old * sizeof(*sorted));
	if (count)
		memcpy(sorted + old, rows, count * sizeof(*sorted));
	qsort(sorted, all, sizeof(*sorted), compare_pairs);
	for (size_t i = 0; i < all; i++)
		if (!kept || compare_pairs(&sorted[kept - 1], &sorted[i]))
			sorted[kept++] = sorted[i];
	memcpy(header.magic, magic, sizeof(magic));
	header.count = kept;
	header.sum = sum_of(sorted, kept * sizeof(*sorted));
	buffer_init(&bytes, sizeof(header) + (kept + 1) * sizeof(*sorted));
	buffer_add(&bytes, &header, sizeof(header));
	buffer_add(&bytes, sorted, kept * sizeof(*sorted));
	if (folder_make(arena_format(&arena, "%s/shipit/cache", common_dir), 0755, &ignored) == 0 &&
	    file_write(cache_path(&arena, common_dir), bytes.data, bytes.length, 0644,
		       &ignored) < 0)
		error_clear(&ignored);
	buffer_release(&bytes);
}

void lines_cache_release(struct lines_cache *cache)
{
	free(cache->rows);
	*cache = (struct lines_cache) {0};
}
