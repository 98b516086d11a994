/* How long it will take, from the deploys before. */
#include "base/text.h"
#include "base/map.h"
#include "plan/plan_internal.h"

enum { SAMPLES = 9 };

struct samples {
	int64_t values[SAMPLES];
	size_t count;
};

static void sample_add(struct arena *arena, struct map *map, const struct record_duration *duration)
{
	const char *key = arena_format(arena, "%s\n%s", duration->stage, duration->step);
	struct samples *samples = map_get_text(map, key);

	if (!samples) {
		samples = arena_new(arena, struct samples);
		map_set_text(map, key, samples);
	}
	if (samples->count < SAMPLES)
		samples->values[samples->count++] = duration->milliseconds;
}

static int64_t median(struct samples *samples)
{
	for (size_t i = 1; i < samples->count; i++)
		for (size_t j = i; j && samples->values[j - 1] > samples->values[j]; j--) {
			int64_t value = samples->values[j];

			samples->values[j] = samples->values[j - 1];
			samples->values[j - 1] = value;
		}
	return samples->values[samples->count / 2];
}

static int64_t estimate(struct arena *arena, const struct map *map, const char *stage,
			const char *step)
{
	struct samples *samples = map_get_text(map, arena_format(arena, "%s\n%s", stage, step));

	return samples ? median(samples) : -1;
}

static void estimate_stage(struct plan *plan, struct plan_stage *stage)
{
	int64_t total = 0;
	bool known = false;

	for (size_t i = stage->first; i < stage->first + stage->count; i++) {
		const struct plan_step *step = &plan->steps.items[i];

		if (!step->selected || step->estimate < 0)
			continue;
		known = true;
		if (!stage->config->parallel)
			total += step->estimate;
		else if (step->estimate > total)
			total = step->estimate;
	}
	stage->estimate = known ? total : -1;
}

/* Each stage's end is its latest need's end and its own time: the longest way through the graph. */
static int64_t longest_way(struct plan *plan)
{
	size_t count = plan->stages.count, head = 0, tail = 0;
	size_t *waits = arena_array(plan->arena, count, sizeof(*waits));
	size_t *queue = arena_array(plan->arena, count, sizeof(*queue));
	int64_t *start = arena_array(plan->arena, count, sizeof(*start)), longest = 0;

	for (size_t i = 0; i < count; i++) {
		waits[i] = plan->stages.items[i].waits;
		if (!waits[i])
			queue[tail++] = i;
	}
	while (head < tail) {
		const struct plan_stage *stage = &plan->stages.items[queue[head]];
		int64_t end = start[queue[head]];

		if (stage->selected && stage->estimate > 0)
			end += stage->estimate;
		if (end > longest)
			longest = end;
		for (size_t f = 0; f < stage->free_count; f++) {
			size_t next = stage->frees[f];

			if (end > start[next])
				start[next] = end;
			if (!--waits[next])
				queue[tail++] = next;
		}
		head++;
	}
	return longest;
}

static void read_samples(struct plan *plan, const struct plan_input *input, struct map *map)
{
	for (size_t r = 0; input->records && r < input->records->records.count && r < 20; r++) {
		const struct record *record = &input->records->records.items[r];

		for (size_t d = 0; d < record->durations.count; d++)
			sample_add(plan->arena, map, &record->durations.items[d]);
	}
}

void estimate_all(struct plan *plan, const struct plan_input *input)
{
	struct map map = MAP_INIT;
	int64_t tasks = 0, smoke = 0;
	bool known = false;

	plan->estimate = -1;
	read_samples(plan, input, &map);
	if (!map.count)
		return;
	for (size_t i = 0; i < plan->steps.count; i++) {
		struct plan_step *step = &plan->steps.items[i];

		step->estimate = estimate(plan->arena, &map, step->stage, step->name);
		known = known || (step->selected && step->estimate >= 0);
	}
	for (size_t i = 0; i < plan->stages.count; i++)
		estimate_stage(plan, &plan->stages.items[i]);
	for (size_t i = 0; i < plan->tasks.count; i++) {
		struct plan_step *step = &plan->tasks.items[i].step;

		step->estimate = estimate(plan->arena, &map, "tasks", step->name);
		if (step->selected && !plan->tasks.items[i].deferred && step->estimate > tasks)
			tasks = step->estimate;
	}
	if (plan->config->smoke.present)
		smoke = estimate(plan->arena, &map, "smoke", "smoke");
	map_release(&map);
	if (known)
		plan->estimate = longest_way(plan) + (smoke > 0 ? smoke : 0) + tasks;
}
