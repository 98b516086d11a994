/* The beginning of a log is written straight, the end goes round in a ring behind it. */
#include "run/step_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

void step_log_init(struct step_log *log, const char *path)
{
	*log = (struct step_log){.path = path, .fd = -1, .head = STEP_LOG_HEAD,
				 .tail = STEP_LOG_TAIL};
}

static void write_at(struct step_log *log, const char *bytes, size_t length, int64_t offset)
{
	while (length && !log->errnum) {
		ssize_t count = pwrite(log->fd, bytes, length, (off_t)offset);
		if (count < 0 && errno != EINTR)
			log->errnum = errno;
		if (count <= 0)
			continue;
		bytes += count;
		offset += count;
		length -= (size_t)count;
	}
}

static void open_log(struct step_log *log)
{
	struct stat status;
	log->fd = open(log->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (log->fd < 0 || fstat(log->fd, &status))
		log->errnum = errno;
	else
		log->size = status.st_size;
	/* What an earlier attempt had cut is a whole file now: go on in the ring behind it. */
	if (log->size > log->head + log->tail)
		log->size = log->head + log->tail;
}

void step_log_add(struct step_log *log, const char *bytes, size_t length)
{
	if (log->fd < 0 && !log->errnum)
		open_log(log);
	while (length && !log->errnum) {
		int64_t place = log->size, room = log->head - place;
		if (room <= 0) {
			int64_t turn = (log->size - log->head) % log->tail;
			place = log->head + turn;
			room = log->tail - turn;
		}
		size_t part = (int64_t)length > room ? (size_t)room : length;
		write_at(log, bytes, part, place);
		log->size += (int64_t)part;
		bytes += part;
		length -= part;
	}
}

static int copy(int from, int64_t start, int64_t end, int to)
{
	static const size_t chunk = (size_t)256 << 10;
	char *bytes = malloc(chunk);
	int result = bytes ? 0 : -1;
	while (!result && start < end) {
		size_t want = end - start < (int64_t)chunk ? (size_t)(end - start) : chunk;
		ssize_t count = pread(from, bytes, want, (off_t)start);
		if (count <= 0 || write(to, bytes, (size_t)count) != count)
			result = -1;
		start += count > 0 ? count : 0;
	}
	free(bytes);
	return result;
}

static int write_in_order(struct step_log *log, int to)
{
	char notice[128];
	int64_t turn = (log->size - log->head) % log->tail;
	int length = snprintf(notice, sizeof(notice),
			      "\n... shipit cut %lld bytes out of the middle of this log ...\n",
			      (long long)(log->size - log->head - log->tail));
	if (copy(log->fd, 0, log->head, to) || write(to, notice, (size_t)length) != length)
		return -1;
	if (copy(log->fd, log->head + turn, log->head + log->tail, to))
		return -1;
	return copy(log->fd, log->head, log->head + turn, to);
}

void step_log_close(struct step_log *log)
{
	struct buffer path;
	if (log->fd < 0)
		return;
	buffer_init(&path, 1 << 16);
	if (log->size > log->head + log->tail && !log->errnum) {
		buffer_add_format(&path, "%s.new", log->path);
		int to = open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (to >= 0) {
			int result = write_in_order(log, to);
			close(to);
			if (result || rename(path.data, log->path))
				unlink(path.data);
		}
	}
	buffer_release(&path);
	close(log->fd);
	log->fd = -1;
}
