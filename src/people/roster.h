/* The roster: whose keys are known, and what each person may do. A role is what a key proves;
 * names and e-mail addresses are labels. */
#pragma once
#include "crypto/key.h"
#include "config/config.h"
#include "plan/plan.h"

struct roster_person {
	const char *name;
	enum role role;
	struct public_key key;
	const char *slack; /* the member's ID in Slack, or NULL */
};
struct roster {
	bool has_keys; /* else everybody counts as trained; a key that cannot be used is one, too */
	VEC(struct roster_person) people; /* those with a usable key */
};

/* Of one deploy.yml; NULL: there is none, and nobody in it. */
void roster_read(struct arena *arena, const struct config *config, struct roster *roster);
const struct roster_person *roster_find(const struct roster *roster, const struct public_key *key);
const struct roster_person *roster_find_id(const struct roster *roster,
					   const unsigned char id[KEY_ID_SIZE]);

/* The rosters that count: the live release's, and with a target that one's too. A person has the
 * lower of the two roles, so that nobody promotes himself. */
struct rosters {
	struct roster live, target;
};
bool rosters_have_keys(const struct rosters *rosters);
/* The role that the key proves (key NULL: none); *name (may be NULL) is its owner's or NULL. */
enum plan_role rosters_role(const struct rosters *rosters, const struct public_key *key,
			    const char **name);
const char *role_name(enum plan_role role); /* "trained"; "unknown" */
