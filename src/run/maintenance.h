/* Maintenance: what is stopped around go-live, seen to have stopped, and always started again. A
 * halt is described by one JSON object, which is all that anybody needs to start it again: the
 * journal's maintenance.intent holds it, the lease's work and the state's entry "maintenance" hold
 * lists of them:
 *
 *	{"halt": "cron", "kind": "run", "timeout_ms": 60000,
 *	 "start": "CMD" or ["ARGUMENT", ...], "running_if": likewise}
 *	{"halt": "beat", "kind": "systemd", "timeout_ms": 60000, "units": ["celery-beat"]}
 *	{"halt": "page", "kind": "page", "timeout_ms": 60000, "start": CMD}
 *
 * `units` are those that ran. The page is a halt like others: stopping it shows it, starting it
 * takes it away; nobody can look whether it is shown.
 *
 * Each command's process is in the journal as step.process with stage "maintenance", the halt as
 * step, and the action "stop" or "start": a stop that outlived shipit must have ended before
 * anything is started. */
#pragma once
#include <jansson.h>

#include "config/config.h"
#include "run/event.h"

struct journal;
struct loop;
struct maintenance;

#define MAINTENANCE_STAGE "maintenance" /* of its processes, output and failures */
#define MAINTENANCE_PAGE "page"         /* the page's name as a halt; no other may have it */

struct maintenance_options {
	struct loop *loop;
	struct arena *arena;
	struct event_hub *events;
	struct journal *journal; /* synced before anything is stopped; NULL: there is none */
	const char *directory;   /* absolute: where commands run */
	const char *const *environment;
	/* Absolute, exists: commands write to LOGS/maintenance.NAME.log themselves, so that what
	 * they leave running can go on writing. */
	const char *logs;
	int64_t grace; /* ms from SIGTERM to SIGKILL; 0: CHILD_GRACE */
	/* Halts (their JSON) that somebody else keeps stopped: they are let alone, unless they run
	 * by now. May be NULL. */
	const json_t *kept;
	/* ... and such as we stopped ourselves, in an earlier run: they count as stopped. */
	const json_t *stopped;
	/* What runs is known (maintenance_json tells), nothing is stopped yet. -1 with err:
	 * nothing will be. Not called when nothing runs. May be NULL. */
	int (*announce)(void *context, struct error *err);
	/* Asked before each is stopped; false: nothing more is. May be NULL. */
	bool (*may_go_on)(void *context);
	/* Something was stopped or started: maintenance_json tells what is left. May be NULL. */
	void (*changed)(void *context);
	void *context;
};

/* 0, or -1 with EXIT_USAGE when there are halts that this version cannot stop. */
int maintenance_check(const struct maintenance_config *config, struct error *err) MUST_USE;
/* Of the config; nothing is looked at yet. options need not outlive the call, what they point to
 * must. Lives in options->arena. */
struct maintenance *maintenance_new(const struct maintenance_config *config,
				    const struct maintenance_options *options);
/* Of what somebody stopped: a list of halts as maintenance_json gives it, each counts as stopped.
 * NULL with err when it is none. list need not outlive the call. */
struct maintenance *maintenance_from_json(const json_t *list, bool together,
					  const struct maintenance_options *options,
					  struct error *err) MUST_USE;

/* Looks what runs, then stops that, in order, and sees that it has stopped. Runs the loop
 * meanwhile. 0; -1: something could not be stopped (err says what), or maintenance_interrupt was
 * called or may_go_on said no (err is empty then). What was stopped until then is for
 * maintenance_off. */
int maintenance_on(struct maintenance *maintenance, struct error *err) MUST_USE;
/* Starts what maintenance_on (or whoever made the list) stopped, in reverse, and sees that it
 * runs; what runs already is not started twice. One that fails keeps no other from its start. 0,
 * or -1: what does not run is shouted about in events, and maintenance_json has it. */
int maintenance_off(struct maintenance *maintenance);
/* A signal came: nothing more is stopped; from the second on a running command is ended (the
 * second asks, the third kills). What was stopped is started all the same. */
void maintenance_interrupt(struct maintenance *maintenance);

/* The halts that are stopped, or may be, in the order of their stopping: a new reference. */
json_t *maintenance_json(const struct maintenance *maintenance);
/* Their names. */
struct text_list maintenance_stopped(const struct maintenance *maintenance);
/* The first that failed (its log may be NULL), or NULL. */
struct maintenance_failure {
	const char *halt, *reason, *log;
};
const struct maintenance_failure *maintenance_failed(const struct maintenance *maintenance);
/* Whether the config itself starts the halt of that JSON object so: what the state store says is
 * written by whoever can push there, and is run only when it is the same or somebody agrees. */
bool maintenance_knows(const struct maintenance_config *config, const json_t *halt);
/* What to type to start the halt of that JSON object by hand, as a shell takes it; "" when it is
 * no halt. */
void maintenance_command(const json_t *halt, struct buffer *out);
