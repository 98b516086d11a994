/* Releases in a folder: made beside, renamed into place, switched to by one rename. */
#include "steps/release_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "steps/release_fill.h"

static char *release_path(struct arena *arena, const char *to, const char *id)
{
	return arena_format(arena, "%s/releases/%s", to, id);
}

/* A shared path, from the release's top; it must stay below it. */
static int check_shared(const char *path, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *normal = path_normal(&arena, path);

	if (*normal != '/' && strcmp(normal, ".") != 0 && strncmp(normal, "..", 2) != 0)
		return 0;
	return error_set(err, "shared: '%s' is no path below the release", path);
}

/* What the first release brings along becomes what is shared. */
static int seed_shared(const char *inside, const char *outside, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	if (file_exists(outside))
		return tree_remove(inside, err);
	if (folder_make(path_folder(&arena, outside), 0755, err) < 0)
		return -1;
	if (!file_exists(inside))
		return folder_make(outside, 0755, err);
	if (rename(inside, outside) < 0)
		return error_set_errno(err, errno, "cannot share '%s'", inside);
	return 0;
}

static int link_shared(struct arena *arena, const struct release_tree *tree, const char *part,
		       struct error *err)
{
	for (size_t i = 0; tree->shared && i < tree->shared->count; i++) {
		const char *path = path_normal(arena, tree->shared->items[i]);
		const char *inside = path_join(arena, part, path);
		const char *target = arena_format(arena, "../shared/%s", path);

		if (check_shared(tree->shared->items[i], err) < 0 ||
		    seed_shared(inside, arena_format(arena, "%s/shared/%s", tree->to, path), err) <
			    0 ||
		    folder_make(path_folder(arena, inside), 0755, err) < 0)
			return -1;
		for (const char *c = path; *c; c++)
			if (*c == '/')
				target = arena_format(arena, "../%s", target);
		target = arena_format(arena, "../%s", target);
		if (symlink(target, inside) < 0)
			return error_set_errno(err, errno, "cannot link '%s'", inside);
	}
	return 0;
}

static int describe(struct arena *arena, const struct release_tree *tree, const char *part,
		    struct error *err)
{
	const char *revision = arena_format(arena, "%s\n", tree->commit);

	if (file_write(path_join(arena, part, "release.json"), tree->description,
		       strlen(tree->description), 0644, err) < 0)
		return -1;
	return file_write(path_join(arena, part, "REVISION"), revision, strlen(revision), 0644,
			  err);
}

int release_tree_make(const struct release_tree *tree, int64_t *files, int64_t *bytes,
		      struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *release = release_path(&arena, tree->to, tree->id);
	const char *part = arena_format(&arena, "%s/releases/.%s.part", tree->to, tree->id);

	if (tree_remove(part, err) < 0 || folder_make(part, 0755, err) < 0 ||
	    release_fill(tree, part, files, bytes, err) < 0 ||
	    link_shared(&arena, tree, part, err) < 0 || describe(&arena, tree, part, err) < 0 ||
	    tree_remove(release, err) < 0)
		return -1;
	if (atomic_load(tree->stopped))
		return error_set(err, "stopped");
	if (rename(part, release) < 0)
		return error_set_errno(err, errno, "cannot name the release '%s'", release);
	return 0;
}

bool release_tree_whole(const char *to, const char *id)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	return *id && *id != '.' && !strchr(id, '/') &&
	       file_exists(path_join(&arena, release_path(&arena, to, id), "REVISION"));
}

/* Where TO/current points to; "" when there is none. */
static int read_current(const char *to, char target[PATH_MAX], struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *current = path_join(&arena, to, "current");
	ssize_t length = readlink(current, target, PATH_MAX - 1);

	if (length < 0 && errno != ENOENT) {
		error_set_errno(err, errno, "'%s' is no link", current);
		error_hint(err, "shipit switches it by a rename: move what is there away");
		return -1;
	}
	target[length < 0 ? 0 : length] = 0;
	return 0;
}

static int sync_folder(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	fsync(fd); /* where folders cannot be synced there is nothing to do about it */
	close(fd);
	return 0;
}

static int point_current(const char *to, const char *target, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *fresh = path_join(&arena, to, ".current.new");
	const char *current = path_join(&arena, to, "current");

	if (unlink(fresh) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "cannot remove '%s'", fresh);
	if (symlink(target, fresh) < 0)
		return error_set_errno(err, errno, "cannot make the link '%s'", fresh);
	if (rename(fresh, current) < 0)
		return error_set_errno(err, errno, "cannot switch '%s'", current);
	return sync_folder(to, err);
}

static char *memory_path(struct arena *arena, const char *to, const char *deploy)
{
	return arena_format(arena, "%s/releases/.before-%s", to, deploy);
}

/* REVISION's time is the last at which the release was made, or live: what was live last is what a
 * rollback wants, however many were made since and never went live. */
static void touch(const char *to, const char *target)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	if (*target)
		utimensat(AT_FDCWD, arena_format(&arena, "%s/%s/REVISION", to, target), NULL, 0);
}

int release_tree_switch(const char *to, const char *id, const char *deploy, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *target = arena_format(&arena, "releases/%s", id);
	char before[PATH_MAX];

	if (!release_tree_whole(to, id))
		return error_set(err, "there is no whole release '%s'",
				 release_path(&arena, to, id));
	if (read_current(to, before, err) < 0)
		return -1;
	if (strcmp(before, target) != 0 &&
	    file_write(memory_path(&arena, to, deploy), before, strlen(before), 0644, err) < 0)
		return -1;
	if (point_current(to, target, err) < 0)
		return -1;
	touch(to, before);
	touch(to, target);
	return 0;
}

int release_tree_switch_back(const char *to, const char *id, const char *deploy, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *memory = memory_path(&arena, to, deploy);
	char now[PATH_MAX];
	struct buffer before CLEANUP(buffer_release);

	buffer_init(&before, PATH_MAX);
	if (!file_exists(memory))
		return 0;
	if (read_current(to, now, err) < 0 || file_read(memory, &before, err) < 0)
		return -1;
	if (strcmp(now, arena_format(&arena, "releases/%s", id)) != 0)
		return 0;
	if (before.length)
		return point_current(to, before.data, err);
	if (unlink(path_join(&arena, to, "current")) < 0)
		return error_set_errno(err, errno, "cannot remove the link '%s/current'", to);
	return sync_folder(to, err);
}

struct old_release {
	const char *name;
	struct timespec used;
};

static int newest_first(const void *one, const void *other)
{
	const struct old_release *a = one, *b = other;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? 1 : -1;
	if (a->used.tv_nsec != b->used.tv_nsec)
		return a->used.tv_nsec < b->used.tv_nsec ? 1 : -1;
	return strcmp(b->name, a->name);
}

static bool last_used(const char *path, struct timespec *used)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct stat status;

	if (lstat(path_join(&arena, path, "REVISION"), &status) < 0)
		return false;
#ifdef __APPLE__
	*used = status.st_mtimespec;
#else
	*used = status.st_mtim;
#endif
	return true;
}

struct prune {
	struct arena arena;
	const char *folder, *current;
	VEC(struct old_release) releases;
	struct text_list half_made;
};

static int look(struct prune *prune, struct error *err)
{
	DIR *folder = opendir(prune->folder);
	struct dirent *entry;

	if (!folder)
		return error_set_errno(err, errno, "cannot read '%s'", prune->folder);
	while ((entry = readdir(folder))) {
		const char *path = path_join(&prune->arena, prune->folder, entry->d_name);
		struct old_release release = {.name = path};

		if (*entry->d_name == '.' &&
		    (strstr(entry->d_name, ".part") || text_starts_with(entry->d_name, ".before-")))
			text_list_add(&prune->arena, &prune->half_made, path);
		else if (*entry->d_name != '.' && strcmp(entry->d_name, prune->current) != 0 &&
			 last_used(path, &release.used))
			vec_push(&prune->arena, &prune->releases, release);
	}
	closedir(folder);
	return 0;
}

int release_tree_prune(const char *to, int64_t keep, int64_t *removed, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	char current[PATH_MAX];
	struct prune prune = {
		.arena = ARENA_INIT, .folder = path_join(&arena, to, "releases"), .current = ""};
	int result = read_current(to, current, err);

	*removed = 0;
	if (result == 0 && *current)
		prune.current = path_name(current);
	if (result == 0)
		result = look(&prune, err);
	if (prune.releases.count)
		qsort(prune.releases.items, prune.releases.count, sizeof(*prune.releases.items),
		      newest_first);
	for (size_t i = 0; result == 0 && i < prune.half_made.count; i++)
		result = tree_remove(prune.half_made.items[i], err);
	for (size_t i = (size_t)(keep > 1 ? keep - 1 : 0); result == 0 && i < prune.releases.count;
	     i++) {
		result = tree_remove(prune.releases.items[i].name, err);
		*removed += result == 0;
	}
	arena_release(&prune.arena);
	return result;
}
