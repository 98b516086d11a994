/* The walk through a folder of assets. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "assets/scan_internal.h"
#include "base/file.h"
#include "base/text.h"

enum { DEPTH_MAXIMUM = 128 };

struct ancestor { /* the folders above, for links that lead back into them */
	const struct ancestor *above;
	dev_t device;
	ino_t inode;
	int depth;
};

static int walk(struct scan *scan, const char *path, const char *key, const struct ancestor *above,
		struct error *err);

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

struct file_stamp stamp_of(const struct stat *status)
{
#ifdef __APPLE__
	const struct timespec *modified = &status->st_mtimespec, *changed = &status->st_ctimespec;
#else
	const struct timespec *modified = &status->st_mtim, *changed = &status->st_ctim;
#endif
	return (struct file_stamp){
		.device = (uint64_t)status->st_dev,
		.inode = (uint64_t)status->st_ino,
		.size = status->st_size,
		.modified = nanoseconds(modified),
		.changed = nanoseconds(changed),
	};
}

bool stamps_equal(const struct file_stamp *one, const struct file_stamp *other)
{
	return one->device == other->device && one->inode == other->inode &&
	       one->size == other->size && one->modified == other->modified &&
	       one->changed == other->changed;
}

static int refuse(const char *path, const char *what, struct error *err)
{
	error_set(err, "cannot sync '%s': %s", path, what);
	return error_hint(err, "remove it, or leave it out: exclude: [\"%s\"]", path_name(path));
}

static void add_file(struct scan *scan, const char *key, const struct stat *status)
{
	if (scan->count == scan->capacity) {
		scan->capacity = scan->capacity ? scan->capacity + scan->capacity / 2 : 256;
		scan->files = realloc(scan->files, scan->capacity * sizeof(*scan->files));
		if (!scan->files)
			abort();
	}
	scan->files[scan->count++] = (struct scanned){
		.key = arena_string(scan->arena, key),
		.stamp = stamp_of(status),
	};
}

static int enter(struct scan *scan, const char *path, const char *key, const struct stat *status,
		 const struct ancestor *above, struct error *err)
{
	const struct ancestor self = {above, status->st_dev, status->st_ino, above->depth + 1};

	for (const struct ancestor *other = above; other; other = other->above)
		if (other->device == self.device && other->inode == self.inode)
			return refuse(path, "the link leads back to a folder that it is in", err);
	if (self.depth > DEPTH_MAXIMUM)
		return refuse(path, "folders are nested more than 128 deep", err);
	return walk(scan, path, key, &self, err);
}

static int check_key(const char *path, const char *key, struct error *err)
{
	if (!text_is_utf8(key, strlen(key), NULL))
		return refuse(path, "its name is no UTF-8", err);
	if (strlen(key) > ASSET_KEY_MAXIMUM)
		return refuse(path, "its path is longer than the 1,024 bytes of a key", err);
	return 0;
}

/* Excluded files are not looked at; of folders the type may have to be asked for first. */
static bool is_excluded(const struct scan *scan, const char *path, const char *key, int type)
{
	const struct asset_rules *rules = scan->options->rules;
	struct stat status;
	bool folder = type == DT_DIR;

	if (!rules || !rules->exclude.count)
		return false;
	if (type == DT_UNKNOWN)
		folder = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
	if (!asset_rules_exclude(rules, key, folder))
		return false;
	return !folder || !rules->readmits;
}

static int visit(struct scan *scan, const char *path, const char *key, int type,
		 const struct ancestor *above, struct error *err)
{
	struct stat status;

	if (is_excluded(scan, path, key, type))
		return 0;
	if (stat(path, &status) < 0) {
		if (errno == ELOOP)
			return refuse(path, "it is a link that leads to itself", err);
		if (errno == ENOENT)
			return refuse(path, "it is a link to nothing, or it has just vanished",
				      err);
		return refuse(path, strerror(errno), err);
	}
	if (S_ISDIR(status.st_mode))
		return enter(scan, path, key, &status, above, err);
	if (!S_ISREG(status.st_mode))
		return refuse(path,
			      S_ISFIFO(status.st_mode)   ? "it is a FIFO"
			      : S_ISSOCK(status.st_mode) ? "it is a socket"
							 : "it is a device",
			      err);
	if (check_key(path, key, err) < 0)
		return -1;
	add_file(scan, key, &status);
	return 0;
}

static int walk(struct scan *scan, const char *path, const char *key, const struct ancestor *above,
		struct error *err)
{
	struct arena arena = ARENA_INIT;
	DIR *folder = opendir(path);
	struct dirent *entry;
	int result = 0;

	if (!folder)
		return error_set_errno(err, errno, "cannot read the folder '%s'", path);
	while (result == 0 && (errno = 0, entry = readdir(folder)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (atomic_load(scan->options->stopped))
			result = error_set(err, "stopped");
		/* Ours at the target; a folder of that name here would be in its way. */
		else if (!*key && strcmp(name, ".shipit") == 0)
			result = refuse(path_join(&arena, path, name),
					"shipit keeps its own files under this name", err);
		else
			result = visit(scan, arena_format(&arena, "%s/%s", path, name),
				       *key ? arena_format(&arena, "%s/%s", key, name) : name,
				       entry->d_type, above, err);
		if (arena.used > ((size_t)1 << 20))
			arena_release(&arena);
	}
	if (result == 0 && errno)
		result = error_set_errno(err, errno, "cannot read the folder '%s'", path);
	closedir(folder);
	arena_release(&arena);
	return result;
}

static int compare_files(const void *one, const void *other)
{
	return strcmp(((const struct scanned *)one)->key, ((const struct scanned *)other)->key);
}

static int64_t wall_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return nanoseconds(&now);
}

static int fill(struct scan *scan, struct scan_result *result, struct error *err)
{
	const struct scan_options *options = scan->options;
	int64_t begun = wall_nanoseconds();
	struct ancestor top = {0};
	struct stat status;

	if (stat(options->folder, &status) < 0)
		return error_set_errno(err, errno, "cannot read the folder '%s'", options->folder);
	top.device = status.st_dev;
	top.inode = status.st_ino;
	if (walk(scan, options->folder, "", &top, err) < 0)
		return -1;
	if (!scan->count) {
		error_set(err, "'%s' is empty: an empty release is never published",
			  options->folder);
		return error_hint(err, "build the assets first, or see what `from` and `exclude` "
				       "leave");
	}
	qsort(scan->files, scan->count, sizeof(*scan->files), compare_files);
	if (options->cache)
		hash_cache_read(options->cache, scan->files, scan->count);
	if (scan_hash(scan, &result->read, err) < 0)
		return -1;
	if (options->cache && result->read)
		hash_cache_write(options->cache, scan->files, scan->count, begun);
	return 0;
}

int scan_folder(struct arena *arena, const struct scan_options *options, struct scan_result *result,
		struct error *err)
{
	struct scan scan = {.arena = arena, .options = options};
	int code = fill(&scan, result, err);

	for (size_t i = 0; code == 0 && i < scan.count; i++) {
		struct asset *asset = asset_table_add(&result->assets);

		asset->key = asset->path = scan.files[i].key;
		asset->size = scan.files[i].stamp.size;
		memcpy(asset->hash, scan.files[i].hash, HASH_SIZE);
	}
	free(scan.files);
	return code;
}
