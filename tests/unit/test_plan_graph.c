/* The graph of stages: phases, counters, and every mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "config_files.h"
#include "plan/plan_internal.h"

struct world {
	struct arena arena;
	struct pipeline pipeline;
	struct diagnostics diagnostics;
	struct plan plan;
};

static struct stage_config *stage(struct world *world, const char *name, const char *needs,
				  bool go_live)
{
	struct stage_config stage = {.name = name, .go_live = go_live,
				     .place = {.file = "p.yml", .line = 1, .column = 1}};
	struct step_config step = {.name = "one", .kind = "run", .timeout = -1};

	stage.needs = text_split(&world->arena, needs, ' ');
	step.place = stage.place;
	vec_push(&world->arena, &stage.steps, step);
	vec_push(&world->arena, &world->pipeline.stages, stage);
	return &world->pipeline.stages.items[world->pipeline.stages.count - 1];
}

static int build(struct world *world)
{
	world->pipeline.file = "p.yml";
	world->pipeline.deadline = -1;
	diagnostics_init(&world->diagnostics, &world->arena);
	world->plan.arena = &world->arena;
	return graph_build(&world->plan, &world->pipeline, &world->diagnostics);
}

static bool says(const struct world *world, const char *text)
{
	for (size_t i = 0; i < world->diagnostics.list.count; i++)
		if (strstr(world->diagnostics.list.items[i].message, text))
			return true;
	return false;
}

static void test_phases_and_counters(void **state)
{
	struct world world = {0};
	const struct plan_stage *stages;

	(void)state;
	stage(&world, "front", "", false);
	stage(&world, "back", "", false);
	stage(&world, "pack", "front back", false);
	stage(&world, "release", "", true);
	stage(&world, "after", "release", false);
	stage(&world, "last", "after front", false);
	assert_int_equal(build(&world), 0);
	stages = world.plan.stages.items;
	assert_int_equal(stages[2].waits, 2);
	assert_int_equal(stages[3].waits, 3);
	assert_int_equal(stages[3].phase, PHASE_GO_LIVE);
	assert_int_equal(stages[4].phase, PHASE_BEHIND);
	assert_int_equal(stages[4].waits, 1);
	assert_int_equal(stages[5].phase, PHASE_BEHIND);
	assert_int_equal(stages[5].waits, 2);
	assert_int_equal(stages[0].free_count, 3);
	assert_int_equal(world.plan.steps.items[0].timeout, 600000);
	assert_int_equal(plan_find_step(&world.plan, "release.one")->timeout, 0);
	assert_null(plan_find_step(&world.plan, "release.two"));
	arena_release(&world.arena);
}

static void test_go_live_waits_for_all_even_with_needs(void **state)
{
	struct world world = {0};

	(void)state;
	stage(&world, "a", "", false);
	stage(&world, "b", "", false);
	stage(&world, "live", "a", true);
	assert_int_equal(build(&world), 0);
	assert_int_equal(world.plan.stages.items[2].waits, 2);
	arena_release(&world.arena);
}

static void test_all_mistakes_at_once(void **state)
{
	struct world world = {0};

	(void)state;
	stage(&world, "frontend", "bakcend", false);
	stage(&world, "backend", "backend", false);
	stage(&world, "one", "", true);
	stage(&world, "two", "", true);
	assert_int_equal(build(&world), -1);
	assert_true(says(&world, "needs 'bakcend', which is no stage; did you mean 'backend'?"));
	assert_true(says(&world, "stage 'backend' needs itself"));
	assert_true(says(&world, "stage 'two' has go_live, but 'one'"));
	arena_release(&world.arena);
}

static void test_no_go_live(void **state)
{
	struct world world = {0};

	(void)state;
	stage(&world, "a", "", false);
	assert_int_equal(build(&world), -1);
	assert_true(says(&world, "no stage has go_live"));
	arena_release(&world.arena);
}

static void test_circle_and_who_waits_for_it(void **state)
{
	struct world world = {0};

	(void)state;
	stage(&world, "tail", "a", false);
	stage(&world, "a", "b", false);
	stage(&world, "b", "c", false);
	stage(&world, "c", "a", false);
	stage(&world, "live", "", true);
	assert_int_equal(build(&world), -1);
	assert_true(says(&world, "wait for each other"));
	assert_true(says(&world, "stage 'tail' can never be reached"));
	arena_release(&world.arena);
}

static void test_go_live_may_not_need_what_is_behind(void **state)
{
	struct world world = {0};

	(void)state;
	stage(&world, "live", "after", true);
	stage(&world, "after", "live", false);
	assert_int_equal(build(&world), -1);
	assert_true(says(&world, "wait for each other"));
	arena_release(&world.arena);
}

static void test_uses_must_come_before(void **state)
{
	struct world world = {0};
	struct stage_config *one;

	(void)state;
	one = stage(&world, "one", "", false);
	text_list_add(&world.arena, &one->steps.items[0].uses, "two.one");
	text_list_add(&world.arena, &one->steps.items[0].uses, "two.nothing");
	stage(&world, "two", "", false);
	one = stage(&world, "live", "", true);
	text_list_add(&world.arena, &one->steps.items[0].uses, "two.one");
	assert_int_equal(build(&world), -1);
	assert_int_equal(world.diagnostics.errors, 2);
	assert_true(says(&world, "'two.one' does not come before"));
	assert_true(says(&world, "no step 'two.nothing'"));
	arena_release(&world.arena);
}

/* The kinds of later versions are judged by their tables already. */
static void test_what_changes_production_waits_for_go_live(void **state)
{
	struct memory_file files[] = {
		{"deploy.yml", "app: shop\npipeline: web\nenvironments: {production: {}}\n"},
		{"pipelines/web.yml",
		 "stages:\n"
		 "  one:\n"
		 "    steps:\n"
		 "      - {name: a, heroku: {app: shop, restart: web}}\n"
		 "      - {name: b, cron: {file: crontab}}\n"
		 "      - {name: c, slug: {push: heroku}}\n"
		 "      - {name: d, slug: {tarball: x.tgz}}\n"
		 "      - {name: f, heroku: {app: shop, maintenance: on}, early: true}\n"
		 "      - {name: g, slug: {push: heroku}, early: true}\n"
		 "      - {name: h, assets_sync: {from: a, to: 'file:b'}}\n"
		 "      - {name: i, assets_prune: {to: 'file:b'}}\n"
		 "      - {name: j, run: git push heroku}\n"
		 "  live: {go_live: true, steps: [{name: a, heroku: {app: shop, restart: web}}]}\n"
		 "  last: {needs: [live], steps: [{name: a, cron: {file: crontab}}]}\n"},
		{0},
	};
	const char *const wanted[] = {
		"step 'one.a' would change production before go-live: heroku",
		"step 'one.b' would change production before go-live: cron",
		"step 'one.c' would change production before go-live: slug.push",
		"step 'one.i' would change production before go-live: assets_prune",
	};
	struct config_source source = memory_source(files);
	struct config_options options = {
		.source = &source, .path = "deploy.yml", .kinds = step_kinds_known,
		.kind_count = step_kinds_known_count,
	};
	struct world world = {0};
	struct error err;
	const struct config *config;

	(void)state;
	diagnostics_init(&world.diagnostics, &world.arena);
	config = config_load(&world.arena, &options, &world.diagnostics, &err);
	assert_non_null(config);
	world.plan.arena = &world.arena;
	assert_int_equal(graph_build(&world.plan, config->pipeline, &world.diagnostics), -1);
	assert_int_equal(world.diagnostics.errors, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(says(&world, wanted[i]));
	arena_release(&world.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phases_and_counters),
		cmocka_unit_test(test_go_live_waits_for_all_even_with_needs),
		cmocka_unit_test(test_all_mistakes_at_once),
		cmocka_unit_test(test_no_go_live),
		cmocka_unit_test(test_circle_and_who_waits_for_it),
		cmocka_unit_test(test_go_live_may_not_need_what_is_behind),
		cmocka_unit_test(test_uses_must_come_before),
		cmocka_unit_test(test_what_changes_production_waits_for_go_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
