/* The beginning of a log is written straight, the end goes round in a ring behind it, small enough
 * to stay in the processor's cache: nearly all that a chatty step prints is written over. */
#include "run/step_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void read_at(struct step_log *log, char *bytes, int64_t length, int64_t offset)
{
	while (length && !log->errnum) {
		ssize_t count = pread(log->fd, bytes, (size_t)length, (off_t)offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			log->errnum = count < 0 ? errno : EIO;
		bytes += count;
		offset += count;
		length -= count;
	}
}

static char *new_ring(const struct step_log *log)
{
	char *ring = malloc((size_t)log->tail);
	if (!ring)
		abort();
	return ring;
}

/* What an earlier attempt had cut is a whole file now: its end becomes the ring again. */
static void take_up_end(struct step_log *log)
{
	char *ring = new_ring(log);
	read_at(log, ring, log->tail, log->size - log->tail);
	write_at(log, ring, (size_t)log->tail, log->head);
	log->size = log->head + log->tail;
	free(ring);
}

static void open_log(struct step_log *log)
{
	struct stat status;
	log->fd = open(log->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (log->fd < 0 || fstat(log->fd, &status)) {
		log->errnum = errno;
		return;
	}
	log->size = status.st_size;
	if (log->size > log->head + log->tail)
		take_up_end(log);
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

/* What went round in the ring, from its oldest byte on, behind a word about what is missing. */
static void put_in_order(struct step_log *log)
{
	char notice[128];
	int64_t turn = (log->size - log->head) % log->tail;
	int length = snprintf(notice, sizeof(notice),
			      "\n... shipit cut %lld bytes out of the middle of this log ...\n",
			      (long long)(log->size - log->head - log->tail));
	char *ring = new_ring(log);
	read_at(log, ring, log->tail - turn, log->head + turn);
	read_at(log, ring + log->tail - turn, turn, log->head);
	write_at(log, notice, (size_t)length, log->head);
	write_at(log, ring, (size_t)log->tail, log->head + length);
	if (!log->errnum && ftruncate(log->fd, (off_t)(log->head + length + log->tail)))
		log->errnum = errno;
	free(ring);
}

void step_log_close(struct step_log *log)
{
	if (log->fd < 0)
		return;
	if (log->size > log->head + log->tail && !log->errnum)
		put_in_order(log);
	close(log->fd);
	log->fd = -1;
}
