/* Patterns from anywhere: first line folder, then patterns, an empty line, then paths. Whatever
 * they are, the index and the plain matcher agree. */
#include <stdint.h>

#include "git/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *next_line(char **at)
{
	char *line = *at, *end;

	if (!line)
		return NULL;
	end = strchr(line, '\n');
	*at = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return line;
}

/* As git has them: no empty part. */
static bool is_path(const char *line)
{
	size_t length = strlen(line);

	return length && line[0] != '/' && line[length - 1] != '/' && !strstr(line, "//");
}

static int compare_paths(const void *one, const void *other)
{
	return strcmp(((const struct pattern_path *)one)->path,
		      ((const struct pattern_path *)other)->path);
}

static void check(const struct pattern_list *list, struct pattern_path *paths, size_t count)
{
	CLEANUP(pattern_index_cleanup) struct pattern_index *index =
		pattern_index_new(paths, count);
	struct pattern_hit hit;
	size_t hits = 0;

	for (size_t i = 0; i < count; i++)
		hits += pattern_list_matches(list, paths[i].path, paths[i].is_folder);
	pattern_index_match(index, list, &hit);
	if (hit.count != hits)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	char *at = arena_bytes(&arena, data, size > 4096 ? 4096 : size), *line;
	struct pattern_texts texts = {.folder = next_line(&at)};
	struct { struct pattern_path *items; size_t count, capacity; } paths = {0};
	struct pattern_list list;
	struct error err = {0};
	size_t kept = 0;

	while ((line = next_line(&at)) && *line)
		vec_push(&arena, &texts.list, (struct pattern_text) {.text = line});
	while ((line = next_line(&at)))
		if (is_path(line))
			vec_push(&arena, &paths, ((struct pattern_path) {line, *line == '.'}));
	if (pattern_list_compile(&arena, &texts, &list, &err) < 0 || !paths.count)
		return 0;
	qsort(paths.items, paths.count, sizeof(*paths.items), compare_paths);
	for (size_t i = 0; i < paths.count; i++)
		if (!kept || strcmp(paths.items[kept - 1].path, paths.items[i].path))
			paths.items[kept++] = paths.items[i];
	check(&list, paths.items, kept);
	return 0;
}
