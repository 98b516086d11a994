/* Which release a rollback goes to, and what its record carries on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "state/release.h"

struct chain {
	struct arena arena;
	struct record_list list;	/* newest first */
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct chain));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct chain *chain = *state;

	arena_release(&chain->arena);
	free(chain);
	return 0;
}

/* A record behind the others. release: of a rollback; live: it went live. */
static void append(struct chain *chain, const char *id, const char *commit, const char *release,
		   bool live)
{
	struct record_list longer = {0};
	struct record record = {.id = id, .commit = commit, .release = release,
				.kind = release ? "rollback" : "deploy"};
	const struct record *newest = chain->list.records.count ? chain->list.records.items : NULL;

	record_follow(&chain->arena, &record, newest, live, NULL);
	vec_push(&chain->arena, &longer.records, record);
	for (size_t i = 0; i < chain->list.records.count; i++)
		vec_push(&chain->arena, &longer.records, chain->list.records.items[i]);
	chain->list = longer;
}

static void goes_to(struct chain *chain, const char *id, const char *release, size_t passed)
{
	struct release_choice choice;
	struct error err = {0};

	if (release_choose(&chain->list, id, &choice, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(choice.release->id, release);
	assert_int_equal(choice.passed, passed);
}

static void refuses(struct chain *chain, const char *id, int code, const char *words)
{
	struct release_choice choice;
	struct error err = {0};

	assert_int_equal(release_choose(&chain->list, id, &choice, &err), -1);
	assert_int_equal(err.exit_code, code);
	assert_non_null(strstr(err.message, words));
}

static void the_one_before(void **state)
{
	struct chain *chain = *state;

	refuses(chain, NULL, EXIT_FAILED, "nothing is live yet");
	append(chain, "d1", "aaa", NULL, true);
	refuses(chain, NULL, EXIT_FAILED, "no release before d1");
	append(chain, "d2", "bbb", NULL, true);
	goes_to(chain, NULL, "d1", 1);
	append(chain, "d3", "ccc", NULL, false);
	goes_to(chain, NULL, "d1", 2);
}

static void the_same_commit_once_more_is_no_other_release(void **state)
{
	struct chain *chain = *state;

	append(chain, "d1", "aaa", NULL, true);
	append(chain, "d2", "bbb", NULL, true);
	append(chain, "d3", "bbb", NULL, true);
	goes_to(chain, NULL, "d1", 2);
}

/* After a rollback the one before is further back; what failed is not gone to again. */
static void behind_rollbacks(void **state)
{
	struct chain *chain = *state;

	append(chain, "d1", "aaa", NULL, true);
	append(chain, "d2", "bbb", NULL, true);
	append(chain, "d3", "ccc", NULL, true);
	append(chain, "r4", "bbb", "d2", true);
	goes_to(chain, NULL, "d1", 3);
	append(chain, "r5", "aaa", "d1", true);
	refuses(chain, NULL, EXIT_FAILED, "no release before d1");
	append(chain, "d6", "ddd", NULL, true);
	goes_to(chain, NULL, "d1", 1);
	goes_to(chain, "r4", "d2", 2);
	goes_to(chain, "d3", "d3", 3);
}

/* A deploy that was rolled back by its own smoke test has its record behind the rollback's. */
static void behind_a_failed_smoke_test(void **state)
{
	struct chain *chain = *state;

	append(chain, "d1", "aaa", NULL, true);
	append(chain, "d2", "bbb", NULL, true);
	append(chain, "r4", "bbb", "d2", true);
	append(chain, "d3", "ccc", NULL, false);
	assert_string_equal(chain->list.records.items[0].live, "bbb");
	goes_to(chain, NULL, "d1", 3);
	refuses(chain, "d3", EXIT_USAGE, "did not make anything live");
	refuses(chain, "d9", EXIT_USAGE, "there is no deploy 'd9'");
}

static void add_artefact(struct chain *chain, struct record *record, const char *step,
			 const char *release)
{
	struct record_artefact artefact = {.step = step, .release = release, .kind = "release",
					   .place = "here:/srv"};

	vec_push(&chain->arena, &record->artefacts, artefact);
}

static void what_is_kept_is_carried_on(void **state)
{
	struct chain *chain = *state;
	struct record_stage old_stage = {"front", "aaa"};
	struct record_output output = {"back", "IMAGE", "image-1"};
	struct record first = {.id = "d1", .commit = "aaa", .live = "aaa", .live_id = "d1"};
	struct record second = {.id = "d2", .commit = "bbb"};
	struct record back = {.id = "r3", .commit = "aaa", .release = "d1", .restored = &first};
	struct text_list stages = {0};

	add_artefact(chain, &first, "front.tree", "d1");
	vec_push(&chain->arena, &first.stages, old_stage);
	vec_push(&chain->arena, &first.outputs, output);
	add_artefact(chain, &second, "back.tree", "d2");
	text_list_add(&chain->arena, &stages, "back");
	record_follow(&chain->arena, &second, &first, true, &stages);
	assert_int_equal(second.artefacts.count, 2);
	assert_string_equal(second.artefacts.items[0].release, "d1");
	assert_string_equal(second.artefacts.items[1].release, "d2");
	assert_int_equal(second.outputs.count, 0);
	text_list_add(&chain->arena, &stages, "live");
	stages.items++;
	stages.count--;
	record_follow(&chain->arena, &back, &second, true, &stages);
	assert_int_equal(back.artefacts.count, 1);
	assert_string_equal(back.artefacts.items[0].release, "d1");
	assert_int_equal(back.outputs.count, 1);
	assert_string_equal(back.stages.items[0].commit, "aaa");
	assert_string_equal(back.live_id, "r3");
}

static void survives_json(void **state)
{
	struct chain *chain = *state;
	struct record_output output = {"back", "IMAGE", "a\nb"};
	struct record record = {.id = "d1", .commit = "aaa", .release = "d0"}, copy;
	struct error err = {0};
	json_t *json;

	add_artefact(chain, &record, "front.tree", "d0");
	vec_push(&chain->arena, &record.outputs, output);
	text_list_add(&chain->arena, &record.irreversible, "live.migrate");
	json = record_to_json(&record);
	assert_int_equal(record_from_json(&chain->arena, json, &copy, &err), 0);
	assert_string_equal(copy.release, "d0");
	assert_string_equal(copy.artefacts.items[0].step, "front.tree");
	assert_string_equal(copy.artefacts.items[0].place, "here:/srv");
	assert_string_equal(copy.outputs.items[0].value, "a\nb");
	assert_string_equal(copy.irreversible.items[0], "live.migrate");
	json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_one_before),
		TEST(the_same_commit_once_more_is_no_other_release),
		TEST(behind_rollbacks),
		TEST(behind_a_failed_smoke_test),
		TEST(what_is_kept_is_carried_on),
		TEST(survives_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
