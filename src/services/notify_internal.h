/* What the files of notify share. */
#pragma once
#include "services/notify.h"
#include "services/outside.h"
#include "services/template.h"

struct notify_target;
struct child;

struct notify_message {
	struct notify_message *next;
	struct notice notice;
};

/* One request for a message; what is not set stays zero. */
struct notify_request {
	const char *url, *method;
	const struct http_header *headers;
	struct http_header own[2]; /* for headers */
	size_t header_count;
	json_t *json; /* taken over */
	bool repeatable;
};

struct notify_kind {
	const char *name;
	const struct outside_api *api;
	/* The message's next request: 1; 0 when it needs no further one; -1 with err. target->step
	 * counts from 0. */
	int (*build)(struct notify_target *target, const struct notice *notice,
		     struct notify_request *request, struct error *err);
	/* What the answer tells; may be NULL. */
	void (*learn)(struct notify_target *target, const struct notice *notice,
		      const struct outside_answer *answer);
};

extern const struct notify_kind notify_slack, notify_slack_webhook, notify_webhook;

struct notify_target {
	struct notify *notify;
	const struct notify_kind *kind; /* NULL: the command */
	const char *name;               /* "slack", "webhook-2", "command" */
	struct object object;           /* its keys, ${NAME} replaced */
	struct error problem;           /* when it cannot be told at all */
	struct notify_message *first, **last;
	struct outside_call *call;
	struct child *child;
	struct loop_timer *limit;
	bool timed_out;
	size_t step;
	bool failed; /* which was told */
	/* Slack: the deploy's message, and what stands below its headline. */
	const char *channel, *ts, *below;
};

struct notify {
	struct notify_options options;
	VEC(struct notify_target *) targets;
	struct text_list told;
	struct loop_timer *pump;
	const struct node *command;
};

/* text without secrets and control characters, valid UTF-8; lines stay. In the arena; "" for NULL.
 */
const char *notify_clean(const struct notify *notify, const char *text);
void notify_remember(const struct notify *notify);
/* Starts the command; 0, or -1 with err. notify_command_ended is called from the loop. */
int notify_command_start(struct notify_target *target, const struct notice *notice,
			 struct error *err) MUST_USE;
void notify_command_stop(struct notify_target *target);
void notify_ended(struct notify_target *target, const struct error *failure);
