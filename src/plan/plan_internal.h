/* The pieces of which plan_new is made. */
#pragma once
#include "plan/plan.h"

/* Stages, steps, phases and counters out of the pipeline; every mistake goes to diagnostics. */
int graph_build(struct plan *plan, const struct pipeline *pipeline,
		struct diagnostics *diagnostics);
/* Decides what runs, and why. */
int select_all(struct plan *plan, const struct plan_input *input, struct error *err) MUST_USE;
/* Whether production must be halted, and each line that made it so. */
int maintenance_judge(struct plan *plan, const struct plan_input *input,
		      struct error *err) MUST_USE;
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
	bool approvable;		/* it refuses for want of an approval */
};
struct guard {
	const char *name;
	int (*judge)(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		     struct error *err);	/* judgement passes already */
	bool no_override;
};
/* The rows, each in its file. */
int guard_branch(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err) MUST_USE;
int guard_unpushed(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		   struct error *err) MUST_USE;
int guard_behind(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err) MUST_USE;
int guard_dirty(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		struct error *err) MUST_USE;
int guard_size(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
	       struct error *err) MUST_USE;
int guard_risky(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		struct error *err) MUST_USE;
int guard_lock(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
	       struct error *err) MUST_USE;
int guard_friday(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err) MUST_USE;
int guard_freezes(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		  struct error *err) MUST_USE;
int guard_roster(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err) MUST_USE;
int guard_approvals(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		    struct error *err) MUST_USE;
int guard_ci(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
	     struct error *err) MUST_USE;
/* Whether what is owed is still in the pipeline. */
bool plan_owed_exists(const struct plan *plan, const struct record_owed *owed);
void notes_gather(struct plan *plan, const struct plan_input *input);
void digest_make(struct plan *plan, const struct plan_input *input);

/* rollback.c. True: this is a rollback, and it decided about the stage or the step. */
bool rollback_stage(struct plan *plan, const struct plan_rollback *rollback,
		    struct plan_stage *stage);
bool rollback_step(struct plan *plan, const struct plan_rollback *rollback,
		   const struct plan_stage *stage, struct plan_step *step);
/* Owed stages and steps that a rollback does not run stay owed. */
void rollback_withhold(struct plan *plan);
/* Tasks that use what a rollback does not build are left out. */
void rollback_drop_users(struct plan *plan);
/* What a failing smoke test cannot take back, said before anything. */
void rollback_note(struct plan *plan);
int guard_irreversible(struct plan *plan, const struct plan_input *input,
		       struct judgement *judgement, struct error *err) MUST_USE;
int guard_rollback_roster(struct plan *plan, const struct plan_input *input,
			  struct judgement *judgement, struct error *err) MUST_USE;
