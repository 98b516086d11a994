/* One host at work; for this room only. */
#pragma once
#include "base/text.h"
#include "crypto/redact.h"
#include "services/fleet.h"

struct loop_timer;

enum fleet_state { FLEET_WAITING, FLEET_READY, FLEET_RUNNING, FLEET_OVER };

struct fleet_job {
	struct fleet *fleet;
	const struct fleet_options *options;
	struct fleet_host *host;
	enum fleet_state state;
	int64_t due; /* READY: on the loop's clock */
	struct child *child;
	struct loop_timer *timer; /* the end of its time, or of the grace behind that */
	struct redact_stream raw[2];
	struct buffer line[2]; /* what has no end yet */
	struct buffer last;    /* the last line of stderr: why ssh failed, as a rule */
	bool timed_out;
	bool held; /* its stdin is: the end of that asks it to end */
	int stops;
};

/* Starts it; fleet_job_ended comes through the loop, or at once when it cannot be started. */
void fleet_job_start(struct fleet_job *job);
void fleet_job_stop(struct fleet_job *job);
void fleet_job_ended(struct fleet_job *job);
