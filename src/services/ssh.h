/* Commands on other machines by the user's own OpenSSH: his configuration, agent, jump hosts and
 * known hosts count. */
#pragma once
#include "base/arena.h"
#include "proc/child.h"

struct command_text; /* config/config.h */
struct loop;

/* How a machine is reached. */
struct ssh_target {
	/* As ssh takes it: a name of its configuration, an address, user@name; name:22 too. */
	const char *host;
	const char *user;                /* NULL: as ssh finds it */
	const struct text_list *options; /* arguments for ssh, before ours; may be NULL */
};

/* The connections of one deploy. Each is opened when it is first needed and shared by all that
 * follows; it ends by itself a minute after its last use when nobody closes it. */
struct ssh;
/* Also closes what a shipit that died has left open. NULL when there is no place for its sockets,
 * which need short names. */
struct ssh *ssh_new(struct error *err) MUST_USE;
/* Closes all connections. NULL is allowed. */
void ssh_free(struct ssh *ssh);

/* Whether ssh would take it for a host: not for an option, nor for more than a word. */
int ssh_check_host(const char *host, struct error *err) MUST_USE;
/* Starts `command` (for the login shell over there) as a child of options; its arguments are set
 * here. Without a terminal nothing is asked: what ssh cannot do by itself fails with 255. */
struct child *ssh_start(struct ssh *ssh, struct loop *loop, const struct ssh_target *target,
			const char *command, const struct child_options *options,
			struct error *err) MUST_USE;

/* What runs a program of ssh_script over there, whatever the login shell is. */
#define SSH_SHELL "exec /bin/sh -s"
/* Adds a program for /bin/sh that reads it as its stdin (so that no list of processes over there
 * shows what is in it): runs the command with these variables ("NAME=value", NULL-terminated) and,
 * when its stdin ends early, ends it and all that it started. */
void ssh_script(struct buffer *out, const char *const *variables,
		const struct command_text *command);
