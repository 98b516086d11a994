/* The hold on an environment (entry "hold"): nobody deploys until it is ended by `unlock`, or by
 * itself at the time that was given. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/store.h"

#define HOLD_ENTRY "hold"

struct hold {
	const char *by, *host, *reason; /* reason may be NULL */
	const char *id;  /* of the rollback that put it; NULL: `shipit lock` did */
	int64_t since;   /* ms */
	int64_t until;   /* ms; 0: until unlocked */
	char version[STORE_VERSION_SIZE]; /* "" when there is none in the store */
};

/* After store_fetch: 1 and *hold when one is in force at the time now (ms), else 0 (hold->version
 * is that of one that is over, to be replaced), -1 when the store cannot be read. A damaged one is
 * in force, by nobody. */
int hold_read(struct store *store, struct arena *arena, const char *env, int64_t now,
	      struct hold *hold, struct error *err) MUST_USE;
/* The entry's value for a store_change whose expected version is that of hold_read: a new
 * reference. */
json_t *hold_to_json(const struct hold *hold);
/* Puts it in place of the version that hold->version names. 0, 1 somebody was quicker, -1. */
int hold_put(struct store *store, const char *env, struct hold *hold,
	     struct error *err) MUST_USE;
