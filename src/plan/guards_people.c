/* The guards that ask who deploys: roster and approvals. */
#include "plan/plan_internal.h"

bool plan_person_trained(const struct plan_person *person)
{
	return !person->roster_has_keys || person->role == PLAN_TRAINED;
}

static int approvals_given(struct plan *plan, const struct plan_input *input,
			   struct plan_approvals *approvals, struct error *err)
{
	*approvals = (struct plan_approvals){0};
	return input->approvals ? input->approvals(input->context, plan->digest, approvals, err)
				: 0;
}

static void refuse_unknown(struct plan *plan, const struct plan_person *person,
			   struct judgement *judgement)
{
	judgement->verdict = STATUS_REFUSE;
	judgement->reason = arena_format(plan->arena, "no key of the roster proves who you are%s%s",
					 person->why ? ": " : "", person->why ? person->why : "");
}

/* Somebody trained must be there, or have looked at this very plan. */
static int judge_trainee(struct plan *plan, const struct plan_input *input,
			 struct judgement *judgement, struct error *err)
{
	const struct plan_person *person = &input->facts.person;
	struct plan_approvals approvals;

	if (person->trained_online) {
		judgement->reason = arena_format(plan->arena, "%s is a trainee; online: %s",
						 person->name, person->online);
		return 0;
	}
	if (approvals_given(plan, input, &approvals, err) < 0)
		return -1;
	if (approvals.given) {
		judgement->reason = arena_format(plan->arena, "%s is a trainee; approved by %s",
						 person->name, approvals.by);
		return 0;
	}
	judgement->verdict = STATUS_REFUSE;
	judgement->approvable = true;
	judgement->reason = arena_format(plan->arena,
					 "%s is a trainee, and no trained deployer is online "
					 "(shipit -e %s online) or has approved this plan",
					 person->name, plan->env);
	return 0;
}

int guard_roster(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err)
{
	const struct plan_person *person = &input->facts.person;

	if (!person->roster_has_keys)
		return 0;
	if (person->role == PLAN_UNKNOWN)
		refuse_unknown(plan, person, judgement);
	if (person->role == PLAN_TRAINEE)
		return judge_trainee(plan, input, judgement, err);
	return 0;
}

int guard_approvals(struct plan *plan, const struct plan_input *input,
		    struct judgement *judgement, struct error *err)
{
	struct plan_approvals approvals;
	int64_t needed = plan->config->guards.approvals;

	if (input->live_config && input->live_config->guards.approvals > needed)
		needed = input->live_config->guards.approvals;
	if (needed <= 0)
		return 0;
	if (!input->facts.person.roster_has_keys) {
		judgement->verdict = STATUS_REFUSE;
		judgement->reason = arena_format(
			plan->arena, "%lld approval%s needed, and nobody can sign one: the roster "
			"has no keys", (long long)needed, needed == 1 ? " is" : "s are");
		return 0;
	}
	if (approvals_given(plan, input, &approvals, err) < 0)
		return -1;
	if ((int64_t)approvals.given >= needed) {
		judgement->reason = arena_format(plan->arena, "approved by %s", approvals.by);
		return 0;
	}
	judgement->verdict = STATUS_REFUSE;
	judgement->approvable = true;
	judgement->reason = arena_format(
		plan->arena, "%lld of %lld approvals by trained deployers other than you are "
		"there%s%s", (long long)approvals.given, (long long)needed,
		approvals.given ? ": by " : "", approvals.given ? approvals.by : "");
	return 0;
}
