/* The one place that starts and reaps other programs. */
#pragma once
#include <stdint.h>

#include "base/buffer.h"

struct loop;
struct child;

enum child_stream { CHILD_STDOUT, CHILD_STDERR };

struct child_exit {
	int code;		/* -1 when a signal ended it */
	int signal;		/* 0, or what ended it */
	bool timed_out;		/* child_run: the timeout ended it */
};

struct child_options {
	const char *const
		*arguments; /* NULL-terminated; [0] is looked up in the child's own PATH */
	const char *const *environment;	/* NULL-terminated "NAME=value"; NULL: this program's own */
	const char *directory;		/* NULL: where we are */
	/* Stays in our session and process group, so that it can ask on /dev/tty (git, ssh). Else
	 * it leads a session and group of its own, without a terminal. */
	bool same_session;
	/* stdin, stdout and stderr are ours; nothing is captured; implies same_session. */
	bool terminal;
	bool errors_shown;		/* stderr is ours */
	int64_t grace;			/* ms from SIGTERM to SIGKILL; 0: CHILD_GRACE */
	/* A file to which stdout and stderr are appended by the child itself; nothing is captured,
	 * and whatever it leaves running can go on writing. NULL: pipes. */
	const char *log;
	/* It starts what is meant to outlive us: what it leaves running gets no signal when it
	 * ends, and while it runs no stray is adopted. child_stop still ends its whole group. */
	bool starts_daemons;

	/* Bytes for stdin, copied by child_start; NULL: stdin is /dev/null, or input_file. */
	const void *input;
	size_t input_length;
	/* child_start only: */
	const char *input_file; /* a file that it reads as stdin */
	bool input_held;        /* stdin has no end behind `input` before child_end_input */
	/* Somebody else writes its stdout on its behalf, also behind its exit (ssh's master): so
	 * many ms of silence are waited for; 0: CHILD_DRAIN. */
	int64_t drain;

	/* child_run only: */
	int64_t timeout;		/* ms; 0: none */
	/* Gets stdout piece by piece, which result->output then lacks; false: it is ended. NULL:
	 * stdout is kept. */
	bool (*take)(void *context, const char *bytes, size_t length);
	size_t output_maximum;		/* of each stream; 0: 64 MiB. What is beyond is dropped */

	/* child_start only; both are called from the loop: */
	void (*output)(void *context, enum child_stream stream, const char *bytes, size_t length);
	/* The end: it has exited and all its output was handed over. The child is freed behind this
	 * call. What it left running in its group gets SIGTERM, after the grace SIGKILL. */
	void (*done)(void *context, const struct child_exit *exit);
	void *context;
};
#define CHILD_GRACE 10000

struct child_result {
	struct child_exit exit;
	struct buffer output,
		errors; /* stdout and stderr; ->overflowed when something was dropped */
};

/* Runs a program and waits for it; from any thread, with no loop. 0 when it ran, however it
 * ended: look at result->exit; -1 when it could not be started (result is empty then), or was ended
 * because we were interrupted. Always release result. */
int child_run(const struct child_options *options, struct child_result *result,
	      struct error *err) MUST_USE;
void child_result_release(struct child_result *result);
/* As child_run, but anything other than exit code 0 is an error too, which names the program and
 * cites the last line of its stderr. */
int child_run_ok(const struct child_options *options, struct child_result *result,
		 struct error *err) MUST_USE;

/* Starts a program on the loop. NULL with err when it cannot be: the error tells a missing program
 * from a missing folder. done is never called then. options need not outlive the call. */
struct child *child_start(struct loop *loop, const struct child_options *options,
			  struct error *err) MUST_USE;
int64_t child_pid(const struct child *child);
/* When it was started, ms since boot: together with the pid this names the process for good. */
int64_t child_started(const struct child *child);
/* SIGTERM to its group, SIGKILL after the grace; once more: SIGKILL at once. done still comes. */
void child_stop(struct child *child);
/* Lets go of it: it ends by itself, later than we do perhaps, its output is dropped and done is not
 * called. The child is freed. */
void child_leave(struct child *child);
void child_signal(struct child *child, int signal);
/* Its stdin (input_held) ends now; fine when it has already. */
void child_end_input(struct child *child);
/* Whoever holds its pipes open after it has exited is waited for until it is silent for so long
 * (ms), and so many times as long at most. */
#define CHILD_DRAIN 500
#define CHILD_DRAINS 20

/* "exit code 3", "killed by SIGTERM": buffer of 64 bytes, returns it. */
const char *child_exit_text(char text[64], const struct child_exit *exit);
/* "SIGTERM" */
const char *child_signal_name(int signal);

/* From now on processes that leave their group become ours when their parent ends (Linux). */
void child_adopt_strays(void);
/* Ends all that were adopted and still run: SIGTERM, after grace ms SIGKILL. Blocks until none is
 * left; returns how many there were. Children under way are not touched. */
size_t child_stop_strays(int64_t grace);

/* Whether the process of that pid still runs and is the one that was started then. */
bool process_runs(int64_t pid, int64_t started);
/* When a process was started, for process_runs; -1 when it is not there. */
int64_t process_start_time(int64_t pid);
