/* A slug as tar.gz. Its files are cut into parts by number, whoever works on them: reading, tar and
 * compressing are done for several parts at once, and the parts stand behind each other as blocks
 * of one gzip member. Files are read by git, which keeps what deltas are made of; libgit2 makes it
 * anew for each file, and takes several times as long. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "crypto/hash.h"
#include "git/command.h"
#include "git/slug_archive_internal.h"
#include "git/tree_internal.h"
#include "proc/child.h"

enum {
	PART_FILES = 512,
	THREADS_MAXIMUM = 8,
	LEVEL = 1, /* the fastest: a slug is made while somebody waits */
	TAR_END = 1024,
	TAR_TIME = 946684800, /* of every file: 2000-01-01 */
};

static la_ssize_t take_tar(struct archive *archive, void *context, const void *bytes, size_t length)
{
	struct slug_worker *worker = context;
	(void)archive;

	if (!worker->closing && slug_pack_tar(worker, bytes, length) < 0)
		return -1;
	return (la_ssize_t)length;
}

static int tar_failed(struct slug_worker *worker, const char *path)
{
	const char *words = worker->packing->api.error_string(worker->tar);

	if (!worker->err.message[0])
		error_set(&worker->err, "cannot archive '%s': %s", path,
			  words ? words : "libarchive does not say why");
	return -1;
}

static const struct slug_file *file_of(const struct slug_worker *worker)
{
	return &worker->packing->archive->slug->files.items[worker->file];
}

static bool is_link(const struct slug_file *file)
{
	return (file->mode & 0170000) == AE_IFLNK;
}

/* The name ends in "/" for a submodule, an empty folder as git archive has it. */
static int begin_entry(struct slug_worker *worker, int64_t size)
{
	const struct archive_api *api = &worker->packing->api;
	const struct slug_file *file = file_of(worker);
	bool folder = file->mode == MODE_SUBMODULE;
	unsigned mode = folder		    ? AE_IFDIR | 0755
			: is_link(file)	    ? AE_IFLNK | 0777
			: file->mode & 0100 ? AE_IFREG | 0755
					    : AE_IFREG | 0644;

	buffer_clear(&worker->name);
	buffer_add_format(&worker->name, "%s%s%s", worker->packing->archive->prefix, file->path,
			  folder ? "/" : "");
	api->entry_clear(worker->entry);
	api->entry_name(worker->entry, worker->name.data);
	api->entry_mode(worker->entry, mode);
	api->entry_time(worker->entry, TAR_TIME, 0);
	if (is_link(file))
		api->entry_link(worker->entry, worker->head.data);
	else if (!folder)
		api->entry_size(worker->entry, size);
	if (api->write_header(worker->tar, worker->entry) < ARCHIVE_WARN)
		return tar_failed(worker, file->path);
	if (!folder && !is_link(file))
		worker->bytes += size;
	return 0;
}

static int end_entry(struct slug_worker *worker)
{
	if (worker->packing->api.write_finish_entry(worker->tar) < ARCHIVE_WARN)
		return tar_failed(worker, file_of(worker)->path);
	return 0;
}

static size_t part_end(const struct slug_worker *worker)
{
	size_t end = (worker->part + 1) * PART_FILES;
	size_t count = worker->packing->archive->slug->files.count;

	return end < count ? end : count;
}

static void begin_part(struct slug_worker *worker, size_t part)
{
	worker->part = part;
	worker->file = part * PART_FILES;
	deflateReset(&worker->deflate);
	worker->crc = crc32(0, NULL, 0);
	worker->length = worker->bytes = 0;
}

static int end_part(struct slug_worker *worker)
{
	static const char zeros[TAR_END];
	bool last = worker->part + 1 == worker->packing->parts;

	if (last && slug_pack_tar(worker, zeros, sizeof(zeros)) < 0)
		return -1;
	if (slug_pack_piece(worker, last ? Z_FINISH : Z_SYNC_FLUSH) < 0 ||
	    slug_pack_write(worker) < 0)
		return -1;
	slug_pack_pass_on(worker);
	begin_part(worker, worker->part + worker->packing->workers);
	return 0;
}

/* The file is whole: on to the next that git is to tell. */
static int next_file(struct slug_worker *worker)
{
	worker->left = -1;
	buffer_clear(&worker->head);
	for (;;) {
		if (worker->part >= worker->packing->parts)
			return 0;
		if (worker->file == part_end(worker)) {
			if (end_part(worker) < 0)
				return -1;
		} else if (file_of(worker)->mode != MODE_SUBMODULE) {
			return 0;
		} else if (begin_entry(worker, 0) < 0 || end_entry(worker) < 0) {
			return -1;
		} else {
			worker->file++;
		}
	}
}

/* "<id> blob <size>" */
static int take_head(struct slug_worker *worker)
{
	long long size;
	int end = 0;

	if (worker->part >= worker->packing->parts ||
	    sscanf(worker->head.data, "%*40[0-9a-f] blob %lld%n", &size, &end) != 1 ||
	    worker->head.data[end] || size < 0)
		return error_set(&worker->err, "cannot read a file of a commit: git says '%.100s'",
				 worker->head.data);
	buffer_clear(&worker->head);
	worker->left = size + 1; /* a line's end stands behind it */
	return is_link(file_of(worker)) ? 0 : begin_entry(worker, size);
}

static int take_content(struct slug_worker *worker, const char *bytes, size_t length)
{
	bool whole = (int64_t)length == worker->left;
	size_t content = whole ? length - 1 : length;

	worker->left -= (int64_t)length;
	if (is_link(file_of(worker))) {
		buffer_add(&worker->head, bytes, content);
		if (whole && begin_entry(worker, 0) < 0)
			return -1;
	} else if (content &&
		   worker->packing->api.write_data(worker->tar, bytes, content) < 0) {
		return tar_failed(worker, file_of(worker)->path);
	}
	if (!whole)
		return 0;
	if (end_entry(worker) < 0)
		return -1;
	worker->file++;
	return next_file(worker);
}

/* What git prints: head, line's end, content, line's end, file by file. */
static bool take_files(void *context, const char *bytes, size_t length)
{
	struct slug_worker *worker = context;

	if (atomic_load(worker->packing->archive->stopped))
		error_set(&worker->err, "stopped");
	while (length && !worker->err.message[0]) {
		const char *end = memchr(bytes, '\n', length);
		size_t some = end ? (size_t)(end - bytes) : length;

		if (worker->left < 0) {
			if (buffer_add(&worker->head, bytes, some) < 0 ||
			    (end && take_head(worker) < 0))
				break;
			some += end != NULL;
		} else {
			some = (int64_t)length < worker->left ? length : (size_t)worker->left;
			if (take_content(worker, bytes, some) < 0)
				break;
		}
		bytes += some;
		length -= some;
	}
	return !length && !worker->err.message[0];
}

/* The ids of the files that this worker is to read, each on a line. */
static void list_ids(const struct slug_worker *worker, struct buffer *ids)
{
	const struct slug_packing *packing = worker->packing;
	const struct slug *slug = packing->archive->slug;
	char id[GIT_OID_HEXSZ + 1];

	for (size_t part = worker->number; part < packing->parts; part += packing->workers)
		for (size_t i = part * PART_FILES;
		     i < (part + 1) * PART_FILES && i < slug->files.count; i++) {
			if (slug->files.items[i].mode == MODE_SUBMODULE)
				continue;
			hex_format(slug->files.items[i].id, GIT_OID_RAWSZ, id);
			buffer_add_text(ids, id);
			buffer_add_char(ids, '\n');
		}
}

static int read_files(struct slug_worker *worker)
{
	struct buffer ids CLEANUP(buffer_release);
	struct child_result result = {0};
	struct git_options options = {
		.folder = worker->packing->archive->repository->root,
		.arguments = (const char *[]){"cat-file", "--batch", "--buffer", NULL},
		.take = take_files,
		.context = worker,
	};
	struct error err = {0};
	int status;

	buffer_init(&ids, (size_t)1 << 30);
	begin_part(worker, worker->number);
	list_ids(worker, &ids);
	options.input = ids.data;
	options.input_length = ids.length;
	if (next_file(worker) < 0)
		return -1;
	status = git_run_ok(&options, &result, &err);
	child_result_release(&result);
	if (worker->err.message[0])
		return -1;
	if (status == 0 && worker->part < worker->packing->parts)
		status = error_set(&err, "git cat-file ended before its last file");
	worker->err = err;
	return status;
}

/* The first failure counts: the others follow from it. */
static void fail(struct slug_packing *packing, const char *message)
{
	pthread_mutex_lock(&packing->mutex);
	if (!packing->failed)
		error_set(packing->err, "%s", message);
	packing->failed = true;
	pthread_cond_broadcast(&packing->turned);
	pthread_mutex_unlock(&packing->mutex);
}

static void work(struct slug_worker *worker)
{
	const struct archive_api *api = &worker->packing->api;

	worker->tar = api->write_new();
	worker->entry = api->entry_new();
	if (!worker->tar || !worker->entry)
		abort();
	if (api->write_format(worker->tar) != ARCHIVE_OK ||
	    api->write_block(worker->tar, 0) != ARCHIVE_OK ||
	    api->write_open(worker->tar, worker, NULL, take_tar, NULL) != ARCHIVE_OK) {
		tar_failed(worker, worker->packing->archive->path);
		fail(worker->packing, worker->err.message);
	} else if (read_files(worker) < 0) {
		fail(worker->packing, worker->err.message);
	}
	worker->closing = true;
	api->entry_free(worker->entry);
	api->write_free(worker->tar);
}

static void *run(void *context)
{
	struct slug_packing *packing = context;
	struct slug_worker worker = {.packing = packing, .left = -1};

	pthread_mutex_lock(&packing->mutex);
	worker.number = packing->joined++;
	pthread_mutex_unlock(&packing->mutex);
	buffer_init(&worker.head, (size_t)1 << 20);
	buffer_init(&worker.piece, SLUG_PIECE);
	buffer_init(&worker.packed, SLUG_AHEAD * 2);
	buffer_init(&worker.name, (size_t)1 << 20);
	if (deflateInit2(&worker.deflate, LEVEL, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		abort();
	work(&worker);
	deflateEnd(&worker.deflate);
	buffer_release(&worker.piece);
	buffer_release(&worker.packed);
	buffer_release(&worker.name);
	buffer_release(&worker.head);
	return NULL;
}

static void put_number(unsigned char *out, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(number >> (8 * i));
}

static int write_around(struct slug_packing *packing, const void *bytes, size_t length,
			struct error *err)
{
	if (write(packing->fd, bytes, length) == (ssize_t)length)
		return 0;
	return error_set_errno(err, errno, "cannot write '%s'", packing->archive->path);
}

/* As many as the machine has processors. */
static void run_threads(struct slug_packing *packing)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = packing->archive->threads ? packing->archive->threads
			: processors > 0	  ? (size_t)processors
						  : 1;
	pthread_t threads[THREADS_MAXIMUM];
	size_t started = 0;

	if (wanted > THREADS_MAXIMUM)
		wanted = THREADS_MAXIMUM;
	packing->workers = wanted < packing->parts ? wanted : packing->parts;
	while (started + 1 < packing->workers &&
	       pthread_create(&threads[started], NULL, run, packing) == 0)
		started++;
	if (started + 1 < packing->workers)
		fail(packing, "cannot start a thread to make the slug");
	else
		run(packing);
	while (started)
		pthread_join(threads[--started], NULL);
}

static int pack(struct slug_packing *packing, struct error *err)
{
	static const unsigned char head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255};
	unsigned char tail[8];

	packing->crc = crc32(0, NULL, 0);
	packing->parts = (packing->archive->slug->files.count + PART_FILES - 1) / PART_FILES;
	if (write_around(packing, head, sizeof(head), err) < 0)
		return -1;
	pthread_mutex_init(&packing->mutex, NULL);
	pthread_cond_init(&packing->turned, NULL);
	run_threads(packing);
	pthread_cond_destroy(&packing->turned);
	pthread_mutex_destroy(&packing->mutex);
	if (packing->failed)
		return -1;
	put_number(tail, (uint32_t)packing->crc);
	put_number(tail + 4, (uint32_t)packing->length);
	return write_around(packing, tail, sizeof(tail), err);
}

int slug_archive(const struct slug_archive *archive, int64_t *bytes, struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *part = arena_format(&arena, "%s.part-%ld", archive->path, (long)getpid());
	struct slug_packing packing = {.archive = archive, .err = err};
	int result;

	if (archive_load(&packing.api, err) < 0)
		return -1;
	packing.fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (packing.fd < 0) {
		result = error_set_errno(err, errno, "cannot make '%s'", part);
	} else {
		result = pack(&packing, err);
		if (close(packing.fd) < 0 && result == 0)
			result = error_set_errno(err, errno, "cannot write '%s'", part);
		if (result == 0 && rename(part, archive->path) < 0)
			result = error_set_errno(err, errno, "cannot name '%s'", archive->path);
		if (result < 0)
			unlink(part);
	}
	*bytes = packing.bytes;
	return result;
}
