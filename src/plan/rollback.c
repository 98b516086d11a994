/* What a rollback runs of the release that it makes live again: its go-live stage, with what was
 * kept in place of what would be built. */
#include "base/text.h"
#include "plan/plan_internal.h"

static struct event_because because(const char *reason)
{
	return (struct event_because){.reason = reason};
}

bool rollback_stage(struct plan *plan, const struct plan_rollback *rollback,
		    struct plan_stage *stage)
{
	if (!rollback->release)
		return false;
	stage->selected =
		stage->phase == PHASE_GO_LIVE || (stage->phase == PHASE_BEFORE && rollback->build);
	if (stage->phase == PHASE_GO_LIVE)
		stage->because = because(
			arena_format(plan->arena, "makes %s live again", rollback->release->id));
	else if (stage->phase == PHASE_BEHIND)
		stage->because = because("a rollback runs the go-live stage alone");
	else
		stage->because = because(stage->selected ? "what was built is not kept"
							 : "what was built is kept");
	return true;
}

static const struct record_artefact *artefact_of(const struct plan *plan,
						 const struct plan_step *step)
{
	const struct plan_step *made = &plan->steps.items[step->of];
	const char *name = arena_format(plan->arena, "%s.%s", made->stage, made->name);

	for (size_t i = 0; i < plan->rollback->artefacts.count; i++)
		if (!strcmp(plan->rollback->artefacts.items[i].step, name) &&
		    !strcmp(plan->rollback->artefacts.items[i].kind, step->config->kind))
			return &plan->rollback->artefacts.items[i];
	return NULL;
}

/* A step with two halves publishes what was kept of it. */
static void select_kept(struct plan *plan, const struct plan_rollback *rollback,
			struct plan_step *step)
{
	step->selected = true;
	step->because = because("what was built is not kept");
	if (rollback->build)
		return;
	step->kept = artefact_of(plan, step);
	step->half = STEP_PUBLISH;
	step->selected = step->kept != NULL;
	step->because = because(
		step->kept ? arena_format(plan->arena, "was kept by %s", step->kept->release)
			   : "that release had nothing of it");
}

bool rollback_step(struct plan *plan, const struct plan_rollback *rollback,
		   const struct plan_stage *stage, struct plan_step *step)
{
	const struct step_kind *kind = step_kind_find(step->config->kind);

	if (!rollback->release)
		return false;
	if (stage->phase != PHASE_GO_LIVE) {
		step->selected = stage->selected;
		step->because = stage->because;
	} else if (step->config->rollback_skip) {
		step->selected = false;
		step->because = because("rollback: skip");
	} else if (kind && kind->two_halves && !step_rollback(step->config)) {
		select_kept(plan, rollback, step);
	} else {
		return false;
	}
	return true;
}

static const struct record_owed *owed_step(const struct plan *plan, const struct plan_step *step)
{
	for (size_t i = 0; i < plan->owed.count; i++) {
		const struct record_owed *owed = &plan->owed.items[i];

		if (!strcmp(owed->kind, "step") &&
		    !strcmp(owed->name,
			    arena_format(plan->arena, "%s.%s", step->stage, step->name)))
			return owed;
	}
	return NULL;
}

void rollback_withhold(struct plan *plan)
{
	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct record_owed *owed = owed_step(plan, &plan->steps.items[i]);

		if (owed && !plan->steps.items[i].selected)
			vec_push(plan->arena, &plan->withheld, *owed);
	}
	for (size_t i = 0; i < plan->stages.count; i++)
		for (size_t o = 0; !plan->stages.items[i].selected && o < plan->owed.count; o++)
			if (!strcmp(plan->owed.items[o].kind, "stage") &&
			    !strcmp(plan->owed.items[o].name, plan->stages.items[i].name))
				vec_push(plan->arena, &plan->withheld, plan->owed.items[o]);
}

/* What is built and not kept cannot be read again. */
static const char *first_lost_use(const struct plan *plan, const struct step_config *config)
{
	for (size_t i = 0; i < config->uses.count; i++) {
		const struct plan_step *used = plan_find_step(plan, config->uses.items[i]);

		if (used && !used->selected && used->half == STEP_WHOLE)
			return config->uses.items[i];
	}
	return NULL;
}

void rollback_drop_users(struct plan *plan)
{
	for (size_t i = 0; i < plan->tasks.count; i++) {
		struct plan_step *step = &plan->tasks.items[i].step;
		const char *use = step->selected ? first_lost_use(plan, step->config) : NULL;

		if (!use)
			continue;
		step->selected = false;
		step->because = because(arena_format(
			plan->arena, "it uses %s, which a rollback does not run", use));
	}
}

const char *plan_lost_use(const struct plan *plan, const struct plan_step *step)
{
	if (!plan->rollback || !step->selected || step_rollback(step->config) ||
	    step->half == STEP_PUBLISH)
		return NULL;
	return first_lost_use(plan, step->config);
}

void rollback_note(struct plan *plan)
{
	const struct smoke_config *smoke = &plan->config->smoke;
	bool rolls_back = smoke->present && smoke->checks.count && smoke->on_fail != SMOKE_STOP;

	if (plan->rollback || !plan->previous || !rolls_back)
		return;
	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];

		if (step->selected && step->config->irreversible)
			text_list_add(plan->arena, &plan->notes,
				      arena_format(plan->arena,
						   "a failing smoke test is not rolled back: %s.%s "
						   "is irreversible",
						   step->stage, step->name));
	}
}

int guard_irreversible(struct plan *plan, const struct plan_input *input,
		       struct judgement *judgement, struct error *err)
{
	const struct text_list *list = &input->flags.rollback.irreversible;

	(void)err;
	if (!list->count)
		return 0;
	judgement->verdict = STATUS_REFUSE;
	judgement->everywhere = true;
	judgement->reason = text_join(plan->arena, list, "; ");
	return 0;
}

/* A trainee takes back what he made himself; for anything else somebody trained is at hand. */
int guard_rollback_roster(struct plan *plan, const struct plan_input *input,
			  struct judgement *judgement, struct error *err)
{
	const struct plan_person *person = &input->facts.person;
	bool alone = person->role == PLAN_TRAINEE && !input->flags.rollback.own &&
		     !person->trained_online;

	(void)err;
	if (!person->roster_has_keys || (person->role != PLAN_UNKNOWN && !alone))
		return 0;
	judgement->verdict = STATUS_REFUSE;
	judgement->reason =
		alone ? "a trainee rolls back his own deploys, and those of others while a trained "
			"deployer is online"
		      : arena_format(plan->arena, "no key of the roster proves who you are%s%s",
				     person->why ? ": " : "", person->why ? person->why : "");
	return 0;
}
