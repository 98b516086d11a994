/* What is selected, why, what is owed, and what the digest covers. */
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
	struct plan_input input;
};

static struct pattern_texts patterns(struct world *world, const char *words)
{
	struct text_list list = text_split(&world->arena, words, ' ');
	struct pattern_texts texts = {.folder = ""};

	for (size_t i = 0; i < list.count; i++) {
		struct pattern_text text = {.text = list.items[i]};

		vec_push(&world->arena, &texts.list, text);
	}
	return texts;
}

static struct step_config *stage(struct world *world, const char *name, const char *changed,
				 bool go_live)
{
	struct stage_config stage = {.name = name, .go_live = go_live};
	struct step_config step = {.name = "one", .kind = "run", .timeout = -1};

	stage.if_changed = patterns(world, changed);
	step.if_changed = patterns(world, "");
	vec_push(&world->arena, &stage.steps, step);
	vec_push(&world->arena, &world->pipeline.stages, stage);
	return world->pipeline.stages.items[world->pipeline.stages.count - 1].steps.items;
}

static void task(struct world *world, const char *name, const char *changed)
{
	struct task_config task = {.folder = "", .step = {.name = name, .kind = "run",
							  .timeout = -1}};

	task.step.if_changed = patterns(world, changed);
	vec_push(&world->arena, &world->pipeline.tasks, task);
}

static void change(struct world *world, const char *paths)
{
	struct text_list list = text_split(&world->arena, paths, ' ');

	for (size_t i = 0; i < list.count; i++) {
		struct changed_file file = {.path = list.items[i], .status = 'M'};

		vec_push(&world->arena, &world->change.files, file);
	}
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	stage(world, "front", "front/**", false);
	stage(world, "back", "back/**", false);
	stage(world, "live", "", true);
	task(world, "categories", "back/category/**");
	task(world, "always", "");
	world->pipeline.file = "p.yml";
	world->config.app = "shop";
	world->config.env = "production";
	world->config.protected_ = true;
	world->config.pipeline = &world->pipeline;
	world->config.guards.size_warn = world->config.guards.size_refuse = -1;
	world->config.guards.risky_high = patterns(world, "**/migrations/**");
	world->config.guards.risky_medium = patterns(world, "*.lock");
	diagnostics_init(&world->diagnostics, &world->arena);
	world->input = (struct plan_input){
		.config = &world->config, .change = &world->change, .records = &world->records,
		.commit = "2222222222222222222222222222222222222222",
		.previous = "1111111111111111111111111111111111111111",
		.facts = {.branch_allowed = true, .behind = -1}};
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
	struct plan *plan = plan_new(&world->arena, &world->input, &world->diagnostics, &err);

	assert_string_equal(err.message, "");
	assert_non_null(plan);
	return plan;
}

static void owe(struct world *world, const char *kind, const char *name)
{
	struct record_owed owed = {.kind = kind, .name = name, .since = "20260101-000000-abcdef0"};

	if (!world->records.records.count) {
		struct record record = {0};

		vec_push(&world->arena, &world->records.records, record);
	}
	vec_push(&world->arena, &world->records.records.items[0].owed, owed);
}

static void test_by_path(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	change(world, "back/category/a.py back/category/b.py");
	plan = make(world);
	assert_false(plan->stages.items[0].selected);
	assert_non_null(plan->stages.items[0].because.reason);
	assert_true(plan->stages.items[1].selected);
	assert_string_equal(plan->stages.items[1].because.path, "back/category/a.py");
	assert_string_equal(plan->stages.items[1].because.pattern, "back/**");
	assert_int_equal(plan->stages.items[1].because.count, 2);
	assert_true(plan->stages.items[2].selected);
	assert_true(plan->tasks.items[0].step.selected);
	assert_true(plan->tasks.items[1].step.selected);
	assert_int_equal(plan->risk, RISK_LOW);
}

static void test_first_deploy_selects_everything(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	world->input.previous = NULL;
	world->change.everything = true;
	plan = make(world);
	for (size_t i = 0; i < plan->stages.count; i++)
		assert_true(plan->stages.items[i].selected);
	assert_true(plan->tasks.items[0].step.selected);
	assert_string_equal(plan->tasks.items[0].step.because.reason, "nothing is live yet");
}

static void test_flags(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	change(world, "back/category/a.py front/x.js");
	text_list_add(&world->arena, &world->input.flags.only, "back");
	text_list_add(&world->arena, &world->input.flags.no_task, "categories");
	text_list_add(&world->arena, &world->input.flags.skip, "live.one");
	plan = make(world);
	assert_false(plan->stages.items[0].selected);
	assert_string_equal(plan->stages.items[0].because.flag, "--only");
	assert_false(plan->tasks.items[0].step.selected);
	assert_false(plan_find_step(plan, "live.one")->selected);
	assert_int_equal(plan->withheld.count, 3);
}

static void test_unknown_name(void **state)
{
	struct world *world = *state;
	struct error err = {0};

	text_list_add(&world->arena, &world->input.flags.task, "categoris");
	assert_null(plan_new(&world->arena, &world->input, &world->diagnostics, &err));
	assert_int_equal(err.exit_code, EXIT_USAGE);
	assert_non_null(strstr(err.message, "did you mean 'categories'?"));
}

static void test_owed_and_trailer(void **state)
{
	struct world *world = *state;
	struct change_trailer trailer = {.value = "categories", .commit = "2222222"};
	const struct plan *plan;

	change(world, "README");
	owe(world, "step", "front.one");
	owe(world, "task", "gone");
	vec_push(&world->arena, &world->change.tasks, trailer);
	plan = make(world);
	assert_true(plan->stages.items[0].selected);
	assert_string_equal(plan_find_step(plan, "front.one")->because.reason,
			    "owed since 20260101-000000-abcdef0");
	assert_string_equal(plan->tasks.items[0].step.because.trailer, "Deploy-Task: categories");
	assert_int_equal(plan->withheld.count, 1);
	assert_string_equal(plan->withheld.items[0].name, "gone");
	assert_string_equal(plan->withheld.items[0].since, "20260101-000000-abcdef0");
}

static void test_uses_pulls_what_is_skipped(void **state)
{
	struct world *world = *state;
	struct step_config *live = world->pipeline.stages.items[2].steps.items;
	const struct plan *plan;

	change(world, "README");
	text_list_add(&world->arena, &live->uses, "front.one");
	plan = make(world);
	assert_true(plan_find_step(plan, "front.one")->selected);
	assert_true(plan->stages.items[0].selected);
	assert_string_equal(plan->stages.items[0].because.reason, "live.one uses it");
	assert_false(plan->stages.items[1].selected);
}

static void test_nothing_to_do(void **state)
{
	struct world *world = *state;

	world->input.commit = world->input.previous;
	assert_true(make(world)->nothing_to_do);
	world->input.flags.redeploy = true;
	assert_false(make(world)->nothing_to_do);
}

static void test_digest(void **state)
{
	struct world *world = *state;
	char first[65];

	change(world, "back/a.py");
	memcpy(first, make(world)->digest, sizeof(first));
	world->input.now = 12345;
	world->input.facts.unpushed = true;
	assert_string_equal(make(world)->digest, first);
	text_list_add(&world->arena, &world->input.flags.task, "categories");
	assert_string_not_equal(make(world)->digest, first);
}

static void test_risk_and_guards(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	change(world, "back/migrations/1.py front/yarn.lock");
	world->change.lines_known = true;
	world->change.added = 100;
	world->config.guards.size_warn = 50;
	world->config.guards.size_refuse = 100;
	world->config.remote = "origin";
	world->input.facts.unpushed = true;
	text_list_add(&world->arena, &world->input.flags.override, "unpushed");
	plan = make(world);
	assert_int_equal(plan->risk, RISK_HIGH);
	assert_int_equal(plan->risk_because.list.count, 2);
	assert_string_equal(plan->guards.items[plan_refused(plan)].name, "size");
	world->config.protected_ = false;
	assert_int_equal(plan_refused(make(world)), -1);
}

static void test_json_of_strange_names(void **state)
{
	struct world *world = *state;
	json_t *json;

	change(world, "back/\xff\xfe.py");
	json = plan_to_json(make(world));
	assert_string_equal(json_string_value(json_object_get(json_array_get(
		json_object_get(json, "changed"), 0), "path")),
		"back/\xef\xbf\xbd\xef\xbf\xbd.py");
	assert_true(json_is_null(json_object_get(json, "estimate_ms")));
	json_decref(json);
}

static void test_estimate(void **state)
{
	struct world *world = *state;
	struct record record = {0};
	struct record_duration durations[] = {{"back", "one", 3000}, {"live", "one", 2000},
					      {"tasks", "always", 500}};
	const struct plan *plan;

	change(world, "back/a.py");
	for (size_t i = 0; i < 3; i++)
		vec_push(&world->arena, &record.durations, durations[i]);
	vec_push(&world->arena, &world->records.records, record);
	plan = make(world);
	assert_int_equal(plan->estimate, 5500);
	assert_int_equal(plan->stages.items[1].estimate, 3000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_by_path), TEST(test_first_deploy_selects_everything), TEST(test_flags),
		TEST(test_unknown_name), TEST(test_owed_and_trailer),
		TEST(test_uses_pulls_what_is_skipped), TEST(test_nothing_to_do),
		TEST(test_digest), TEST(test_risk_and_guards), TEST(test_json_of_strange_names),
		TEST(test_estimate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
