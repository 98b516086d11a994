/* What stays halted: noted in the store with a deploy's record, so that `maintenance off` can start
 * it, and shown. */
#pragma once
#include "commands/holding.h"
#include "commands/listing.h"
#include "state/halted.h"

/* What is halted in env just now: by the entry, or (in its place) by the deploy that runs or died.
 * 1, 0 nothing, -1. Release it. */
int halted_now(struct session *session, const char *env, const struct lock_facts *lock,
	       struct halted *halted, struct error *err) MUST_USE;
/* "maintenance since 2026-11-23 14:22 (3h ago) by ann: cron, workers (reason)" */
void halted_text(struct listing *listing, struct arena *arena, const struct halted *halted,
		 int64_t now);
/* The object of `status --json`, null when nothing is halted: a new reference. */
json_t *halted_status_json(const struct halted *halted);

/* halted_read under a lease. */
int halted_look(struct holding *holding, struct halted *halted, struct error *err) MUST_USE;
/* With the store of who holds the lease, borrowed: adds to changes what is to be written so that
 * left (a list of halts, may be NULL) is known; how many it added, 0 or 1. note keeps what the
 * change needs until it is written. */
size_t halted_note_change(const struct session *session, struct store *store, const char *id,
			  const json_t *left, struct halted *note, struct store_change *change);
