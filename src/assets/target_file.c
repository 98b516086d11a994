/* A folder of this machine as the place of assets. Readers never see half a file: each is made
 * beside and renamed. Within the folder content is shared by hard links, which nothing here ever
 * writes through; from outside it is cloned where the file system can, else copied. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/clonefile.h>
#else
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include "assets/scan.h"
#include "assets/target.h"
#include "base/file.h"
#include "base/text.h"

#define TEMPORARY ".shipit/tmp"
#define LOCK ".shipit/lock"

struct file_target {
	struct asset_target base;
	struct arena arena;
	const char *root;
	char made[ASSET_KEY_MAXIMUM + 1]; /* the folder that was made last, relative */
	char temporary[64];
	uint64_t count; /* of temporary files */
};

static struct file_target *self_of(struct asset_target *target)
{
	return (struct file_target *)(void *)target;
}

static void target_done(struct asset_target *target)
{
	struct file_target *self = self_of(target);

	arena_release(&self->arena);
	free(self);
}

static struct asset_target *open_folder(const struct target_options *options, struct error *err)
{
	const char *folder = options->to + strlen("file:");
	struct file_target *self;

	if (*folder != '/' || !folder[1]) {
		error_set(err, "assets cannot go to '%s': it is no absolute folder", options->to);
		error_hint(err, "write file:/srv/assets, say");
		error_code(err, EXIT_USAGE);
		return NULL;
	}
	self = calloc(1, sizeof(*self));
	if (!self)
		abort();
	self->base = (struct asset_target){&target_file, options};
	self->root = path_normal(&self->arena, folder);
	snprintf(self->temporary, sizeof(self->temporary), "%ld-", (long)getpid());
	random_hex(self->temporary + strlen(self->temporary), 17);
	return &self->base;
}

static char *path_of(struct file_target *self, struct arena *arena, const char *key)
{
	return arena_format(arena, "%s/%s", self->root, key);
}

/* The folders above a key; those of the key before are known to be there. */
static int make_folders(struct file_target *self, const char *key, struct error *err)
{
	const char *slash = strrchr(key, '/');
	size_t length = slash ? (size_t)(slash - key) : 0;
	struct arena arena = ARENA_INIT;
	char *path;
	int result;

	if (!slash || (strlen(self->made) == length && !strncmp(self->made, key, length)))
		return 0;
	path = arena_format(&arena, "%s/%.*s", self->root, (int)length, key);
	result = folder_make(path, 0755, err);
	arena_release(&arena);
	if (result < 0)
		return error_hint(err, "a file of an earlier release may be in the way: "
				       "shipit assets prune removes those that are dead");
	memcpy(self->made, key, length);
	self->made[length] = 0;
	return 0;
}

static int check_key(const char *key, struct error *err)
{
	return asset_key_is_safe(key) ? 0 : error_set(err, "'%s' cannot be a file's name", key);
}

static const char *temporary_path(struct file_target *self, struct arena *arena)
{
	return arena_format(arena, "%s/" TEMPORARY "/%s-%llu", self->root, self->temporary,
			    (unsigned long long)self->count++);
}

/* ---- small objects ---- */

static void version_of(const void *bytes, size_t length, struct target_version *version)
{
	char hex[HASH_HEX_SIZE];

	snprintf(version->text, sizeof(version->text), "%s", hash_bytes_hex(bytes, length, hex));
}

static int read_object(struct asset_target *target, const char *key, struct buffer *out,
		       struct target_version *version, struct error *err)
{
	struct arena arena = ARENA_INIT;
	char *path = path_of(self_of(target), &arena, key);
	int result = 1;

	version->text[0] = 0;
	if (file_read(path, out, err) < 0)
		result = errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	else
		version_of(out->data, out->length, version);
	if (result == 0)
		error_clear(err);
	arena_release(&arena);
	return result;
}

static int write_locked(struct asset_target *target, const char *key, const void *bytes,
			size_t length, struct target_version *version, struct error *err)
{
	struct target_version now;
	struct buffer there;
	struct arena arena = ARENA_INIT;
	int result;

	buffer_init(&there, SIZE_MAX / 2);
	result = read_object(target, key, &there, &now, err);
	buffer_release(&there);
	if (result < 0)
		return -1;
	if (strcmp(now.text, version->text) != 0)
		return 1;
	result = file_write(path_of(self_of(target), &arena, key), bytes, length, 0644, err);
	arena_release(&arena);
	if (result == 0)
		version_of(bytes, length, version);
	return result;
}

static int write_object(struct asset_target *target, const char *key, const void *bytes,
			size_t length, struct target_version *version, struct error *err)
{
	struct file_target *self = self_of(target);
	struct arena arena = ARENA_INIT;
	int lock = -1, result = make_folders(self, key, err);

	if (result == 0) {
		lock = open(path_of(self, &arena, LOCK), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (lock < 0 || flock(lock, LOCK_EX) < 0)
			result = error_set_errno(err, errno, "cannot lock '%s/" LOCK "'",
						 self->root);
	}
	if (result == 0)
		result = write_locked(target, key, bytes, length, version, err);
	if (lock >= 0)
		close(lock);
	arena_release(&arena);
	return result;
}

static int fetch_object(struct asset_target *target, struct arena *arena, const char *key,
			const char *digest, const char **path, struct error *err)
{
	struct stat status;

	(void)digest;
	*path = path_of(self_of(target), arena, key);
	if (stat(*path, &status) == 0)
		return 1;
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return error_set_errno(err, errno, "cannot read '%s'", *path);
}

/* ---- sending ---- */

static bool clone_bytes(const char *from, int to, const char *to_path)
{
#ifdef __APPLE__
	close(to);
	unlink(to_path);
	return clonefile(from, to_path, 0) == 0;
#else
	int source = open(from, O_RDONLY | O_CLOEXEC);
	bool cloned = source >= 0 && ioctl(to, FICLONE, source) == 0;

	(void)to_path;
	if (source >= 0)
		close(source);
	close(to);
	return cloned;
#endif
}

static int write_all(int file, const char *bytes, size_t length)
{
	while (length) {
		ssize_t once = write(file, bytes, length);

		if (once < 0 && errno != EINTR)
			return -1;
		bytes += once < 0 ? 0 : once;
		length -= once < 0 ? 0 : (size_t)once;
	}
	return 0;
}

static int copy_bytes(const char *from, const char *to, struct error *err)
{
	static const size_t size = (size_t)128 << 10;
	char *piece = malloc(size);
	int source = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int target = source < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t length = 0;
	int result = 0;

	if (!piece)
		abort();
	if (target < 0)
		result = error_set_errno(err, errno, "cannot copy '%s'", from);
	while (result == 0 && (length = read(source, piece, size)) != 0)
		if ((length < 0 && errno != EINTR) ||
		    (length > 0 && write_all(target, piece, (size_t)length) < 0))
			result = error_set_errno(err, errno, "cannot copy '%s'", from);
	if (target >= 0 && close(target) < 0 && result == 0)
		result = error_set_errno(err, errno, "cannot copy '%s'", from);
	if (source >= 0)
		close(source);
	free(piece);
	return result;
}

/* A copy of our own at `to`, whose content is what was hashed. */
static int take_file(const struct target_send *send, const char *to, struct error *err)
{
	unsigned char hash[HASH_SIZE];
	int64_t size;
	int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (file < 0)
		return error_set_errno(err, errno, "cannot write '%s'", to);
	if (!clone_bytes(send->path, file, to) && copy_bytes(send->path, to, err) < 0)
		return -1;
	if (chmod(to, 0644) < 0)
		return error_set_errno(err, errno, "cannot write '%s'", to);
	if (scan_hash_file(to, hash, &size, err) < 0)
		return -1;
	if (memcmp(hash, send->hash, HASH_SIZE) == 0)
		return 0;
	error_set(err, "'%s' changed since it was read", send->path);
	return error_hint(err, "something still writes there: let the build end first");
}

static int link_or_copy(const char *from, const char *to, struct error *err)
{
	if (link(from, to) == 0)
		return 0;
	if (errno == ENOENT)
		return error_set_errno(err, errno, "cannot copy '%s'", from);
	return copy_bytes(from, to, err);
}

static int send_one(struct file_target *self, const struct target_send *send, struct error *err)
{
	struct arena arena = ARENA_INIT;
	const char *path = path_of(self, &arena, send->key);
	const char *temporary = temporary_path(self, &arena);
	int result = check_key(send->key, err);

	if (result == 0 && send->from && strcmp(send->from, send->key) == 0)
		return 0; /* new headers alone */
	if (result == 0)
		result = make_folders(self, send->key, err);
	if (result == 0)
		result = send->from
				 ? link_or_copy(path_of(self, &arena, send->from), temporary, err)
				 : take_file(send, temporary, err);
	if (result == 0 && rename(temporary, path) < 0)
		result = error_set_errno(err, errno, "cannot write '%s'", path);
	/* Two names of one file: rename did nothing then. */
	unlink(temporary);
	arena_release(&arena);
	return result;
}

static void sync_disk(struct file_target *self)
{
#ifdef __linux__
	int folder = open(self->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder >= 0) {
		syncfs(folder);
		close(folder);
	}
#else
	(void)self;
	sync();
#endif
}

static int send_all(struct asset_target *target, const struct target_sends *sends,
		    struct error *err)
{
	struct file_target *self = self_of(target);
	struct assets_progress *progress = target->options->progress;
	struct arena arena = ARENA_INIT;
	struct target_send send = {0};
	const char *folder = path_of(self, &arena, TEMPORARY);
	int result = folder_make(folder, 0755, err);
	bool any = false;

	while (result == 0 && sends->next(sends->context, &send)) {
		any = true;
		result = target_check(target, err);
		if (result == 0)
			result = send_one(self, &send, err);
		atomic_fetch_add(&progress->files, 1);
		atomic_fetch_add(&progress->bytes, send.size);
		send = (struct target_send){0};
	}
	rmdir(folder); /* not empty: another sync is under way */
	arena_release(&arena);
	/* A manifest that survives a power cut names files that did. */
	if (any && result == 0)
		sync_disk(self);
	return result;
}

/* ---- looking ---- */

static int compare_one(struct file_target *self, struct asset *asset, struct error *err)
{
	struct arena arena = ARENA_INIT;
	const char *path = path_of(self, &arena, asset->key);
	unsigned char hash[HASH_SIZE];
	struct stat status;
	int64_t size;
	int result = 0;

	asset->flags &= ~(uint32_t)(ASSET_MISSING | ASSET_DIFFERENT);
	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
		asset->flags |= ASSET_MISSING;
	} else if (status.st_size != asset->size) {
		asset->flags |= ASSET_DIFFERENT;
	} else if (asset->path) {
		result = scan_hash_file(path, hash, &size, err);
		if (result == 0 && memcmp(hash, asset->hash, HASH_SIZE) != 0)
			asset->flags |= ASSET_DIFFERENT;
	}
	arena_release(&arena);
	return result;
}

static int compare_all(struct asset_target *target, struct asset_table *assets, const char *folder,
		       struct error *err)
{
	(void)folder;
	for (size_t i = 0; i < assets->count; i++)
		if (target_check(target, err) < 0 ||
		    compare_one(self_of(target), &assets->items[i], err) < 0)
			return -1;
	return 0;
}

/* Folders that are empty now go too. */
static void remove_folders(struct file_target *self, struct arena *arena, const char *key)
{
	char *folder = arena_string(arena, key), *slash;

	self->made[0] = 0;
	while ((slash = strrchr(folder, '/')) != NULL) {
		*slash = 0;
		if (rmdir(path_of(self, arena, folder)) < 0)
			return;
	}
}

static int remove_all(struct asset_target *target, const struct target_keys *keys, int64_t *removed,
		      struct error *err)
{
	struct file_target *self = self_of(target);
	const char *key;
	int result = 0;

	while (result == 0 && (key = keys->next(keys->context)) != NULL) {
		struct arena arena = ARENA_INIT;
		char *path = path_of(self, &arena, key);

		result = target_check(target, err);
		if (result == 0)
			result = check_key(key, err);
		if (result == 0 && unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
			result = error_set_errno(err, errno, "cannot remove '%s'", path);
		if (result == 0) {
			++*removed;
			atomic_fetch_add(&target->options->progress->files, 1);
			remove_folders(self, &arena, key);
		}
		arena_release(&arena);
	}
	return result;
}

struct listed {
	const char *key;
	int64_t size, modified;
};
struct listing {
	struct file_target *self;
	VEC(struct listed) files;
};

static int list_folder(struct listing *listing, struct arena *arena, const char *key,
		       struct error *err)
{
	const char *path = *key ? path_of(listing->self, arena, key) : listing->self->root;
	DIR *folder = opendir(path);
	struct dirent *entry;
	int result = 0;

	if (!folder)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "cannot read '%s'", path);
	while (result == 0 && (entry = readdir(folder)) != NULL) {
		const char *name = entry->d_name;
		struct stat status;
		char *below;

		if (!strcmp(name, ".") || !strcmp(name, "..") ||
		    (!strcmp(key, ".shipit") && strcmp(name, "objects") != 0))
			continue;
		below = *key ? arena_format(arena, "%s/%s", key, name) : arena_string(arena, name);
		if (target_check(&listing->self->base, err) < 0)
			result = -1;
		else if (lstat(path_of(listing->self, arena, below), &status) < 0)
			continue;
		else if (S_ISDIR(status.st_mode))
			result = list_folder(listing, arena, below, err);
		else
			vec_push(arena, &listing->files,
				 ((struct listed){below, status.st_size,
						  (int64_t)status.st_mtime * 1000}));
	}
	closedir(folder);
	return result;
}

static int compare_listed(const void *one, const void *other)
{
	return strcmp(((const struct listed *)one)->key, ((const struct listed *)other)->key);
}

static int list_all(struct asset_target *target, bool releases,
		    int (*each)(void *context, const char *key, int64_t size, int64_t modified,
				struct error *err),
		    void *context, struct error *err)
{
	struct listing listing = {.self = self_of(target)};
	struct arena arena = ARENA_INIT;
	int result = list_folder(&listing, &arena, releases ? ".shipit/releases" : "", err);

	if (listing.files.count)
		qsort(listing.files.items, listing.files.count, sizeof(*listing.files.items),
		      compare_listed);
	for (size_t i = 0; result == 0 && i < listing.files.count; i++) {
		const struct listed *file = &listing.files.items[i];

		result = each(context, file->key, file->size, file->modified, err);
	}
	arena_release(&arena);
	return result;
}

const struct target_kind target_file = {
	.prefix = "file:",
	.open = open_folder,
	.free = target_done,
	.read = read_object,
	.write = write_object,
	.fetch = fetch_object,
	.send = send_all,
	.compare = compare_all,
	.remove = remove_all,
	.list = list_all,
};
