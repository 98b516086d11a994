/* Plans again under the lease, as cheaply as what changed allows. */
#include "commands/replan.h"

#include "base/text.h"
#include "commands/session_ci.h"
#include "commands/session_people.h"
#include "plan/difference.h"

/* Something else is live: the change is another one, so all of it is read anew, for the same
 * commit. */
static int open_fresh(struct replan *replan, struct error *err)
{
	struct session *first = replan->session;
	struct session_options target = *replan->target;

	if (!target.redeploy) {
		target.ref = first->commit;
		target.branch = first->branch;
	}
	if (session_open_target(replan->fresh, first->call, &target, err) < 0)
		return -1;
	replan->session = replan->fresh;
	return 0;
}

static bool live_changed(const struct replan *replan)
{
	const struct session *session = replan->session;
	const char *live = session->records.records.count
				   ? session->records.records.items[0].live
				   : NULL;

	return !replan->target->from && live && !text_equal(live, session->live);
}

static int look(struct replan *replan, struct error *err)
{
	if (session_refresh(replan->session, err) < 0)
		return -1;
	return live_changed(replan) ? open_fresh(replan, err) : 0;
}

static int plan_anew(struct replan *replan, struct error *err)
{
	int64_t now = clock_now(replan->session->call->clock);
	struct session *first = replan->session;

	if (look(replan, err) < 0 || holding_check_hold(replan->session, err) < 0 ||
	    session_people_renew(replan->session, first, err) < 0 ||
	    (replan->session != first && session_ci_gather(replan->session, 0, err) < 0))
		return -1;
	replan->plan = session_plan(replan->session, replan->flags, now, err);
	return replan->plan ? 0 : -1;
}

int replan_under_lease(struct replan *replan, struct holding *holding, struct error *err)
{
	const struct plan *shown = replan->plan;
	struct call *call = replan->session->call;
	int result;

	/* Before the store is borrowed: an answer may take longer than the lease's renewal may. */
	if (session_ci_gather(replan->session, 0, err) < 0)
		return -1;
	holding_borrow(holding);
	result = plan_anew(replan, err);
	holding_return(holding);
	if (result < 0)
		return -1;
	if (strcmp(shown->digest, replan->plan->digest) != 0)
		replan->differences = plan_difference(call->arena, shown, replan->plan);
	return 0;
}
