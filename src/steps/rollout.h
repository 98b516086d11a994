/* What the kinds that work on hosts have in common: the keys `hosts`, `batch`, `max_fail`, `user`
 * and `options`. */
#pragma once
#include "services/fleet.h"
#include "steps/kind.h"

/* Whether the step names hosts at all. */
bool rollout_has_hosts(const struct step_config *step);
/* The names that it says, groups and hosts, in the arena. */
struct text_list rollout_names(struct arena *arena, const struct step_config *step);
/* What the step's keys say of a fleet: all but what is done there and for whom. */
int rollout_options(const struct step_request *request, struct fleet_hosts *hosts,
		    struct fleet_options *options, struct error *err) MUST_USE;
/* The sentence of a step that ended: why it failed, or what was not well; fills the outcome. Of
 * what ended ok, the hosts that failed are left out by later steps. */
void rollout_outcome(const struct step_request *request, const struct fleet_hosts *hosts,
		     const char *failure, struct step_outcome *outcome);
/* Adds "web, worker" for a description. */
void rollout_describe(const struct step_config *step, struct buffer *out);
