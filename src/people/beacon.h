/* Beacons: a trained deployer is there, and says so with his signature, in the state store of an
 * environment, for as long as he said. */
#pragma once
#include <jansson.h>

#include "people/roster.h"

struct store;

#define BEACON_LONGEST INT64_C(43200000) /* 12 h: nobody is there for longer */
/* A beacon from a clock that runs this far ahead of the reader's still counts. Its end is judged by
 * the reader's clock alone. */
#define BEACON_TOLERANCE INT64_C(300000)

struct beacon {
	const char *name; /* of the person in the roster */
	struct public_key key;
	int64_t since, until; /* ms since 1970 */
};
struct beacon_list {
	VEC(struct beacon) list;
};

struct beacon_place {
	struct store *store; /* fetched */
	const char *app, *env;
};

/* Puts one's own beacon in the place of the one before. 0 or -1. */
int beacon_put(const struct beacon_place *place, const struct beacon *beacon,
	       const struct secret_key *key, struct error *err) MUST_USE;
/* Takes it away; fine when there is none. */
int beacon_drop(const struct beacon_place *place, const struct public_key *key,
		struct error *err) MUST_USE;
/* Whether the entry is the word of that key's owner that he is there now; fills since and until. */
bool beacon_counts(const json_t *value, const struct beacon_place *place,
		   const struct public_key *key, int64_t now, struct beacon *beacon);
/* Who is online now: beacons by keys of the rosters, of whatever role, that are signed, for this
 * app and environment, and not over. What is damaged, forged or a stranger's counts for nothing. */
void beacons_read(struct arena *arena, const struct beacon_place *place,
		  const struct rosters *rosters, int64_t now, struct beacon_list *online);
