/* The guards that ask who deploys: roster and approvals. */
#include "plan/plan_internal.h"

bool plan_person_trained(const struct plan_person *person)
{
	return !person->roster_has_keys || person->role == PLAN_TRAINED;
}

int guard_roster(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err)
{
	const struct plan_person *person = &input->facts.person;

	(void)err;
	if (!person->roster_has_keys || person->role != PLAN_UNKNOWN)
		return 0;
	judgement->verdict = STATUS_REFUSE;
	judgement->reason = arena_format(plan->arena, "no key of the roster proves who you are%s%s",
					 person->why ? ": " : "", person->why ? person->why : "");
	return 0;
}

/* How many co-signatures it takes: what the environment asks for, and one for who may not deploy
 * alone. */
static int64_t approvals_needed(const struct plan *plan, const struct plan_input *input)
{
	const struct plan_person *person = &input->facts.person;
	int64_t needed = plan->config->guards.approvals;

	if (input->live_config && input->live_config->guards.approvals > needed)
		needed = input->live_config->guards.approvals;
	if (!needed && person->roster_has_keys && person->role == PLAN_TRAINEE &&
	    !person->trained_online)
		needed = 1;
	return needed;
}

int guard_approvals(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		    struct error *err)
{
	struct plan_approvals approvals = {0};
	int64_t needed = approvals_needed(plan, input);

	if (!needed)
		return 0;
	if (input->approvals && input->approvals(input->context, plan->digest, &approvals, err) < 0)
		return -1;
	if ((int64_t)approvals.given >= needed)
		return 0;
	judgement->verdict = STATUS_REFUSE;
	judgement->reason =
		arena_format(plan->arena, "%lld of %lld approvals by trained deployers are there",
			     (long long)approvals.given, (long long)needed);
	return 0;
}
