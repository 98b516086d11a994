/* A release step's keys, for this machine and for hosts alike. */
#pragma once
#include "steps/kind.h"
#include "steps/release_tree.h"

enum release_act { ACT_MAKE, ACT_SWITCH, ACT_MAKE_AND_SWITCH, ACT_SWITCH_BACK, ACT_PRUNE };

struct release_step {
	struct release_tree tree; /* points into this very struct */
	struct pattern_list exclude;
	struct text_list shared; /* normal paths */
	int64_t keep;
	bool link;
	atomic_bool stopped;
};
int release_step_read(const struct step_request *request, struct release_step *step,
		      struct error *err) MUST_USE;
/* The folder `to`: absolute, or on hosts a path below the user's home. */
const char *release_step_to(const struct step_request *request, struct error *err);

/* The same acts on the hosts that the step names (release_hosts.c); see kind.h. */
void *release_hosts_start(const struct step_request *request, enum release_act act,
			  struct error *err);
void release_hosts_stop(void *running);
bool release_hosts_kept(const struct step_request *request, struct error *err);
