/* start.json in a deploy's folder: whose process runs it, and what it takes to make the same plan
 * once more. Never a secret. */
#pragma once
#include "plan/plan.h"
#include "state/deploys.h"

struct start {
	const char *env, *command;	/* "deploy", "rollback", "task" */
	const char *deployer, *host;
	const char *commit, *previous;	/* previous NULL: nothing was live */
	const char *recorded;		/* what the records said is live, be --from what it may */
	const char *from;		/* --from, or NULL */
	const char *claimed;		/* what production itself said is live, when it disagreed */
	const char *branch;		/* may be NULL */
	const char *release;		/* of a rollback: the one that it makes live again */
	bool build;			/* ... and builds */
	bool locks;			/* ... and locks the environment behind it */
	const char *rollback; /* ID of the rollback that the failed smoke test began; or NULL */
	const char *machine;		/* machine_name */
	int64_t pid, pid_started;
	struct plan_flags flags;
	struct variables answers;	/* to the pipeline's `ask` */
};

/* Written whole and synced; machine, host and pid are filled in: this process runs it now. */
int start_write(const struct deploy_folder *folder, struct start *start,
		struct error *err) MUST_USE;
/* Says in a deploy's start.json that the rollback of that ID has begun. */
int start_note_rollback(struct arena *arena, const struct deploy_folder *folder, const char *id,
			struct error *err) MUST_USE;
/* 1; 0 when there is none (a deploy of an older shipit); -1. Texts live in the arena. */
int start_read(struct arena *arena, const struct deploy_folder *folder, struct start *start,
	       struct error *err) MUST_USE;
/* Whether its process still runs on this machine. */
bool start_runs(const struct start *start);
