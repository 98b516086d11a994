/* What the files of maintenance share: halts, their kinds, one act of one halt. */
#pragma once
#include "proc/child.h"
#include "run/maintenance.h"

struct halt;

enum halt_runs { HALT_RUNS, HALT_PARTLY, HALT_STANDS, HALT_UNKNOWN };
enum halt_act { HALT_LOOK, HALT_STOP, HALT_START };

/* One row a kind: what is run for an act, and what the answer to a look means. */
struct halt_kind {
	const char *name;
	bool blind; /* nobody can look whether it runs */
	/* Texts live in the arena. */
	struct command_text (*command)(struct arena *arena, const struct halt *halt,
				       enum halt_act act);
	/* After a look; reason (set for HALT_UNKNOWN) lives in the arena. */
	enum halt_runs (*judge)(struct arena *arena, struct halt *halt,
				const struct child_exit *ended, const char *output,
				const char **reason);
};
/* NULL: this version has none of that name. */
const struct halt_kind *halt_kind_find(const char *name);

struct halt {
	struct maintenance *maintenance;
	const struct halt_kind *kind;
	const char *name;
	struct command_text stop, start, running_if; /* kinds run and page */
	struct text_list units;                      /* systemd */
	VEC(bool) active;                            /* of the units at the last look */
	int64_t timeout;

	bool kept;    /* somebody else keeps it stopped */
	bool wanted;  /* maintenance_on is about to stop it */
	bool stopped; /* it is stopped, or may be: it must be started again */
	bool failed;  /* the last act did */
	enum halt_runs runs; /* at the last look */
	const char *reason;  /* why it failed, or cannot be told */
	const char *log;

	/* The act under way: */
	enum halt_act act;
	int tries; /* how often its command was run */
	const char *problem; /* how that failed, the last time */
	bool late, hurried;
	struct child *command, *look;
	struct loop_timer *deadline, *look_limit, *again;
	int64_t begun, pause;
	int64_t logged; /* bytes of the log that were there before the command */
	struct buffer answer;
};

struct maintenance {
	struct maintenance_options options;
	struct halt *halts; /* in the order in which they are stopped; the page first */
	size_t count;
	bool together;
	size_t active; /* acts under way */
	int signals;
	struct maintenance_failure failure;
};

/* Begins an act; the loop is stopped when none is under way any more. */
void halt_begin(struct halt *halt, enum halt_act act);
/* After a look: only what ran of it will be stopped. */
void halt_narrow(struct halt *halt);
/* A second or third signal: what runs is asked, then made to end. */
void halt_hurry(struct halt *halt);
/* A new reference: what is needed to start it again. */
json_t *halt_json(const struct halt *halt);
