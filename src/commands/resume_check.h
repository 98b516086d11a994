/* Why a deploy cannot be resumed or recovered: each 0, or -1 with EXIT_REFUSED and what to do. */
#pragma once
#include "commands/interrupted.h"

/* What the records said was live must be live still, or its own commit. Once a record says how it
 * ended live, only the latter: it may have been rolled back since. */
int resume_check_live(const struct session *session, const struct interrupted *found,
		      struct error *err) MUST_USE;
/* That, and whether there is something to resume at all. */
int resume_check(const struct session *session, const struct interrupted *found,
		 struct error *err) MUST_USE;
/* The plan that was made again is the one that was under way. */
int resume_check_plan(const struct interrupted *found, const struct plan *plan,
		      struct error *err) MUST_USE;
/* A lease tells whether its holder lives; for one that is damaged, its journal here does. */
int resume_check_gone(const struct interrupted *found, struct error *err) MUST_USE;
