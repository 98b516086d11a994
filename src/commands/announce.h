/* Tells outside services of a deploy, beside it: markers, its trace, messages,
 * dead-man switches. Reads the
 * deploy's events; never fails or delays it. */
#pragma once
#include "run/run.h"
#include "services/trace.h"

struct announcer;
struct run_past;
struct session;

struct announce_options {
	struct session *session;
	const struct plan *plan;
	const char *id;		/* the deploy's */
	const char *folder;	/* of its records */
	const struct run_options *run; /* filled when it begins */
	struct event_hub *hub;
	const struct run_past *past;	/* what an earlier run of it did; NULL: it begins */
};

/* Adds its reader to the hub. NULL when there is nobody to tell. */
struct announcer *announcer_new(const struct announce_options *options);
/* For run_options of that deploy, and of a rollback within it. */
const struct run_telling *announcer_telling(struct announcer *announcer);
const struct trace *announcer_trace(const struct announcer *announcer);
/* The loop is there; until announcer_free. */
void announcer_begin(struct announcer *announcer, struct loop *loop);
/* A rollback within the deploy: from now on it is what goes live. */
void announcer_roll_back(struct announcer *announcer, const struct plan *plan);
/* The remote's address without credentials; NULL when it is a folder of this machine. */
const char *announce_repository(const struct session *session);
/* Ends what is under way. NULL is allowed. */
void announcer_free(struct announcer *announcer);
