/* What a rollback selects, what stands in its way, and what stays owed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "git/change.h"
#include "plan/plan.h"

struct world {
	struct arena arena;
	struct pipeline pipeline;
	struct config config;
	struct diagnostics diagnostics;
	struct change change;
	struct record_list records;
	struct record release;
	struct plan_input input;
};

static struct step_config *add_step(struct world *world, struct stage_config *stage,
				    const char *name, const char *kind)
{
	struct step_config step = {.name = name, .kind = kind, .timeout = -1};

	vec_push(&world->arena, &stage->steps, step);
	return &stage->steps.items[stage->steps.count - 1];
}

/* build: tree (kind release), words; live: migrate, switch, flag; behind. Task that uses words. */
static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct stage_config build = {.name = "build"}, live = {.name = "live", .go_live = true};
	struct stage_config behind = {.name = "behind"};
	struct task_config task = {.folder = "", .step = {.name = "upload", .kind = "run",
							  .timeout = -1}};

	*state = world;
	add_step(world, &build, "tree", "release");
	add_step(world, &build, "words", "run");
	add_step(world, &live, "migrate", "run")->rollback_skip = true;
	add_step(world, &live, "switch", "run");
	text_list_add(&world->arena, &behind.needs, "live");
	add_step(world, &behind, "after", "run");
	vec_push(&world->arena, &world->pipeline.stages, build);
	vec_push(&world->arena, &world->pipeline.stages, live);
	vec_push(&world->arena, &world->pipeline.stages, behind);
	text_list_add(&world->arena, &task.step.uses, "build.words");
	vec_push(&world->arena, &world->pipeline.tasks, task);
	world->pipeline.file = "p.yml";
	world->config.app = "shop";
	world->config.env = "production";
	world->config.pipeline = &world->pipeline;
	world->config.guards.size_warn = 1;
	world->config.guards.size_refuse = 1;
	diagnostics_init(&world->diagnostics, &world->arena);
	world->release.id = "d1";
	world->release.commit = "1111111111111111111111111111111111111111";
	world->input = (struct plan_input){
		.config = &world->config, .change = &world->change, .records = &world->records,
		.commit = world->release.commit,
		.previous = "2222222222222222222222222222222222222222",
		.facts = {.branch_allowed = false, .branch_wanted = "master", .behind = -1},
		.flags = {.rollback = {.release = &world->release}}};
	world->change.added = 1000;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	arena_release(&world->arena);
	free(world);
	return 0;
}

static struct plan *make(struct world *world)
{
	struct error err = {0};
	struct plan *plan;

	plan = plan_new(&world->arena, &world->input, &world->diagnostics, &err);
	assert_string_equal(err.message, "");
	assert_non_null(plan);
	return plan;
}

static bool runs(const struct plan *plan, const char *step)
{
	const struct plan_step *found = plan_find_step(plan, step);

	assert_non_null(found);
	return found->selected;
}

static void keep_tree(struct world *world)
{
	struct record_artefact artefact = {.step = "build.tree", .release = "d0",
					   .kind = "release", .place = "here"};

	vec_push(&world->arena, &world->release.artefacts, artefact);
}

static void go_live_stage_alone(void **state)
{
	struct world *world = *state;
	struct plan *plan;

	keep_tree(world);
	plan = make(world);
	assert_false(runs(plan, "build.tree"));
	assert_false(runs(plan, "build.words"));
	assert_false(runs(plan, "live.migrate"));
	assert_true(runs(plan, "live.switch"));
	assert_false(runs(plan, "behind.after"));
	assert_true(runs(plan, "live.publish-build-tree"));
	assert_string_equal(plan_find_step(plan, "live.publish-build-tree")->kept->release, "d0");
	assert_false(plan->tasks.items[0].step.selected);
	assert_int_equal(plan_refused(plan), -1);
}

static void nothing_was_kept(void **state)
{
	struct plan *plan = make(*state);

	assert_false(runs(plan, "live.publish-build-tree"));
}

static void builds_when_told(void **state)
{
	struct world *world = *state;
	struct plan *plan;
	char digest[65];

	memcpy(digest, make(world)->digest, sizeof(digest));
	world->input.flags.rollback.build = true;
	plan = make(world);
	assert_true(runs(plan, "build.tree"));
	assert_true(runs(plan, "build.words"));
	assert_true(runs(plan, "live.publish-build-tree"));
	assert_null(plan_find_step(plan, "live.publish-build-tree")->kept);
	assert_false(runs(plan, "live.migrate"));
	assert_true(plan->tasks.items[0].step.selected);
	assert_string_not_equal(plan->digest, digest);
}

static void lost_use(void **state)
{
	struct world *world = *state;
	struct step_config *last = &world->pipeline.stages.items[1].steps.items[1];
	struct plan *plan;

	text_list_add(&world->arena, &last->uses, "build.words");
	plan = make(world);
	assert_string_equal(plan_lost_use(plan, plan_find_step(plan, "live.switch")),
			    "build.words");
	last->rollback.shell = "true";
	plan = make(world);
	assert_null(plan_lost_use(plan, plan_find_step(plan, "live.switch")));
}

static void owed_stays_owed(void **state)
{
	struct world *world = *state;
	struct record newest = {.id = "d3"};
	struct record_owed owed[] = {{.kind = "step", .name = "build.words", .since = "d3"},
				     {.kind = "stage", .name = "behind", .since = "d3"},
				     {.kind = "step", .name = "live.switch", .since = "d3"}};
	struct plan *plan;

	for (size_t i = 0; i < 3; i++)
		vec_push(&world->arena, &newest.owed, owed[i]);
	vec_push(&world->arena, &world->records.records, newest);
	plan = make(world);
	assert_int_equal(plan->withheld.count, 2);
	assert_string_equal(plan->withheld.items[0].name, "build.words");
	assert_string_equal(plan->withheld.items[1].name, "behind");
}

static void irreversible_refuses_everywhere(void **state)
{
	struct world *world = *state;
	struct plan *plan;

	text_list_add(&world->arena, &world->input.flags.rollback.irreversible, "it drops users");
	plan = make(world);
	assert_int_equal(plan_refused(plan), 0);
	assert_string_equal(plan->guards.items[0].name, "irreversible");
	assert_string_equal(plan->guards.items[0].reason, "it drops users");
	text_list_add(&world->arena, &world->input.flags.override, "irreversible");
	world->input.flags.override_reason = "all is lost";
	assert_int_equal(plan_refused(make(world)), -1);
}

static void who_may(void **state)
{
	struct world *world = *state;
	struct plan_person *person = &world->input.facts.person;

	world->config.protected_ = true;
	person->roster_has_keys = true;
	assert_true(plan_refused(make(world)) >= 0);
	person->role = PLAN_TRAINEE;
	assert_true(plan_refused(make(world)) >= 0);
	world->input.flags.rollback.own = true;
	assert_int_equal(plan_refused(make(world)), -1);
	world->input.flags.rollback.own = false;
	person->trained_online = 1;
	assert_int_equal(plan_refused(make(world)), -1);
	person->trained_online = 0;
	person->role = PLAN_TRAINED;
	assert_int_equal(plan_refused(make(world)), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(go_live_stage_alone),
		TEST(nothing_was_kept),
		TEST(builds_when_told),
		TEST(lost_use),
		TEST(owed_stays_owed),
		TEST(irreversible_refuses_everywhere),
		TEST(who_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
