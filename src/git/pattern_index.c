/* Many pattern lists against the same sorted paths. A pattern that is anchored can only match a run
 * of them; one that fixes a name, or the beginning or end of a name, only those that have it. So
 * each pattern is tried on the shortest such set, and `dir/` and `dir/` + stars on none at all. */
#include <stdint.h>

#include "base/map.h"
#include "git/pattern_internal.h"

#define AFFIX_MAXIMUM 4		/* bytes of a name's beginning or end that are looked up */
#define CACHE_MAXIMUM ((size_t)8 << 20)

struct places {			/* into paths, ascending */
	uint32_t *items;
	size_t count, capacity;
};

struct name {			/* a folder's or a file's, somewhere in a path */
	const char *text;
	size_t length;
	struct places places;
};

struct names {
	struct name **items;
	size_t count, capacity;
};

struct range {
	size_t first, end;
};

struct pattern_index {
	const struct pattern_path *paths;
	size_t count;
	uint32_t *winners;	/* per path: 1 + the item that decides, while a list is matched */
	bool has_names;
	struct map names;	/* text -> struct name */
	struct map affixes;	/* 'p' or 's' and bytes -> struct names */
	struct map cache;	/* a pattern's folder and text -> struct places */
	size_t cached;
	struct arena arena;
};

struct pattern_index *pattern_index_new(const struct pattern_path *paths, size_t count)
{
	struct arena arena = ARENA_INIT;
	struct pattern_index *index = calloc(1, sizeof(*index));

	if (!index)
		abort();
	index->paths = paths;
	index->count = count;
	index->arena = arena;
	index->winners = arena_array(&index->arena, count + 1, sizeof(uint32_t));
	return index;
}

void pattern_index_free(struct pattern_index *index)
{
	if (!index)
		return;
	map_release(&index->names);
	map_release(&index->affixes);
	map_release(&index->cache);
	arena_release(&index->arena);
	free(index);
}

void pattern_index_cleanup(struct pattern_index **index)
{
	pattern_index_free(*index);
}

static void affix_add(struct pattern_index *index, char side, const char *bytes, size_t length,
		      struct name *name)
{
	char key[AFFIX_MAXIMUM + 1] = {side};

	memcpy(key + 1, bytes, length);
	struct names *names = map_get(&index->affixes, key, length + 1);

	if (!names) {
		names = arena_new(&index->arena, struct names);
		map_set(&index->affixes, key, length + 1, names);
	}
	vec_push(&index->arena, names, name);
}

static struct name *name_get(struct pattern_index *index, const char *text, size_t length)
{
	struct name *name = map_get(&index->names, text, length);

	if (name)
		return name;
	name = arena_new(&index->arena, struct name);
	name->text = text;
	name->length = length;
	map_set(&index->names, text, length, name);
	for (size_t i = 1; i <= AFFIX_MAXIMUM && i <= length; i++) {
		affix_add(index, 'p', text, i, name);
		affix_add(index, 's', text + length - i, i, name);
	}
	return name;
}

/* How many bytes of whole folders two paths share. */
static size_t shared_folders(const char *one, const char *other)
{
	size_t shared = 0;

	for (size_t i = 0; one[i] && one[i] == other[i]; i++)
		if (one[i] == '/')
			shared = i + 1;
	return shared;
}

#define DEPTH_MAXIMUM 64	/* folders whose names are remembered from path to path */

static void names_build(struct pattern_index *index)
{
	struct name *above[DEPTH_MAXIMUM] = {0};
	const char *previous = "";

	index->has_names = true;
	for (size_t i = 0; i < index->count; i++) {
		const char *path = index->paths[i].path, *part = path;
		size_t shared = shared_folders(previous, path), depth = 0;

		for (bool last = false; !last; depth++) {
			const char *slash = strchr(part, '/');
			size_t length = slash ? (size_t)(slash - part) : strlen(part);
			bool known = slash && (size_t)(slash - path) < shared &&
				     depth < DEPTH_MAXIMUM;
			struct name *name = known ? above[depth] : NULL;
			struct places *places;

			if (!name)
				name = name_get(index, part, length);
			places = &name->places;
			if (depth < DEPTH_MAXIMUM)
				above[depth] = name;
			if (!places->count || places->items[places->count - 1] != i)
				vec_push(&index->arena, places, (uint32_t)i);
			last = !slash;
			part += length + 1;
		}
		previous = path;
	}
}

/* The first path from `from` on that is not below bytes; after: nor begins with them. */
static size_t find_bound(const struct pattern_index *index, size_t from, const char *bytes,
			 size_t length, bool after)
{
	size_t end = index->count;

	while (from < end) {
		size_t middle = from + (end - from) / 2;
		int order = strncmp(index->paths[middle].path, bytes, length);

		if (order < 0 || (after && order == 0))
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

static struct range find_range(const struct pattern_index *index, const char *bytes, size_t length)
{
	size_t first = find_bound(index, 0, bytes, length, false);

	return (struct range) {first, find_bound(index, first, bytes, length, true)};
}

/* Whether all that begins with the pattern's literal text matches: "dir/" and stars. */
static bool matches_whole_range(const struct pattern *pattern)
{
	return !pattern->any_folder && !pattern->only_folder && pattern->token_count == 1 &&
	       pattern->tokens[0].kind == TOKEN_DEEP && pattern->literal_length &&
	       pattern->literal[pattern->literal_length - 1] == '/';
}

static struct range pattern_range(const struct pattern_index *index, const struct pattern *pattern)
{
	char bytes[PATTERN_MAXIMUM * 2];
	size_t length = pattern->folder_length;

	if (length + pattern->literal_length > sizeof(bytes))
		return (struct range) {0, index->count};
	memcpy(bytes, pattern->folder, length);
	if (!pattern->any_folder) {
		memcpy(bytes + length, pattern->literal, pattern->literal_length);
		length += pattern->literal_length;
	}
	return length ? find_range(index, bytes, length) : (struct range) {0, index->count};
}

static bool path_matches(const struct pattern_index *index, const struct pattern *pattern, size_t i)
{
	const struct pattern_path *path = &index->paths[i];

	return pattern_matches_path(pattern, path->path, strlen(path->path), path->is_folder);
}

/* Which names a pattern needs: one name, or those with an end or a beginning, or any. */
struct need {
	const struct name *name;
	const struct names *names;
	bool nothing;		/* it needs a name that is nowhere */
};

static bool plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (strchr("*?[]\\", text[i]))
			return false;
	return true;
}

/* Whether its slashes part it into names: not those inside brackets, nor where git takes two stars
 * behind letters (a/foo, two stars, /bar) to match a/foobar. */
static bool has_plain_names(const struct pattern *pattern)
{
	bool odd = pattern->token_count && pattern->literal_length &&
		   pattern->literal[pattern->literal_length - 1] != '/' &&
		   (pattern->tokens[0].kind == TOKEN_FOLDERS ||
		    pattern->tokens[0].kind == TOKEN_DEEP);

	return !odd && !memchr(pattern->body, '[', pattern->body_length);
}

/* A folder of the pattern's that is written out: migrations in ?/migrations/?.py. */
static void need_name(struct pattern_index *index, const struct pattern *pattern, struct need *need)
{
	const char *end = pattern->body + pattern->body_length;

	for (const char *part = pattern->body; part < end;) {
		const char *slash = memchr(part, '/', (size_t)(end - part));
		const char *stop = slash ? slash : end;

		if (stop > part && plain(part, (size_t)(stop - part))) {
			const struct name *name =
				map_get(&index->names, part, (size_t)(stop - part));

			if (!name)
				need->nothing = true;
			else if (!need->name || name->places.count < need->name->places.count)
				need->name = name;
		}
		part = stop + 1;
	}
}

/* The end or the beginning of its last name: *.lock, test_*. */
static void need_affix(struct pattern_index *index, const struct pattern *pattern,
		       struct need *need)
{
	const char *end = pattern->body + pattern->body_length, *last = end, *tail = end;
	const char *head;
	char key[AFFIX_MAXIMUM + 1];
	size_t length;

	while (last > pattern->body && last[-1] != '/')
		last--;
	while (tail > last && !strchr("*?]\\", tail[-1]))
		tail--;
	for (head = last; head < tail && !strchr("*?[\\", *head);)
		head++;
	length = (size_t)(end - tail);
	if (tail < end) {
		length = length < AFFIX_MAXIMUM ? length : AFFIX_MAXIMUM;
		key[0] = 's';
		memcpy(key + 1, end - length, length);
	} else {
		length = (size_t)(head - last);
		length = length < AFFIX_MAXIMUM ? length : AFFIX_MAXIMUM;
		if (!length)
			return;
		key[0] = 'p';
		memcpy(key + 1, last, length);
	}
	need->names = map_get(&index->affixes, key, length + 1);
	need->nothing = !need->names;
}

static void places_add_range(struct pattern_index *index, const struct pattern *pattern,
			     const struct range *range, struct places *found)
{
	for (size_t i = range->first; i < range->end; i++)
		if (path_matches(index, pattern, i))
			vec_push(&index->arena, found, (uint32_t)i);
}

static void places_add_name(struct pattern_index *index, const struct pattern *pattern,
			    const struct name *name, const struct range *range,
			    struct places *found)
{
	for (size_t i = 0; i < name->places.count; i++) {
		uint32_t at = name->places.items[i];

		if (at >= range->first && at < range->end && path_matches(index, pattern, at))
			vec_push(&index->arena, found, at);
	}
}

/* Places may come twice and unsorted: they are only marked. */
static void find_places(struct pattern_index *index, const struct pattern *pattern,
			const struct range *range, struct places *found)
{
	struct need need = {0};

	if (range->end - range->first <= 8) {
		places_add_range(index, pattern, range, found);
		return;
	}
	if (!index->has_names)
		names_build(index);
	if (has_plain_names(pattern)) {
		need_name(index, pattern, &need);
		if (!need.name && !need.nothing)
			need_affix(index, pattern, &need);
	}
	if (need.nothing)
		return;
	if (need.name && need.name->places.count < range->end - range->first)
		places_add_name(index, pattern, need.name, range, found);
	else if (!need.names || need.name)
		places_add_range(index, pattern, range, found);
	else
		for (size_t i = 0; i < need.names->count; i++) {
			const struct name *name = need.names->items[i];

			if (!pattern->any_folder ||
			    pattern_matches_text(pattern, name->text, name->length))
				places_add_name(index, pattern, name, range, found);
		}
}

static const struct places *places_of(struct pattern_index *index, const struct pattern *pattern,
				      const struct range *range, struct places *scratch)
{
	char key[PATTERN_MAXIMUM * 2 + 2];
	size_t folder = pattern->folder_length, body = strlen(pattern->text);
	struct places *known;

	if (folder + body >= sizeof(key) || index->cached > CACHE_MAXIMUM) {
		scratch->count = 0;
		find_places(index, pattern, range, scratch);
		return scratch;
	}
	memcpy(key, pattern->folder, folder);
	key[folder++] = '\0';
	memcpy(key + folder, pattern->text, body);
	known = map_get(&index->cache, key, folder + body);
	if (!known) {
		known = arena_new(&index->arena, struct places);
		find_places(index, pattern, range, known);
		index->cached += sizeof(*known) + known->capacity * sizeof(uint32_t);
		map_set(&index->cache, key, folder + body, known);
	}
	return known;
}

static void mark(struct pattern_index *index, size_t place, uint32_t winner, struct range *touched)
{
	index->winners[place] = winner;
	if (place < touched->first)
		touched->first = place;
	if (place >= touched->end)
		touched->end = place + 1;
}

static struct range mark_list(struct pattern_index *index, const struct pattern_list *list)
{
	struct range touched = {SIZE_MAX, 0};
	struct places scratch = {0};

	for (uint32_t item = 0; item < list->count; item++) {
		const struct pattern *pattern = &list->items[item];
		struct range range = pattern_range(index, pattern);

		if (range.first == range.end)
			continue;
		if (matches_whole_range(pattern)) {
			for (size_t i = range.first; i < range.end; i++)
				index->winners[i] = item + 1;
			mark(index, range.first, item + 1, &touched);
			mark(index, range.end - 1, item + 1, &touched);
			continue;
		}
		const struct places *places = places_of(index, pattern, &range, &scratch);

		for (size_t i = 0; i < places->count; i++)
			mark(index, places->items[i], item + 1, &touched);
	}
	if (touched.first > touched.end)
		touched.first = touched.end;
	return touched;
}

void pattern_index_match(struct pattern_index *index, const struct pattern_list *list,
			 struct pattern_hit *hit)
{
	struct range touched;

	*hit = (struct pattern_hit) {0};
	if (list->count == 1 && !list->items[0].negated && matches_whole_range(list->items)) {
		touched = pattern_range(index, list->items);
		hit->count = touched.end - touched.first;
		if (hit->count) {
			hit->path = index->paths[touched.first].path;
			hit->pattern = list->items[0].text;
		}
		return;
	}
	touched = mark_list(index, list);
	for (size_t i = touched.first; i < touched.end; i++) {
		uint32_t winner = index->winners[i];

		index->winners[i] = 0;
		if (!winner || list->items[winner - 1].negated)
			continue;
		if (!hit->count++) {
			hit->path = index->paths[i].path;
			hit->pattern = list->items[winner - 1].text;
		}
	}
}

size_t pattern_index_paths(struct pattern_index *index, struct arena *arena,
			   const struct pattern_list *list, size_t **places)
{
	struct range touched = mark_list(index, list);
	size_t count = 0;

	*places = arena_array(arena, touched.end - touched.first + 1, sizeof(size_t));
	for (size_t i = touched.first; i < touched.end; i++) {
		uint32_t winner = index->winners[i];

		index->winners[i] = 0;
		if (winner && !list->items[winner - 1].negated)
			(*places)[count++] = i;
	}
	return count;
}
