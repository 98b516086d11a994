/* The stages and steps of a run, made of those of its plan. */
#include "run/run_internal.h"

/* What a rollback runs instead. Where it has to build, it builds as a deploy does. */
static const struct command_text *replacement(const struct run *run, const struct run_stage *stage,
					      const struct step_config *step)
{
	bool builds = stage->plan && stage->plan->phase == PHASE_BEFORE;
	return run->plan->rollback && !builds ? step_rollback(step) : NULL;
}

static struct run_step step_of(struct run *run, struct run_stage *stage,
			       const struct plan_step *plan)
{
	static const char *const actions[] = {[STEP_WHOLE] = NULL, [STEP_PREPARE] = "prepare",
					      [STEP_PUBLISH] = "publish"};
	return (struct run_step){
		.run = run, .stage = stage, .config = plan->config, .plan = plan,
		.name = plan->name, .action = actions[plan->half], .half = plan->half,
		.timeout = plan->timeout, .estimate = plan->estimate,
		.command = replacement(run, stage, plan->config),
		.past = run->options->past
			? run_past_find(run->options->past, stage->name, plan->name,
					actions[plan->half]) : NULL,
	};
}

static void build_stages(struct run *run)
{
	const struct plan *plan = run->plan;
	run->stages = arena_array(run->arena, plan->stages.count + 1, sizeof(*run->stages));
	for (size_t i = 0; i < plan->stages.count; i++) {
		struct run_stage *stage = &run->stages[i];
		const struct plan_stage *from = &plan->stages.items[i];
		stage->plan = from;
		stage->name = from->name;
		stage->waits = from->waits;
		stage->parallel = from->config->parallel;
		stage->count = from->count;
		stage->steps = arena_array(run->arena, from->count + 1, sizeof(*stage->steps));
		for (size_t s = 0; s < from->count; s++)
			stage->steps[s] = step_of(run, stage, &plan->steps.items[from->first + s]);
	}
}

static void build_tasks(struct run *run, struct run_stage *stage, bool deferred)
{
	size_t count = run->plan->tasks.count;
	stage->name = "tasks";
	stage->parallel = true;
	stage->steps = arena_array(run->arena, count + 1, sizeof(*stage->steps));
	for (size_t i = 0; i < count; i++) {
		const struct plan_task *task = &run->plan->tasks.items[i];
		if (task->deferred == deferred)
			stage->steps[stage->count++] = step_of(run, stage, &task->step);
	}
}

static void build_on_failure(struct run *run)
{
	const struct pipeline *pipeline = run->options->config->pipeline;
	struct run_stage *stage = &run->on_failure;
	size_t count = pipeline ? pipeline->on_failure.count : 0;
	stage->name = "on_failure";
	stage->count = count;
	stage->steps = arena_array(run->arena, count + 1, sizeof(*stage->steps));
	for (size_t i = 0; i < count; i++) {
		const struct step_config *config = &pipeline->on_failure.items[i];
		stage->steps[i] = (struct run_step){
			.run = run, .stage = stage, .config = config, .name = config->name,
			.timeout = config->timeout >= 0 ? config->timeout : 600000, .estimate = -1,
		};
	}
}

void stages_build(struct run *run)
{
	build_stages(run);
	build_tasks(run, &run->tasks, false);
	build_tasks(run, &run->deferred, true);
	build_on_failure(run);
}

const char *step_kept_place(const struct run_step *step)
{
	const struct run *run = step->run;
	if (!step->plan || step->plan->half != STEP_PUBLISH)
		return step->place;
	if (step->plan->kept)
		return step->plan->kept->place;
	for (size_t i = 0; i < run->plan->stages.count; i++) {
		const struct plan_stage *stage = &run->plan->stages.items[i];
		if (step->plan->of - stage->first < stage->count)
			return run->stages[i].steps[step->plan->of - stage->first].place;
	}
	return NULL;
}
