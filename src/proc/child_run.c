/* Running a program to its end, from any thread, without a loop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/child_internal.h"
#include "proc/interrupt.h"

struct run {
	const struct child_options *options;
	struct child_process process;
	struct child_result *result;
	size_t written;
	int64_t deadline;	/* 0: none */
	bool asked;		/* to end */
	bool refused;		/* what it prints is not wanted any more */
	bool exited;
	int64_t exited_at;
};

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* write() without the SIGPIPE of a reader that has gone. */
static ssize_t write_quietly(int fd, const char *bytes, size_t length)
{
	sigset_t pipe_only, before, pending;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	ssize_t count = write(fd, bytes, length);
	int errnum = errno;
	if (count < 0 && errnum == EPIPE && !sigismember(&before, SIGPIPE) &&
	    !sigpending(&pending) && sigismember(&pending, SIGPIPE)) {
		int signal;
		sigwait(&pipe_only, &signal);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = errnum;
	return count;
}

static void feed(struct run *run)
{
	const struct child_options *options = run->options;
	size_t left = options->input_length - run->written;
	ssize_t count = left ? write_quietly(run->process.input,
					     (const char *)options->input + run->written, left) : 0;
	if (count > 0)
		run->written += (size_t)count;
	bool later = count < 0 && (errno == EAGAIN || errno == EINTR);
	if (!later && (count < 0 || run->written == options->input_length))
		close_one(&run->process.input);
}

/* What still fits of a chunk is kept. */
static void keep(struct buffer *into, const char *bytes, size_t length)
{
	size_t room = into->maximum - into->length;
	buffer_add(into, bytes, length > room ? room : length);
	into->overflowed = into->overflowed || length > room;
}

static void hand_over(struct run *run, const char *bytes, size_t length)
{
	const struct child_options *options = run->options;
	if (!run->refused && !options->take(options->context, bytes, length))
		run->refused = true;
}

static void drain(struct run *run, int *fd, struct buffer *into)
{
	char bytes[65536];
	for (int i = 0; *fd >= 0 && i < 16; i++) {
		ssize_t count = read(*fd, bytes, sizeof(bytes));
		if (count > 0) {
			if (into == &run->result->output && run->options->take)
				hand_over(run, bytes, (size_t)count);
			else
				keep(into, bytes, (size_t)count);
			continue;
		}
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return;
		close_one(fd);
	}
}

static void look_for_exit(struct run *run, bool wait)
{
	siginfo_t info = {0};
	int flags = WEXITED | WNOWAIT | (wait ? 0 : WNOHANG);
	if (run->exited)
		return;
	if (!waitid(P_PID, (id_t)run->process.pid, &info, flags) && info.si_pid) {
		run->exited = true;
		run->exited_at = child_monotonic();
	}
}

/* Past its deadline, or when we are to end: SIGTERM, then SIGKILL. */
static void stop_in_time(struct run *run)
{
	int64_t now = child_monotonic();
	int64_t grace = run->options->grace ? run->options->grace : CHILD_GRACE;
	bool group = !run->options->same_session && !run->options->terminal;
	bool late = run->deadline && now >= run->deadline;
	bool interrupted = interrupt_signal() && !run->asked;
	bool refused = run->refused && !run->asked;
	if (run->exited || (!late && !interrupted && !refused))
		return;
	if (interrupted)
		child_adopt_strays();
	else if (!refused)
		run->result->exit.timed_out = !interrupt_signal();
	kill(group ? -run->process.pid : run->process.pid, run->asked ? SIGKILL : SIGTERM);
	run->deadline = now + (run->asked ? 1000 : grace);
	run->asked = true;
}

static void poll_once(struct run *run, int wait)
{
	struct pollfd fds[3] = {
		{.fd = run->process.output, .events = POLLIN},
		{.fd = run->process.errors, .events = POLLIN},
		{.fd = run->process.input, .events = POLLOUT},
	};
	poll(fds, 3, wait);
	drain(run, &run->process.output, &run->result->output);
	drain(run, &run->process.errors, &run->result->errors);
	if (run->process.input >= 0 && fds[2].revents)
		feed(run);
}

static void attend(struct run *run)
{
	int wait = 2;
	for (;;) {
		bool open = run->process.output >= 0 || run->process.errors >= 0;
		if (!open && !run->deadline) {
			close_one(&run->process.input);
			look_for_exit(run, true);
		}
		if (run->exited && (!open || child_monotonic() - run->exited_at > CHILD_DRAIN))
			return;
		poll_once(run, wait);
		look_for_exit(run, false);
		stop_in_time(run);
		wait = wait < 100 ? wait * 2 : 100;
	}
}

static int start(struct run *run, struct error *err)
{
	int input = run->options->input ? CHILD_INPUT_PIPE : child_open_null(err);
	if (input < 0 && !run->options->input)
		return -1;
	int result = child_spawn(run->options, input, &run->process, err);
	close_one(&input);
	return result;
}

int child_run(const struct child_options *options, struct child_result *result, struct error *err)
{
	struct run run = {.options = options, .result = result};
	size_t maximum = options->output_maximum ? options->output_maximum : (size_t)64 << 20;
	*result = (struct child_result){.exit = {.code = -1}};
	buffer_init(&result->output, maximum);
	buffer_init(&result->errors, maximum);
	if (interrupt_check(err) || start(&run, err))
		return -1;
	if (options->timeout)
		run.deadline = child_monotonic() + options->timeout;
	attend(&run);
	known_reap(run.process.pid, &result->exit);
	close_one(&run.process.input);
	close_one(&run.process.output);
	close_one(&run.process.errors);
	return run.asked ? interrupt_check(err) : 0;
}

void child_result_release(struct child_result *result)
{
	buffer_release(&result->output);
	buffer_release(&result->errors);
}

static int last_line(const struct buffer *text, const char **line)
{
	size_t end = text->length, start;
	while (end && (text->data[end - 1] == '\n' || text->data[end - 1] == ' '))
		end--;
	for (start = end; start && text->data[start - 1] != '\n';)
		start--;
	*line = text->data + start;
	return end - start > 400 ? 400 : (int)(end - start);
}

int child_run_ok(const struct child_options *options, struct child_result *result,
		 struct error *err)
{
	char text[64];
	const char *line;
	if (child_run(options, result, err))
		return -1;
	if (!result->exit.code)
		return 0;
	int length = last_line(&result->errors, &line);
	const char *name = options->arguments[0], *second = options->arguments[1];
	error_set(err, "'%s%s%s' failed: %s", name, second ? " " : "", second ? second : "",
		  result->exit.timed_out ? "it took too long"
					 : child_exit_text(text, &result->exit));
	if (length) {
		size_t used = strlen(err->message);
		snprintf(err->message + used, sizeof(err->message) - used, ": %.*s", length, line);
	}
	return -1;
}
