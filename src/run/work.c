/* What the lease says of a deploy under way, so that another machine can put right what it left. */
#include "base/json.h"
#include "run/maintenance.h"
#include "run/run_internal.h"

static json_t *step_json(const struct run_step *step)
{
	json_t *json = json_object();
	json_text_set(json, "stage", step->stage->name);
	json_text_set(json, "step", step->name);
	json_text_set(json, "action", step->action);
	if (step->status)
		json_text_set(json, "status", event_status_name(step->status));
	if (step->undo_begun)
		json_object_set_new(json, "undoing", json_true());
	if (step->undone)
		json_object_set_new(json, "undone", json_true());
	return json;
}

/* next: a step that is about to start; or NULL. */
static json_t *work_json(const struct run *run, const struct run_step *next)
{
	json_t *work = json_object(), *steps = json_array();
	json_text_set(work, "plan", run->plan->digest);
	if (run->plan->rollback)
		json_text_set(work, "release", run->plan->rollback->id);
	if (run->options->nested)	/* the lease is that of the deploy that rolls back */
		json_text_set(work, "rollback", run->options->identity.id);
	if (!run->tasks_alone)
		json_text_set(work, "go_live", run->stages[run->plan->go_live].name);
	for (size_t i = 0; i < run->touched.count; i++)
		if (run->touched.items[i] != next)
			json_array_append_new(steps, step_json(run->touched.items[i]));
	if (next)
		json_array_append_new(steps, step_json(next));
	json_object_set_new(work, "steps", steps);
	if (run->maintenance)
		json_object_set_new(work, "halts", maintenance_json(run->maintenance));
	return work;
}

static enum lease_phase phase_of(const struct run *run)
{
	if (run->result->live)
		return LEASE_BEHIND;
	return run->result->touched ? LEASE_GO_LIVE : LEASE_MAINTENANCE;
}

static int set(struct run *run, enum lease_phase phase, const struct run_step *next,
	       struct error *err)
{
	if (!run->options->keeper)
		return 0;
	json_t *work = work_json(run, next);
	int result = keeper_set(run->options->keeper, phase, work, err);
	json_decref(work);
	return result;
}

int work_set(struct run *run, enum lease_phase phase, struct error *err)
{
	return set(run, phase, NULL, err);
}

/* Its undo must never be run when it was not started, nor be forgotten when it was. */
int work_step(struct run_step *step, struct error *err)
{
	if (!step_has_undo(step))
		return 0;
	return set(step->run, LEASE_GO_LIVE, step, err);
}

void work_note(struct run *run)
{
	if (!run->options->keeper)
		return;
	json_t *work = work_json(run, NULL);
	keeper_note(run->options->keeper, phase_of(run), work);
	json_decref(work);
}
