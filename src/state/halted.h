/* What stays halted between commands (entry "maintenance"): `maintenance on` stopped it, or a
 * deploy could not start it again. `maintenance off` ends it. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/store.h"

#define HALTED_ENTRY "maintenance"

struct halted {
	const char *by, *host, *reason; /* reason may be NULL */
	const char *id; /* of the deploy that left it so; NULL: `maintenance on` */
	int64_t since;  /* ms, by the clock of who wrote it */
	bool together;  /* as deploy.yml had it */
	json_t *halts;  /* a reference: a list as in run/maintenance.h; NULL: nothing is halted */
	char version[STORE_VERSION_SIZE]; /* "" when there is none in the store */
};
/* Drops halts; fine on a zeroed one. */
void halted_release(struct halted *halted);

/* After store_fetch: 1 and *halted when something is, 0 when not, -1 when it cannot be read. */
int halted_read(struct store *store, struct arena *arena, const char *env, struct halted *halted,
		struct error *err) MUST_USE;
/* The names in it, with commas. */
const char *halted_names(struct arena *arena, const struct halted *halted);
/* Adds the halts of list that are not in it already. */
void halted_add(struct halted *halted, const json_t *list);
/* Puts it in place of the version that it names; without halts the entry goes. Its value is a new
 * reference of the caller's. */
struct store_change halted_change(const struct halted *halted);
/* That change alone. 0, 1 somebody was quicker, -1. */
int halted_put(struct store *store, const char *env, struct halted *halted,
	       struct error *err) MUST_USE;
