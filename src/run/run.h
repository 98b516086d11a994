/* The door of run/: carries a plan out, in the order of spec 4, as a stream of events. */
#pragma once
#include <jansson.h>

#include "config/config.h"
#include "run/event.h"
#include "state/record.h"

struct keeper;
struct loop;
struct plan;
struct run_past;
struct run_result;
struct step_services;
struct trace;

/* Names and texts of a deploy that steps and events need. */
struct run_identity {
	const char *id, *app, *env, *commit, *previous;	/* previous NULL on the first */
	const char *branch, *url, *deployer;		/* may be NULL */
};

enum run_rollback {
	RUN_NOT_ROLLED_BACK,		/* the commit stays live */
	RUN_ROLLED_BACK,		/* the previous release is live again, and well */
	RUN_ROLLED_BACK_FAILED,		/* it is live again and needs attention */
};

/* Who tells outside services of the deploy (markers, messages), beside it. All may be NULL. */
struct run_telling {
	/* Once, behind deploy.started: what `notify` needs is known; later (before ready) when a
	 * command tells one of its secrets. */
	void (*begun)(void *context, const struct step_services *services);
	/* Once, before go-live: the secrets of deploy.yml's `markers` have been read; what could
	 * not be is unknown to services->values. When that point is never reached: at the end. */
	void (*ready)(void *context, const struct step_services *services);
	/* The commit is live and its smoke test has passed. Must not wait for anybody. */
	void (*passed)(void *context, const struct run_identity *identity);
	/* Behind the deferred steps: whether something is under way yet. Asked again each time that
	 * loop_stop was called; a signal ends the waiting. */
	bool (*busy)(void *context);
	void *context;
};

struct run_options {
	struct loop *loop;
	struct arena *arena;
	struct event_hub *events;
	struct keeper *keeper; /* of the lease; NULL: we run under somebody else's, or under none */
	const struct config *config;
	struct run_identity identity;
	const char *root;		/* absolute: the checkout in which steps run */
	const char *folder;		/* absolute: of this deploy's records; holds logs/ */
	struct variables fingerprints;	/* for run_environment without a plan: SHIPIT_HASH_<NAME> */
	struct text_list changed;	/* paths, for SHIPIT_CHANGED_FILES */
	struct variables outputs; /* values asked for at the start; steps see them as variables */
	int jobs;			/* processes at once; 0: as many as there are processors */
	int countdown;			/* seconds before the foghorn; 0: none */
	const char *sound;		/* absolute file of the foghorn; NULL: none */
	bool without_smoke;
	const struct trace *trace; /* for TRACEPARENT; NULL: the environment's, or a new one */
	/* What this very deploy had done before it was resumed, or is recovered; its steps under
	 * way have an answer (past.h). NULL: it begins. */
	const struct run_past *past;
	/* ... its smoke test had failed and roll_back had begun: that is called once more. */
	bool rolling_back;
	/* Lists of halts (run/maintenance.h): those that `maintenance on` keeps stopped, and those
	 * that an earlier run of this deploy stopped and did not start again. May be NULL. */
	const json_t *kept_halts, *stopped_halts;
	bool nested; /* part of another deploy: deferred tasks stay owed */
	int64_t grace;			/* ms from SIGTERM to SIGKILL; 0: CHILD_GRACE */

	const struct run_telling *telling; /* may be NULL */
	/* The value of a secret (or NULL with err), asked for late, once a name. May be NULL. */
	const char *(*secret)(void *context, const char *name, struct error *err);
	/* The commit with which a stage that this deploy skips last went live, or NULL. May be
	 * NULL. */
	const char *(*stage_commit)(void *context, const char *stage);
	/* The smoke test failed and smoke.on_fail does not say `stop`: make the previous release
	 * live again. Only the caller's own events and signals are the loop's and the hub's
	 * meanwhile. advice gets what to do when that did not go well. NULL: never. */
	enum run_rollback (*roll_back)(void *context, const struct run_result *result,
				       struct text_list *advice);
	/* The verdict is known, deploy.finished and deferred steps are still to come: append the
	 * record. -1 with err is reported and the exit code becomes 4 (1 when nothing went live).
	 */
	int (*verdict)(void *context, struct run_result *result, struct error *err);
	void *context;
};

struct run_owed {
	const char *kind;		/* "task", "step" (STAGE.STEP) */
	const char *name;
	enum event_status status; /* how it ended; deferred ones are STATUS_NONE in the verdict */
};
struct run_duration {
	const char *kind, *name;	/* as in run_owed, also "stage" and "smoke" */
	int64_t duration;		/* ms, of what ended ok */
};
struct run_stage_live {			/* for smoke.commit.of and the record */
	const char *name;
	bool ok;
};

struct run_result {
	enum event_status status;	/* ok, failed, failed_live, interrupted */
	int exit_code;
	int signal;			/* that ended it, or 0 */
	bool live;			/* the commit is live now: the go-live stage ended ok */
	bool touched;			/* something of the go-live stage was started */
	bool undone;			/* ... and all of it was undone */
	enum run_rollback rolled_back;
	int64_t started, finished;	/* wall clock, ms */
	const char *cause_stage, *cause_step, *reason, *log; /* the first cause; NULL when none */
	VEC(struct run_owed) owed; /* selected and not done; final when run_deploy has returned */
	VEC(struct run_duration) durations;
	/* Of this deploy alone, for the record: release is its ID, stages are those before
	 * go-live and "" for what was asked at the start; secrets are left out. */
	VEC(struct record_artefact) artefacts;
	VEC(struct record_output) outputs;
	struct text_list unchanged;	/* stages in which there was nothing to do */
	struct text_list irreversible;	/* STAGE.STEP: marked so and started */
	struct text_list advice;	/* what to do, a sentence each */
	struct text_list remarks;	/* what went not quite well, a sentence each */
	json_t *halted;			/* halts that are still stopped; the caller's, or NULL */
	bool deferred_failed;
};

/* Runs the whole plan: deploy.started ... deploy.finished ... deferred.finished. 0 with the result
 * filled, however the deploy ended; -1 with err when it could not begin (nothing was run, no event
 * was emitted). */
int run_deploy(const struct plan *plan, const struct run_options *options,
	       struct run_result *result, struct error *err) MUST_USE;

/* Puts right what the deploy of options->past left behind: while its go-live stage had not ended,
 * what that started is undone in reverse; else the commit counts as live (failed_live). The
 * result's exit code is 0, or 4 when something is left; events and verdict as those of a deploy. */
int run_recover(const struct plan *plan, const struct run_options *options,
		struct run_result *result, struct error *err) MUST_USE;

/* Runs tasks alone (`shipit task`), in parallel, with the same events and result. */
int run_tasks(const struct plan *plan, const struct run_options *options,
	      struct run_result *result, struct error *err) MUST_USE;
/* A step's environment without a step, for `shipit exec`; NULL-terminated. */
const char *const *run_environment(const struct plan *plan, const struct run_options *options,
				   struct error *err) MUST_USE;	/* plan may be NULL */
