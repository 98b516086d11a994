/* Events as lines of JSON, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "run/event.h"

#define NOW INT64_C(1795443753123) /* 2026-11-23T14:22:33.123Z */

static void expect(struct event event, const char *wanted)
{
	struct buffer out;

	event.time = NOW;
	event.seq = 17;
	buffer_init(&out, 1 << 20);
	event_write_json(&out, &event);
	assert_string_equal(out.data, wanted);
	buffer_release(&out);
}

static void test_lines_are_as_the_contract_has_them(void **state)
{
	(void)state;
	expect((struct event){.type = EVENT_STEP_FINISHED,
			      .stage = "backend",
			      .step = "slug",
			      .attempt = 1,
			      .status = STATUS_OK,
			      .duration = 820},
	       "{\"ts\":\"2026-11-23T14:22:33.123Z\",\"seq\":17,\"event\":\"step.finished\","
	       "\"stage\":\"backend\",\"step\":\"slug\",\"attempt\":1,\"status\":\"ok\","
	       "\"exit_code\":0,\"duration_ms\":820}\n");
	expect((struct event){.type = EVENT_STEP_FINISHED,
			      .stage = "b",
			      .step = "s",
			      .attempt = 2,
			      .status = STATUS_TIMED_OUT,
			      .signal = "SIGTERM",
			      .reason = "no \"x\""},
	       "{\"ts\":\"2026-11-23T14:22:33.123Z\",\"seq\":17,\"event\":\"step.finished\","
	       "\"stage\":\"b\",\"step\":\"s\",\"attempt\":2,\"status\":\"timed_out\","
	       "\"signal\":\"SIGTERM\",\"duration_ms\":0,\"reason\":\"no \\\"x\\\"\"}\n");
	expect((struct event){.type = EVENT_TASK_SELECTED,
			      .task = "t",
			      .because = {.path = "a\xff\n", .pattern = "a*", .count = 3}},
	       "{\"ts\":\"2026-11-23T14:22:33.123Z\",\"seq\":17,\"event\":\"task.selected\","
	       "\"task\":\"t\",\"because\":{\"path\":\"a\xef\xbf\xbd\\n\",\"pattern\":\"a*\","
	       "\"count\":3}}\n");
	expect((struct event){.type = EVENT_TASK_SKIPPED, .task = "t"},
	       "{\"ts\":\"2026-11-23T14:22:33.123Z\",\"seq\":17,\"event\":\"task.skipped\","
	       "\"task\":\"t\",\"because\":{}}\n");
}

static void test_first_deploy_has_null_before_it(void **state)
{
	(void)state;
	expect((struct event){.type = EVENT_DEPLOY_STARTED,
			      .id = "1",
			      .app = "shop",
			      .env = "production",
			      .commit = "c",
			      .deployer = "ann",
			      .plan = "p"},
	       "{\"ts\":\"2026-11-23T14:22:33.123Z\",\"seq\":17,\"event\":\"deploy.started\","
	       "\"id\":\"1\",\"app\":\"shop\",\"env\":\"production\",\"commit\":\"c\","
	       "\"previous\":null,\"deployer\":\"ann\",\"plan\":\"p\"}\n");
}

static void test_every_event_survives_the_way_back(void **state)
{
	const char *items[] = {"task a", "frontend"};
	struct text_list list = {.items = items, .count = 2};

	(void)state;
	for (int type = 1; type < EVENT_TYPES; type++) {
		struct event event = {
			.type = (enum event_type)type,
			.time = NOW,
			.seq = 3,
			.id = "i",
			.app = "a",
			.env = "e",
			.commit = "c",
			.deployer = "d",
			.plan = "p",
			.stage = "s",
			.step = "t",
			.action = "undo",
			.attempt = 2,
			.status = STATUS_FAILED,
			.duration = 5,
			.exit_code = 9,
			.reason = "r\t",
			.allowed = true,
			.log = "l",
			.name = "n",
			.halt = "h",
			.task = "k",
			.because = {.path = "p", .count = 2},
			.line = "x",
			.pid = 7,
			.seconds = 3,
			.level = LEVEL_WARNING,
			.text = "äé",
			.owed = &list,
		};
		struct arena arena = ARENA_INIT;
		struct buffer once, twice;
		struct event back;
		struct error err;

		buffer_init(&once, 1 << 20);
		buffer_init(&twice, 1 << 20);
		event_write_json(&once, &event);
		assert_int_equal(event_read_json(&arena, once.data, once.length, &back, &err), 0);
		event_write_json(&twice, &back);
		assert_string_equal(once.data, twice.data);
		assert_int_equal(event_type_parse(event_type_name(event.type)), type);
		buffer_release(&once);
		buffer_release(&twice);
		arena_release(&arena);
	}
}

static void test_what_is_no_event_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"[]",
		"3",
		"{\"event\":\"go_live\"}",
		"{\"ts\":\"x\",\"event\":\"go_live\"}",
		"{\"ts\":3,\"event\":\"go_live\"}",
	};
	struct arena arena = ARENA_INIT;
	struct event event;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(event_read_json(&arena, lines[i], strlen(lines[i]), &event, &err),
				 -1);
	arena_release(&arena);
}

static void test_the_hub_counts(void **state)
{
	struct clock clock = clock_fixed(NOW);
	struct event_hub hub = {.clock = &clock};
	struct event one = {.type = EVENT_GO_LIVE}, two = {.type = EVENT_GO_LIVE};

	(void)state;
	event_emit(&hub, &one);
	event_emit(&hub, &two);
	assert_int_equal(one.seq, 1);
	assert_int_equal(two.seq, 2);
	assert_int_equal(two.time, NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_as_the_contract_has_them),
		cmocka_unit_test(test_first_deploy_has_null_before_it),
		cmocka_unit_test(test_every_event_survives_the_way_back),
		cmocka_unit_test(test_what_is_no_event_is_refused),
		cmocka_unit_test(test_the_hub_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
