/* The pieces of which plan_new is made. */
#pragma once
#include "plan/plan.h"

/* Stages, steps, phases and counters out of the pipeline; every mistake goes to diagnostics. */
int graph_build(struct plan *plan, const struct pipeline *pipeline,
		struct diagnostics *diagnostics);
/* Decides what runs, and why. */
int select_all(struct plan *plan, const struct plan_input *input, struct error *err) MUST_USE;
void estimate_all(struct plan *plan, const struct plan_input *input);
int risk_judge(struct plan *plan, const struct plan_input *input, struct error *err) MUST_USE;
/* --override names guards that exist; else EXIT_USAGE. */
int guards_check(const struct plan_flags *flags, struct arena *arena, struct error *err) MUST_USE;
int guards_judge(struct plan *plan, const struct plan_input *input, struct error *err) MUST_USE;

/* What one guard says. STATUS_REFUSE becomes a warning in environments that are not protected,
 * unless `everywhere` is set. */
struct judgement {
	enum event_status verdict;	/* STATUS_PASS, STATUS_WARN or STATUS_REFUSE */
	const char *reason;		/* a sentence without its stop; NULL: nothing to tell */
	bool everywhere;
};
struct guard {
	const char *name;
	int (*judge)(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		     struct error *err);	/* judgement passes already */
	bool no_override;
};
/* The rows about people (guards_people.c). */
int guard_roster(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err) MUST_USE;
int guard_approvals(struct plan *plan, const struct plan_input *input,
		    struct judgement *judgement, struct error *err) MUST_USE;
void notes_gather(struct plan *plan, const struct plan_input *input);
void digest_make(struct plan *plan, const struct plan_input *input);
