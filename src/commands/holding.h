/* Takes an environment's lease for a command that changes it, keeps it while the command runs, and
 * gives it back. */
#pragma once
#include "commands/lock_facts.h"
#include "run/keeper.h"
#include "state/deploys.h"

struct holding_options {
	const char *command;	/* "deploy", "rollback", "maintenance" ... */
	const char *commit, *previous, *reason;	/* may be NULL */
	enum lease_phase phase;
	int64_t patience;	/* ms to queue for it; 0: not at all */
	bool with_folder;	/* make the folder of a new deploy, whose ID the lease has */
	const char *id;		/* without one: the ID of what goes on, or NULL */
	bool past_hold;		/* a hold does not stand in its way, nor who waits: rollback ... */
	bool recovers;		/* takes over what an interrupted deploy left, with its phase and
				 * work */
	struct store_change *also;	/* as in struct lease_request; not with patience */
	size_t also_count;
};

struct holding {
	struct session *session;
	struct deploy_folder folder;	/* with_folder */
	struct keeper *keeper;	/* NULL: it is our caller's (SHIPIT_LEASE), who keeps it */
	struct lease lease;
	struct lease over;	/* what was taken over; token NULL: nothing */
	bool begun, leave;
};

/* Looks at what was fetched: 0, or -1 with EXIT_REFUSED and the whole account. */
int holding_check(struct session *session, const struct holding_options *options,
		  struct error *err) MUST_USE;
/* Only whether somebody put a hold meanwhile, as holding_check. */
int holding_check_hold(struct session *session, struct error *err) MUST_USE;
/* Takes it; waits when told to. -1 with EXIT_REFUSED when somebody is in the way. Call holding_end
 * in any case: it frees it also when a signal has come (interrupt.h). */
int holding_take(struct session *session, const struct holding_options *options,
		 struct holding *holding, struct error *err) MUST_USE;
/* The store for the caller alone, renewals held up, until holding_return. */
struct store *holding_borrow(struct holding *holding);
void holding_return(struct holding *holding);
/* Something was run: its folder of records stays. */
void holding_begun(struct holding *holding);
/* It is not to be freed: what was done is in no record, so somebody must `recover` first. */
void holding_leave(struct holding *holding);
/* Gives back what is still held; fine on a zeroed one and once more. */
void holding_end(struct holding *holding);
