/* posix_spawn: a session of its own, clean signals, pipes that nobody else inherits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/child_internal.h"

extern char **environ;

struct ends {
	int parent, child;
};

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A pipe, close-on-exec at both ends, non-blocking at ours (libuv does that by itself). */
static int open_pipe(struct ends *ends, bool parent_reads, bool on_loop, struct error *err)
{
	int fds[2];
#ifdef __linux__
	if (pipe2(fds, O_CLOEXEC))
		return error_set_errno(err, errno, "cannot make a pipe");
#else
	if (pipe(fds))
		return error_set_errno(err, errno, "cannot make a pipe");
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
#endif
	ends->parent = fds[parent_reads ? 0 : 1];
	ends->child = fds[parent_reads ? 1 : 0];
	if (!on_loop)
		fcntl(ends->parent, F_SETFL, O_NONBLOCK);
	return 0;
}

/* Whether /dev/tty is nothing to us: then it is nothing to our children either. */
static bool has_no_terminal(void)
{
	static atomic_int known;	/* 1: there is none, 2: there is one */
	if (!known) {
		int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
		known = fd < 0 && errno == ENXIO ? 1 : 2;
		close_one(&fd);
	}
	return known == 1;
}

static void set_attributes(posix_spawnattr_t *attributes, const struct child_options *options)
{
	sigset_t none, all;
	sigemptyset(&none);
	/* All of them: glibc asks the kernel twice for each that is not named here. */
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	/* A session of its own keeps a child from the terminal. Where there is none, a group does:
	 * it costs half as much on Linux, whose scheduler makes a group of its own for each
	 * session. */
	if (!options->same_session && !options->terminal)
		flags |= has_no_terminal() ? POSIX_SPAWN_SETPGROUP : POSIX_SPAWN_SETSID;
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
	flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setflags(attributes, flags);
}

static void set_stream(posix_spawn_file_actions_t *actions, int fd, int child)
{
	if (child >= 0) {
		posix_spawn_file_actions_adddup2(actions, child, fd);
		return;
	}
#ifdef __APPLE__
	posix_spawn_file_actions_addinherit_np(actions, fd);
#endif
}

static int explain(const struct child_options *options, int errnum, struct error *err)
{
	const char *name = options->arguments[0];
	struct stat status;
	if (options->directory && stat(options->directory, &status))
		return error_set_errno(err, errno, "cannot run '%s' in the folder '%s'", name,
				       options->directory);
	if (options->directory && !S_ISDIR(status.st_mode))
		return error_set(err, "cannot run '%s' in '%s': that is not a folder", name,
				 options->directory);
	if (errnum == ENOEXEC)
		return error_set(err, "cannot run '%s': this system cannot run a file of its kind "
				 "(a script begins with #! and its interpreter)", name);
	if (errnum == ENOENT)
		return error_set(err, "cannot run '%s': the interpreter that its first line names "
				 "is missing", name);
	return error_set_errno(err, errnum, "cannot run '%s'", name);
}

static int spawn_locked(const struct child_options *options, const char *program,
			const struct ends ends[3], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	set_attributes(&attributes, options);
	for (int fd = 0; fd < 3; fd++)
		set_stream(&actions, fd, ends[fd].child);
	if (options->directory)
		posix_spawn_file_actions_addchdir_np(&actions, options->directory);
	char *const *arguments = (char *const *)(uintptr_t)options->arguments;
	char *const *environment = options->environment
		? (char *const *)(uintptr_t)options->environment : environ;
	known_lock();
	int result = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
	if (!result)
		known_add(*pid);
	known_unlock();
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

int child_open_null(struct error *err)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(err, errno, "cannot open /dev/null");
	return fd;
}

static int open_log(const char *path, struct ends ends[3], struct error *err)
{
	ends[1].child = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (ends[1].child >= 0)
		ends[2].child = fcntl(ends[1].child, F_DUPFD_CLOEXEC, 3);
	if (ends[2].child < 0)
		return error_set_errno(err, errno, "cannot write the log '%s'", path);
	return 0;
}

static int open_streams(const struct child_options *options, int input, struct ends ends[3],
			struct error *err)
{
	bool on_loop = options->done != NULL;
	if (options->terminal)
		return 0;
	if (input == CHILD_INPUT_PIPE && open_pipe(&ends[0], false, false, err))
		return -1;
	if (input != CHILD_INPUT_PIPE)
		ends[0].child = input;
	if (options->log)
		return open_log(options->log, ends, err);
	if (open_pipe(&ends[1], true, on_loop, err))
		return -1;
	return options->errors_shown ? 0 : open_pipe(&ends[2], true, on_loop, err);
}

int child_spawn(const struct child_options *options, int input,
		struct child_process *process, struct error *err)
{
	struct ends ends[3] = {{-1, -1}, {-1, -1}, {-1, -1}};
	struct stat status;
	*process = (struct child_process){.input = -1, .output = -1, .errors = -1};
	char *program = program_find(options, err);
	if (!program) {
		bool lost = options->directory && stat(options->directory, &status);
		return lost ? explain(options, errno, err) : -1;
	}
	int result = open_streams(options, input, ends, err);
	if (!result) {
		int errnum = spawn_locked(options, program, ends, &process->pid);
		if (errnum)
			result = explain(options, errnum, err);
	}
	free(program);
	if (ends[0].child == input)
		ends[0].child = -1;	/* the caller's own */
	for (int fd = 0; fd < 3; fd++) {
		close_one(&ends[fd].child);
		if (result)
			close_one(&ends[fd].parent);
	}
	process->started = child_boot_time();
	process->input = ends[0].parent;
	process->output = ends[1].parent;
	process->errors = ends[2].parent;
	return result;
}
