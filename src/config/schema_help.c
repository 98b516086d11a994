/* Help on keys out of their tables. */
#include "base/text.h"
#include "config/schema_internal.h"

struct match {
	const struct key *row;
	const char *where; /* "smoke.within (deploy.yml)" */
};

struct search {
	const struct schema *schema;
	void (*visit)(struct search *search, const struct key *row, const char *path);
	const char *words, *file;
	VEC(struct match) matches;
	const char *nearest;
	size_t distance;
	struct arena *arena;
};

static void walk_row(struct search *search, const struct key *row, const char *path);

static void walk_below(struct search *search, const struct key *row, const char *path)
{
	for (const struct key *key = row->keys; key && key->name; key++)
		walk_row(search, key,
			 *path ? arena_format(search->arena, "%s.%s", path, key->name)
			       : arena_string(search->arena, key->name));
	for (size_t i = 0; row->flags & KEY_STEP && i < search->schema->kind_count; i++) {
		const struct key *kind = &search->schema->kinds[i].row;

		walk_row(search, kind, arena_format(search->arena, "%s.%s", path, kind->name));
	}
	if (!row->each)
		return;
	walk_below(search, row->each,
		   row->types & TYPE_MAP ? arena_format(search->arena, "%s.NAME", path) : path);
}

static void walk_row(struct search *search, const struct key *row, const char *path)
{
	search->visit(search, row, path);
	walk_below(search, row, path);
}

/* Whether words are the path, its end, or the path without its NAMEs. */
static bool path_matches(const char *path, const char *words)
{
	char bare[256];
	size_t used = 0, tail;

	for (const char *part = path; *part;) {
		size_t length = strcspn(part, ".");

		if (!(length == 4 && memcmp(part, "NAME", 4) == 0) &&
		    used + length + 2 < sizeof(bare)) {
			if (used)
				bare[used++] = '.';
			memcpy(bare + used, part, length);
			used += length;
		}
		part += length + (part[length] == '.');
	}
	bare[used] = '\0';
	if (strcmp(path, words) == 0 || strcmp(bare, words) == 0)
		return true;
	tail = strlen(words);
	return used > tail && strcmp(bare + used - tail, words) == 0 &&
	       bare[used - tail - 1] == '.';
}

static void collect(struct search *search, const struct key *row, const char *path)
{
	struct match match = {row, NULL};

	if (!path_matches(path, search->words))
		return;
	match.where = arena_format(search->arena, "%s (%s)", path, search->file);
	vec_push(search->arena, &search->matches, match);
}

static void show(const struct key *row, struct buffer *out)
{
	const struct key *below = row->keys ? row->keys : row->each ? row->each->keys : NULL;

	if (row->help)
		buffer_add_format(out, "  %s\n", row->help);
	buffer_add_text(out, "  takes: ");
	schema_describe(row, out);
	buffer_add_char(out, '\n');
	if (row->fallback)
		buffer_add_format(out, "  default: %s\n", row->fallback);
	if (row->flags & KEY_REQUIRED)
		buffer_add_text(out, "  required\n");
	if (row->flags & KEY_EXPANDS)
		buffer_add_text(out, "  ${NAME} stands for a variable or a secret\n");
	if (row->flags & KEY_FILLS)
		buffer_add_text(out, "  {commit}, {env} and so on are filled in\n");
	if (row->flags & KEY_OVERLAY)
		buffer_add_text(out, "  may also stand in an environment\n");
	if (row->flags & KEY_LATER)
		buffer_add_text(out, "  checked, but not acted on by this version\n");
	for (; below && below->name; below++)
		buffer_add_format(out, "    %-14s %s\n", below->name,
				  below->help ? below->help : "");
}

static bool same_key(const struct key *one, const struct key *other)
{
	return one == other ||
	       (one->types == other->types && one->keys == other->keys &&
		text_equal(one->fallback, other->fallback) && text_equal(one->help, other->help));
}

size_t schema_help(const struct schema_file *files, size_t count, const struct schema *schema,
		   const char *words, struct buffer *out)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct search search = {
		.schema = schema, .visit = collect, .words = words, .arena = &arena};
	struct match *matches;

	for (size_t i = 0; i < count; i++) {
		search.file = files[i].name;
		walk_below(&search, files[i].row, "");
	}
	matches = search.matches.items;
	for (size_t i = 0; i < search.matches.count; i++) {
		const struct key *row = matches[i].row;

		if (!row)
			continue;
		if (out->length)
			buffer_add_char(out, '\n');
		for (size_t j = i; j < search.matches.count; j++) {
			if (!matches[j].row || !same_key(matches[j].row, row))
				continue;
			buffer_add_format(out, "%s\n", matches[j].where);
			matches[j].row = NULL;
		}
		show(row, out);
	}
	return search.matches.count;
}

static void compare(struct search *search, const struct key *row, const char *path)
{
	const char *last = row->name;
	size_t distance = text_distance(last, search->words);
	size_t whole = text_distance(path, search->words);

	(void)path;
	if (whole < distance)
		distance = whole;
	if (distance < search->distance) {
		search->distance = distance;
		search->nearest = last;
	}
}

const char *schema_nearest(const struct key *row, const struct schema *schema, const char *words)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct search search = {.schema = schema,
				.visit = compare,
				.words = words,
				.arena = &arena,
				.distance = strlen(words) / 3 + 2};

	walk_below(&search, row, "");
	return search.nearest;
}
