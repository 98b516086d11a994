/* Under the lease, everything is looked at once more: nobody can change it any longer. */
#pragma once
#include "commands/holding.h"

struct replan {
	struct session *session;	/* in: the first one; out: fresh when live had changed */
	struct session *fresh;		/* zeroed; to be closed by the caller in any case */
	const struct session_options *target;
	const struct plan_flags *flags;
	struct plan *plan;		/* in: the one that was shown; out: the one to run */
	struct text_list differences;	/* out; none: it is the plan that was shown */
};

/* The records and guards are read again and the plan is made anew. 0, or -1. */
int replan_under_lease(struct replan *replan, struct holding *holding,
		       struct error *err) MUST_USE;
