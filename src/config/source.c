/* A folder on disk as a source of configuration. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"

static int read_from_folder(void *context, const char *path, struct buffer *out, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	if (file_read(path_join(&arena, context, path), out, err) == 0)
		return 1;
	if (errno != ENOENT && errno != ENOTDIR)
		return -1;
	error_clear(err);
	return 0;
}

struct walk {
	struct arena *arena;
	const char *root, *name;
	struct text_list *paths;
};

static bool left_out(const char *name)
{
	return name[0] == '.' || strcmp(name, "node_modules") == 0;
}

static bool is_folder(struct arena *scratch, const char *folder, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path_join(scratch, folder, entry->d_name), &status) == 0 &&
	       S_ISDIR(status.st_mode);
}

/* A folder that cannot be read holds nothing for us. */
static void walk_folder(struct walk *walk, const char *below, int depth)
{
	struct arena scratch CLEANUP(arena_release) = ARENA_INIT;
	const char *folder = path_join(&scratch, walk->root, below);
	DIR *entries = depth < 100 ? opendir(folder) : NULL;
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		if (left_out(entry->d_name))
			continue;
		if (is_folder(&scratch, folder, entry))
			walk_folder(walk, path_join(&scratch, below, entry->d_name), depth + 1);
		else if (strcmp(entry->d_name, walk->name) == 0)
			text_list_add(walk->arena, walk->paths,
				      path_join(walk->arena, below, entry->d_name));
	}
	if (entries)
		closedir(entries);
}

static int list_folder(void *context, struct arena *arena, const char *name,
		       struct text_list *paths, struct error *err)
{
	struct walk walk = {arena, context, name, paths};

	(void)err;
	walk_folder(&walk, "", 0);
	text_list_sort(paths);
	return 0;
}

struct config_source config_source_folder(const char *root)
{
	return (struct config_source){
		.read = read_from_folder,
		.list = list_folder,
		.context = (void *)(uintptr_t)root,
		.description = "the working tree",
	};
}
