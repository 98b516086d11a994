/* The difference between live and target: files, and the files of it for others. */
#include "git/change.h"

#include <git2.h>

#include "base/file.h"
#include "git/change_internal.h"
#include "git/tree_internal.h"

struct collect {
	struct arena *arena;
	struct change *change;
};

static char status_of(const struct tree_difference *difference)
{
	if (!difference->old_mode)
		return 'A';
	if (!difference->new_mode)
		return 'D';
	return (difference->old_mode ^ difference->new_mode) & 0170000 ? 'T' : 'M';
}

static int collect_file(void *context, const struct tree_difference *difference)
{
	struct collect *collect = context;
	struct changed_file file = {
		.path = arena_bytes(collect->arena, difference->path, difference->length),
		.status = status_of(difference),
		.old_mode = difference->old_mode,
		.new_mode = difference->new_mode,
	};
	unsigned mode = file.new_mode ? file.new_mode : file.old_mode;

	file.is_folder = (mode & 0170000) == MODE_SUBMODULE;
	if (difference->old_id)
		memcpy(file.old_id, difference->old_id, sizeof(file.old_id));
	if (difference->new_id)
		memcpy(file.new_id, difference->new_id, sizeof(file.new_id));
	vec_push(collect->arena, &collect->change->files, file);
	return 0;
}

static int collect_since(const struct repository *repository, struct arena *arena,
			 const char *live, const char *target, struct change *change,
			 struct error *err)
{
	struct collect collect = {arena, change};
	git_oid old, new;

	if (live && commit_tree_id(repository, live, &old, err) < 0)
		return -1;
	if (commit_tree_id(repository, target, &new, err) < 0)
		return -1;
	return tree_diff(repository, live ? old.id : NULL, new.id, collect_file, &collect, err);
}

static int compare_files(const void *one, const void *other)
{
	return strcmp(((const struct changed_file *)one)->path,
		      ((const struct changed_file *)other)->path);
}

/* Adds what changed since another commit, too; where both have a path, the first one stays. */
static int collect_also(const struct repository *repository, struct arena *arena, const char *also,
			struct change *change, struct error *err)
{
	struct change other = {0};
	size_t first = 0, count = change->files.count;

	if (collect_since(repository, arena, also, change->target, &other, err) < 0)
		return -1;
	for (size_t i = 0; i < other.files.count; i++) {
		struct changed_file *file = &other.files.items[i];

		while (first < count && strcmp(change->files.items[first].path, file->path) < 0)
			first++;
		if (first < count && !strcmp(change->files.items[first].path, file->path))
			continue;
		vec_push(arena, &change->files, *file);
	}
	if (change->files.count > count)
		qsort(change->files.items, change->files.count, sizeof(struct changed_file),
		      compare_files);
	return 0;
}

int change_read(const struct repository *repository, struct arena *arena,
		const struct change_options *options, struct change *change, struct error *err)
{
	const char *live = options->live;

	*change = (struct change) {
		.live = live ? arena_string(arena, live) : NULL,
		.target = arena_string(arena, options->target),
	};
	if (live && !repository_has_commit(repository, live)) {
		change->live_unknown = true;
		live = NULL;
	}
	change->everything = !live;
	if (!(change->everything && options->without_files_of_first) &&
	    collect_since(repository, arena, live, options->target, change, err) < 0)
		return -1;
	if (options->also && live && repository_has_commit(repository, options->also) &&
	    collect_also(repository, arena, options->also, change, err) < 0)
		return -1;
	if (!live)
		return change_read_history(repository, arena, change, err);
	return change_read_commits(repository, arena, change, err);
}

struct pattern_path *change_paths(struct arena *arena, const struct change *change)
{
	struct pattern_path *paths = arena_array(arena, change->files.count + 1, sizeof(*paths));

	for (size_t i = 0; i < change->files.count; i++) {
		paths[i].path = change->files.items[i].path;
		paths[i].is_folder = change->files.items[i].is_folder;
	}
	return paths;
}

int change_write_paths(const struct change *change, const char *file, struct error *err)
{
	struct buffer bytes;
	int status;

	buffer_init(&bytes, (size_t)1 << 30);
	for (size_t i = 0; i < change->files.count; i++) {
		const char *path = change->files.items[i].path;

		buffer_add(&bytes, path, strlen(path) + 1);
	}
	status = file_write(file, bytes.data, bytes.length, 0644, err);
	buffer_release(&bytes);
	return status;
}
