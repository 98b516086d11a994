/* The beginning of a log is written straight. The end goes round in a ring in memory, and from
 * there to the file now and then: nearly all that a chatty step prints is written over before that.
 * The file has the ring's places behind its head: what a killed deploy printed last is there. */
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

static void make_ring(struct step_log *log)
{
	log->ring = malloc((size_t)log->tail);
	if (!log->ring)
		abort();
}

/* What an earlier attempt left behind the head; what it had cut is a whole file now, whose end
 * becomes the ring again. */
static void take_up_end(struct step_log *log)
{
	int64_t kept = log->size - log->head;
	if (kept <= 0)
		return;
	make_ring(log);
	if (kept > log->tail) {
		kept = log->tail;
		log->saved = log->head;
	}
	read_at(log, log->ring, kept, log->size - kept);
	log->size = log->head + kept;
}

static void open_log(struct step_log *log)
{
	struct stat status;
	log->fd = open(log->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (log->fd < 0 || fstat(log->fd, &status)) {
		log->errnum = errno;
		return;
	}
	log->size = log->saved = status.st_size;
	take_up_end(log);
}

static size_t add_to_head(struct step_log *log, const char *bytes, size_t length)
{
	int64_t room = log->head - log->size;
	size_t part = (int64_t)length > room ? (size_t)room : length;
	write_at(log, bytes, part, log->size);
	log->size += (int64_t)part;
	log->saved = log->size;
	return part;
}

static size_t add_to_ring(struct step_log *log, const char *bytes, size_t length)
{
	int64_t turn = (log->size - log->head) % log->tail, room = log->tail - turn;
	size_t part = (int64_t)length > room ? (size_t)room : length;
	if (!log->ring)
		make_ring(log);
	memcpy(log->ring + turn, bytes, part);
	log->size += (int64_t)part;
	return part;
}

void step_log_add(struct step_log *log, const char *bytes, size_t length)
{
	if (log->fd < 0 && !log->errnum)
		open_log(log);
	while (length && !log->errnum) {
		size_t part = log->size < log->head ? add_to_head(log, bytes, length)
						    : add_to_ring(log, bytes, length);
		bytes += part;
		length -= part;
	}
}

bool step_log_unsaved(const struct step_log *log)
{
	return log->saved < log->size && !log->errnum;
}

void step_log_save(struct step_log *log)
{
	if (log->size - log->saved > log->tail)
		log->saved = log->size - log->tail;
	while (step_log_unsaved(log)) {
		int64_t turn = (log->saved - log->head) % log->tail;
		int64_t part = log->size - log->saved;
		if (part > log->tail - turn)
			part = log->tail - turn;
		write_at(log, log->ring + turn, (size_t)part, log->head + turn);
		log->saved += part;
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
	int64_t place = log->head + length;
	write_at(log, notice, (size_t)length, log->head);
	write_at(log, log->ring + turn, (size_t)(log->tail - turn), place);
	write_at(log, log->ring, (size_t)turn, place + log->tail - turn);
	if (!log->errnum && ftruncate(log->fd, (off_t)(log->head + length + log->tail)))
		log->errnum = errno;
}

void step_log_close(struct step_log *log)
{
	if (log->fd < 0)
		return;
	if (log->size > log->head + log->tail && !log->errnum)
		put_in_order(log);
	else
		step_log_save(log);
	close(log->fd);
	log->fd = -1;
	free(log->ring);
	log->ring = NULL;
}
