/* Reads what hosts say, and finds those that are alike. */
#include "base/text.h"
#include "steps/release_hosts.h"

/* Lists of lines grow here; a release's other facts are a line each. */
static void add_line(struct buffer *out, const char *line)
{
	buffer_add_text(out, line);
	buffer_add_char(out, '\n');
}

void release_told_read(struct arena *arena, const struct buffer *output,
		       struct release_told *told)
{
	struct buffer missing CLEANUP(buffer_release);
	struct buffer listed CLEANUP(buffer_release);
	char *text = arena_bytes(arena, output->data, output->length);

	*told = (struct release_told){0};
	buffer_init(&missing, SIZE_MAX / 2);
	buffer_init(&listed, SIZE_MAX / 2);
	for (char *line = text, *next; *line; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		line[length] = 0;
		if (strcmp(line, "w") == 0)
			told->whole = true;
		else if (text_starts_with(line, "b "))
			told->base = line + 2;
		else if (text_starts_with(line, "c ") && strcmp(line, "c -") != 0)
			told->facts.commit = line + 2;
		else if (text_starts_with(line, "d "))
			told->facts.digest = line + 2;
		else if (text_starts_with(line, "m "))
			add_line(&missing, line + 2);
		else if (text_starts_with(line, "f "))
			add_line(&listed, line + 2);
	}
	if (!told->base)
		told->facts = (struct release_base){0};
	if (missing.length)
		told->facts.missing = arena_string(arena, missing.data);
	if (listed.length)
		told->facts.listed = arena_string(arena, listed.data);
}

/* A commit's name goes to git: nothing else may. */
static bool is_commit(const char *text)
{
	size_t length = strspn(text, "0123456789abcdef");

	return !text[length] && (length == 40 || length == 64);
}

static bool is_alike(const struct release_base *one, const struct release_base *other)
{
	return text_equal(one->digest, other->digest) && text_equal(one->commit, other->commit) &&
	       text_equal(one->missing, other->missing) && text_equal(one->listed, other->listed);
}

void release_bases_gather(struct arena *arena, const struct fleet_hosts *hosts,
			  struct release_told *told, struct release_bases *bases)
{
	*bases = (struct release_bases){
		.items = arena_array(arena, hosts->count, sizeof(*bases->items)),
		.hosts = arena_array(arena, hosts->count, sizeof(*bases->hosts)),
	};
	for (size_t i = 0; i < hosts->count; i++) {
		size_t group = 0;

		if (hosts->items[i].failed || told[i].whole)
			continue;
		if (told[i].facts.commit && !is_commit(told[i].facts.commit))
			told[i].facts = (struct release_base){0};
		while (group < bases->count && !is_alike(&bases->items[group], &told[i].facts))
			group++;
		if (group == bases->count)
			bases->items[bases->count++] = told[i].facts;
		told[i].group = group;
		bases->hosts[group]++;
	}
}
