/* Loaded into shipit before its libraries: kills it, signals it, or makes a call fail, at the n-th
 * time. SHIM=ACTION:CALL:N, where ACTION is kill, int, term or fail and CALL one of
 *
 *	event	a line is written to an events.ndjson; the write ends behind it
 *	write	to a regular file; before a kill half of it is written
 *	sync	fsync, fdatasync
 *	rename
 *	spawn	posix_spawn, posix_spawnp
 *
 * SHIM_MARK names a file that is made when it has happened. Its children are let alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum call { CALL_NONE, CALL_EVENT, CALL_WRITE, CALL_SYNC, CALL_RENAME, CALL_SPAWN };

static struct {
	enum call call;
	int signal;		/* 0: the call fails */
	long at;
	atomic_long count;
	char mark[1024];
} shim;

#ifdef __APPLE__
#define REPLACED(NAME) shim_##NAME
#define REAL(NAME) NAME
#define REPLACE(NAME) \
	__attribute__((used, section("__DATA,__interpose"))) static const struct { \
		const void *by, *what; \
	} interpose_##NAME = {(const void *)shim_##NAME, (const void *)NAME};
#else
#define REPLACED(NAME) NAME
#define REAL(NAME) (__extension__(__typeof__(&NAME)) dlsym(RTLD_NEXT, #NAME))
#define REPLACE(NAME)
#endif

static enum call call_named(const char *name)
{
	static const char *const names[] = {"none", "event", "write", "sync", "rename", "spawn"};
	for (int i = 1; i < 6; i++)
		if (!strcmp(names[i], name))
			return (enum call)i;
	return CALL_NONE;
}

static int signal_named(const char *name)
{
	if (!strcmp(name, "kill"))
		return SIGKILL;
	if (!strcmp(name, "int"))
		return SIGINT;
	return strcmp(name, "term") ? 0 : SIGTERM;
}

__attribute__((constructor)) static void begin(void)
{
	const char *plan = getenv("SHIM"), *mark = getenv("SHIM_MARK");
	char action[16], call[16];
	if (!plan || sscanf(plan, "%15[^:]:%15[^:]:%ld", action, call, &shim.at) != 3)
		return;
	shim.signal = signal_named(action);
	snprintf(shim.mark, sizeof(shim.mark), "%s", mark ? mark : "");
	shim.call = call_named(call);
	unsetenv("SHIM");
}

/* Whether it happens now. */
static bool is_due(enum call call)
{
	return shim.call == call && atomic_fetch_add(&shim.count, 1) + 1 == shim.at;
}

static void happen(void)
{
	int fd = *shim.mark ? open(shim.mark, O_WRONLY | O_CREAT, 0600) : -1;
	if (fd >= 0)
		close(fd);
	if (shim.signal)
		kill(getpid(), shim.signal);
}

/* 1: regular, 2: an events.ndjson. */
static int kind_of(int fd)
{
	struct stat status;
	char link[64], path[4096] = "";
	if (fd <= 2 || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return 0;
#ifdef __APPLE__
	(void)link;
	if (fcntl(fd, F_GETPATH, path))
		return 1;
	size_t length = strlen(path);
#else
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
#endif
	return length > 13 && !memcmp(path + length - 13, "events.ndjson", 13) ? 2 : 1;
}

/* How many of the bytes are written before it happens; -1: all, and nothing does. */
static ssize_t bytes_before(const char *bytes, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if (bytes[at] == '\n' && is_due(CALL_EVENT))
			return (ssize_t)at + 1;
	return -1;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t count = REAL(write)(fd, bytes, length);
		if (count < 0)
			return false;
		bytes += count;
		length -= (size_t)count;
	}
	return true;
}

ssize_t REPLACED(write)(int fd, const void *bytes, size_t length)
{
	int kind = shim.call == CALL_EVENT || shim.call == CALL_WRITE ? kind_of(fd) : 0;
	if (kind == 2 && shim.call == CALL_EVENT) {
		ssize_t before = bytes_before(bytes, length);
		if (before >= 0 && write_all(fd, bytes, (size_t)before)) {
			happen();
			return before;
		}
	} else if (kind && is_due(CALL_WRITE)) {
		if (shim.signal)
			write_all(fd, bytes, length / 2);
		happen();
		if (shim.signal)
			return (ssize_t)(length / 2);
		errno = ENOSPC;
		return -1;
	}
	return REAL(write)(fd, bytes, length);
}
REPLACE(write)

static int fail(enum call call, int errnum)
{
	if (!is_due(call))
		return 0;
	happen();
	if (shim.signal)
		return 0;
	errno = errnum;
	return -1;
}

int REPLACED(fsync)(int fd)
{
	return fail(CALL_SYNC, EIO) ? -1 : REAL(fsync)(fd);
}
REPLACE(fsync)

#ifndef __APPLE__
int REPLACED(fdatasync)(int fd)
{
	return fail(CALL_SYNC, EIO) ? -1 : REAL(fdatasync)(fd);
}
#endif

int REPLACED(rename)(const char *from, const char *to)
{
	return fail(CALL_RENAME, EIO) ? -1 : REAL(rename)(from, to);
}
REPLACE(rename)

int REPLACED(posix_spawn)(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			  const posix_spawnattr_t *attributes, char *const arguments[],
			  char *const environment[])
{
	if (fail(CALL_SPAWN, EAGAIN))
		return EAGAIN;
	return REAL(posix_spawn)(pid, path, actions, attributes, arguments, environment);
}
REPLACE(posix_spawn)

int REPLACED(posix_spawnp)(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attributes, char *const arguments[],
			   char *const environment[])
{
	if (fail(CALL_SPAWN, EAGAIN))
		return EAGAIN;
	return REAL(posix_spawnp)(pid, file, actions, attributes, arguments, environment);
}
REPLACE(posix_spawnp)
