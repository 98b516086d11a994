/* The words in which people are told of a deploy (notify:): started, live, failed, rolled back,
 * override, maintenance, config changes; each once. */
#pragma once
#include "run/run.h"
#include "services/notify.h"

struct session;

struct notices_options {
	struct session *session;
	const struct plan *plan;
	const struct run_options *run; /* filled before notices_begin */
	struct event_hub *hub;
	const char *folder; /* of the deploy's records */
	const struct service_deploy *deploy; /* filled before notices_begin */
	void (*over)(void *context); /* nothing is under way any more */
	void *context;
};

struct notices;
/* NULL when there is nobody to tell. */
struct notices *notices_new(const struct notices_options *options);
/* From now on it can be sent; what came before goes out. */
void notices_begin(struct notices *notices, struct loop *loop, struct http *http,
		   const struct step_services *services);
void notices_event(struct notices *notices, const struct event *event);
/* The commit is live, and well. */
void notices_live(struct notices *notices);
bool notices_busy(const struct notices *notices);
/* Adds the names of who is waited for, ", " between. */
void notices_under_way(const struct notices *notices, struct buffer *names);
void notices_give_up(struct notices *notices);
void notices_cancel(struct notices *notices); /* NULL is allowed, here and above */

/* A message of a command's own, to an environment's notify:. Waits until it was told; what failed
 * is said to the person. Answers how many could not be told, or -1 with err. */
int notice_tell(struct session *session, const struct notice *notice, struct error *err) MUST_USE;
