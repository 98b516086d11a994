/* The steps assets_sync and assets_prune as work on assets: for the kinds, and for the command. */
#pragma once
#include "assets/assets.h"

struct assets_source { /* what of a deploy a step's work depends on */
	const struct config *config;
	const struct step_config *step;
	const struct expand_lookup *values;
	const char *root;      /* of the checkout */
	const char *directory; /* absolute, of the step; NULL: nothing is read */
};

/* Fills in what the step's keys say: place, line, folder, rules, keep, grace, limit; who and now.
 * A relative file:DIR begins at the user's own working tree. -1 with err (EXIT_USAGE). */
int assets_of_step(struct arena *arena, const struct assets_source *source,
		   struct assets_options *options, struct error *err) MUST_USE;
/* "12%" or "500"; NULL: half. -1 when it is neither. */
int assets_limit_parse(const char *text, struct assets_limit *limit, struct error *err) MUST_USE;
/* "71 of 2,000 files, 3 MiB of 29 MiB, 35 files/s, 1 MiB/s, 54s left" */
const char *assets_progress_words(struct arena *arena, const struct assets *assets,
				  int64_t milliseconds);
