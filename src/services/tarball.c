/* tar's blocks, compressed into a file. */
#include "services/tarball.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "base/arena.h"

enum { BLOCK = 512, OUTPUT = 1 << 17, GZIP = 16 + MAX_WBITS };

struct tarball {
	char *path;
	int fd;
	int64_t size;
	z_stream stream;
	unsigned char output[OUTPUT];
};

/* Offsets and widths of POSIX's ustar header. */
struct field {
	size_t offset, width;
};
static const struct field name_field = {0, 100}, mode_field = {100, 8}, uid_field = {108, 8},
			  gid_field = {116, 8}, size_field = {124, 12}, time_field = {136, 12},
			  sum_field = {148, 8}, link_field = {157, 100};
enum { TYPE_OFFSET = 156, MAGIC_OFFSET = 257 };

struct tarball *tarball_new(const char *path, int level, struct error *err)
{
	struct tarball *tarball = calloc(1, sizeof(*tarball));

	if (!tarball)
		abort();
	tarball->path = strdup(path);
	tarball->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (tarball->fd < 0)
		error_set_errno(err, errno, "cannot write the archive '%s'", path);
	else if (deflateInit2(&tarball->stream, level, Z_DEFLATED, GZIP, 8,
			      Z_DEFAULT_STRATEGY) == Z_OK)
		return tarball;
	else
		error_set(err, "cannot begin to compress '%s'", path);
	tarball_free(tarball);
	return NULL;
}

void tarball_free(struct tarball *tarball)
{
	if (!tarball)
		return;
	deflateEnd(&tarball->stream);
	if (tarball->fd >= 0)
		close(tarball->fd);
	free(tarball->path);
	free(tarball);
}

static int write_out(struct tarball *tarball, size_t length, struct error *err)
{
	for (size_t done = 0; done < length;) {
		ssize_t once = write(tarball->fd, tarball->output + done, length - done);

		if (once < 0 && errno != EINTR)
			return error_set_errno(err, errno, "cannot write the archive '%s'",
					       tarball->path);
		done += once > 0 ? (size_t)once : 0;
	}
	tarball->size += (int64_t)length;
	return 0;
}

static int compress_some(struct tarball *tarball, const void *bytes, size_t length, int flush,
			 struct error *err)
{
	z_stream *stream = &tarball->stream;
	int result;

	stream->next_in = (z_const Bytef *)(uintptr_t)bytes;
	stream->avail_in = (uInt)length;
	do {
		stream->next_out = tarball->output;
		stream->avail_out = OUTPUT;
		result = deflate(stream, flush);
		if (write_out(tarball, OUTPUT - stream->avail_out, err) < 0)
			return -1;
	} while (stream->avail_out == 0 || (flush == Z_FINISH && result != Z_STREAM_END));
	return 0;
}

static int compress_bytes(struct tarball *tarball, const char *bytes, size_t length,
			  struct error *err)
{
	static const char zeros[BLOCK];
	size_t rest = length % BLOCK ? BLOCK - length % BLOCK : 0;

	for (size_t most = 1 << 30; length > most; bytes += most, length -= most)
		if (compress_some(tarball, bytes, most, Z_NO_FLUSH, err) < 0)
			return -1;
	if (compress_some(tarball, bytes, length, Z_NO_FLUSH, err) < 0)
		return -1;
	return compress_some(tarball, zeros, rest, Z_NO_FLUSH, err);
}

static void put_text(char *header, struct field field, const char *text)
{
	size_t length = strlen(text);

	memcpy(header + field.offset, text, length < field.width ? length : field.width);
}

static void put_number(char *header, struct field field, uint64_t number)
{
	for (size_t i = field.width - 1; i-- > 0; number >>= 3)
		header[field.offset + i] = (char)('0' + (number & 7));
}

static bool fits(struct field field, uint64_t number)
{
	return number >> (3 * (field.width - 1)) == 0;
}

static int add_header(struct tarball *tarball, const struct tarball_member *member, char type,
		      struct error *err)
{
	char header[BLOCK] = {0};
	uint64_t sum = 0, time = member->time > 0 ? (uint64_t)member->time : 0;

	put_text(header, name_field, member->path);
	put_number(header, mode_field, member->executable ? 0755 : 0644);
	put_number(header, uid_field, 0);
	put_number(header, gid_field, 0);
	put_number(header, size_field, fits(size_field, member->length) ? member->length : 0);
	put_number(header, time_field, fits(time_field, time) ? time : 0);
	header[TYPE_OFFSET] = type;
	if (member->link)
		put_text(header, link_field, member->link);
	memcpy(header + MAGIC_OFFSET, "ustar\00000", 8);
	memset(header + sum_field.offset, ' ', sum_field.width);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	put_number(header, (struct field){sum_field.offset, 7}, sum);
	header[sum_field.offset + 6] = 0;
	return compress_some(tarball, header, BLOCK, Z_NO_FLUSH, err);
}

/* "27 path=...\n": its own length counts. */
static void add_record(struct buffer *out, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;
	char digits[24];

	while (length != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", length))
		length = rest + strlen(digits);
	buffer_add_format(out, "%zu %s=%s\n", length, key, value);
}

static int add_extended(struct tarball *tarball, const struct tarball_member *member,
			struct error *err)
{
	struct buffer records CLEANUP(buffer_release);
	struct tarball_member extended = {.path = "pax", .time = member->time};
	char size[24];

	buffer_init(&records, 1 << 20);
	if (strlen(member->path) > name_field.width)
		add_record(&records, "path", member->path);
	if (member->link && strlen(member->link) > link_field.width)
		add_record(&records, "linkpath", member->link);
	snprintf(size, sizeof(size), "%zu", member->length);
	if (!fits(size_field, member->length))
		add_record(&records, "size", size);
	if (!records.length)
		return 0;
	extended.length = records.length;
	if (add_header(tarball, &extended, 'x', err) < 0)
		return -1;
	return compress_bytes(tarball, records.data, records.length, err);
}

int tarball_add(struct tarball *tarball, const struct tarball_member *member, struct error *err)
{
	if (add_extended(tarball, member, err) < 0 ||
	    add_header(tarball, member, member->link ? '2' : '0', err) < 0)
		return -1;
	return member->link ? 0 : compress_bytes(tarball, member->bytes, member->length, err);
}

int tarball_finish(struct tarball *tarball, int64_t *size, struct error *err)
{
	static const char end[2 * BLOCK];
	int result = compress_some(tarball, end, sizeof(end), Z_FINISH, err);

	*size = tarball->size;
	if (close(tarball->fd) < 0 && result == 0)
		result = error_set_errno(err, errno, "cannot write the archive '%s'",
					 tarball->path);
	tarball->fd = -1;
	tarball_free(tarball);
	return result;
}
