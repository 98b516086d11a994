/* Files and folders by path. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static void close_keeping_errno(int fd)
{
	int kept = errno;

	close(fd);
	errno = kept;
}

static int read_all(int fd, const char *path, struct buffer *out, struct error *err)
{
	char chunk[65536], size[32];

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got == 0)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno, "cannot read %s", path);
		if (buffer_add(out, chunk, (size_t)got) < 0) {
			errno = EFBIG;
			return error_set(err, "%s is larger than %s", path,
					 size_format(size, (int64_t)out->maximum));
		}
	}
}

int file_read(const char *path, struct buffer *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char size[32];
	int result;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot read %s", path);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		errno = EINVAL;
		return error_set(err, "cannot read %s: it is not a file", path);
	}
	if (status.st_size > 0 && (size_t)status.st_size > out->maximum) {
		close(fd);
		errno = EFBIG;
		return error_set(err, "%s is larger than %s", path,
				 size_format(size, (int64_t)out->maximum));
	}
	result = read_all(fd, path, out, err);
	close_keeping_errno(fd);
	return result;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		bytes += put;
		length -= (size_t)put;
	}
	return 0;
}

int file_write(const char *path, const void *bytes, size_t length, mode_t mode, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	char *temporary = arena_format(&arena, "%s.XXXXXX", path);
	int fd = mkstemp(temporary);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot write %s", path);
	if (write_all(fd, bytes, length) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
		close_keeping_errno(fd);
		error_set_errno(err, errno, "cannot write %s", path);
		unlink(temporary);
		return -1;
	}
	close(fd);
	if (rename(temporary, path) < 0) {
		error_set_errno(err, errno, "cannot write %s", path);
		unlink(temporary);
		return -1;
	}
	return 0;
}

bool file_exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

bool folder_exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* One folder; the errno is mkdir's own. */
static int make_one(const char *path, mode_t mode, struct error *err)
{
	int number;

	if (mkdir(path, mode) == 0)
		return 0;
	number = errno;
	if (folder_exists(path))
		return 0;
	return error_set_errno(err, number, "cannot make the folder %s", path);
}

int folder_make(const char *path, mode_t mode, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	char *copy;

	if (mkdir(path, mode) == 0 || folder_exists(path))
		return 0;
	copy = arena_string(&arena, path);
	for (char *slash = copy + 1; *copy && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (make_one(copy, mode, err) < 0)
			return -1;
		*slash = '/';
	}
	return make_one(path, mode, err);
}

static int remove_entry(int folder, const char *name, int depth);

/* Empties the folder behind fd, which it closes. */
static int remove_entries(int fd, int depth)
{
	DIR *entries = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!entries) {
		close_keeping_errno(fd);
		return -1;
	}
	while (result == 0 && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = remove_entry(dirfd(entries), entry->d_name, depth + 1);
	fd = errno;
	closedir(entries);
	errno = fd;
	return result;
}

static int remove_entry(int folder, const char *name, int depth)
{
	int fd;

	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -1;
	if (depth > 500) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	fchmod(fd, 0700);
	if (remove_entries(fd, depth) < 0)
		return -1;
	return unlinkat(folder, name, AT_REMOVEDIR);
}

int tree_remove(const char *path, struct error *err)
{
	if (remove_entry(AT_FDCWD, path, 0) < 0)
		return error_set_errno(err, errno, "cannot remove %s", path);
	return 0;
}

char *folder_temporary(struct arena *arena, struct error *err)
{
	const char *base = getenv("TMPDIR");
	char *path = arena_format(arena, "%s/shipit-XXXXXX", base && *base ? base : "/tmp");

	if (!mkdtemp(path)) {
		error_set_errno(err, errno, "cannot make a temporary folder %s", path);
		return NULL;
	}
	return path;
}
