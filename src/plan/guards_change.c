/* The guards that look at the commit and its change. */
#include "base/text.h"
#include "git/change.h"
#include "plan/plan_internal.h"

static int refuse(struct judgement *judgement, const char *reason)
{
	judgement->verdict = STATUS_REFUSE;
	judgement->reason = reason;
	return 0;
}

int guard_branch(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err)
{
	const struct plan_facts *facts = &input->facts;

	(void)err;
	if (facts->branch_allowed || !facts->branch_wanted)
		return 0;
	return refuse(judgement,
		      arena_format(plan->arena, "%.7s is not on %s, the branch that %s takes",
				   plan->commit, facts->branch_wanted, plan->env));
}

int guard_unpushed(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		   struct error *err)
{
	(void)err;
	if (!input->facts.unpushed)
		return 0;
	return refuse(judgement, arena_format(plan->arena,
					      "%.7s is on no branch of %s: push it "
					      "first",
					      plan->commit, plan->config->remote));
}

int guard_behind(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err)
{
	const struct record_list *records = input->records;
	long long undone = input->facts.undone;
	const char *who =
		records && records->records.count ? records->records.items[0].live_by : NULL;

	(void)err;
	if (undone < 0) {
		judgement->verdict = STATUS_WARN;
		judgement->reason = "the live commit is not in this repository, so nobody knows "
				    "whether this undoes somebody's deploy";
	}
	if (undone <= 0)
		return 0;
	return refuse(judgement,
		      arena_format(plan->arena,
				   "%.7s lacks %lld commit%s that %s live%s%s: it would "
				   "undo that deploy; merge what is live first, or see shipit "
				   "rollback",
				   plan->commit, undone, undone == 1 ? "" : "s",
				   undone == 1 ? "is" : "are", who ? ", deployed by " : "",
				   who ? who : ""));
}

int guard_dirty(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		struct error *err)
{
	size_t dirty = input->facts.dirty;
	bool here = plan->config->workspace == WORKSPACE_HERE;

	(void)err;
	if (!dirty)
		return 0;
	judgement->verdict = STATUS_WARN;
	judgement->reason = arena_format(
		plan->arena,
		here         ? "workspace: here: %zu uncommitted change%s will be part of what "
			       "is deployed"
		: dirty == 1 ? "%zu uncommitted change%s in the working tree is not deployed"
			     : "%zu uncommitted change%s in the working tree are not "
			       "deployed",
		dirty, dirty == 1 ? "" : "s");
	return 0;
}

/* The smaller of two limits; -1 is none. */
static int64_t lower(int64_t one, int64_t other)
{
	return one < 0 ? other : other < 0 || one < other ? one : other;
}

int guard_size(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
	       struct error *err)
{
	const struct guards_config *target = &plan->config->guards;
	const struct guards_config *live =
		input->live_config ? &input->live_config->guards : target;
	int64_t refuses = lower(target->size_refuse, live->size_refuse);
	int64_t warns = lower(target->size_warn, live->size_warn);
	long long lines = plan->lines_counted;
	bool refused = refuses >= 0 && lines >= refuses;

	(void)err;
	if (!plan->previous || (!refused && (warns < 0 || lines < warns)))
		return 0;
	judgement->verdict = refused ? STATUS_REFUSE : STATUS_WARN;
	judgement->reason =
		arena_format(plan->arena, "%lld lines change, from %lld it %s", lines,
			     (long long)(refused ? refuses : warns), refused ? "refuses" : "warns");
	return 0;
}

/* Never refuses by itself: the risk decides what a Friday takes. */
int guard_risky(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		struct error *err)
{
	size_t lines = plan->risk_because.list.count;

	(void)input;
	(void)err;
	if (plan->risk == RISK_LOW)
		return 0;
	judgement->verdict = STATUS_WARN;
	judgement->reason = arena_format(plan->arena, "the risk is %s, for %zu reason%s",
					 plan_risk_name(plan->risk), lines, lines == 1 ? "" : "s");
	return 0;
}

int guard_lock(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
	       struct error *err)
{
	(void)err;
	if (!input->facts.lock)
		return 0;
	judgement->everywhere = true;
	if (!input->facts.waits)
		return refuse(judgement, input->facts.lock);
	judgement->verdict = STATUS_WARN;
	judgement->reason = arena_format(plan->arena, "%s; this deploy waits for it",
					 input->facts.lock);
	return 0;
}

int guard_ci(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
	     struct error *err)
{
	const struct plan_ci *ci = &input->facts.ci;

	(void)err;
	if (!ci->asked)
		return 0;
	judgement->reason = ci->reason;
	if (!ci->refuses)
		return 0;
	judgement->verdict = STATUS_REFUSE;
	if (ci->pending)
		judgement->reason = arena_format(plan->arena, "%s (--wait waits for it)",
						 ci->reason);
	return 0;
}
