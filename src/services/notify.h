/* Messages to people (notify:): a Slack channel, webhooks, a command of the team's. Each message is
 * sent at most once, escaped and without secrets; a failure is told and fails nothing. */
#pragma once
#include <jansson.h>

#include "services/markers.h"

struct http;
struct loop;

/* One message. Texts may hold any bytes; NULL where there is none. */
struct notice {
	const char *event; /* "started", "live" ...: told once; what webhooks and the command see */
	const char *headline; /* how the deploy stands: replaces that of its message in Slack */
	const char *text; /* what happened, in a sentence that stands alone; NULL: headline only */
	const char *details; /* further lines */
	const char *link;
	const char *status;
	bool apart; /* never below the deploy's message */
};

struct notify_options {
	struct arena *arena;
	struct loop *loop;
	struct http *http;
	const struct node *node; /* a validated notify: */
	const struct expand_lookup *lookup;
	const struct redactor *redactor;
	const struct service_deploy *deploy; /* lives as long; app and env are set */
	const char *const *environment;      /* of the command */
	const char *directory;               /* in which it runs */
	const char *memory; /* file that knows what was told, when a deploy goes on; NULL: none */
	/* Once a message and service, from the loop, when it was told or failed; of several
	 * failures of one service failure is set for the first alone, and it has no call for the
	 * others. `over`: nothing is under way any more. */
	void (*told)(void *context, const char *name, const struct error *failure);
	void (*over)(void *context);
	void *context;
};

struct notify;
/* Sends nothing yet. NULL when the node names nobody to tell. All lives in the arena. */
struct notify *notify_new(const struct notify_options *options);
/* Sends soon, from the loop, behind what was given before; an event that was told already is left
 * out. The notice is copied. */
void notify_send(struct notify *notify, const struct notice *notice);
bool notify_busy(const struct notify *notify);
/* Adds the names of who is waited for, ", " between. */
void notify_under_way(const struct notify *notify, struct buffer *names);
/* Ends what is under way or waits; each service that still had something to tell is told of as
 * failed once. NULL is allowed. */
void notify_give_up(struct notify *notify);
/* ... without a word. */
void notify_cancel(struct notify *notify);
/* Whether notify: tells anybody, and whether a command would be run for that. */
bool notify_names_any(const struct node *node);

/* For docs and tests: the services' tables of errors. */
const struct outside_api *notify_api(size_t index, const char **name); /* NULL: no more */
