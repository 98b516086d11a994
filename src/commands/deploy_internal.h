/* A deploy under way: what the files that carry it out share. */
#pragma once
#include "commands/deploy_run.h"
#include "commands/halted_note.h"
#include "run/run.h"
#include "state/deploys.h"

struct announcer;

struct deploy {
	struct session *session;
	const struct plan *plan;
	struct deploy_folder folder;
	struct event_hub own_hub, *hub;
	struct run_options options;
	struct record record;
	size_t durations;	/* of the result that are in the record */
	struct holding *holding;
	struct halted halted;	/* in the store before the deploy, and with its record */
	const json_t *left;	/* halts that are still stopped at the verdict */
	bool tasks_alone, deferring, unrecorded;
	struct store *store;	/* while the record is written */
	bool hold, locks, locked;	/* a rollback is to lock the environment, does, did */
	const struct rollback_within *within;	/* NULL: a command of its own */
	const struct deploy_again *again; /* NULL: it begins */
	struct announcer *announcer;	/* may be NULL */
	json_t *stopped;	/* halts that its earlier run stopped */
	struct run_result result;
};

/* deploy_record.c. For run_options.verdict: the record goes to the store and beside the logs. */
int deploy_on_verdict(void *context, struct run_result *result, struct error *err);
/* What was deferred is done now, or failed: the record said that it is owed, so what is left is
 * said. */
void deploy_record_deferred(struct deploy *deploy, const struct run_result *result);
