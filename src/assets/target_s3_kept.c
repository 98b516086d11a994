/* Manifests of a bucket that this machine has seen: a name that is the content's hash says that it
 * is the same still, without a request. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "assets/scan.h"
#include "assets/target_s3_internal.h"
#include "base/file.h"

/* Seconds: what nobody asked for in so long goes. */
#define FORGOTTEN ((time_t)30 * 24 * 3600)

static const char *kept_path(struct arena *arena, const struct asset_target *target,
			     const char *name, struct error *err)
{
	const char *folder = arena_format(arena, "%s/manifests", target->options->cache);

	return folder_make(folder, 0755, err) < 0 ? NULL : path_join(arena, folder, name);
}

static int hash_file(const char *path, char hex[HASH_HEX_SIZE], struct error *err)
{
	unsigned char hash[HASH_SIZE];
	int64_t size;

	if (scan_hash_file(path, hash, &size, err) < 0)
		return -1;
	hex_format(hash, HASH_SIZE, hex);
	return 0;
}

static bool is_kept(const char *path, const char *digest)
{
	char hex[HASH_HEX_SIZE];
	struct error ignored = {0};

	return file_exists(path) && hash_file(path, hex, &ignored) == 0 &&
	       strcmp(hex, digest) == 0 && utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

static void forget_old(const char *folder_path)
{
	DIR *folder = opendir(folder_path);
	time_t now = time(NULL);
	struct dirent *entry;
	struct stat status;

	while (folder && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' &&
		    fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
		    now - status.st_mtime > FORGOTTEN)
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

static int keep(const struct asset_target *target, struct arena *arena, const char *fetched,
		const char **path, struct error *err)
{
	char hex[HASH_HEX_SIZE];

	if (hash_file(fetched, hex, err) < 0)
		return -1;
	*path = kept_path(arena, target, hex, err);
	if (!*path)
		return -1;
	if (rename(fetched, *path) < 0)
		return error_set_errno(err, errno, "cannot write '%s'", *path);
	forget_old(path_folder(arena, *path));
	return 1;
}

int s3_target_fetch(struct asset_target *target, struct arena *arena, const char *key,
		    const char *digest, const char **path, struct error *err)
{
	const char *fetched;
	char token[17];
	int result;

	if (digest) {
		*path = kept_path(arena, target, digest, err);
		if (!*path)
			return -1;
		if (is_kept(*path, digest))
			return 1;
	}
	random_hex(token, sizeof(token));
	fetched = kept_path(arena, target, arena_format(arena, "%s.part", token), err);
	if (!fetched)
		return -1;
	result = s3_target_get(s3_target_of(target), key, fetched, err);
	if (result > 0)
		result = keep(target, arena, fetched, path, err);
	if (result <= 0)
		unlink(fetched);
	return result;
}

void s3_target_keep(struct asset_target *target, const char *digest, const char *path)
{
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	const char *kept = kept_path(&arena, target, digest, &ignored);

	if (kept && rename(path, kept) < 0)
		unlink(path);
	arena_release(&arena);
}
