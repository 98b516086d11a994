/* What hosts do for a release: programs for their /bin/sh, with nothing but POSIX's tools, tar and
 * gzip; where GNU's find and cp are, what a host has already is copied over there. The layout is
 * that of release_tree.h. */
#pragma once
#include "base/arena.h"

struct release_values {
	const char *to;     /* absolute, or below the user's home */
	const char *id;     /* of the release */
	const char *deploy; /* ID */
	const char *part;   /* folder's name while it is not whole */
	const char *base;   /* ID of the release of which a part is taken; "" none */
	const char *commit; /* of which it is made; "-" of a folder */
	const char *digest;
	int64_t files; /* that it holds in the end */
	int64_t kept;  /* ... of which so many are those of `base` */
	int64_t keep;
	bool link; /* those are links to the same files, not copies */
	const struct text_list *shared; /* normal paths below the release */
};

/* Says what is there, a line each: "w" when the release is whole already; of what is live "b ID",
 * "c COMMIT", "d DIGEST", "m PATH" of what is not as it was sent, "f LINE" of its list. */
extern const char script_probe[];
/* Makes the release of an archive on stdin, whole or not at all. */
extern const char script_receive[];
extern const char script_switch[];
extern const char script_switch_back[];
extern const char script_prune[]; /* prints how many were removed */
extern const char script_is_whole[];

/* The command that runs one of them, whatever the login shell is. */
const char *release_command(struct arena *arena, const char *script,
			    const struct release_values *values);
