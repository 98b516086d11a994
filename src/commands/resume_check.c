/* Why a deploy cannot be resumed or recovered. */
#include "commands/resume_check.h"

#include "base/text.h"

static int refuse(struct error *err)
{
	return error_code(err, EXIT_REFUSED);
}

int resume_check_live(const struct session *session, const struct interrupted *found,
		      struct error *err)
{
	const struct record *newest = session->records.records.count
		? &session->records.records.items[0] : NULL;
	const char *live = newest ? newest->live : NULL;
	bool own = live && text_equal(live, found->start.commit) &&
		   text_equal(newest->live_id, found->id);
	bool rolled_back = found->past->live && found->record && !own;

	if (own || !live || (text_equal(live, found->start.recorded) && !rolled_back))
		return 0;
	if (rolled_back && text_equal(live, found->start.recorded)) {
		error_set(err, "%s was rolled back: there is nothing to resume", found->id);
		error_hint(err, "deploy anew: shipit -e %s deploy", session->config->env);
		return refuse(err);
	}
	error_set(err, "%.7s is live on %s: somebody deployed after %s", live ? live : "nothing",
		  session->config->env, found->id);
	error_hint(err, "deploy anew: shipit -e %s deploy", session->config->env);
	return refuse(err);
}

int resume_check(const struct session *session, const struct interrupted *found, struct error *err)
{
	if (text_equal(found->command, "maintenance"))
		error_set(err, "what was interrupted is no deploy: it is not resumed");
	else if (!found->start.commit)
		error_set(err, "%s cannot be resumed: nothing says what it deployed",
			  found->id ? found->id : found->command);
	else if (!text_equal(found->env, session->config->env))
		error_set(err, "%s was a deploy to %s, not to %s", found->id, found->env,
			  session->config->env);
	else if (text_equal(found->command, "rollback") && !found->start.release)
		error_set(err, "%s cannot be resumed: nothing says what it goes back to",
			  found->id ? found->id : found->command);
	else if (found->past->tasks_only)
		error_set(err, "%s ran tasks: they are not resumed but run again", found->id);
	else if (found->past->verdict && found->past->status == STATUS_OK && !found->lock.leased)
		error_set(err, "%s went well: there is nothing to resume", found->id);
	else
		return resume_check_live(session, found, err);
	if (text_equal(found->command, "maintenance"))
		error_hint(err, "shipit -e %s recover starts again what it had stopped",
			   found->env);
	else if (found->past->tasks_only)
		error_hint(err, "shipit -e %s recover, then shipit -e %s task", found->env,
			   found->env);
	return refuse(err);
}

int resume_check_plan(const struct interrupted *found, const struct plan *plan, struct error *err)
{
	if (!found->past->plan || text_equal(found->past->plan, plan->digest))
		return 0;
	error_set(err, "the plan of %s cannot be made again as it was: its configuration, or what "
		  "is owed, is another now", found->id);
	error_hint(err, "put right what it left behind (shipit -e %s recover), then deploy anew",
		   found->env);
	return refuse(err);
}

int resume_check_gone(const struct interrupted *found, struct error *err)
{
	if (!found->lock.lease.damaged || !found->id || !start_runs(&found->start))
		return 0;
	error_set(err, "%s still runs on this machine (pid %lld)", found->id,
		  (long long)found->start.pid);
	error_hint(err, "it sees that its lease is lost at the next renewal, within half a minute, "
		   "and ends");
	return refuse(err);
}
