/* Carries a plan out and writes its record: for deploy and task. */
#pragma once
#include "commands/holding.h"
#include "commands/rollback.h"

struct interrupted;

#define DEPLOY_RUN_OPTIONS \
	{ "format", 0, "F", "auto, tty, plain, json, github, gitlab or buildkite", 0 }, \
	{ "silent", 0, NULL, "no sound", 0 }, \
	{ "jobs", 'j', "N", "so many processes at once", 0 }

/* Whether events go to stdout as JSON: nobody is asked anything then. */
bool deploy_writes_json(const struct call *call);
/* --format, -j: right or EXIT_USAGE. */
int deploy_check_format(const struct call *call, struct error *err) MUST_USE;

/* --json when nothing was run: the one event that says how it ended. */
void deploy_print_end(const struct call *call, int exit_code, const char *reason);
/* ... and when it failed (result < 0): --json prints its result then too. Hands result on. */
int deploy_json_end(const struct call *call, int result, const struct error *err);

/* Runs the plan with everything around it: the folder of records (holding's), the checkout, the
 * readers of events, the record in the store, with which the lease ends. The exit code, or -1 when
 * it could not begin. */
int deploy_run(struct session *session, const struct plan *plan, struct holding *holding,
	       const struct variables *answers, struct error *err) MUST_USE;
/* The same for a rollback's plan; hold: the environment is locked once it is live. */
int deploy_run_rollback(struct session *session, const struct plan *plan, struct holding *holding,
			const struct variables *answers, bool hold, struct error *err) MUST_USE;
/* ... as a part of a deploy that is under way: on its screen and under its lease. *done is
 * set as soon as anything is live; -1 with err unless all went well. */
int deploy_run_within(struct session *session, const struct plan *plan,
		      const struct variables *answers, const struct rollback_within *within,
		      enum run_rollback *done, struct error *err) MUST_USE;
/* Goes on with a deploy that was interrupted or failed, by the plan that was made again: under its
 * ID, in its folder, its journal, its checkout as far as that is kept. With `recover` it only puts
 * right what it left behind. */
struct deploy_again {
	const struct interrupted *past;
	const char *root;	/* the checkout as it was left; NULL: it is made anew */
	bool recover;
	/* past->rollback, with its own session and plan (NULL: its record is there already). */
	const struct deploy_again *rollback;
	struct session *session;
	const struct plan *plan;
};
int deploy_run_again(struct session *session, const struct plan *plan, struct holding *holding,
		     const struct deploy_again *again, struct error *err) MUST_USE;
/* The same for the plan's selected tasks alone, on what is live. */
int deploy_run_tasks(struct session *session, const struct plan *plan, struct holding *holding,
		     const struct variables *answers, struct error *err) MUST_USE;
