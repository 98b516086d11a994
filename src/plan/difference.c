/* Compares two plans line by line of what they would do. */
#include "plan/difference.h"

#include "base/text.h"

struct comparison {
	struct arena *arena;
	struct text_list lines;
};

static void add(struct comparison *self, const char *text)
{
	text_list_add(self->arena, &self->lines, text);
}

static bool selects_step(const struct plan *plan, const struct plan_step *wanted)
{
	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];

		if (step->selected && step->half == wanted->half &&
		    text_equal(step->stage, wanted->stage) && text_equal(step->name, wanted->name))
			return true;
	}
	return false;
}

static bool selects_task(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (plan->tasks.items[i].step.selected &&
		    text_equal(plan->tasks.items[i].name, name))
			return true;
	return false;
}

/* What one does and other does not. */
static void add_missing(struct comparison *self, const struct plan *one, const struct plan *other,
			const char *verb)
{
	for (size_t i = 0; i < one->steps.count; i++) {
		const struct plan_step *step = &one->steps.items[i];

		if (step->selected && !selects_step(other, step))
			add(self, arena_format(self->arena, "step %s.%s %s", step->stage,
					       step->name, verb));
	}
	for (size_t i = 0; i < one->tasks.count; i++) {
		const struct plan_task *task = &one->tasks.items[i];

		if (task->step.selected && !selects_task(other, task->name))
			add(self, arena_format(self->arena, "task %s %s", task->name, verb));
	}
}

static const struct plan_guard *find_guard(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->guards.count; i++)
		if (text_equal(plan->guards.items[i].name, name))
			return &plan->guards.items[i];
	return NULL;
}

static void add_guards(struct comparison *self, const struct plan *before, const struct plan *after)
{
	for (size_t i = 0; i < after->guards.count; i++) {
		const struct plan_guard *now = &after->guards.items[i];
		const struct plan_guard *then = find_guard(before, now->name);

		if (now->verdict != STATUS_PASS && (!then || then->verdict != now->verdict))
			add(self, arena_format(self->arena, "guard %s %s now: %s", now->name,
					       now->verdict == STATUS_REFUSE ? "refuses" : "warns",
					       now->reason ? now->reason : "see the plan"));
	}
}

struct text_list plan_difference(struct arena *arena, const struct plan *before,
				 const struct plan *after)
{
	struct comparison self = {.arena = arena};

	if (!text_equal(before->previous, after->previous))
		add(&self, arena_format(arena, "%.7s is live now, not %.7s",
					after->previous ? after->previous : "nothing",
					before->previous ? before->previous : "nothing"));
	add_missing(&self, after, before, "runs now");
	add_missing(&self, before, after, "is not needed any more");
	if (before->maintenance != after->maintenance)
		add(&self, after->maintenance ? "maintenance is needed now"
					      : "maintenance is not needed any more");
	if (before->risk != after->risk)
		add(&self, arena_format(arena, "the risk is %s now, not %s",
					plan_risk_name(after->risk), plan_risk_name(before->risk)));
	add_guards(&self, before, after);
	if (!self.lines.count && strcmp(before->digest, after->digest) != 0)
		add(&self, "what configures it changed");
	return self.lines;
}

bool plan_got_worse(const struct plan *before, const struct plan *after)
{
	return after->risk > before->risk || (after->maintenance && !before->maintenance);
}
