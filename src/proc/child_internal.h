/* What the files of proc/ share about children. */
#pragma once
#include <sys/types.h>

#include "proc/child.h"

struct child_process {
	pid_t pid;
	int64_t started;	/* ms since boot */
	int input, output, errors;	/* our ends, non-blocking; -1: there is none */
};

/* Starts the program and registers its pid. input: a descriptor for stdin, which stays the caller's
 * and open, or CHILD_INPUT_PIPE: a pipe, whose other end is process->input. */
#define CHILD_INPUT_PIPE (-1)
int child_spawn(const struct child_options *options, int input,
		struct child_process *process, struct error *err) MUST_USE;

/* What a child without input reads; -1 with err. */
int child_open_null(struct error *err) MUST_USE;

/* The absolute path (malloc'd) of a program as the child will find it, or NULL with err. */
char *program_find(const struct child_options *options, struct error *err) MUST_USE;

/* The pids that belong to somebody: whatever else becomes our child is a stray. Locked, as
 * child_run is called from any thread; known_lock is held around fork and around reaping. */
void known_lock(void);
void known_unlock(void);
void known_add(pid_t pid);	/* with the lock held, the next three too */
void known_remove(pid_t pid);
bool known_has(pid_t pid);
/* Reaps a child that has exited and forgets it; takes the lock itself. */
void known_reap(pid_t pid, struct child_exit *ended);
/* Reaps strays that have exited; a known child that has exited too, or 0. Takes the lock itself. */
pid_t known_reap_strays(void);

/* A child with starts_daemons begins, or has ended: strays are nobody's business in between. */
void known_daemons_begin(void);
void known_daemons_end(void);

/* The group of a child that has ended: what is left in it gets SIGTERM now, SIGKILL at the latest
 * grace ms later (by child_linger_tick or child_stop_strays). */
void child_linger(pid_t group, int64_t grace);
/* Looks after lingering groups; true while there are any. */
bool child_linger_tick(bool insist);

int64_t child_boot_time(void);
int64_t child_monotonic(void);
