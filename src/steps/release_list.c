/* Files of a commit, by git without a checkout, or of a folder. */
#include "steps/release_list.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"
#include "git/command.h"
#include "proc/child.h"

#define PART ((int64_t)32 << 20) /* bytes that git is asked for at once */
#define FILE_MAXIMUM ((size_t)4 << 30)
enum { DEPTH_MAXIMUM = 500 };

static int check_stopped(const struct release_tree *tree, struct error *err)
{
	return atomic_load(tree->stopped) ? error_set(err, "stopped") : 0;
}

static bool is_excluded(const struct release_tree *tree, const char *path, bool is_folder)
{
	/* What the release itself says of itself. */
	static const char *const ours[] = {"REVISION", "release.json"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strcmp(path, ours[i]) == 0)
			return true;
	return tree->exclude && pattern_list_matches(tree->exclude, path, is_folder);
}

static int add_file(struct arena *arena, struct release_list *list,
		    const struct release_file *file, struct error *err)
{
	if (strchr(file->path, '\n'))
		return error_set(err, "'%s' has a line break in its name: such a file cannot be "
				 "released to hosts", file->path);
	vec_push(arena, &list->files, *file);
	return 0;
}

/* "100644 blob ID     SIZE\tPATH" */
static int add_entry(struct arena *arena, const struct release_tree *tree, const char *entry,
		     struct release_list *list, struct error *err)
{
	const char *tab = strchr(entry, '\t');
	char mode[8], type[8], id[65];
	long long size;

	if (!tab || sscanf(entry, "%7s %7s %64s %lld", mode, type, id, &size) < 3)
		return error_set(err, "git listed '%s', which is not understood", entry);
	if (strcmp(type, "blob") != 0 || is_excluded(tree, tab + 1, false))
		return 0; /* a submodule is no part of the tree */
	const struct release_file file = {
		.path = arena_string(arena, tab + 1),
		.id = arena_string(arena, id),
		.type = !strcmp(mode, "120000") ? 'l' : !strcmp(mode, "100755") ? 'x' : 'f',
		.size = size,
	};
	return add_file(arena, list, &file, err);
}

static int list_commit(struct arena *arena, const struct release_tree *tree, const char *commit,
		       struct release_list *list, struct error *err)
{
	const char *const arguments[] = {"ls-tree", "-r", "-z", "-l", "--full-tree", commit, NULL};
	const struct git_options options = {
		.folder = tree->root, .arguments = arguments, .no_hooks = true};
	struct child_result result CLEANUP(child_result_release) = {0};
	const char *at, *end;

	if (git_run_ok(&options, &result, err) < 0)
		return -1;
	at = result.output.data;
	for (end = at + result.output.length; at < end; at += strlen(at) + 1)
		if (add_entry(arena, tree, at, list, err) < 0)
			return -1;
	return 0;
}

struct walk {
	struct arena *arena;
	const struct release_tree *tree;
	struct release_list *list;
	int depth;
};

static int walk_folder(struct walk *walk, const char *path, struct error *err);

static int read_whole(const char *path, struct buffer *bytes, const struct stat *status,
		      struct error *err)
{
	char target[PATH_MAX];
	ssize_t length;

	buffer_clear(bytes);
	if (!S_ISLNK(status->st_mode))
		return file_read(path, bytes, err);
	length = readlink(path, target, sizeof(target));
	if (length < 0)
		return error_set_errno(err, errno, "cannot read the link '%s'", path);
	return buffer_add(bytes, target, (size_t)length);
}

static int walk_entry(struct walk *walk, const char *path, struct error *err)
{
	const char *whole = path_join(walk->arena, walk->tree->from, path);
	struct release_file file = {.path = path};
	struct buffer bytes CLEANUP(buffer_release);
	char id[HASH_HEX_SIZE];
	struct stat status;

	buffer_init(&bytes, FILE_MAXIMUM);
	if (check_stopped(walk->tree, err) < 0)
		return -1;
	if (lstat(whole, &status) < 0)
		return error_set_errno(err, errno, "cannot read '%s'", whole);
	if (is_excluded(walk->tree, path, S_ISDIR(status.st_mode)))
		return 0;
	if (S_ISDIR(status.st_mode))
		return walk_folder(walk, path, err);
	if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
		return error_set(err, "'%s' is no file, folder or link: it cannot be released",
				 whole);
	if (read_whole(whole, &bytes, &status, err) < 0)
		return -1;
	file.id = arena_string(walk->arena, hash_bytes_hex(bytes.data, bytes.length, id));
	file.type = S_ISLNK(status.st_mode) ? 'l' : status.st_mode & 0100 ? 'x' : 'f';
	file.size = (int64_t)bytes.length;
	file.time = status.st_mtime;
	return add_file(walk->arena, walk->list, &file, err);
}

static int walk_folder(struct walk *walk, const char *path, struct error *err)
{
	const char *whole = path_join(walk->arena, walk->tree->from, path);
	struct dirent *entry;
	DIR *folder;
	int result = 0;

	if (++walk->depth > DEPTH_MAXIMUM)
		return error_set(err, "folders are nested too deep in '%s'", whole);
	folder = opendir(*path ? whole : walk->tree->from);
	if (!folder)
		return error_set_errno(err, errno, "cannot read the folder '%s'",
				       *path ? whole : walk->tree->from);
	while (result == 0 && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = walk_entry(walk, path_join(walk->arena, path, entry->d_name), err);
	closedir(folder);
	walk->depth--;
	return result;
}

static int by_path(const void *one, const void *other)
{
	const struct release_file *a = one, *b = other;

	return strcmp(a->path, b->path);
}

int release_list_read(struct arena *arena, const struct release_tree *tree, const char *commit,
		      struct release_list *list, struct error *err)
{
	struct walk walk = {.arena = arena, .tree = tree, .list = list};
	int result;

	if (commit || !tree->from)
		result = list_commit(arena, tree, commit ? commit : tree->commit, list, err);
	else
		result = walk_folder(&walk, "", err);
	if (result < 0)
		return -1;
	if (list->files.count)
		qsort(list->files.items, list->files.count, sizeof(*list->files.items), by_path);
	return 0;
}

void release_list_write(const struct release_list *list, struct buffer *out)
{
	for (size_t i = 0; i < list->files.count; i++) {
		const struct release_file *file = &list->files.items[i];

		buffer_add_format(out, "%c %s ", file->type, file->id);
		buffer_add_text(out, file->path);
		buffer_add_char(out, '\n');
	}
}

/* git's header in front of each content has a word in it that no content can foresee: how long what
 * a filter makes of a file is, git does not say. */
static int read_objects(const struct release_tree *tree, const struct release_file *const *files,
			size_t count, release_content_fn *use, void *context, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct child_result result CLEANUP(child_result_release) = {0};
	struct buffer input CLEANUP(buffer_release);
	char word[33];
	const char *at, *end;

	buffer_init(&input, SIZE_MAX / 2);
	random_hex(word, sizeof(word));
	for (size_t i = 0; i < count; i++)
		buffer_add_format(&input, "%s %s\n", files[i]->id, files[i]->path);
	const char *const environment[] = {"GIT_NO_REPLACE_OBJECTS=1", NULL};
	const char *const arguments[] = {
		"cat-file", "--filters",
		arena_format(&arena, "--batch=%s %%(objectname)", word), NULL};
	const struct git_options options = {
		.folder = tree->root, .arguments = arguments, .environment = environment,
		.input = input.data, .input_length = input.length, .no_hooks = true,
	};
	if (git_run_ok(&options, &result, err) < 0)
		return -1;
	at = result.output.data;
	end = at + result.output.length;
	for (size_t i = 0; i < count; i++) {
		const char *header = arena_format(&arena, "%s %s\n", word, files[i]->id);
		const char *next = i + 1 < count ? arena_format(&arena, "\n%s ", word) : "\n";
		const char *stop = end - 1;

		if ((size_t)(end - at) <= strlen(header) ||
		    memcmp(at, header, strlen(header)) != 0)
			return error_set(err, "git could not read '%s' (%.12s)", files[i]->path,
					 files[i]->id);
		at += strlen(header);
		if (i + 1 < count)
			stop = memmem(at, (size_t)(end - at), next, strlen(next));
		if (!stop || use(context, files[i], at, (size_t)(stop - at), err) < 0)
			return stop ? -1 : error_set(err, "git ended before '%s'", files[i]->path);
		at = stop + 1;
	}
	return check_stopped(tree, err);
}

static int read_commit(const struct release_tree *tree, const struct release_file *const *files,
		       size_t count, release_content_fn *use, void *context, struct error *err)
{
	for (size_t begin = 0, end; begin < count; begin = end) {
		int64_t bytes = 0;

		for (end = begin; end < count && (end == begin || bytes < PART); end++)
			bytes += files[end]->size;
		if (read_objects(tree, files + begin, end - begin, use, context, err) < 0)
			return -1;
	}
	return 0;
}

static int read_folder(const struct release_tree *tree, const struct release_file *const *files,
		       size_t count, release_content_fn *use, void *context, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct buffer bytes CLEANUP(buffer_release);

	buffer_init(&bytes, FILE_MAXIMUM);
	for (size_t i = 0; i < count; i++) {
		const char *path = path_join(&arena, tree->from, files[i]->path);
		struct stat status;

		if (lstat(path, &status) < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		if (check_stopped(tree, err) < 0 || read_whole(path, &bytes, &status, err) < 0 ||
		    use(context, files[i], bytes.data, bytes.length, err) < 0)
			return -1;
	}
	return 0;
}

int release_list_contents(const struct release_tree *tree,
			  const struct release_file *const *files, size_t count,
			  release_content_fn *use, void *context, struct error *err)
{
	return tree->from ? read_folder(tree, files, count, use, context, err)
			  : read_commit(tree, files, count, use, context, err);
}
