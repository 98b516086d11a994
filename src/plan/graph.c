/* The graph of stages: phases and counters, and all that can be wrong with it. */
#include "base/map.h"
#include "base/text.h"
#include "plan/plan_internal.h"

struct graph {
	struct plan *plan;
	const struct pipeline *pipeline;
	struct diagnostics *diagnostics;
	struct map by_name;	/* stage name -> index + 1 */
	bool *behind;
};

static size_t stage_index(const struct graph *graph, const char *name)
{
	const void *value = map_get_text(&graph->by_name, name);

	return value ? (size_t)(uintptr_t)value - 1 : SIZE_MAX;
}

static const char *nearest_stage(const struct graph *graph, const char *name)
{
	struct text_list names = {0};

	for (size_t i = 0; i < graph->pipeline->stages.count; i++)
		text_list_add(graph->plan->arena, &names, graph->pipeline->stages.items[i].name);
	return text_nearest(name, names.items, names.count);
}

static void check_needs(struct graph *graph, const struct stage_config *stage)
{
	for (size_t i = 0; i < stage->needs.count; i++) {
		const char *need = stage->needs.items[i];
		const char *near;

		if (!strcmp(need, stage->name)) {
			diagnostics_add(graph->diagnostics, stage->place,
					"stage '%s' needs itself", stage->name);
			continue;
		}
		if (stage_index(graph, need) != SIZE_MAX)
			continue;
		near = nearest_stage(graph, need);
		diagnostics_add(graph->diagnostics, stage->place,
				"stage '%s' needs '%s', which is no stage%s%s%s", stage->name,
				need, near ? "; did you mean '" : "", near ? near : "",
				near ? "'?" : "");
	}
}

static void find_go_live(struct graph *graph)
{
	const struct stage_config *first = NULL;

	for (size_t i = 0; i < graph->pipeline->stages.count; i++) {
		const struct stage_config *stage = &graph->pipeline->stages.items[i];

		if (!stage->go_live)
			continue;
		if (!first) {
			first = stage;
			graph->plan->go_live = i;
			continue;
		}
		diagnostics_add(graph->diagnostics, stage->place,
				"stage '%s' has go_live, but '%s' (line %d) has it already",
				stage->name, first->name, first->place.line);
		diagnostics_hint(graph->diagnostics, "exactly one stage is the go-live stage");
	}
	if (first)
		return;
	diagnostics_add(graph->diagnostics,
			(struct place){.file = graph->pipeline->file, .line = 1, .column = 1},
			"no stage has go_live: true");
	diagnostics_hint(
		graph->diagnostics,
		"write it to the stage that makes the commit live; it waits for all others");
}

/* What is left when everything that can start has started; then nobody in it ever can. */
static size_t count_ready(const struct graph *graph, bool *done)
{
	size_t count = graph->pipeline->stages.count, finished = 0;
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < count; i++) {
			const struct stage_config *stage = &graph->pipeline->stages.items[i];
			bool ready = !done[i];

			for (size_t n = 0; ready && n < stage->needs.count; n++) {
				size_t need = stage_index(graph, stage->needs.items[n]);

				ready = need == SIZE_MAX || need == i || done[need];
			}
			if (ready) {
				done[i] = moved = true;
				finished++;
			}
		}
	}
	return finished;
}

static size_t first_undone_need(const struct graph *graph, size_t stage, const bool *done)
{
	const struct text_list *needs = &graph->pipeline->stages.items[stage].needs;

	for (size_t n = 0; n < needs->count; n++) {
		size_t need = stage_index(graph, needs->items[n]);

		if (need != SIZE_MAX && !done[need])
			return need;
	}
	return stage;
}

static void report_circle(struct graph *graph, const bool *done, size_t start)
{
	struct buffer path;
	size_t count = graph->pipeline->stages.count, at = start;
	const struct stage_config *stages = graph->pipeline->stages.items;
	bool *in = arena_array(graph->plan->arena, count, sizeof(*in));

	/* Walking on long enough ends in the circle itself. */
	for (size_t i = 0; i < count; i++)
		at = first_undone_need(graph, at, done);
	buffer_init(&path, 4096);
	for (size_t i = at; !in[i]; i = first_undone_need(graph, i, done)) {
		in[i] = true;
		buffer_add_format(&path, "%s needs ", stages[i].name);
	}
	buffer_add_text(&path, stages[at].name);
	diagnostics_add(graph->diagnostics, stages[at].place, "stages wait for each other: %s",
			path.data);
	for (size_t i = 0; i < count; i++)
		if (!done[i] && !in[i])
			diagnostics_add(
				graph->diagnostics, stages[i].place,
				"stage '%s' can never be reached: it waits for that circle (%s)",
				stages[i].name, path.data);
	buffer_release(&path);
}

static void check_circles(struct graph *graph)
{
	size_t count = graph->pipeline->stages.count;
	bool *done = arena_array(graph->plan->arena, count, sizeof(*done));

	if (count_ready(graph, done) == count)
		return;
	for (size_t i = 0; i < count; i++)
		if (!done[i]) {
			report_circle(graph, done, i);
			return;
		}
}

static void mark_behind(struct graph *graph)
{
	size_t count = graph->pipeline->stages.count;
	bool moved = true;

	graph->behind = arena_array(graph->plan->arena, count, sizeof(*graph->behind));
	while (moved) {
		moved = false;
		for (size_t i = 0; i < count; i++) {
			const struct text_list *needs = &graph->pipeline->stages.items[i].needs;

			for (size_t n = 0; n < needs->count && !graph->behind[i]; n++) {
				size_t need = stage_index(graph, needs->items[n]);

				if (need == SIZE_MAX || i == graph->plan->go_live)
					continue;
				if (need == graph->plan->go_live || graph->behind[need])
					graph->behind[i] = moved = true;
			}
		}
	}
}

static void add_edge(struct graph *graph, size_t from, size_t to)
{
	struct plan_stage *stage = &graph->plan->stages.items[from];
	size_t capacity = stage->free_count;

	if (!(capacity & (capacity - 1)) || !stage->frees) {
		size_t *larger = arena_array(graph->plan->arena, capacity ? capacity * 2 : 1,
					     sizeof(*larger));

		if (stage->frees)
			memcpy(larger, stage->frees, capacity * sizeof(*larger));
		stage->frees = larger;
	}
	stage->frees[stage->free_count++] = to;
	graph->plan->stages.items[to].waits++;
}

static void add_edges(struct graph *graph)
{
	size_t go_live = graph->plan->go_live;

	for (size_t i = 0; i < graph->pipeline->stages.count; i++) {
		const struct text_list *needs = &graph->pipeline->stages.items[i].needs;

		if (i != go_live && !graph->behind[i])
			add_edge(graph, i, go_live);
		for (size_t n = 0; i != go_live && n < needs->count; n++) {
			size_t need = stage_index(graph, needs->items[n]);
			bool twice = false;

			for (size_t m = 0; m < n; m++)
				twice = twice || !strcmp(needs->items[m], needs->items[n]);
			if (need != SIZE_MAX && !twice)
				add_edge(graph, need, i);
		}
	}
}

static struct plan_step step_new(const char *stage, const struct step_config *config,
				 enum plan_phase phase)
{
	const struct step_kind *kind = step_kind_find(config->kind);
	struct plan_step step = {.stage = stage, .name = config->name, .config = config,
				 .estimate = -1};

	step.half = STEP_WHOLE;
	if (phase == PHASE_BEFORE && kind && kind->two_halves)
		step.half = STEP_PREPARE;
	step.open = kind && kind->open && kind->open(config);
	step.timeout = config->timeout;
	if (step.timeout < 0)
		step.timeout = phase == PHASE_BEFORE ? 10 * 60 * 1000 : 0;
	return step;
}

static const struct plan_step *prepared_step(const struct plan *plan, const char *name)
{
	const struct plan_step *step = plan_find_step(plan, name);

	return step && step->half == STEP_PREPARE ? step : NULL;
}

/* A step `publish: STAGE.STEP` stands for the other half of a step before go-live. */
static void point_publish(struct graph *graph, struct plan_step *step, bool *named)
{
	const char *target = step->config->publish;
	const struct plan_step *prepared = target ? prepared_step(graph->plan, target) : NULL;

	if (!target)
		return;
	if (!prepared) {
		diagnostics_add(
			graph->diagnostics, step->config->place,
			"publish: '%s' is no step before go-live that has something to publish",
			target);
		return;
	}
	step->half = STEP_PUBLISH;
	step->of = (size_t)(prepared - graph->plan->steps.items);
	step->open = 0; /* said of what it publishes */
	step->config = prepared->config;
	named[step->of] = true;
}

static void add_publishing(struct graph *graph, struct plan_stage *stage)
{
	struct plan *plan = graph->plan;
	size_t before = stage->first;
	bool *named = arena_array(plan->arena, plan->steps.count + 1, sizeof(*named));

	for (size_t i = 0; i < stage->count; i++)
		point_publish(graph, &plan->steps.items[stage->first + i], named);
	for (size_t i = 0; i < before; i++) {
		struct plan_step step = plan->steps.items[i];

		if (step.half != STEP_PREPARE || named[i])
			continue;
		step.name = arena_format(plan->arena, "publish-%s-%s", step.stage, step.name);
		step.stage = stage->name;
		step.half = STEP_PUBLISH;
		step.open = 0;
		step.of = i;
		step.timeout = step.config->timeout > 0 ? step.config->timeout : 0;
		vec_push(plan->arena, &plan->steps, step);
		stage->count++;
	}
}

static void add_steps(struct graph *graph, size_t index)
{
	struct plan *plan = graph->plan;
	struct plan_stage *stage = &plan->stages.items[index];

	stage->first = plan->steps.count;
	for (size_t i = 0; i < stage->config->steps.count; i++) {
		struct plan_step step = step_new(stage->name, &stage->config->steps.items[i],
						 stage->phase);

		step.of = plan->steps.count;
		vec_push(plan->arena, &plan->steps, step);
		stage->count++;
	}
}

/* Steps stand stage by stage: those before go-live first, so that publishing knows them. */
static void add_all_steps(struct graph *graph)
{
	struct plan *plan = graph->plan;

	for (int phase = PHASE_BEFORE; phase <= PHASE_BEHIND; phase++)
		for (size_t i = 0; i < plan->stages.count; i++) {
			if ((int)plan->stages.items[i].phase != phase)
				continue;
			add_steps(graph, i);
			if (phase == PHASE_GO_LIVE)
				add_publishing(graph, &plan->stages.items[i]);
		}
}

static bool comes_before(const struct graph *graph, size_t stage, size_t other, size_t depth)
{
	const struct text_list *needs = &graph->pipeline->stages.items[other].needs;

	if (graph->plan->stages.items[stage].phase == PHASE_BEFORE &&
	    graph->plan->stages.items[other].phase != PHASE_BEFORE)
		return true;
	for (size_t n = 0; depth && n < needs->count; n++) {
		size_t need = stage_index(graph, needs->items[n]);

		if (need == stage ||
		    (need != SIZE_MAX && need != other &&
		     comes_before(graph, stage, need, depth - 1)))
			return true;
	}
	return false;
}

static void check_use(struct graph *graph, const struct step_config *user, const char *use,
		      size_t stage, size_t place)
{
	const struct plan_step *used = plan_find_step(graph->plan, use);
	size_t other, at;

	if (!used) {
		diagnostics_add(graph->diagnostics, user->place,
				"uses: there is no step '%s' (STAGE.STEP)", use);
		return;
	}
	if (stage == SIZE_MAX)
		return;
	other = stage_index(graph, used->stage);
	at = (size_t)(used - graph->plan->steps.items);
	if (other == stage ? at < place : comes_before(graph, other, stage, 100))
		return;
	diagnostics_add(graph->diagnostics, user->place,
			"uses: '%s' does not come before this step", use);
	diagnostics_hint(graph->diagnostics, "let stage '%s' have needs: [%s]",
			 graph->plan->stages.items[stage].name, used->stage);
}

/* What acts on production at once has no business before go-live. */
static void check_early(struct graph *graph, const struct plan_step *step)
{
	const struct step_config *config = step->config;
	const char *acts = config->keys ? config->keys->acts : NULL;

	if (!acts || config->early || (*acts && !object_has(&config->object, acts)))
		return;
	diagnostics_add(graph->diagnostics, config->place,
			"step '%s.%s' would change production before go-live: %s%s%s", step->stage,
			step->name, config->kind, *acts ? "." : "", acts);
	diagnostics_hint(graph->diagnostics, "move it to the go-live stage, or say early: true");
}

static void check_kind(struct graph *graph, const struct step_config *step)
{
	const struct step_kind *kind = step_kind_find(step->kind);

	if (kind && kind->check)
		kind->check(step, graph->diagnostics);
	if (!step->publish)
		return;
	diagnostics_add(graph->diagnostics, step->place,
			"publish: '%s' stands outside the go-live stage", step->publish);
	diagnostics_hint(graph->diagnostics,
			 "what was prepared goes live in the go-live stage only");
}

static void check_steps(struct graph *graph)
{
	struct plan *plan = graph->plan;

	for (size_t s = 0; s < plan->stages.count; s++) {
		const struct plan_stage *stage = &plan->stages.items[s];

		for (size_t i = stage->first; i < stage->first + stage->count; i++) {
			const struct plan_step *step = &plan->steps.items[i];

			if (step->half == STEP_PUBLISH)
				continue;
			for (size_t u = 0; u < step->config->uses.count; u++)
				check_use(graph, step->config, step->config->uses.items[u], s, i);
			if (stage->phase == PHASE_BEFORE)
				check_early(graph, step);
			if (stage->phase != PHASE_GO_LIVE || !step->config->publish)
				check_kind(graph, step->config);
		}
	}
	for (size_t t = 0; t < graph->pipeline->tasks.count; t++) {
		const struct step_config *task = &graph->pipeline->tasks.items[t].step;

		check_kind(graph, task);
		for (size_t u = 0; u < task->uses.count; u++)
			check_use(graph, task, task->uses.items[u], SIZE_MAX, 0);
	}
}

static void add_stages(struct graph *graph)
{
	for (size_t i = 0; i < graph->pipeline->stages.count; i++) {
		const struct stage_config *config = &graph->pipeline->stages.items[i];
		struct plan_stage stage = {.name = config->name, .config = config, .estimate = -1};

		map_set_text(&graph->by_name, config->name, (void *)(uintptr_t)(i + 1));
		vec_push(graph->plan->arena, &graph->plan->stages, stage);
	}
}

static void add_tasks(struct graph *graph)
{
	for (size_t i = 0; i < graph->pipeline->tasks.count; i++) {
		const struct task_config *config = &graph->pipeline->tasks.items[i];
		struct plan_task task = {.name = config->step.name, .config = config,
					 .deferred = config->step.deferred,
					 .step = step_new("tasks", &config->step, PHASE_BEHIND)};

		vec_push(graph->plan->arena, &graph->plan->tasks, task);
	}
}

int graph_build(struct plan *plan, const struct pipeline *pipeline,
		struct diagnostics *diagnostics)
{
	struct graph graph = {.plan = plan, .pipeline = pipeline, .diagnostics = diagnostics};
	size_t errors = diagnostics->errors;

	add_stages(&graph);
	for (size_t i = 0; i < pipeline->stages.count; i++)
		check_needs(&graph, &pipeline->stages.items[i]);
	check_circles(&graph);
	find_go_live(&graph);
	if (diagnostics->errors == errors) {
		mark_behind(&graph);
		for (size_t i = 0; i < plan->stages.count; i++) {
			plan->stages.items[i].phase = PHASE_BEFORE;
			if (graph.behind[i])
				plan->stages.items[i].phase = PHASE_BEHIND;
		}
		plan->stages.items[plan->go_live].phase = PHASE_GO_LIVE;
		add_edges(&graph);
		add_all_steps(&graph);
		add_tasks(&graph);
		check_steps(&graph);
	}
	plan->deadline = pipeline->deadline > 0 ? pipeline->deadline : 0;
	map_release(&graph.by_name);
	return diagnostics->errors == errors ? 0 : -1;
}
