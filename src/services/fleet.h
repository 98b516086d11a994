/* One thing on many hosts: so many at once, those that fail counted and named. */
#pragma once
#include <stdint.h>

#include "proc/child.h"
#include "services/ssh.h"

struct hosts;
struct redactor;

/* One of the hosts; the caller keeps them from one thing to the next. */
struct fleet_host {
	const char *name;
	const char *failed;   /* why; NULL: it goes along */
	bool left_out;        /* it had failed before */
	bool did;             /* this thing, well */
	struct buffer output; /* of this thing, when it is collected; fleet_release frees it */
};
struct fleet_hosts {
	struct fleet_host *items;
	size_t count;
};
/* With those that an earlier step left out; in the arena. */
struct fleet_hosts fleet_hosts_of(struct arena *arena, const struct hosts *hosts,
				  const struct text_list *names);
void fleet_release(struct fleet_hosts *hosts);
size_t fleet_failed(const struct fleet_hosts *hosts);
/* "2 of 15 hosts failed: web3 (exit code 1), web9 (...)"; NULL when none did. */
const char *fleet_failures(struct arena *arena, const struct fleet_hosts *hosts);
/* Later steps leave out those that failed here. */
void fleet_remember(const struct fleet_hosts *fleet, struct hosts *hosts);

struct fleet_options {
	struct loop *loop;
	struct arena *arena;
	struct ssh *ssh;
	struct fleet_hosts *hosts;
	const char *user;
	const struct text_list *options;
	size_t batch;     /* hosts at once, then the next; 0: all */
	int64_t max_fail; /* so many may fail, those that had failed before included */
	int64_t jitter;   /* ms over which the starts of a batch are spread */
	int64_t timeout;  /* ms that one host may take; 0: any */
	int64_t grace;    /* ms from asking a host to end to ending it; 0: CHILD_GRACE */
	bool collect;     /* stdout goes to the host's output, none of it to `output` */
	const struct redactor *redactor; /* takes secrets out of output and reasons; may be NULL */

	/* Sets the command and the stdin of one host (command, and input... of options); the
	 * command stays NULL when there is nothing to do. */
	void (*prepare)(void *context, const struct fleet_host *host, const char **command,
			struct child_options *options);
	/* Whole lines, each begun with the host's name. */
	void (*output)(void *context, enum child_stream stream, const char *bytes, size_t length);
	void (*started)(void *context, int64_t pid, int64_t pid_started); /* may be NULL */
	/* A batch has ended well and another is to come: call fleet_go_on, then or later. May be
	 * NULL. The last one has none. */
	void (*batch_done)(void *context);
	/* The end; failure is a sentence, or NULL when at most max_fail hosts failed and one did
	 * not. */
	void (*done)(void *context, const char *failure);
	void *context;
};

struct fleet;
/* In the arena. options is copied, what it points to must live until done, which comes through the
 * loop. NULL: it could not begin. */
struct fleet *fleet_start(const struct fleet_options *options, struct error *err) MUST_USE;
/* failure: the next batch must not begin, and why; NULL: it may. */
void fleet_go_on(struct fleet *fleet, const char *failure);
/* Asks what runs to end and starts nothing more; once more: ends it. done still comes. */
void fleet_stop(struct fleet *fleet);
