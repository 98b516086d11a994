/* What a change needs: stages, steps and tasks selected or left out, each with its reason. */
#include "base/text.h"
#include "git/change.h"
#include "git/pattern.h"
#include "plan/plan_internal.h"

struct selection {
	struct plan *plan;
	const struct plan_input *input;
	struct pattern_index *index;
};

static const struct record_owed *owed_find(const struct plan *plan, const char *kind,
					   const char *name)
{
	for (size_t i = 0; i < plan->owed.count; i++)
		if (!strcmp(plan->owed.items[i].kind, kind) &&
		    !strcmp(plan->owed.items[i].name, name))
			return &plan->owed.items[i];
	return NULL;
}

static struct event_because because_owed(struct plan *plan, const struct record_owed *owed)
{
	return (struct event_because){
		.reason = arena_format(plan->arena, "owed since %s", owed->since)};
}

/* Owed, and the change asks for it too: the file that does is named as well. */
static void add_owed(struct plan *plan, const struct record_owed *owed,
		     struct event_because *because)
{
	const char *reason = because_owed(plan, owed).reason;

	if (because->path)
		because->reason = reason;
	else
		*because = because_owed(plan, owed);
}

static void withhold(struct plan *plan, const char *kind, const char *name, const char *reason)
{
	struct record_owed owed = {.kind = kind, .name = name, .reason = reason};

	vec_push(plan->arena, &plan->withheld, owed);
}

/* 1: it matches, or everything does; 0: not. An empty list is for the caller to judge. */
static int match(struct selection *selection, const struct pattern_texts *texts,
		 struct event_because *because, struct error *err)
{
	struct pattern_list list;
	struct pattern_hit hit = {0};

	if (pattern_list_compile(selection->plan->arena, texts, &list, err))
		return -1;
	pattern_index_match(selection->index, &list, &hit);
	if (!hit.count) {
		because->reason = "nothing that it watches changed";
		return 0;
	}
	because->path = hit.path;
	because->pattern = hit.pattern;
	because->count = (int64_t)hit.count;
	return 1;
}

static struct event_because because_everything(const struct selection *selection)
{
	if (selection->input->flags.redeploy)
		return (struct event_because){.flag = "--redeploy"};
	return (struct event_because){.reason = selection->plan->everything_reason};
}

/* Whether the change asks for it. */
static int wanted(struct selection *selection, const struct pattern_texts *texts,
		  const char *otherwise, struct event_because *because, struct error *err)
{
	*because = (struct event_because){0};
	if (!texts->list.count) {
		because->reason = otherwise;
		return 1;
	}
	if (selection->plan->everything) {
		struct pattern_list list;

		*because = because_everything(selection);
		return pattern_list_compile(selection->plan->arena, texts, &list, err) ? -1 : 1;
	}
	return match(selection, texts, because, err);
}

static const struct record_owed *owed_step(const struct plan *plan, const struct plan_step *step)
{
	if (!plan->owed.count)
		return NULL;
	return owed_find(plan, "step",
			 arena_format(plan->arena, "%s.%s", step->stage, step->name));
}

static int select_stage(struct selection *selection, struct plan_stage *stage, struct error *err)
{
	struct plan *plan = selection->plan;
	const struct plan_flags *flags = &selection->input->flags;
	const struct record_owed *owed = owed_find(plan, "stage", stage->name);
	int want = wanted(selection, &stage->config->if_changed, "runs at every deploy",
			  &stage->because, err);

	if (want >= 0 && rollback_stage(plan, &flags->rollback, stage))
		return 0;
	if (want < 0)
		return -1;
	stage->selected = want;
	for (size_t i = 0; !owed && i < stage->count; i++)
		owed = owed_step(plan, &plan->steps.items[stage->first + i]);
	if (owed && (!want || !strcmp(owed->kind, "stage")))
		add_owed(plan, owed, &stage->because);
	stage->selected = want || owed;
	if (stage->phase == PHASE_GO_LIVE) {
		stage->selected = true;
		stage->because = (struct event_because){.reason = "the go-live stage always runs"};
	}
	if (stage->phase == PHASE_BEFORE && flags->only.count &&
	    !text_list_has(&flags->only, stage->name)) {
		if (stage->selected)
			withhold(plan, "stage", stage->name, "--only");
		stage->selected = false;
		stage->because = (struct event_because){.flag = "--only"};
	} else if (flags->only.count && text_list_has(&flags->only, stage->name)) {
		stage->selected = true;
		stage->because = (struct event_because){.flag = "--only"};
	}
	return 0;
}

static bool skips(const struct plan_flags *flags, struct plan *plan, const struct plan_step *step)
{
	if (!flags->skip.count)
		return false;
	return text_list_has(&flags->skip, step->name) ||
	       text_list_has(&flags->skip,
			     arena_format(plan->arena, "%s.%s", step->stage, step->name));
}

static int select_step(struct selection *selection, const struct plan_stage *stage,
		       struct plan_step *step, struct error *err)
{
	struct plan *plan = selection->plan;
	const struct record_owed *owed;
	int want;

	if (rollback_step(plan, &selection->input->flags.rollback, stage, step))
		return 0;
	if (step->half == STEP_PUBLISH) {
		const struct plan_step *prepared = &plan->steps.items[step->of];

		step->selected = prepared->selected;
		step->because = prepared->because;
		return 0;
	}
	want = wanted(selection, &step->config->if_changed, "its stage runs", &step->because, err);
	if (want < 0)
		return -1;
	step->selected = want && stage->selected;
	owed = owed_step(plan, step);
	if (!owed)
		owed = owed_find(plan, "stage", stage->name);
	if (stage->selected && owed && (!want || !strcmp(owed->kind, "step"))) {
		step->selected = true;
		add_owed(plan, owed, &step->because);
	}
	if (!stage->selected)
		step->because = (struct event_because){.reason = "its stage does not run"};
	if (skips(&selection->input->flags, plan, step)) {
		if (step->selected)
			withhold(plan, "step",
				 arena_format(plan->arena, "%s.%s", step->stage, step->name),
				 "--skip");
		step->selected = false;
		step->because = (struct event_because){.flag = "--skip"};
	}
	return 0;
}

static const char *trailer_for(const struct change *change, struct arena *arena,
			       const char *task)
{
	for (size_t i = 0; change && i < change->tasks.count; i++)
		if (!strcmp(change->tasks.items[i].value, task))
			return arena_format(arena, "Deploy-Task: %s", task);
	return NULL;
}

static int select_task(struct selection *selection, struct plan_task *task, struct error *err)
{
	struct plan *plan = selection->plan;
	struct plan_step *step = &task->step;
	const struct plan_flags *flags = &selection->input->flags;
	const struct record_owed *owed = owed_find(plan, "task", task->name);
	const char *trailer = trailer_for(selection->input->change, plan->arena, task->name);
	int want = wanted(selection, &step->config->if_changed, "runs at every deploy",
			  &step->because, err);

	if (want < 0)
		return -1;
	step->selected = want;
	if (owed)
		add_owed(plan, owed, &step->because);
	if (!want && !owed && trailer)
		step->because = (struct event_because){.trailer = trailer};
	if (owed || trailer)
		step->selected = true;
	if (text_list_has(&flags->task, task->name)) {
		if (!step->selected)
			step->because = (struct event_because){.flag = "--task"};
		step->selected = true;
	}
	if (text_list_has(&flags->no_task, task->name)) {
		if (step->selected)
			withhold(plan, "task", task->name, "--no-task");
		step->selected = false;
		step->because = (struct event_because){.flag = "--no-task"};
	}
	return 0;
}

/* Selects the step that is used; true when that is news. */
static bool pull(struct plan *plan, const char *use, const char *user)
{
	struct plan_step *used = (struct plan_step *)plan_find_step(plan, use);

	if (!used || used->selected || (used->because.flag && strcmp(used->because.flag, "--only")))
		return false;
	used->selected = true;
	used->because = (struct event_because){
		.reason = arena_format(plan->arena, "%s uses it", user)};
	for (size_t i = 0; i < plan->stages.count; i++) {
		struct plan_stage *stage = &plan->stages.items[i];

		if (strcmp(stage->name, used->stage) != 0 || stage->selected)
			continue;
		stage->selected = true;
		stage->because = used->because;
	}
	return true;
}

static void pull_used(struct plan *plan)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < plan->steps.count; i++) {
			const struct plan_step *step = &plan->steps.items[i];
			const struct text_list *uses = &step->config->uses;

			for (size_t u = 0; step->selected && u < uses->count; u++)
				if (pull(plan, uses->items[u],
					 arena_format(plan->arena, "%s.%s", step->stage,
						      step->name)))
					moved = true;
		}
		for (size_t i = 0; i < plan->tasks.count; i++) {
			const struct plan_task *task = &plan->tasks.items[i];
			const struct text_list *uses = &task->config->step.uses;

			for (size_t u = 0; task->step.selected && u < uses->count; u++)
				if (pull(plan, uses->items[u],
					 arena_format(plan->arena, "task %s", task->name)))
					moved = true;
		}
	}
}

bool plan_owed_exists(const struct plan *plan, const struct record_owed *owed)
{
	if (!strcmp(owed->kind, "step"))
		return plan_find_step(plan, owed->name);
	for (size_t i = 0; !strcmp(owed->kind, "stage") && i < plan->stages.count; i++)
		if (!strcmp(plan->stages.items[i].name, owed->name))
			return true;
	for (size_t i = 0; !strcmp(owed->kind, "task") && i < plan->tasks.count; i++)
		if (!strcmp(plan->tasks.items[i].name, owed->name))
			return true;
	return false;
}

/* What is owed and was taken out of the pipeline stays owed until somebody forgets it. */
static void carry_vanished(struct plan *plan)
{
	for (size_t i = 0; i < plan->owed.count; i++)
		if (!plan_owed_exists(plan, &plan->owed.items[i]))
			vec_push(plan->arena, &plan->withheld, plan->owed.items[i]);
}

static int unknown(const char *flag, const char *what, const char *name,
		   const struct text_list *known, struct error *err)
{
	const char *near = text_nearest(name, known->items, known->count);

	error_set(err, "%s %s: there is no %s of that name%s%s%s", flag, name, what,
		  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return error_code(err, EXIT_USAGE);
}

static int check_names(const char *flag, const char *what, const struct text_list *names,
		       const struct text_list *known, struct error *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (!text_list_has(known, names->items[i]))
			return unknown(flag, what, names->items[i], known, err);
	return 0;
}

static int check_flags(const struct plan *plan, const struct plan_flags *flags,
		       struct error *err)
{
	struct text_list stages = {0}, steps = {0}, tasks = {0};
	struct arena *arena = plan->arena;

	for (size_t i = 0; i < plan->stages.count; i++)
		text_list_add(arena, &stages, plan->stages.items[i].name);
	for (size_t i = 0; flags->skip.count && i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];

		text_list_add(arena, &steps, step->name);
		text_list_add(arena, &steps, arena_format(arena, "%s.%s", step->stage, step->name));
	}
	for (size_t i = 0; i < plan->tasks.count; i++)
		text_list_add(arena, &tasks, plan->tasks.items[i].name);
	if (check_names("--only", "stage", &flags->only, &stages, err) ||
	    check_names("--skip", "step", &flags->skip, &steps, err) ||
	    check_names("--task", "task", &flags->task, &tasks, err) ||
	    check_names("--no-task", "task", &flags->no_task, &tasks, err))
		return error_hint(err, "shipit -e %s plan lists them", plan->env);
	return 0;
}

static int select_each(struct selection *selection, struct error *err)
{
	struct plan *plan = selection->plan;

	/* Publishing follows what was prepared, which stands before it. */
	for (int phase = PHASE_BEFORE; phase <= PHASE_BEHIND; phase++)
		for (size_t i = 0; i < plan->stages.count; i++) {
			struct plan_stage *stage = &plan->stages.items[i];

			if ((int)stage->phase != phase)
				continue;
			if (select_stage(selection, stage, err))
				return -1;
			for (size_t s = 0; s < stage->count; s++)
				if (select_step(selection, stage,
						&plan->steps.items[stage->first + s], err))
					return -1;
		}
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (select_task(selection, &plan->tasks.items[i], err))
			return -1;
	return 0;
}

int select_all(struct plan *plan, const struct plan_input *input, struct error *err)
{
	struct selection selection = {.plan = plan, .input = input};
	size_t count = input->change ? input->change->files.count : 0;
	struct pattern_path *paths = NULL;
	int result;

	if (check_flags(plan, &input->flags, err))
		return -1;
	if (count)
		paths = change_paths(plan->arena, input->change);
	selection.index = pattern_index_new(paths, count);
	result = select_each(&selection, err);
	pattern_index_free(selection.index);
	if (result)
		return -1;
	if (plan->rollback) {
		rollback_drop_users(plan);
		rollback_withhold(plan);
	} else {
		pull_used(plan);
	}
	carry_vanished(plan);
	return 0;
}
