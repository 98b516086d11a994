/* What the files that write a slug's archive share: the work as a whole, and one thread of it. */
#pragma once
#include <pthread.h>
#include <zlib.h>

#include "base/buffer.h"
#include "git/archive_internal.h"
#include "git/slug.h"

#define SLUG_PIECE ((size_t)256 << 10)	 /* of tar that is compressed at once */
#define SLUG_AHEAD ((size_t)16 << 20) /* compressed bytes of a part that waits for its turn */

struct slug_packing {
	const struct slug_archive *archive;
	struct archive_api api;
	int fd;
	size_t parts, workers;
	pthread_mutex_t mutex; /* for all below */
	pthread_cond_t turned;
	size_t joined; /* workers that have begun */
	size_t turn;   /* part that may write to the file */
	uLong crc;
	int64_t length; /* of the tar so far */
	int64_t bytes;	/* of the files */
	bool failed;
	struct error *err;
};

struct slug_worker { /* a thread: makes part `number` and every `workers`-th behind it */
	struct slug_packing *packing;
	struct archive *tar;
	struct archive_entry *entry;
	struct buffer piece, packed, name;
	z_stream deflate;
	size_t number, part, file; /* the file under way, or the next one */
	struct buffer head;	   /* what git says before a file, or a link's target */
	int64_t left;		   /* bytes of the file that are still to come; -1: its head is */
	uLong crc;
	int64_t length, bytes;
	bool closing; /* what libarchive writes at its end is ours to write */
	struct error err;
};

/* Adds bytes of the tar to the part under way; -1 with worker->err. */
int slug_pack_tar(struct slug_worker *worker, const void *bytes, size_t length) MUST_USE;
/* Compresses what was added; flush is zlib's. */
int slug_pack_piece(struct slug_worker *worker, int flush) MUST_USE;
/* Writes what is compressed to the file when it is the part's turn, then lets the next part. */
int slug_pack_write(struct slug_worker *worker) MUST_USE;
void slug_pack_pass_on(struct slug_worker *worker);
