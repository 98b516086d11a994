/* Children on the loop: their output as it comes, their end once. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/child_internal.h"
#include "proc/loop_internal.h"

struct child {
	struct child *next, **link;	/* in loop->children */
	struct loop *loop;
	struct child_process process;
	bool group;			/* leads one */
	bool starts_daemons;
	bool exited, reported;
	int stops;			/* how often child_stop was called */
	struct child_exit ended;
	int open;			/* pipes not yet closed by libuv */
	int reading;			/* pipes without an end so far */
	bool widened[2];
	uv_pipe_t pipes[2], input;	/* input.data: it was opened */
	uv_write_t writing;
	char *input_bytes;
	bool input_held;
	struct loop_timer *timer;	/* KILL after TERM, or the end of draining */
	int64_t grace, drain;
	int drains;			/* since it has exited */
	bool heard;			/* something, since draining began anew */
	void (*output)(void *context, enum child_stream stream, const char *bytes, size_t length);
	void (*done)(void *context, const struct child_exit *exit);
	void *context;
};

static void free_when_closed(struct child *child)
{
	if (!child->reported || child->open)
		return;
	free(child->input_bytes);
	free(child);
}

static void linger_tick(uv_timer_t *timer)
{
	known_reap_strays();
	if (!child_linger_tick(false))
		uv_timer_stop(timer);
}

/* It has exited and its output has ended, or was waited for long enough. */
static void finish(struct child *child)
{
	struct loop *loop = child->loop;
	if (child->reported || !child->exited || child->reading)
		return;
	loop_timer_stop(child->timer);
	child->timer = NULL;
	if (child->next)
		child->next->link = child->link;
	*child->link = child->next;
	if (child->starts_daemons)
		known_daemons_end();
	if (child->group && (!child->starts_daemons || child->stops)) {
		child_linger(child->process.pid, child->grace);
		if (child_linger_tick(false) && !uv_is_active((uv_handle_t *)&loop->linger_timer))
			uv_timer_start(&loop->linger_timer, linger_tick, 20, 20);
	}
	if (!loop->children)
		uv_unref((uv_handle_t *)&loop->child_signal);
	child_end_input(child);
	child->done(child->context, &child->ended);
	child->reported = true;
	free_when_closed(child);
}

static void pipe_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;
	child->open--;
	free_when_closed(child);
}

void child_end_input(struct child *child)
{
	uv_handle_t *input = (uv_handle_t *)&child->input;
	if (input->data && !uv_is_closing(input))
		uv_close(input, pipe_closed);
}

static void input_written(uv_write_t *writing, int status)
{
	struct child *child = writing->data;
	if (status != UV_ECANCELED && (status || !child->input_held))
		child_end_input(child);
}

/* A reader that goes away early is no failure: its exit says how it went. */
static void write_input(struct child *child, const struct child_options *options)
{
	uv_buf_t bytes;
	uv_pipe_init(&child->loop->uv, &child->input, 0);
	child->input.data = child;
	child->open++;
	uv_pipe_open(&child->input, child->process.input);
	child->input_held = options->input_held;
	child->input_bytes = malloc(options->input_length + 1);
	if (!child->input_bytes)
		abort();
	if (options->input_length)
		memcpy(child->input_bytes, options->input, options->input_length);
	bytes = uv_buf_init(child->input_bytes, (unsigned)options->input_length);
	child->writing.data = child;
	if (uv_write(&child->writing, (uv_stream_t *)&child->input, &bytes, 1, input_written))
		child_end_input(child);
}

static void close_pipe(struct child *child, uv_pipe_t *pipe)
{
	if (uv_is_closing((uv_handle_t *)pipe))
		return;
	child->reading--;
	uv_close((uv_handle_t *)pipe, pipe_closed);
}

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *lent)
{
	struct loop *loop = ((struct child *)handle->data)->loop;
	(void)suggested;
	if (!loop->read_buffer)
		loop->read_buffer = malloc(LOOP_READ_SIZE);
	lent->base = loop->read_buffer;
	lent->len = loop->read_buffer ? LOOP_READ_SIZE : 0;
}

/* Who fills a pipe to the brim gets a larger one: fewer turns for the same bytes. */
static void widen(struct child *child, int stream)
{
#ifdef F_SETPIPE_SZ
	uv_os_fd_t fd;
	if (!child->widened[stream] && !uv_fileno((uv_handle_t *)&child->pipes[stream], &fd))
		(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
#endif
	child->widened[stream] = true;
}

static void drain(struct child *child, int64_t silence);

static void bytes_arrived(uv_stream_t *uv, ssize_t count, const uv_buf_t *bytes)
{
	struct child *child = uv->data;
	int stream = uv == (uv_stream_t *)&child->pipes[1];
	if (count > 0) {
		child->heard = true;
		if (count >= 65536)
			widen(child, stream);
		if (child->output)
			child->output(child->context, stream ? CHILD_STDERR : CHILD_STDOUT,
				      bytes->base, (size_t)count);
	} else if (count < 0) {
		close_pipe(child, &child->pipes[stream]);
		if (stream == 0 && child->exited && child->reading)
			drain(child, CHILD_DRAIN);
		finish(child);
	}
}

static void end_draining(struct child *child)
{
	for (int i = 0; i < 2; i++)
		if (child->pipes[i].data)	/* was opened */
			close_pipe(child, &child->pipes[i]);
	finish(child);
}

/* The loop may have been kept from reading for as long: timers come before what has arrived. */
static bool waits_to_be_read(const struct child *child)
{
	for (int i = 0; i < 2; i++) {
		const uv_handle_t *pipe = (const uv_handle_t *)&child->pipes[i];
		struct pollfd look = {.events = POLLIN};

		if (child->pipes[i].data && !uv_is_closing(pipe) && !uv_fileno(pipe, &look.fd) &&
		    poll(&look, 1, 0) > 0)
			return true;
	}
	return false;
}

static void drain_over(void *context)
{
	struct child *child = context;

	if (child->drains++ < CHILD_DRAINS && (child->heard || waits_to_be_read(child)))
		drain(child, CHILD_DRAIN);
	else
		end_draining(child);
}

static void drain(struct child *child, int64_t silence)
{
	child->heard = false;
	loop_timer_stop(child->timer);
	child->timer = loop_timer_start(child->loop, silence, 0, drain_over, child);
}

static void child_exited(struct child *child)
{
	child->exited = true;
	known_reap(child->process.pid, &child->ended);
	if (child->reading)
		drain(child, child->drain);
	finish(child);
}

static struct child *child_of(const struct loop *loop, pid_t pid)
{
	struct child *child = loop->children;
	while (child && (child->exited || child->process.pid != pid))
		child = child->next;
	return child;
}

/* Somebody else's child has exited and hides ours behind it: they are asked one by one. */
static void reap_each(struct loop *loop)
{
	for (struct child *child = loop->children, *next; child; child = next) {
		siginfo_t info = {0};
		next = child->next;
		if (!child->exited && !waitid(P_PID, (id_t)child->process.pid, &info,
					      WEXITED | WNOHANG | WNOWAIT) && info.si_pid) {
			child_exited(child);
			next = loop->children;	/* who heard of it may have left others */
		}
	}
}

static void reap(uv_signal_t *uv, int signal)
{
	struct loop *loop = uv->data;
	(void)signal;
	for (pid_t pid; (pid = known_reap_strays());) {
		struct child *child = child_of(loop, pid);
		if (!child) {
			reap_each(loop);
			return;
		}
		child_exited(child);
	}
}

static int watch_children(struct loop *loop, struct error *err)
{
	if (!loop->children_watched) {
		uv_signal_init(&loop->uv, &loop->child_signal);
		loop->child_signal.data = loop;
		uv_timer_init(&loop->uv, &loop->linger_timer);
		uv_unref((uv_handle_t *)&loop->linger_timer);
		int result = uv_signal_start(&loop->child_signal, reap, SIGCHLD);
		if (result)
			return error_set(err, "cannot watch for children: %s", uv_strerror(result));
		loop->children_watched = true;
	}
	uv_ref((uv_handle_t *)&loop->child_signal);
	return 0;
}

static void read_pipe(struct child *child, int stream, int fd)
{
	uv_pipe_t *pipe = &child->pipes[stream];
	uv_pipe_init(&child->loop->uv, pipe, 0);
	pipe->data = child;
	child->open++;
	child->reading++;
	uv_pipe_open(pipe, fd);
	uv_read_start((uv_stream_t *)pipe, lend_buffer, bytes_arrived);
}

/* Starts it with the stdin that it is to have. */
static int spawn(struct loop *loop, const struct child_options *options, struct child *child,
		 struct error *err)
{
	if (options->input || options->input_held)
		return child_spawn(options, CHILD_INPUT_PIPE, &child->process, err);
	if (!options->input_file)
		return child_spawn(options, loop->null_input, &child->process, err);
	int fd = open(options->input_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot read '%s'", options->input_file);
	int result = child_spawn(options, fd, &child->process, err);
	close(fd);
	return result;
}

struct child *child_start(struct loop *loop, const struct child_options *options,
			  struct error *err)
{
	struct child *child = calloc(1, sizeof(*child));
	if (!child)
		abort();
	child->starts_daemons = options->starts_daemons;
	if (child->starts_daemons)
		known_daemons_begin();
	if (loop->null_input < 0)
		loop->null_input = child_open_null(err);
	if (loop->null_input < 0 || watch_children(loop, err) ||
	    spawn(loop, options, child, err)) {
		if (child->starts_daemons)
			known_daemons_end();
		if (!loop->children && loop->children_watched)
			uv_unref((uv_handle_t *)&loop->child_signal);
		free(child);
		return NULL;
	}
	child->loop = loop;
	child->group = !options->same_session && !options->terminal;
	child->grace = options->grace ? options->grace : CHILD_GRACE;
	child->drain = options->drain ? options->drain : CHILD_DRAIN;
	child->output = options->output;
	child->done = options->done;
	child->context = options->context;
	child->next = loop->children;
	child->link = &loop->children;
	if (child->next)
		child->next->link = &child->next;
	loop->children = child;
	if (child->process.input >= 0)
		write_input(child, options);
	if (child->process.output >= 0)
		read_pipe(child, 0, child->process.output);
	if (child->process.errors >= 0)
		read_pipe(child, 1, child->process.errors);
	return child;
}

int64_t child_pid(const struct child *child)
{
	return child->process.pid;
}

int64_t child_started(const struct child *child)
{
	return child->process.started;
}

void child_signal(struct child *child, int signal)
{
	if (!child->exited)
		kill(child->group ? -child->process.pid : child->process.pid, signal);
}

static void insist(void *context)
{
	child_signal(context, SIGKILL);
}

void child_leave(struct child *child)
{
	if (child->reported)
		return;
	loop_timer_stop(child->timer);
	child->timer = NULL;
	if (child->next)
		child->next->link = child->link;
	*child->link = child->next;
	if (!child->loop->children)
		uv_unref((uv_handle_t *)&child->loop->child_signal);
	child->reported = true;
	child_end_input(child);
	for (int i = 0; i < 2; i++)
		if (child->pipes[i].data)
			close_pipe(child, &child->pipes[i]);
	free_when_closed(child);
}

void child_stop(struct child *child)
{
	if (child->exited) {
		if (child->stops++)
			end_draining(child);
		return;
	}
	if (child->stops++) {
		child_signal(child, SIGKILL);
		return;
	}
	child_signal(child, SIGTERM);
	child_signal(child, SIGCONT);
	loop_timer_stop(child->timer);
	child->timer = loop_timer_start(child->loop, child->grace, 0, insist, child);
}

const char *child_signal_name(int signal)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"}, {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
		{SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
		{SIGFPE, "SIGFPE"}, {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"},
		{SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"}, {SIGPIPE, "SIGPIPE"},
		{SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"},
		{SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == signal)
			return names[i].name;
	return "a signal";
}

const char *child_exit_text(char text[64], const struct child_exit *ended)
{
	if (ended->signal)
		snprintf(text, 64, "killed by %s", child_signal_name(ended->signal));
	else
		snprintf(text, 64, "exit code %d", ended->code);
	return text;
}
