/* The hosts of a deploy: which there are, how they are reached, and those that it does without. */
#pragma once
#include "base/arena.h"

struct loop;
struct node; /* config/node.h */
struct ssh;

struct hosts;
/* groups: `hosts` of deploy.yml, may be NULL. */
struct hosts *hosts_new(const struct node *groups);
/* Closes the connections too. NULL is allowed. */
void hosts_free(struct hosts *hosts);
/* The connections, from the first call on. */
struct ssh *hosts_ssh(struct hosts *hosts, struct error *err) MUST_USE;

struct hosts_query {
	struct loop *loop;
	struct arena *arena;
	const struct text_list *names; /* groups and hosts */
	/* For a group that a command lists, which is asked once a deploy: */
	const char *directory;
	const char *const *environment;
	/* Each host once, in written order; NULL with failure, a sentence. */
	void (*done)(void *context, const struct text_list *found, const char *failure);
	void *context;
};
/* Finds the hosts; done comes through the loop. The query is copied, what it points to must live
 * until then. -1: done is never called. */
int hosts_find(struct hosts *hosts, const struct hosts_query *query, struct error *err) MUST_USE;
/* The same without a loop: waits for the commands. */
int hosts_find_now(struct hosts *hosts, const struct hosts_query *query, struct text_list *found,
		   struct error *err) MUST_USE;
/* What one command lists ({from: COMMAND}): a host a line; "#" begins a comment. Waits. */
int hosts_ask(struct arena *arena, const struct node *command, const char *directory,
	      const char *const *environment, struct text_list *found, struct error *err) MUST_USE;

/* Hosts that failed and without which the deploy goes on: no later step waits for them again. Texts
 * are copied. */
void hosts_leave_out(struct hosts *hosts, const char *host, const char *reason);
/* Why it is left out, or NULL. */
const char *hosts_left_out(const struct hosts *hosts, const char *host);
