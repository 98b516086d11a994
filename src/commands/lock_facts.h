/* What stands in the way of a command that changes an environment: a hold, a lease, a queue; and
 * the words for it. */
#pragma once
#include "commands/session.h"
#include "state/hold.h"
#include "state/lease.h"
#include "state/queue.h"

struct lock_facts {
	const char *env;
	bool held, leased;	/* hold, lease are filled */
	struct hold hold;
	struct lease lease;
	enum lease_state state;
	struct queue queue;
};

/* From what was fetched last. */
int lock_read(struct session *session, const char *env, struct lock_facts *lock,
	      struct error *err) MUST_USE;
/* The same, fetched anew. */
int lock_look_again(struct session *session, struct lock_facts *lock, struct error *err) MUST_USE;
void lock_release(struct lock_facts *lock);

enum lock_obstacle {
	LOCK_FREE,		/* nothing, or a lease that may be overtaken */
	LOCK_HOLD,
	LOCK_LEASE,		/* its holder lives: wait */
	LOCK_INTERRUPTED,	/* its holder died: resume or recover */
	LOCK_DAMAGED,		/* nobody can say who has it */
	LOCK_QUEUE,		/* nobody has it, but others were there first */
};
/* For a deploy that does not wait. */
enum lock_obstacle lock_obstacle(const struct lock_facts *lock);
/* Who, where, since when, why, how far; in the arena. NULL for LOCK_FREE. */
const char *lock_sentence(struct arena *arena, const struct lock_facts *lock,
			  enum lock_obstacle obstacle, int64_t now);
/* What to type. */
const char *lock_advice(struct arena *arena, const struct lock_facts *lock,
			enum lock_obstacle obstacle);
/* The refusal: that sentence and that advice. -1 */
int lock_refuse(struct session *session, const struct lock_facts *lock,
		enum lock_obstacle obstacle, struct error *err);
/* For a plan that is shown: the guard `lock` says who stands in the way now; waits: and that
 * the deploy waits for it, where that helps. */
int lock_tell_plan(struct session *session, bool waits, struct error *err) MUST_USE;
/* Whether who can wait would get it by waiting. */
bool lock_is_worth_waiting(enum lock_obstacle obstacle);
/* The object (or null) of `status --json`. */
json_t *lock_json(const struct lock_facts *lock);
/* Who waits, first come first: "1. bob@example.com on laptop since 14:22 (3m ago)" each. */
struct text_list lock_waiting(struct arena *arena, const struct lock_facts *lock, int64_t now);
/* NULL when nobody waits. */
json_t *lock_waiting_json(const struct lock_facts *lock);
