/* A plan: what a deploy will do and why. Pure: the same config, change, records, flags and clock
 * give the same plan. `plan` prints it, `deploy` runs that very one. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "config/config.h"
#include "run/event.h"
#include "state/record.h"
#include "steps/kind.h"

struct change;		/* git/change.h */
struct changed_file;
struct changed_text;

enum plan_phase {
	PHASE_BEFORE,		/* before go-live, in parallel */
	PHASE_GO_LIVE,		/* the one stage that is the sync point */
	PHASE_BEHIND,		/* stages that need it */
};

struct plan_step {
	const char *stage, *name;	/* stage is "tasks" for a task */
	const struct step_config *config; /* of the step that it publishes, when half is that */
	bool selected;
	struct event_because because;	/* why, or why not */
	enum step_half half;	/* STEP_PUBLISH: of the step `of` */
	size_t of;			/* STEP_PUBLISH: index into plan->steps; else its own */
	/* A rollback publishes this; NULL: what this deploy prepared. */
	const struct record_artefact *kept;
	int64_t timeout;		/* ms, defaults applied; 0: none */
	int64_t estimate;		/* ms from past deploys; -1: not known */
	int open; /* 1: only the run can tell (a cache hit, an unchanged slug) */
};

struct plan_stage {
	const char *name;
	const struct stage_config *config;
	enum plan_phase phase;
	bool selected;			/* else it counts as done for who needs it */
	struct event_because because;
	size_t first, count;		/* its steps in plan->steps, those that publish are last */
	/* The graph as counters: a stage may start when `waits` of others are done; when it is
	 * done, one less for each in `frees` (indices into plan->stages). The go-live stage waits
	 * for every stage that is not behind it. */
	size_t waits;
	size_t *frees, free_count;
	int64_t estimate;		/* ms; -1: not known */
};

struct plan_task {
	const char *name;
	const struct task_config *config;
	bool deferred;
	struct plan_step step;		/* selected, because, estimate, timeout */
};

struct plan_guard {
	const char *name;
	enum event_status verdict;	/* STATUS_PASS, STATUS_WARN or STATUS_REFUSE */
	const char *reason;		/* NULL when it passes with nothing to tell */
	const char *override;		/* "--override size --reason TEXT", or NULL: none */
	bool overridden;		/* it would refuse, and --override names it */
	const char *override_reason;	/* ... with this --reason; else NULL */
	bool approvable;		/* it refuses, or warns, for want of an approval */
};

enum plan_risk { RISK_LOW, RISK_MEDIUM, RISK_HIGH };

/* A role is what a key of the roster proves, the lower of the live release's roster and the
 * target's. */
enum plan_role { PLAN_UNKNOWN, PLAN_TRAINEE, PLAN_MACHINE, PLAN_TRAINED };
struct plan_person {
	bool roster_has_keys;	/* either roster; false: everybody counts as trained */
	enum plan_role role;
	const char *name;	/* in the roster; NULL: no key of it was proven */
	const char *why;	/* why the role is no higher, without a full stop; or NULL */
	size_t trained_online;	/* trained others whose beacon counts now */
	const char *online;	/* their names, ", " between; or NULL */
};
/* Whether this person may override guards and deploy alone. */
bool plan_person_trained(const struct plan_person *person);

struct plan_approvals {
	size_t given;		/* by trained others, for this digest and environment */
	const char *by;		/* their names, ", " between; or NULL */
};

struct plan_because_list {
	VEC(struct event_because) list;
};

struct plan {
	const char *app, *env, *url, *branch;	/* url and branch may be NULL */
	const char *commit;		/* whole hash */
	const char *previous;		/* NULL on the first */
	char digest[65];
	const struct config *config;
	const struct change *change;	/* everything set: nothing is known to be live */
	bool nothing_to_do;		/* the commit is live already and nothing is owed */
	bool everything; /* everything counts as changed (first, --redeploy, unknown live) */
	const char *everything_reason;

	VEC(struct plan_stage) stages;	/* as written */
	VEC(struct plan_step) steps;	/* of all stages, stage by stage */
	VEC(struct plan_task) tasks;	/* as in config->pipeline->tasks */
	size_t go_live;			/* index of that stage */
	const struct record *rollback;	/* the release that is made live again; NULL: a deploy */
	int64_t deadline;		/* ms; 0: none */

	bool maintenance;
	/* maintenance_because: a path with the line (from 1) that made it necessary, or a flag */
	struct plan_because_list maintenance_because, risk_because;
	enum plan_risk risk;
	VEC(struct plan_guard) guards;
	struct text_list notes;
	struct text_list open;		/* what is decided at run time, a sentence each */
	int64_t estimate;		/* ms to the verdict; -1: not known */

	struct variables fingerprints;	/* SHIPIT_HASH_<NAME> and its value */
	VEC(struct record_owed) owed;	/* from earlier deploys, before this one */
	VEC(struct record_owed) withheld; /* needed, but left out by a flag: owed afterwards */
	int64_t lines_added, lines_removed, lines_counted;	/* -1: nobody counted them */
	struct arena *arena;
};

/* Makes an earlier release live again: its go-live stage alone, with what was kept of it. */
struct plan_rollback {
	const struct record *release;	/* NULL: this is no rollback */
	bool build;	/* something was not kept: what comes before go-live is run again */
	/* What cannot be taken back, a sentence each: steps marked irreversible, migrations that
	 * drop, rename or retype. */
	struct text_list irreversible;
	bool own;	/* what is rolled back is this person's own deploy */
};

struct plan_flags {
	struct text_list only, skip;	/* stages; STAGE.STEP or step names */
	struct text_list task, no_task;
	struct text_list override;
	const char *override_reason;
	bool redeploy;
	const char *maintenance;	/* "on", "off", "auto" or NULL */
	struct plan_rollback rollback;
};

/* What CI says of the commit (guards.ci). */
struct plan_ci {
	bool asked;		/* else: there is no such guard, or nobody can tell yet */
	bool refuses;
	bool pending;		/* ... for now: --wait waits for it */
	const char *reason;	/* a sentence without its stop */
};

/* What is known of the repository beside the change, for guards and notes. */
struct plan_facts {
	size_t dirty;			/* changed or untracked files that will not be deployed */
	bool unpushed;			/* the commit is on no branch of the remote */
	bool branch_allowed;		/* it is on a branch that the environment takes */
	const char *branch_wanted;	/* the glob */
	int64_t behind;  /* commits that the remote's branch has and this one has not;
					 * -1: not known */
	int64_t undone;	/* commits that are live by the records and not in this one; -1 unknown */
	struct plan_person person;
	struct plan_ci ci;
	/* Who holds the lease or a hold that refuses this deploy: who, where, since when, why, how
	 * far, what to type, in one sentence without its stop; NULL: nobody. */
	const char *lock;
	bool waits;		/* for what `lock` says (--wait) */
	bool live_known; /* false with previous set: its commit is not in the repository */
	const char *live_claimed;	/* what production itself says when it disagrees, or NULL */
	struct text_list notes;		/* what gathering the facts had to say */
	struct text_list open;		/* what depends on a command: "...: known at deploy" */
};

struct plan_input {
	const struct config *config;	/* of the target, with its pipeline */
	/* deploy.yml of the live release, whose guards, roster, branch and protected count too, the
	 * stricter of both; NULL: there is none, or it says the same. */
	const struct config *live_config;
	const struct change *change;	/* live to target, its lines counted */
	const char *everything_reason;	/* with change->everything: "nothing is live yet", ... */
	struct variables fingerprints;
	const char *commit, *previous, *branch;
	const struct record_list *records; /* newest first, may be empty; for owed, estimates */
	struct plan_flags flags;
	struct plan_facts facts;
	int64_t now;			/* ms */
	/* Reads a changed file; called only for files that a rule asks for. The result lives in
	 * the plan's arena. NULL: no file is looked into. */
	int (*read_file)(void *context, const struct changed_file *file, struct changed_text *text,
			 struct error *err);
	/* Who approved the plan of that digest; called by more than one guard. NULL: nobody. */
	int (*approvals)(void *context, const char digest[65], struct plan_approvals *approvals,
			 struct error *err);
	void *context;			/* of both */
};

/* NULL with err, or with everything that is wrong with the graph in diagnostics. */
struct plan *plan_new(struct arena *arena, const struct plan_input *input,
		      struct diagnostics *diagnostics, struct error *err) MUST_USE;

/* Finds every mistake of the graph without needing a change: for check. 0 or -1. */
int plan_check(struct arena *arena, const struct pipeline *pipeline,
	       struct diagnostics *diagnostics);

/* The object of `plan --json` (spec 6); a new reference. */
json_t *plan_to_json(const struct plan *plan);
struct plan_text_options {
	int columns;		/* of the terminal; 0: as wide as it gets */
	bool color, verbose;
	int64_t now;
};
void plan_to_text(const struct plan *plan, const struct plan_text_options *options,
		  struct buffer *out);
/* The index of a guard that refuses and is not overridden, or -1. */
int plan_refused(const struct plan *plan);
/* 0, or -1 (EXIT_REFUSED) with all that refuse and are not overridden, and the flags to type. */
int plan_check_guards(const struct plan *plan, struct error *err) MUST_USE;
const char *plan_risk_name(enum plan_risk risk);
/* "api/x.py matches api/", "forced by --task", ... in one line. */
void plan_because_text(const struct event_because *because, struct buffer *out);
/* STAGE.STEP whose output a step of a rollback's go-live stage would read, though nobody kept it:
 * with plan_rollback.build it is made again. NULL: there is none. */
const char *plan_lost_use(const struct plan *plan, const struct plan_step *step);
/* The step "STAGE.STEP", or NULL. */
const struct plan_step *plan_find_step(const struct plan *plan, const char *name);
