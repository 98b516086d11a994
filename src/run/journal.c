/* events.ndjson: written at once, synced before production is touched, read by line. */
#include "run/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "proc/loop.h"

struct waiter {
	void (*done)(void *context);
	void *context;
	struct waiter *next;
};

struct journal {
	struct event_sink sink;
	struct buffer line;
	int fd;
	int errnum;
	bool syncing;
	int sync_errnum;	/* of the sync under way; its thread writes it */
	struct waiter *waiting;	/* for the next sync */
	struct waiter *served;	/* by the one under way */
	struct loop *loop;
	bool reserved;
	char path[1024];
};

#define HELD_BACK ((size_t)64 << 10)
#define RESERVE ((size_t)512 << 10)

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t count = write(fd, bytes, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return errno;
		bytes += count;
		length -= (size_t)count;
	}
	return 0;
}

void journal_flush(struct journal *journal)
{
	if (journal->fd < 0 || !journal->line.length)
		return;
	int errnum = write_all(journal->fd, journal->line.data, journal->line.length);
	if (errnum && !journal->errnum)
		journal->errnum = errnum;
	buffer_clear(&journal->line);
}

static void keep_event(struct event_sink *sink, const struct event *event)
{
	struct journal *journal = (struct journal *)sink;
	if (event->type == EVENT_STEP_OUTPUT || event->type == EVENT_WAITING || journal->fd < 0)
		return;
	event_write_json(&journal->line, event);
	if (!sink->hub || !sink->hub->gathering || journal->line.length > HELD_BACK)
		journal_flush(journal);
}

static void flush_sink(struct event_sink *sink)
{
	journal_flush((struct journal *)sink);
}

/* A line that a killed writer tore is ended, so that the next one stands alone. */
static void end_torn_line(struct journal *journal)
{
	off_t size = lseek(journal->fd, 0, SEEK_END);
	char last = '\n';
	if (size > 0 && pread(journal->fd, &last, 1, size - 1) == 1 && last != '\n')
		journal->errnum = write_all(journal->fd, "\n", 1);
}

struct journal *journal_open(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0) {
		error_set_errno(err, errno, "cannot write the journal '%s'", path);
		return NULL;
	}
	struct journal *journal = calloc(1, sizeof(*journal));
	if (!journal)
		abort();
	journal->fd = fd;
	journal->sink.event = keep_event;
	journal->sink.flush = flush_sink;
	buffer_init(&journal->line, 1 << 20);
	snprintf(journal->path, sizeof(journal->path), "%s", path);
	end_torn_line(journal);
	return journal;
}

struct event_sink *journal_sink(struct journal *journal)
{
	return &journal->sink;
}

int journal_check(const struct journal *journal, struct error *err)
{
	if (!journal->errnum)
		return 0;
	error_set_errno(err, journal->errnum, "cannot write the journal '%s'", journal->path);
	return error_hint(err, "Free space on that disk, or make the folder writable.");
}

static void sync_file(void *context)
{
	struct journal *journal = context;
#ifdef __APPLE__
	int result = fsync(journal->fd);
#else
	int result = fdatasync(journal->fd);
#endif
	bool matters = result && errno != EINVAL && errno != EROFS;	/* not a file that can */
	journal->sync_errnum = matters ? errno : 0;
}

static void start_sync(struct journal *journal);

static void sync_done(void *context)
{
	struct journal *journal = context;
	struct waiter *waiter = journal->served;
	journal->served = NULL;
	journal->syncing = false;
	if (journal->sync_errnum && !journal->errnum)
		journal->errnum = journal->sync_errnum;
	if (journal->waiting)
		start_sync(journal);
	while (waiter) {
		struct waiter *next = waiter->next;
		waiter->done(waiter->context);
		free(waiter);
		waiter = next;
	}
}

static void start_sync(struct journal *journal)
{
	struct error err = {0};
	journal->served = journal->waiting;
	journal->waiting = NULL;
	journal->syncing = true;
	if (!loop_work(journal->loop, sync_file, sync_done, journal, &err))
		return;
	sync_file(journal);
	sync_done(journal);
}

void journal_sync(struct journal *journal, struct loop *loop, void (*done)(void *context),
		  void *context)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		abort();
	journal_flush(journal);
	*waiter = (struct waiter){.done = done, .context = context, .next = journal->waiting};
	journal->waiting = waiter;
	journal->loop = loop;
	if (!journal->syncing)
		start_sync(journal);
}

static void reserve_path(const struct journal *journal, char path[1040])
{
	snprintf(path, 1040, "%s.reserve", journal->path);
}

int journal_reserve(struct journal *journal, struct error *err)
{
	static const char zeros[16384];
	char path[1040];
	int errnum = 0, fd;

	journal_flush(journal);
	if (journal_check(journal, err))
		return -1;
	reserve_path(journal, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		errnum = errno;
	journal->reserved = fd >= 0;
	for (size_t done = 0; !errnum && done < RESERVE; done += sizeof(zeros))
		errnum = write_all(fd, zeros, sizeof(zeros));
	if (fd >= 0 && close(fd) && !errnum)
		errnum = errno;
	if (!errnum)
		return 0;
	journal_give_back(journal);
	error_set_errno(err, errnum,
			"there is no room for the journal and the record of this deploy, '%s'",
			journal->path);
	return error_hint(err, "Free space on that disk, or make the folder writable.");
}

void journal_give_back(struct journal *journal)
{
	char path[1040];

	if (!journal->reserved)
		return;
	reserve_path(journal, path);
	unlink(path);
	journal->reserved = false;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	journal_flush(journal);
	journal_give_back(journal);
	if (journal->fd >= 0)
		close(journal->fd);
	buffer_release(&journal->line);
	free(journal);
}

int journal_read(const char *bytes, size_t length, size_t *bad,
		 int (*read)(void *context, const struct event *event), void *context)
{
	size_t wrong = 0;
	int result = 0;
	while (length && !result) {
		const char *end = memchr(bytes, '\n', length);
		size_t line = end ? (size_t)(end - bytes) : length;
		CLEANUP(arena_release) struct arena arena = ARENA_INIT;
		struct event event = {0};
		struct error err = {0};
		/* Without an end it is torn, unless all but the end is there. */
		if (line && event_read_json(&arena, bytes, line, &event, &err))
			wrong += end != NULL;
		else if (line && event.type != EVENT_NONE)
			result = read(context, &event);
		bytes += line + (end != NULL);
		length -= line + (end != NULL);
	}
	if (bad)
		*bad = wrong;
	return result;
}
