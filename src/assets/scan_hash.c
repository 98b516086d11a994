/* Hashes of many files, by as many threads as there are processors. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "assets/scan_internal.h"
#include "base/file.h"
#include "crypto/digest.h"

enum { THREADS_MAXIMUM = 16, PIECE = 128 << 10 };

struct hashing {
	struct scan *scan;
	atomic_size_t next, read;
	atomic_bool failed;
	pthread_mutex_t lock; /* of err */
	struct error *err;
};

static int hash_open(int file, const char *path, unsigned char hash[HASH_SIZE], int64_t *size,
		     unsigned char *piece, struct error *err)
{
	struct digest *digest CLEANUP(digest_cleanup) = digest_new(DIGEST_SHA256);
	ssize_t length;

	*size = 0;
	while ((length = read(file, piece, PIECE)) != 0) {
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		digest_add(digest, piece, (size_t)length);
		*size += length;
	}
	digest_finish(digest, hash);
	return 0;
}

static int changed(const char *path, struct error *err)
{
	error_set(err, "'%s' changed while it was read", path);
	return error_hint(err, "something still writes there: let the build end first");
}

/* O_NONBLOCK: what became a FIFO since it was looked at blocks nobody. */
static int hash_path(const char *path, struct file_stamp *stamp, unsigned char hash[HASH_SIZE],
		     unsigned char *piece, struct error *err)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int64_t size;
	int result;

	if (file < 0) {
		error_set_errno(err, errno, "cannot read '%s'", path);
		return error_hint(err, "make it readable, or leave it out: exclude: [\"%s\"]",
				  path_name(path));
	}
	result = hash_open(file, path, hash, &size, piece, err);
	if (result == 0 && fstat(file, &status) < 0)
		result = error_set_errno(err, errno, "cannot read '%s'", path);
	close(file);
	if (result < 0)
		return -1;
	const struct file_stamp now = stamp_of(&status);
	if (size != now.size || (stamp->inode && !stamps_equal(stamp, &now)))
		return changed(path, err);
	*stamp = now;
	return 0;
}

static void fail(struct hashing *hashing, const struct error *err)
{
	pthread_mutex_lock(&hashing->lock);
	if (!atomic_exchange(&hashing->failed, true))
		*hashing->err = *err;
	pthread_mutex_unlock(&hashing->lock);
}

static void *hash_some(void *context)
{
	struct hashing *hashing = context;
	struct scan *scan = hashing->scan;
	unsigned char *piece = malloc(PIECE);
	struct error err = {0};
	size_t i;

	if (!piece)
		abort();
	while ((i = atomic_fetch_add(&hashing->next, 1)) < scan->count) {
		struct scanned *file = &scan->files[i];
		struct arena arena = ARENA_INIT;
		int result;

		if (atomic_load(&hashing->failed))
			break;
		if (file->known)
			continue;
		if (atomic_load(scan->options->stopped)) {
			error_set(&err, "stopped");
			fail(hashing, &err);
			break;
		}
		result = hash_path(path_join(&arena, scan->options->folder, file->key),
				   &file->stamp, file->hash, piece, &err);
		arena_release(&arena);
		atomic_fetch_add(&hashing->read, 1);
		if (result < 0)
			fail(hashing, &err);
	}
	free(piece);
	return NULL;
}

int scan_hash(struct scan *scan, size_t *read, struct error *err)
{
	struct hashing hashing = {.scan = scan, .err = err};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = 0, started = 0;
	pthread_t threads[THREADS_MAXIMUM];

	for (size_t i = 0; i < scan->count; i++)
		wanted += !scan->files[i].known;
	wanted = wanted / 16 < (size_t)processors ? wanted / 16 : (size_t)processors;
	wanted = wanted < THREADS_MAXIMUM ? wanted : THREADS_MAXIMUM;
	pthread_mutex_init(&hashing.lock, NULL);
	/* This thread is one of them; with none of the others it still gets done. */
	while (started + 1 < wanted &&
	       pthread_create(&threads[started], NULL, hash_some, &hashing) == 0)
		started++;
	hash_some(&hashing);
	while (started)
		pthread_join(threads[--started], NULL);
	pthread_mutex_destroy(&hashing.lock);
	*read = atomic_load(&hashing.read);
	return atomic_load(&hashing.failed) ? -1 : 0;
}

int scan_hash_file(const char *path, unsigned char hash[HASH_SIZE], int64_t *size,
		   struct error *err)
{
	struct file_stamp stamp = {0};
	unsigned char *piece = malloc(PIECE);
	int result;

	if (!piece)
		abort();
	result = hash_path(path, &stamp, hash, piece, err);
	free(piece);
	*size = stamp.size;
	return result;
}
