/* What a deploy had done when it ended or died, read from its journal: for resume and recover. */
#pragma once
#include <jansson.h>

#include "run/event.h"

struct run_past_step {
	const char *stage, *name;	/* stage is "tasks" for a task */
	const char *action;		/* NULL, "prepare", "publish" */
	/* Of its last attempt; STATUS_NONE: it was under way, nobody knows how it ended. */
	enum event_status status;
	/* It was started behind the event go_live and before the go-live stage had ended. */
	bool go_live;
	bool undoing, undone;	/* its undo was started; ... and ended ok */
	bool again, done;	/* somebody said: run it again, take it as done */
	const char *place;	/* where what it prepared is kept; or NULL */
	int64_t attempt, duration;
	int64_t pid, started;	/* of what it (or its undo) left running perhaps; 0: nothing did */
};

enum run_past_halt_state { PAST_HALT_INTENT, PAST_HALT_ON, PAST_HALT_OFF };

struct run_past_halt {
	const char *name;
	const char *how;	/* JSON: how to start it again (run/maintenance.h); may be NULL */
	enum run_past_halt_state state;	/* the last that the journal says */
	int64_t pid, started;	/* of the command that stopped or started it last */
};

struct run_past {
	const char *id, *env, *commit, *previous, *deployer, *plan;	/* previous may be NULL */
	bool tasks_only;
	bool elsewhere;		/* made of a lease's work: the journal is on another machine */
	int phase;		/* ... and the enum lease_phase that it had come to */
	int64_t started;	/* ms: the first deploy.started; 0: nothing was begun */
	int64_t ended;		/* ms: the last event of all */
	uint64_t seq;		/* of the last event; who goes on counts from there */
	bool go_live;		/* production may have been changed */
	int64_t live_at;	/* ms: since then; 0: not known */
	struct text_list told;	/* names of the markers that were told */
	const char *go_live_stage;	/* NULL: it was not started */
	bool live;		/* ... and ended ok: the commit is live */
	bool undoing;		/* an undo was started */
	bool verdict;		/* deploy.finished is there, with: */
	enum event_status status;
	bool deferred;		/* deferred.finished is there: nothing is left to do */
	VEC(struct run_past_step) steps;	/* in the order of their first start */
	VEC(struct run_past_halt) halts;	/* in the order of their first intent */
	size_t bad;		/* lines that are no events; a torn last one is not counted */
};

/* Reads the journal (a file that is not there is an empty one). Texts live in the arena. NULL with
 * err when it cannot be read. */
struct run_past *run_past_read(struct arena *arena, const char *path,
			       struct error *err) MUST_USE;
/* The same from its bytes. */
struct run_past *run_past_parse(struct arena *arena, const char *bytes, size_t length);

/* From the `work` of its lease (work.h), where the journal is on another machine. phase: an
 * enum lease_phase. NULL work: nothing is known to have been started. */
struct run_past *run_past_from_work(struct arena *arena, const json_t *work, int phase);

/* NULL when it was never started. action NULL: of the step's whole. */
struct run_past_step *run_past_find(const struct run_past *past, const char *stage,
				    const char *name, const char *action);
/* Its outcome is known, it ended well and was not undone since: not to be run again, unless
 * `again` is set (what it built is gone). */
bool run_past_finished(const struct run_past_step *step);
/* Nobody knows how it ended, and nobody has said what to do about it. */
bool run_past_unknown(const struct run_past_step *step);
/* It changed production perhaps, and was not undone. */
bool run_past_touched(const struct run_past_step *step);
/* Its process, when it was started by this very boot of the machine, still runs. */
bool run_past_survives(const struct run_past_step *step);
/* The halts that are stopped, or may be, in the order of their stopping, as a list of JSON (a new
 * reference); those whose start is not known are left out. */
json_t *run_past_stopped(const struct run_past *past);
/* "STAGE.STEP" (or "STEP" when only one is called so) was under way: take it as done, or run it
 * again. -1 (EXIT_USAGE) when none of that name was. */
int run_past_answer(struct run_past *past, const char *name, bool done,
		    struct error *err) MUST_USE;
