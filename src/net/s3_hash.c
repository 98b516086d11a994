/* Bodies from files: opened only when it is their turn, and hashed where the loop does not wait. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "net/s3_internal.h"
#include "proc/loop.h"

enum { CHUNK = 256 << 10 };

int s3_body_open(const struct s3_transfer *transfer, struct error *err)
{
	const struct s3_body *body = &transfer->body;
	struct stat st;
	int file = open(body->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (file < 0)
		return error_set_errno(err, errno, "cannot read %s", body->path);
	if (fstat(file, &st) || !S_ISREG(st.st_mode)) {
		close(file);
		return error_set(err, "%s is no regular file any more", body->path);
	}
	if (st.st_size < transfer->offset + body->length) {
		close(file);
		s3_body_changed(transfer, err);
		return -1;
	}
	return file;
}

/* On another thread: touches nothing but sha256 and trouble. */
static int hash_file(struct s3_transfer *transfer, struct digest *digest, struct error *err)
{
	int file = s3_body_open(transfer, err);
	int64_t left = transfer->body.length, at = transfer->offset;
	char *chunk;

	if (file < 0)
		return -1;
	chunk = malloc(CHUNK);
	if (!chunk)
		abort();
	while (left > 0) {
		ssize_t length = pread(file, chunk, left < CHUNK ? (size_t)left : CHUNK, at);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			break;
		digest_add(digest, chunk, (size_t)length);
		at += length;
		left -= length;
	}
	free(chunk);
	if (left && errno)
		error_set_errno(err, errno, "cannot read %s", transfer->body.path);
	else if (left)
		s3_body_changed(transfer, err);
	close(file);
	return left ? -1 : 0;
}

void s3_body_changed(const struct s3_transfer *transfer, struct error *err)
{
	error_set(err, "%s changed while it was being sent",
		  transfer->body.path ? transfer->body.path : "its content");
	error_hint(err, "something writes to it: run this again when that has ended");
}

static void hash_work(void *context)
{
	struct s3_transfer *transfer = context;
	struct digest *digest = digest_new(DIGEST_SHA256);
	unsigned char before[32];

	errno = 0;
	memcpy(before, transfer->sha256, sizeof(before));
	if (transfer->body.bytes)
		digest_add(digest, transfer->body.bytes, (size_t)transfer->body.length);
	else if (hash_file(transfer, digest, &transfer->trouble))
		goto out;
	digest_finish(digest, transfer->sha256);
	if (transfer->verifying && memcmp(before, transfer->sha256, sizeof(before)) != 0)
		s3_body_changed(transfer, &transfer->trouble);
out:
	digest_free(digest);
}

/* Small bodies are hashed where they are read. */
bool s3_needs_hash(const struct s3_transfer *transfer)
{
	return !transfer->hashed && !transfer->body.bytes && transfer->body.length > S3_SMALL_BODY;
}

void s3_hash_start(struct s3_transfer *transfer)
{
	struct s3 *s3 = transfer->s3;

	s3->on_threads++;
	transfer->on_thread = transfer->hashed = true;
	error_clear(&transfer->trouble);
	if (transfer->body.bytes ||
	    loop_work(s3->loop, hash_work, s3_hashed, transfer, &transfer->trouble)) {
		hash_work(transfer);
		s3_hashed(transfer);
	}
}
