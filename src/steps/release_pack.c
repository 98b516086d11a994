/* Archives of a release: which files go into each, and their contents, read once a file and
 * archive. */
#include "steps/release_pack.h"

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "git/command.h"
#include "services/tarball.h"
#include "steps/release_list.h"

/* Contents are compressed once and sent over many lines: fast counts for more than small. */
enum { LEVEL = 1 };

struct packing {
	struct arena *arena;
	struct release_pack *pack;
	struct release_list list;
	struct buffer written; /* the list */
	int64_t time;          /* of the commit */
	struct tarball *tarball;
};

static int find_time(struct packing *packing, struct error *err)
{
	const struct release_tree *tree = packing->pack->tree;
	const char *const arguments[] = {"show", "-s", "--format=%ct", tree->commit, NULL};
	const struct git_options options = {
		.folder = tree->root, .arguments = arguments, .no_hooks = true};
	const char *line = git_line(packing->arena, &options, err);

	packing->time = line ? strtoll(line, NULL, 10) : 0;
	return line ? 0 : -1;
}

static bool is_shared(const struct release_tree *tree, const char *path)
{
	for (size_t i = 0; tree->shared && i < tree->shared->count; i++) {
		const char *shared = tree->shared->items[i];
		size_t length = strlen(shared);

		if (strncmp(path, shared, length) == 0 && (!path[length] || path[length] == '/'))
			return true;
	}
	return false;
}

/* The list of what the base holds, if it is known to be that. */
static const char *known_list(struct packing *packing, const struct release_base *base)
{
	struct release_list list = {0};
	struct buffer written CLEANUP(buffer_release);
	struct error ignored = {0};
	char digest[HASH_HEX_SIZE];
	const char *text = base->listed;

	buffer_init(&written, SIZE_MAX / 2);
	if (!base->digest)
		return NULL;
	if (base->commit && release_list_read(packing->arena, packing->pack->tree, base->commit,
					      &list, &ignored) == 0) {
		release_list_write(&list, &written);
		text = arena_bytes(packing->arena, written.data, written.length);
	}
	if (!text || strcmp(hash_bytes_hex(text, strlen(text), digest), base->digest) != 0)
		return NULL;
	return text;
}

static void add_lines(struct arena *arena, struct map *map, const char *text, bool paths)
{
	while (text && *text) {
		size_t length = strcspn(text, "\n");
		const char *line = arena_bytes(arena, text, length);
		const char *path = line;

		for (int blanks = 0; !paths && *path && blanks < 2; path++)
			blanks += *path == ' ';
		if (*path)
			map_set_text(map, path, (void *)(uintptr_t)line);
		text += length + (text[length] == '\n');
	}
}

struct difference {
	VEC(const struct release_file *) sent;
	struct text_list dropped;
};

/* What made the base look otherwise than its objects say may have changed as well. */
static bool is_about_all(const char *path)
{
	return strcmp(path_name(path), ".gitattributes") == 0;
}

static void compare(struct packing *packing, struct release_base *base, const char *known,
		    struct difference *difference)
{
	struct arena *arena = packing->arena;
	struct map there = MAP_INIT, missing = MAP_INIT;

	add_lines(arena, &there, known, false);
	add_lines(arena, &missing, base->missing, true);
	for (size_t i = 0; i < packing->list.files.count; i++) {
		const struct release_file *file = &packing->list.files.items[i];
		const char *line = map_get_text(&there, file->path);
		const char *wanted = arena_format(arena, "%c %s %s", file->type, file->id,
						  file->path);

		if (line && strcmp(line, wanted) == 0 && !map_get_text(&missing, file->path) &&
		    !is_shared(packing->pack->tree, file->path))
			continue;
		vec_push(arena, &difference->sent, file);
		if (is_about_all(file->path))
			base->usable = false;
	}
	map_release(&there);
	map_release(&missing);
}

static void find_dropped(struct packing *packing, const char *known,
			 struct difference *difference)
{
	struct arena *arena = packing->arena;
	struct map sent = MAP_INIT, wanted = MAP_INIT;

	for (size_t i = 0; i < difference->sent.count; i++)
		map_set_text(&sent, difference->sent.items[i]->path, packing);
	for (size_t i = 0; i < packing->list.files.count; i++)
		map_set_text(&wanted, packing->list.files.items[i].path, packing);
	text_list_add(arena, &difference->dropped, "REVISION");
	text_list_add(arena, &difference->dropped, "release.json");
	for (const char *line = known; *line; line = strchr(line, '\n') + 1) {
		const char *path = line;

		for (int blanks = 0; blanks < 2; path++)
			blanks += *path == ' ';
		path = arena_bytes(arena, path, strcspn(path, "\n"));
		if (map_get_text(&sent, path) || !map_get_text(&wanted, path))
			text_list_add(arena, &difference->dropped, path);
	}
	text_list_sort(&difference->dropped);
	map_release(&sent);
	map_release(&wanted);
}

static int add_text(struct packing *packing, const char *path, const char *text,
		    struct error *err)
{
	const struct tarball_member member = {
		.path = path, .time = packing->time, .bytes = text, .length = strlen(text)};

	return tarball_add(packing->tarball, &member, err);
}

static int add_content(void *context, const struct release_file *file, const char *bytes,
		       size_t length, struct error *err)
{
	struct packing *packing = context;
	struct tarball_member member = {
		.path = file->path,
		.executable = file->type == 'x',
		.time = file->time ? file->time : packing->time,
		.bytes = bytes,
		.length = length,
	};

	if (file->type == 'l') {
		member.link = arena_bytes(packing->arena, bytes, length);
		member.length = 0;
	}
	return tarball_add(packing->tarball, &member, err);
}

/* REVISION comes last: what lacks it was cut. */
static int fill(struct packing *packing, const struct release_base *base,
		const struct difference *difference, struct error *err)
{
	const struct release_tree *tree = packing->pack->tree;
	const char *dropped = arena_format(packing->arena, "%s\n",
					   text_join(packing->arena, &difference->dropped, "\n"));

	if (base->usable && add_text(packing, RELEASE_DROPPED, dropped, err) < 0)
		return -1;
	if (tree->from && add_text(packing, RELEASE_LIST, packing->written.data, err) < 0)
		return -1;
	if (release_list_contents(tree, difference->sent.items, difference->sent.count,
				  add_content, packing, err) < 0 ||
	    add_text(packing, "release.json", tree->description, err) < 0)
		return -1;
	return add_text(packing, "REVISION", arena_format(packing->arena, "%s\n", tree->commit),
			err);
}

static int pack_one(struct packing *packing, struct release_base *base, struct error *err)
{
	struct difference difference = {0};
	const char *known = known_list(packing, base);

	base->usable = known != NULL;
	if (known)
		compare(packing, base, known, &difference);
	if (base->usable)
		find_dropped(packing, known, &difference);
	else
		difference.sent.count = 0;
	for (size_t i = 0; !base->usable && i < packing->list.files.count; i++)
		vec_push(packing->arena, &difference.sent, &packing->list.files.items[i]);
	base->sent = (int64_t)difference.sent.count;
	packing->tarball = tarball_new(base->archive, LEVEL, err);
	if (!packing->tarball)
		return -1;
	if (fill(packing, base, &difference, err) == 0)
		return tarball_finish(packing->tarball, &base->size, err);
	tarball_free(packing->tarball);
	return -1;
}

int release_pack(struct release_pack *pack, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct packing packing = {.arena = &arena, .pack = pack};
	const struct release_tree *tree = pack->tree;
	int result;

	buffer_init(&packing.written, SIZE_MAX / 2);
	result = release_list_read(&arena, tree, NULL, &packing.list, err);
	if (result == 0 && !packing.list.files.count)
		result = error_set(err, "'%s' holds no file: an empty release would be made",
				   tree->from ? tree->from : tree->commit);
	if (result == 0)
		result = find_time(&packing, err);
	if (result == 0) {
		pack->files = (int64_t)packing.list.files.count;
		release_list_write(&packing.list, &packing.written);
		hash_bytes_hex(packing.written.data, packing.written.length, pack->digest);
	}
	for (size_t i = 0; result == 0 && i < pack->count; i++)
		result = pack_one(&packing, &pack->bases[i], err);
	buffer_release(&packing.written);
	return result;
}
