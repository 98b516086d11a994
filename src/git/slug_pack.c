/* The bytes of a slug's archive: compressed by several threads, written in order. */
#include <errno.h>
#include <unistd.h>

#include "git/slug_archive_internal.h"

static int write_all(struct slug_worker *worker, const char *bytes, size_t length)
{
	while (length) {
		ssize_t once = write(worker->packing->fd, bytes, length);

		if (once < 0 && errno == EINTR)
			continue;
		if (once < 0)
			return error_set_errno(&worker->err, errno, "cannot write '%s'",
					       worker->packing->archive->path);
		bytes += once;
		length -= (size_t)once;
	}
	return 0;
}

/* Waits until all parts before this one are in the file. */
static int wait_turn(struct slug_worker *worker)
{
	struct slug_packing *packing = worker->packing;
	bool failed;

	pthread_mutex_lock(&packing->mutex);
	while (packing->turn != worker->part && !packing->failed)
		pthread_cond_wait(&packing->turned, &packing->mutex);
	failed = packing->failed;
	pthread_mutex_unlock(&packing->mutex);
	return failed ? error_set(&worker->err, "stopped") : 0;
}

int slug_pack_write(struct slug_worker *worker)
{
	if (wait_turn(worker) < 0 ||
	    write_all(worker, worker->packed.data, worker->packed.length) < 0)
		return -1;
	buffer_clear(&worker->packed);
	return 0;
}

static int deflate_bytes(struct slug_worker *worker, const void *bytes, size_t length, int flush)
{
	unsigned char out[32768];
	z_stream *stream = &worker->deflate;

	worker->crc = crc32_z(worker->crc, bytes, length);
	worker->length += (int64_t)length;
	while (length || flush != Z_NO_FLUSH) {
		uInt some = length > (size_t)1 << 30 ? (uInt)1 << 30 : (uInt)length;

		stream->next_in = (Bytef *)(uintptr_t)bytes;
		stream->avail_in = some;
		bytes = (const char *)bytes + some;
		length -= some;
		do {
			stream->next_out = out;
			stream->avail_out = sizeof(out);
			deflate(stream, length ? Z_NO_FLUSH : flush);
			buffer_add(&worker->packed, out, sizeof(out) - stream->avail_out);
			if (worker->packed.length > SLUG_AHEAD && slug_pack_write(worker) < 0)
				return -1;
		} while (!stream->avail_out);
		if (!length)
			break;
	}
	return 0;
}

int slug_pack_piece(struct slug_worker *worker, int flush)
{
	int result = deflate_bytes(worker, worker->piece.data, worker->piece.length, flush);

	buffer_clear(&worker->piece);
	return result;
}

int slug_pack_tar(struct slug_worker *worker, const void *bytes, size_t length)
{
	if (length >= SLUG_PIECE)
		return slug_pack_piece(worker, Z_NO_FLUSH) < 0
			       ? -1
			       : deflate_bytes(worker, bytes, length, Z_NO_FLUSH);
	if (worker->piece.length + length > SLUG_PIECE && slug_pack_piece(worker, Z_NO_FLUSH) < 0)
		return -1;
	return buffer_add(&worker->piece, bytes, length);
}

/* Its part is in the file: the next one's turn. */
void slug_pack_pass_on(struct slug_worker *worker)
{
	struct slug_packing *packing = worker->packing;

	pthread_mutex_lock(&packing->mutex);
	packing->crc = crc32_combine(packing->crc, worker->crc, (z_off_t)worker->length);
	packing->length += worker->length;
	packing->bytes += worker->bytes;
	packing->turn++;
	pthread_cond_broadcast(&packing->turned);
	pthread_mutex_unlock(&packing->mutex);
}
