/* A plan out of its input. */
#include "base/text.h"
#include "git/change.h"
#include "plan/plan_internal.h"

static void take_owed(struct plan *plan, const struct plan_input *input)
{
	const struct record *newest;

	if (!input->records || !input->records->records.count)
		return;
	newest = &input->records->records.items[0];
	for (size_t i = 0; i < newest->owed.count; i++)
		vec_push(plan->arena, &plan->owed, newest->owed.items[i]);
}

static void take_change(struct plan *plan, const struct plan_input *input)
{
	const struct change *change = input->change;

	plan->change = change;
	plan->everything = !change || change->everything || input->flags.redeploy;
	plan->everything_reason = input->everything_reason ? input->everything_reason
							   : "nothing is live yet";
	if (!change)
		return;
	plan->lines_added = change->lines_known ? change->added : -1;
	plan->lines_removed = change->lines_known ? change->removed : -1;
	plan->lines_counted = change->lines_known ? change->added + change->removed : -1;
}

/* Deploying what is live already is nothing to do, but for what is owed or asked for. */
static bool is_nothing(const struct plan *plan, const struct plan_input *input)
{
	return plan->previous && !strcmp(plan->previous, plan->commit) &&
	       !input->flags.redeploy && !input->flags.rollback.release &&
	       !plan->owed.count && !input->flags.task.count &&
	       !(input->change && (input->change->files.count || input->change->everything));
}

struct plan *plan_new(struct arena *arena, const struct plan_input *input,
		      struct diagnostics *diagnostics, struct error *err)
{
	const struct config *config = input->config;
	struct plan *plan = arena_new(arena, struct plan);

	plan->arena = arena;
	plan->config = config;
	plan->app = config->app;
	plan->env = config->env;
	plan->url = config->url;
	plan->branch = input->branch && *input->branch ? input->branch : NULL;
	plan->commit = input->commit;
	plan->previous = input->previous;
	plan->fingerprints = input->fingerprints;
	plan->rollback = input->flags.rollback.release;
	take_owed(plan, input);
	take_change(plan, input);
	plan->nothing_to_do = is_nothing(plan, input);
	if (graph_build(plan, config->pipeline, diagnostics)) {
		diagnostics_result(diagnostics, err);
		return NULL;
	}
	if (guards_check(&input->flags, arena, err) || select_all(plan, input, err) ||
	    maintenance_judge(plan, input, err) || risk_judge(plan, input, err))
		return NULL;
	estimate_all(plan, input);
	digest_make(plan, input);
	if (guards_judge(plan, input, err))
		return NULL;
	notes_gather(plan, input);
	return plan;
}

int plan_check(struct arena *arena, const struct pipeline *pipeline,
	       struct diagnostics *diagnostics)
{
	struct plan *plan = arena_new(arena, struct plan);

	plan->arena = arena;
	return graph_build(plan, pipeline, diagnostics);
}

const struct plan_step *plan_find_step(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];
		size_t length = strlen(step->stage);

		if (!strncmp(name, step->stage, length) && name[length] == '.' &&
		    !strcmp(name + length + 1, step->name))
			return step;
	}
	return NULL;
}

int plan_refused(const struct plan *plan)
{
	for (size_t i = 0; i < plan->guards.count; i++)
		if (plan->guards.items[i].verdict == STATUS_REFUSE &&
		    !plan->guards.items[i].overridden)
			return (int)i;
	return -1;
}

const char *plan_risk_name(enum plan_risk risk)
{
	static const char *const names[] = {"low", "medium", "high"};

	return names[risk];
}

void plan_because_text(const struct event_because *because, struct buffer *out)
{
	if (because->path) {
		buffer_add_text(out, because->path);
		if (because->line)
			buffer_add_format(out, ":%lld", (long long)because->line);
		if (because->pattern)
			buffer_add_format(out, " matches %s", because->pattern);
		if (because->count > 1)
			buffer_add_format(out, " (%lld files)", (long long)because->count);
		if (because->reason)
			buffer_add_format(out, "%s %s", because->pattern ? "," : ":",
					  because->reason);
	} else if (because->trailer) {
		buffer_add_format(out, "trailer %s", because->trailer);
	} else if (because->flag) {
		buffer_add_text(out, because->flag);
	} else if (because->reason) {
		buffer_add_text(out, because->reason);
	}
}
