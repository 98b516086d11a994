/* What CI says of the commit to deploy, for the guard `ci`. */
#pragma once
#include "commands/session.h"

/* Fills facts.ci, of the live release's guards and the target's: both must be green. Pending checks
 * are waited for, at most so many ms (0: not at all). What cannot be asked refuses. -1 only when it
 * was interrupted. */
int session_ci_gather(struct session *session, int64_t patience, struct error *err) MUST_USE;
