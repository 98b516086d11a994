/* Makes an earlier release live again: for `rollback`, and within a deploy whose smoke test
 * failed. */
#pragma once
#include "commands/holding.h"
#include "run/run.h"

struct announcer;
struct deploy_again;
struct deploy_folder;

struct rollback_request {
	const struct plan_flags *flags; /* override and its reason; rollback is filled in here */
	/* STAGE.STEP: irreversible and started by a deploy that has no record yet, `deploy`. */
	const struct text_list *irreversible;
	const char *deploy;
	bool build; /* what was not kept is built */
};

/* The plan of a session that was opened with session_options.rollback. */
struct plan *rollback_plan(struct session *session, const struct rollback_request *request,
			   struct error *err) MUST_USE;
/* What the plan needs and cannot be had here, a sentence each; empty: all is there. */
struct text_list rollback_missing(struct session *session, const struct plan *plan);
/* What the pipeline asks at the start, as it was answered when the release was deployed. */
struct variables rollback_answers(struct session *session, const struct plan *plan);

/* A deploy whose smoke test failed. */
struct rollback_within {
	struct session *session;
	const struct plan *plan;
	const char *id;
	const struct deploy_folder *folder;
	const struct run_result *result;
	struct event_hub *hub;
	struct loop *loop;
	struct announcer *announcer; /* may be NULL */
	struct holding *holding;
	const struct deploy_again *again; /* it had been begun, and was interrupted; else NULL */
};
/* For run_options.roll_back. */
enum run_rollback rollback_within(const struct rollback_within *within, struct text_list *advice);
