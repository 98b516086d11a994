/* A deploy under way: what the files of run/ share. */
#pragma once
#include "base/map.h"
#include "crypto/redact.h"
#include "plan/plan.h"
#include "run/journal.h"
#include "run/keeper.h"
#include "run/past.h"
#include "run/run.h"
#include "services/trace.h"
#include "steps/kind.h"

struct run;
struct run_stage;
struct step_attempt;

struct run_step {
	struct run *run;
	struct run_stage *stage;
	const struct step_config *config;
	const struct plan_step *plan;	/* NULL: an undo or on_failure step */
	const struct command_text *command;	/* runs in place of the kind; NULL: nothing does */
	bool aside;	/* undo and prune stand outside their stage's order */
	/* What an aside starts of its kind; NULL: command */
	void *(*start)(const struct step_request *request, struct error *err);
	const struct run_past_step *past; /* what an earlier run of this deploy did of it */
	const char *name, *action;
	enum step_half half;
	int64_t timeout, estimate;	/* ms; 0, -1: none */
	int64_t begun, duration;
	const char *place;		/* where what it prepared is kept; or NULL */
	struct step_attempt *attempt;	/* the one under way */
	struct run_step *next;		/* in the queue */
	int attempts;
	char span[17];			/* of the attempt, in the trace */
	enum event_status status;	/* STATUS_NONE until it has ended */
	const char *unchanged;		/* skipped: there was nothing to do, for this reason */
	bool started;			/* something of it really ran */
	bool queued, active, stopping;
	bool undo_begun, undone;
};

struct run_stage {
	const char *name;
	const struct plan_stage *plan;	/* NULL: tasks, deferred, on_failure */
	struct run_step *steps;
	size_t count, next, active;	/* next: the first that was not queued or settled */
	size_t waits;
	bool parallel, started, finished, failed;
	int64_t begun, duration;
	const char *unchanged;	/* all its steps were skipped, for there was nothing to do */
	struct variables outputs;
	const char *const *environment;	/* of its steps, built when it starts */
};

enum run_phase {
	RUN_BEFORE, RUN_COUNTDOWN, RUN_HALTING, RUN_GO_LIVE, RUN_BEHIND, RUN_UNDO, RUN_STARTING,
	RUN_SMOKE, RUN_TASKS, RUN_FAILURE, RUN_DEFERRED,
};

struct run {
	const struct plan *plan;
	const struct run_options *options;
	struct run_result *result;
	struct loop *loop;
	struct arena *arena;
	struct event_hub *events;
	struct journal *journal;
	enum run_phase phase;
	int64_t begun;			/* monotonic */
	struct run_stage *stages;	/* as in the plan */
	struct run_stage tasks, deferred, on_failure;
	struct run_step *first, **last;	/* the queue */
	size_t running, jobs;
	bool pumping;
	bool cancelled;			/* nothing new starts in this phase */
	bool journal_told, tasks_alone, recovers;
	int signals;			/* in this phase */
	VEC(struct run_step *) touched;	/* go-live steps in the order of their start */
	const char *const *environment;	/* what all steps share */
	struct variables extra;		/* for on_failure */
	struct map secrets;
	struct redactor *redactor;
	struct step_services services;
	struct text_list unreadable;	/* secrets that nobody needs, and that cannot be read */
	bool looking;			/* no secret is read any more */
	bool told_begun, told_ready;
	bool notify_waits;	/* a command is not run for its secrets yet */
	struct text_list exposed;	/* secrets too short to be kept out of the output */
	bool rollback_unwell;		/* it left something that is not well */
	bool lost;			/* something was started that the plan knows no more */
	struct maintenance *maintenance;	/* NULL: nothing is halted in this run */
	bool halts_over;		/* they are started again, or held */
	struct smoke *smoke;
	struct loop_timer *deadline, *tick, *countdown;
	int seconds;			/* of the countdown, left */
	struct foghorn *foghorn;
	struct run_step *undoing;
	bool smoke_over;
	int64_t smoke_duration;		/* ms; -1: it did not pass */
	bool waiting;			/* loop_run is for something other than steps */
	bool deadline_over;
	struct trace trace;
};

/* run.c */
/* The first failure is the verdict's cause; later ones are only consequences. */
void run_fail(struct run *run, const char *stage, const char *step, const char *reason,
	      const char *log);
void run_fail_with(struct run *run, const struct error *err);	/* ... and its hint is advice */
/* For the beginning and the end of a deploy. Of one within another they stand in the journal
 * alone: for who watches, that other one begins and ends. */
void run_emit_frame(struct run *run, struct event *event);
bool run_production(const struct run *run);	/* from the go-live stage on */
/* Whether the lease still holds, asked before each step that may change production; else nothing
 * more is started. */
bool run_may_go_on(struct run *run);

/* stages.c */
void stages_build(struct run *run);	/* also tasks, deferred ones and on_failure */
/* Where what a step publishes, or takes back, is kept; or NULL. */
const char *step_kept_place(const struct run_step *step);

/* resume.c */
/* Before the first event: what was done already counts. */
void resume_begin(struct run *run);
/* Nothing is to be done for it: it is finished, or its stage went live without it. */
bool resume_has(const struct run_step *step);
/* ... and so it ends, by its event, with what it had handed on. */
void resume_settle(struct run_step *step);
/* The verdict was "ok" before it was interrupted: only deferred steps are left. */
bool resume_verdict(const struct run *run);
/* All that was begun, without events: for a deploy that is only recovered or put to its end. */
void resume_settle_all(struct run *run);

/* work.c */
/* The lease's work, in the store before anything of it happens; -1: it must not happen. */
int work_set(struct run *run, enum lease_phase phase, struct error *err) MUST_USE;
int work_step(struct run_step *step, struct error *err) MUST_USE; /* ... that step of go-live */
void work_note(struct run *run);	/* something of it has changed: soon in the store */

/* scheduler.c */
/* Runs all stages of a phase (or one alone) until nothing more can run. */
void schedule_phase(struct run *run, enum plan_phase phase);
void schedule_stage(struct run *run, struct run_stage *stage);
void schedule_ended(struct run_step *step);	/* from step_run.c */
/* Starts nothing new; stop: and ends what runs. */
void schedule_cancel(struct run *run, bool stop);
void schedule_stop_running(struct run *run);

/* step_run.c */
void step_begin(struct run_step *step);
void step_stop(struct run_step *step);
const char *step_log_path(struct run_step *step, struct arena *arena);

/* step_env.c */
int environment_prepare(struct run *run, struct error *err) MUST_USE;
const char *const *environment_stage(struct run *run, struct run_stage *stage);
const char *const *environment_step(struct run_step *step, struct arena *arena,
				    struct error *err) MUST_USE;
/* Reads what the step wrote to SHIPIT_OUTPUT into its stage's outputs. */
int outputs_read(struct run_step *step, struct arena *arena, struct error *err) MUST_USE;
const char *outputs_path(struct run_step *step, struct arena *arena);
/* What of a step's environment hosts are told: neither this machine's own nor paths in it. */
const char *const *environment_handed(struct arena *arena, const char *const *environment);

/* secrets.c */
/* A secret's value, read once and kept out of all output from then on; NULL with err. */
const char *run_secret(struct run *run, const char *name, struct error *err);
/* For ${NAME} where a kind or the smoke test expands: a var, then a secret. */
const char *run_value(void *run, const char *name);
/* Before anything of a run: what steps may ask for; secrets_release ends it. */
void secrets_begin(struct run *run);
/* Before anything runs: what the plan needs from variables must be there. */
int secrets_check(struct run *run, struct error *err) MUST_USE;
/* Before go-live: what the rest of the plan needs is read. */
int secrets_ready(struct run *run, struct error *err) MUST_USE;
/* What markers and messages need: what cannot be read is told, and fails nothing. */
void secrets_ready_outside(struct run *run);
/* What messages alone need; false: a command would have to be run for it. */
bool secrets_ready_notify(struct run *run);
void secrets_tell(struct run *run);	/* of what cannot be hidden */
void secrets_release(struct run *run);
/* text without secrets, in the run's arena; NULL for NULL. */
const char *run_redacted(struct run *run, const char *text);
/* NAME=value and NAME<<WORD lines; texts live in arena. */
int outputs_parse(struct arena *arena, const char *bytes, size_t length, struct variables *outputs,
		  struct error *err) MUST_USE;

/* telling.c */
void telling_begin(struct run *run);	/* it has been told to who reads the events */
void telling_ready(struct run *run);	/* before go-live */
void telling_passed(struct run *run);	/* live, and well */
void telling_wait(struct run *run);	/* nothing else is left to do */

/* halting.c */
int halts_prepare(struct run *run, struct error *err) MUST_USE;	/* nothing is run yet */
bool halts_stop(struct run *run);	/* false: go no further; halts_start comes all the same */
/* Starts them again, unless a failed undo holds them; once, however often it is called. */
void halts_start(struct run *run);
void halts_interrupt(struct run *run);
void halts_advise(struct run *run);	/* what to type for those that are still stopped */

/* go_live.c */
int go_live_announce(struct run *run);		/* countdown, foghorn; -1 when interrupted */
/* The store knows that production may change from now on, and nobody has overtaken us. */
int go_live_intend(struct run *run, struct error *err) MUST_USE;
void go_live_begin(struct run *run);	/* from now on it does */
void go_live_end_sound(struct run *run);
bool go_live_undo(struct run *run);		/* true: everything was undone */
bool go_live_can_undo(const struct run *run);	/* whether nothing would be left of it */
void go_live_prune(struct run *run);		/* what no release needs any more */
void run_touch(struct run_step *step);	/* it may change production from now on */
bool step_has_undo(const struct run_step *step);
bool step_is_harmless(const struct run_step *step);	/* no undo is missed */
void smoke_phase(struct run *run);
void run_smoke_checked(void *run, const struct smoke_check_result *check);
/* The commit with which a stage last went live: this one, when the plan has it. */
const char *run_stage_commit(void *run, const char *stage);

/* finish.c */
/* What a step says that ended ok and was not all well. */
void run_remark(struct run_step *step, const char *remark);
void finish_failure_steps(struct run *run);
void finish_result(struct run *run);
/* What a rollback to this release will need, or must not pass. */
void finish_release(struct run *run);
void finish_recovery(struct run *run);	/* in its place when the deploy is only recovered */
void finish_verdict(struct run *run);
void finish_owed(struct run *run, bool last);
