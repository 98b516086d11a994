/* A step kind: what a pipeline can ask for. One file a kind, one line in table.c. */
#pragma once
#include "config/config.h"
#include "proc/child.h"

struct event_hub;
struct hosts;
struct loop;
struct redactor;
struct smoke_check_result;

/* Before go-live a step only prepares, the go-live stage publishes; from there on, and for kinds
 * with one half, it does both at once. */
enum step_half { STEP_WHOLE, STEP_PREPARE, STEP_PUBLISH };

struct step_outcome {
	bool ok;
	struct child_exit exit;		/* of a command; code -1 and signal 0 when there was none */
	const char *reason;		/* why it failed, or what is worth saying; may be NULL */
	bool unchanged;			/* ok, and there was nothing to do: reason says why */
	/* STEP_PREPARE, STEP_WHOLE: where what it made is kept, for a rollback to publish it again;
	 * NULL: nothing is. */
	const char *place;
	/* Of what ended ok all the same: a sentence on what did not go well, which stands in the
	 * record and in the last lines; or NULL. */
	const char *remark;
};

/* What kinds need of the deploy around them. */
struct step_services {
	struct expand_lookup values;	/* ${NAME}: a var or a secret */
	/* The commit with which a stage last went live, or NULL. */
	const char *(*stage_commit)(void *context, const char *stage);
	/* The verdict on one check, for the event smoke.check. */
	void (*smoke_checked)(void *context, const struct smoke_check_result *check);
	const struct redactor *redactor;	/* events and output pass through it anyway */
	struct hosts *hosts;	/* NULL outside a deploy */
	void *context;
};

/* What a kind is given. All of it outlives the step. */
struct step_request {
	struct loop *loop;
	struct arena *arena;		/* of this attempt */
	const struct config *config;
	const struct step_config *step;
	enum step_half half;
	const char *id, *commit;
	/* ID of the deploy that prepared what is published: `id`, or in a rollback an earlier
	 * one. */
	const char *release;
	/* Publishing, and taking it back: where the other half kept what it made; NULL: unknown. */
	const char *place;
	const struct variables *fingerprints;	/* SHIPIT_HASH_<NAME> */
	const char *const *environment;	/* complete, NULL-terminated */
	/* What of it another machine may know too: no part of this machine's own. */
	const char *const *handed;
	const char *directory;		/* absolute */
	const char *root;		/* of the checkout */
	int64_t grace;
	bool patient;			/* the first stop asks (SIGTERM) and does not insist */

	const struct step_services *services;
	struct event_hub *events;	/* for smoke.check and messages */
	/* What the kind calls: */
	void (*output)(void *context, enum child_stream stream, const char *bytes, size_t length);
	void (*started)(void *context, int64_t pid, int64_t pid_started); /* for the journal */
	void (*done)(void *context, const struct step_outcome *outcome);  /* once, the last call */
	void *context;
};

struct step_kind {
	const char *name;
	bool two_halves;
	/* Two halves: whether what `release` prepared can be published from this machine. False
	 * with err: why not, and where it is kept by artefact's words. */
	bool (*kept)(const struct step_request *request, const char *place, struct error *err);
	/* Two halves: takes the publishing back, when the go-live stage failed behind it; as start.
	 * NULL: the step's `undo` alone can. */
	void *(*undo)(const struct step_request *request, struct error *err);
	bool harmless;		/* changes nothing: a failed go-live stage need not undo it */
	bool (*is_harmless)(const struct step_config *step);	/* ... this one; may be NULL */
	/* Starts it; NULL with err when it cannot be started, done is not called then. done may be
	 * called before start returns only through the loop. */
	void *(*start)(const struct step_request *request, struct error *err);
	/* Removes what no release needs any more, behind the verdict of a deploy that went well; as
	 * start. NULL: there is nothing to remove. */
	void *(*prune)(const struct step_request *request, struct error *err);
	/* Whether only the run can tell if it has anything to do. NULL: it always has. */
	bool (*open)(const struct step_config *step);
	/* What the tables of keys cannot tell is wrong with it; may be NULL. */
	void (*check)(const struct step_config *step, struct diagnostics *diagnostics);
	/* Ends it: the first call asks, the second insists. done still comes. */
	void (*stop)(void *running);
	/* Adds what it would do, in one line, for `plan`, drills and the ui. */
	void (*describe)(const struct step_config *step, struct buffer *out);
};

/* Whether a kind may stand before go-live says its row in config's table (step_kind_keys.acts). */
extern const struct step_kind step_kinds[];
extern const size_t step_kind_count;
/* NULL when this version cannot run it. */
const struct step_kind *step_kind_find(const char *name);
/* For config_options: the key tables of the kinds that can be run. */
const struct step_kind_keys *step_kind_rows(struct arena *arena, size_t *count);

/* A command as kind run starts it: for undo, rollback and on_failure too. */
void *step_command_start(const struct step_request *request, const struct command_text *command,
			 struct error *err);
void step_command_stop(void *running);
/* What a rollback runs in place of the step, or NULL: nothing was written. */
const struct command_text *step_rollback(const struct step_config *step);
