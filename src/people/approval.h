/* A plan that waits for others: the request that a refused deploy leaves, and what trained people
 * sign for it. An approval is of one digest in one environment, holds for a day, and is used up by
 * the deploy that it lets through: its entry goes, and the record names it for good. */
#pragma once
#include <jansson.h>

#include "people/roster.h"
#include "state/record.h"
#include "state/store.h"

#define APPROVAL_HOLDS INT64_C(86400000) /* 24 h */

struct request {
	const char *id;      /* like a deploy's */
	const char *digest;  /* of the plan */
	const char *commit;  /* what it would deploy */
	const char *from;    /* --from, or NULL */
	const char *deployer; /* a label: proves nothing */
	int64_t at;
	struct plan_flags flags; /* with which that plan comes out again */
	const json_t *plan;      /* as it was shown, borrowed from value */
	json_t *value;           /* a reference; request_release drops it */
	char version[STORE_VERSION_SIZE];
};
void request_release(struct request *request);

/* Leaves a request for the plan under a new ID, unless one for its digest is there already; *id is
 * its ID. One round trip. */
int request_leave(struct store *store, struct arena *arena, const struct plan *plan,
		  const struct request *request, const char **id, struct error *err) MUST_USE;
/* The request whose ID begins so; -1 (EXIT_USAGE) when there is none, or several. */
int request_find(struct store *store, struct arena *arena, const char *env, const char *id,
		 struct request *request, struct error *err) MUST_USE;

struct approval {
	const char *id, *name; /* of the request; of who approved, in the roster */
	struct public_key key;
	const char *entry;
	json_t *value; /* as it was signed; a reference */
	char version[STORE_VERSION_SIZE];
};
struct approval_list {
	VEC(struct approval) list;
};
void approvals_release(struct approval_list *approvals);

struct approval_view {
	struct store *store; /* fetched */
	const char *app, *env, *digest;
	const struct rosters *rosters;
	const struct public_key *deployer; /* whose own approval counts for nothing; or NULL */
	const struct record_list *records; /* in which used ones are named; newest first */
	int64_t now;
};
/* Whether approval->value is one that counts; fills id, name and key. */
bool approval_counts(const struct approval_view *view, struct approval *approval);
/* Whether anybody's approval is in the store, whatever it says; true when that cannot be told. */
bool approvals_wait(struct arena *arena, const struct approval_view *view);
/* All that count: signed by different trained people, none of them the deployer, none used. */
int approvals_read(struct arena *arena, const struct approval_view *view,
		   struct approval_list *approvals, struct error *err) MUST_USE;
/* Signs the request's digest. */
int approval_put(struct store *store, const struct approval_view *view,
		 const struct request *request, const char *name, const struct secret_key *key,
		 struct error *err) MUST_USE;

/* What a deploy of that digest takes away with it: the approvals and the requests. Deletions, to be
 * written with the lease or alone, all or none. */
int approvals_use(struct arena *arena, const struct approval_view *view,
		  const struct approval_list *approvals, struct store_change **changes,
		  size_t *count, struct error *err) MUST_USE;
/* For the record's "approvals"; a new reference, or NULL when there are none. */
json_t *approvals_to_json(const struct approval_list *approvals);
