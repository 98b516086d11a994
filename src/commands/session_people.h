/* Who deploys, who is online, who approved: the session's part of the guards roster and approvals,
 * and the key that signs. */
#pragma once
#include "commands/session.h"
#include "people/approval.h"
#include "people/beacon.h"
#include "people/chain.h"
#include "people/identity.h"

struct session_people {
	struct identity identity;
	struct rosters rosters;
	enum plan_role role;
	const char *name;	/* in the roster, or NULL */
	struct beacon_list online;
	struct approval_list approvals;	/* that count for digest */
	char digest[65];	/* "": not looked for yet */
	bool used;		/* the entries of approvals are gone: used up by us */
};

/* Reads the rosters of the live release and, with a target, of the target; the beacons; and whose
 * key is here, asking nobody. Once a session; facts->person is filled. */
int session_people_gather(struct session *session, struct error *err) MUST_USE;
/* The commit whose roster and guards count as the live ones, or NULL: nothing went live yet.
 * --from does not change it. */
const char *session_live_release(const struct session *session);
/* deploy.yml of a commit for the session's environment, without its pipeline; NULL when it has none
 * that can be read, *missing (may be NULL) when the commit is not here. What is wrong in it is not
 * told. */
const struct config *session_config_at(struct session *session, const char *commit, bool *missing);
/* For judging the session's chain. */
struct chain_view session_chain_view(struct session *session);

/* For a command that will act: a locked key that does not say whose it is, is unlocked now, for the
 * plan depends on it. */
int session_people_identify(struct session *session, struct error *err) MUST_USE;

/* For plan_input.approvals; context is the session. */
int session_approvals(void *context, const char digest[65], struct plan_approvals *approvals,
		      struct error *err) MUST_USE;
/* Under the lease, or in a session that stands in for another (from): the beacons and approvals are
 * looked for once more; the key stays unlocked. */
int session_people_renew(struct session *session, struct session *from,
			 struct error *err) MUST_USE;
/* The key of from, unlocked as it is, is session's from now on; both were gathered, else nothing is
 * done. */
void session_people_hand_key(struct session *session, struct session *from);
/* Before anything is done: the key is unlocked, so that what is recorded is signed and the role is
 * proven. The person may be asked for a passphrase. */
int session_people_prove(struct session *session, struct error *err) MUST_USE;
/* What a record is signed with, after session_people_prove: for record.key. NULL: it is not. */
const struct secret_key *session_key(const struct session *session);
/* Takes the approvals of the plan away, and the requests for it: one round trip, when there are
 * any. EXIT_REFUSED when somebody else was quicker. */
int session_approvals_use(struct session *session, const struct plan *plan,
			  struct error *err) MUST_USE;
/* The approvals that were used up, for record.approvals; a new reference, or NULL. */
json_t *session_approvals_used(const struct session *session);
/* A deploy was refused: when approval is what it lacks, leaves a request and puts into err's hint
 * what a trained deployer has to type. */
void session_people_request(struct session *session, const struct plan *plan,
			    const struct plan_flags *flags, struct error *err);
/* Trained people who are online for an environment whose live commit (or NULL) that is, by its
 * roster. */
int session_online(struct session *session, const char *env, const char *live,
		   struct beacon_list *online, struct error *err) MUST_USE;
void session_people_close(struct session *session);
