/* Risk: low, medium or high, and each line that made it so. */
#include "base/text.h"
#include "git/change.h"
#include "git/pattern.h"
#include "plan/plan_internal.h"

static bool is_known(const struct plan *plan, const struct event_because *because)
{
	for (size_t i = 0; i < plan->risk_because.list.count; i++) {
		const struct event_because *other = &plan->risk_because.list.items[i];

		if (text_equal(other->path, because->path) &&
		    text_equal(other->pattern, because->pattern) &&
		    text_starts_with(because->reason, other->reason))
			return true;
	}
	return false;
}

static void raise_risk(struct plan *plan, enum plan_risk risk, struct event_because because)
{
	if (risk > plan->risk)
		plan->risk = risk;
	if (!is_known(plan, &because))
		vec_push(plan->arena, &plan->risk_because.list, because);
}

/* The pattern that decides over a path that the list matches: the last one that matches it. */
static size_t deciding(const struct pattern_list *list, const struct pattern_path *path)
{
	for (size_t i = list->count; i > 0; i--)
		if (pattern_list_item_matches(list, i - 1, path->path, path->is_folder))
			return i - 1;
	return 0;
}

struct risk_index {
	struct plan *plan;
	struct pattern_path *paths;
	struct pattern_index *index;
};

/* One line for each pattern that something matches. */
static int judge_paths(const struct risk_index *index, const struct pattern_texts *texts,
		       enum plan_risk risk, const char *reason, struct error *err)
{
	struct arena *arena = index->plan->arena;
	struct event_because *because = arena_array(arena, texts->list.count + 1, sizeof(*because));
	struct pattern_list list;
	size_t *places, count;

	if (pattern_list_compile(arena, texts, &list, err))
		return -1;
	count = pattern_index_paths(index->index, arena, &list, &places);
	for (size_t i = 0; i < count; i++) {
		const struct pattern_path *path = &index->paths[places[i]];
		size_t item = deciding(&list, path);

		if (!because[item].count++)
			because[item].path = path->path;
		because[item].pattern = texts->list.items[item].text;
		because[item].reason = reason;
	}
	for (size_t i = 0; i < texts->list.count; i++)
		if (because[i].count)
			raise_risk(index->plan, risk, because[i]);
	return 0;
}

static int judge_config(const struct risk_index *index, const struct guards_config *guards,
			const char *high, const char *medium, struct error *err)
{
	if (judge_paths(index, &guards->risky_high, RISK_HIGH, high, err))
		return -1;
	return judge_paths(index, &guards->risky_medium, RISK_MEDIUM, medium, err);
}

static int judge_change(struct plan *plan, const struct plan_input *input, struct error *err)
{
	const struct change *change = input->change;
	struct risk_index index = {.plan = plan};
	size_t count = change && plan->previous ? change->files.count : 0;
	int result;

	if (!count)
		return 0;
	index.paths = change_paths(plan->arena, change);
	index.index = pattern_index_new(index.paths, count);
	result = judge_config(&index, &plan->config->guards, "risky.high", "risky.medium", err);
	if (!result && input->live_config)
		result = judge_config(&index, &input->live_config->guards,
				      "risky.high of the live release",
				      "risky.medium of the live release", err);
	pattern_index_free(index.index);
	return result;
}

int risk_judge(struct plan *plan, const struct plan_input *input, struct error *err)
{
	if (judge_change(plan, input, err))
		return -1;
	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];

		if (step->selected && step->config->irreversible)
			raise_risk(
				plan, RISK_HIGH,
				(struct event_because){
					.reason = arena_format(plan->arena, "%s.%s is irreversible",
							       step->stage, step->name)});
	}
	return 0;
}
