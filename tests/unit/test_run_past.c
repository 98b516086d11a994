/* What a journal says of a deploy that died. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "proc/child.h"
#include "run/past.h"
#include "state/lease.h"

#define EVENT(REST) "{\"ts\":\"2026-11-23T14:22:33.123Z\",\"seq\":7,\"event\":" REST "}\n"
#define STARTED EVENT("\"deploy.started\",\"id\":\"X\",\"env\":\"production\",\"commit\":\"c\"," \
		      "\"previous\":null,\"plan\":\"digest\"")
#define STEP(EVENT_NAME, STAGE, NAME, REST) \
	EVENT("\"step." EVENT_NAME "\",\"stage\":\"" STAGE "\",\"step\":\"" NAME \
	      "\",\"attempt\":1" REST)
#define OK ",\"status\":\"ok\""
#define UNDO ",\"action\":\"undo\""
#define GO_LIVE EVENT("\"go_live\",\"commit\":\"c\"") \
	EVENT("\"stage.started\",\"stage\":\"release\"")
#define LIVE EVENT("\"stage.finished\",\"stage\":\"release\",\"status\":\"ok\"")

static struct arena arena;

static struct run_past *parse(const char *journal)
{
	return run_past_parse(&arena, journal, strlen(journal));
}

static int release(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static void test_steps(void **state)
{
	(void)state;
	struct run_past *past = parse(STARTED STEP("started", "a", "one", "")
		STEP("finished", "a", "one", OK) STEP("started", "a", "two", "")
		STEP("process", "a", "two", ",\"pid\":4,\"pid_started\":5")
		STEP("started", "a", "bad", "")
		STEP("finished", "a", "bad", ",\"status\":\"failed\",\"exit_code\":1")
		"{\"ts\":\"torn");
	assert_string_equal(past->plan, "digest");
	assert_null(past->previous);
	assert_int_equal(past->seq, 7);
	assert_int_equal(past->bad, 0);
	assert_false(past->go_live);
	assert_int_equal(past->steps.count, 3);
	assert_true(run_past_finished(run_past_find(past, "a", "one", NULL)));
	struct run_past_step *two = run_past_find(past, "a", "two", NULL);
	assert_true(run_past_unknown(two));
	assert_int_equal(two->pid, 4);
	struct run_past_step *bad = run_past_find(past, "a", "bad", NULL);
	assert_false(run_past_finished(bad) || run_past_unknown(bad));
	assert_false(run_past_touched(two));
	assert_null(run_past_find(past, "a", "one", "publish"));
}

static void test_go_live(void **state)
{
	(void)state;
	struct run_past *past = parse(STARTED STEP("started", "a", "one", "")
		STEP("finished", "a", "one", OK) GO_LIVE STEP("started", "release", "on", "")
		STEP("finished", "release", "on", OK));
	struct run_past_step *step = run_past_find(past, "release", "on", NULL);
	assert_true(past->go_live && !past->live);
	assert_string_equal(past->go_live_stage, "release");
	assert_true(run_past_touched(step));
	assert_false(run_past_touched(run_past_find(past, "a", "one", NULL)));
	past = parse(STARTED GO_LIVE STEP("started", "release", "on", "")
		STEP("finished", "release", "on", OK) LIVE STEP("started", "later", "x", ""));
	assert_true(past->live);
	assert_false(run_past_touched(run_past_find(past, "later", "x", NULL)));
}

static void test_undone_is_not_finished(void **state)
{
	(void)state;
	const char *begun = STARTED GO_LIVE STEP("started", "release", "on", "")
		STEP("finished", "release", "on", OK) LIVE STEP("started", "release", "on", UNDO);
	struct run_past *past = parse(begun);
	struct run_past_step *step = run_past_find(past, "release", "on", NULL);
	assert_true(past->undoing && !past->live);
	assert_true(run_past_touched(step));
	assert_false(run_past_finished(step) || run_past_unknown(step));
	char *ended = arena_format(&arena, "%s%s", begun,
				   STEP("finished", "release", "on", UNDO OK));
	past = parse(ended);
	assert_false(run_past_touched(run_past_find(past, "release", "on", NULL)));
	assert_false(run_past_finished(run_past_find(past, "release", "on", NULL)));
}

/* A second run of the deploy that did not come to a step leaves what the first did of it. */
static void test_resumed_twice(void **state)
{
	(void)state;
	struct run_past *past = parse(STARTED STEP("started", "a", "one", "")
		STEP("finished", "a", "one", OK) EVENT("\"deploy.finished\",\"status\":\"failed\"")
		STARTED STEP("finished", "a", "one", ",\"status\":\"resumed\"")
		EVENT("\"step.finished\",\"stage\":\"a\",\"step\":\"two\",\"attempt\":0,"
		      "\"status\":\"cancelled\""));
	assert_true(run_past_finished(run_past_find(past, "a", "one", NULL)));
	assert_null(run_past_find(past, "a", "two", NULL));
	assert_false(past->verdict);
}

#define INTENT(NAME) EVENT("\"maintenance.intent\",\"halt\":\"" NAME "\",\"how\":{\"halt\":\"" \
			   NAME "\",\"kind\":\"run\"}")
#define HALT(EVENT_NAME, NAME, REST) \
	EVENT("\"maintenance." EVENT_NAME "\",\"halt\":\"" NAME "\"" REST)

static void test_halts(void **state)
{
	(void)state;
	struct run_past *past = parse(STARTED INTENT("cron") HALT("on", "cron", OK)
		INTENT("jobs") HALT("on", "jobs", OK) INTENT("beat") HALT("off", "jobs", OK)
		HALT("off", "cron", ",\"status\":\"failed\""));
	json_t *stopped = run_past_stopped(past);
	assert_int_equal(json_array_size(stopped), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(stopped, 0), "halt")),
			    "cron");
	assert_string_equal(json_string_value(json_object_get(json_array_get(stopped, 1), "halt")),
			    "beat");
	json_decref(stopped);
}

static void test_answers(void **state)
{
	(void)state;
	struct error err = {0};
	const char *journal = STARTED STEP("started", "a", "one", "")
		STEP("started", "b", "one", "") STEP("started", "b", "two", "");
	struct run_past *past = parse(journal);
	assert_int_equal(run_past_answer(past, "a.one", true, &err), 0);
	assert_true(run_past_finished(run_past_find(past, "a", "one", NULL)));
	assert_true(run_past_unknown(run_past_find(past, "b", "one", NULL)));
	assert_int_equal(run_past_answer(past, "two", false, &err), 0);
	assert_false(run_past_unknown(run_past_find(past, "b", "two", NULL)));
	assert_false(run_past_finished(run_past_find(past, "b", "two", NULL)));
	assert_int_equal(run_past_answer(past, "three", true, &err), -1);
	assert_int_equal(err.exit_code, EXIT_USAGE);
	assert_int_equal(run_past_answer(past, "one", true, &err), -1);	/* which one? */
}

static void test_survivors(void **state)
{
	(void)state;
	int64_t started = process_start_time(getpid());
	struct run_past_step step = {.pid = getpid(), .started = started};
	assert_true(run_past_survives(&step));
	step.started -= 60000;
	assert_false(run_past_survives(&step));
	assert_false(run_past_survives(&(struct run_past_step){0}));
}

static void test_from_a_lease(void **state)
{
	(void)state;
	json_t *work = json_loads("{\"plan\":\"digest\",\"go_live\":\"release\",\"steps\":["
		"{\"stage\":\"release\",\"step\":\"on\",\"status\":\"ok\"},"
		"{\"stage\":\"release\",\"step\":\"move\"},"
		"{\"stage\":\"release\",\"step\":\"off\",\"status\":\"ok\",\"undone\":true}],"
		"\"halts\":[{\"halt\":\"cron\",\"kind\":\"run\"}]}", 0, NULL);
	struct run_past *past = run_past_from_work(&arena, work, LEASE_GO_LIVE);
	json_decref(work);
	assert_true(past->elsewhere && past->go_live && !past->live);
	assert_true(run_past_finished(run_past_find(past, "release", "on", NULL)));
	assert_true(run_past_unknown(run_past_find(past, "release", "move", NULL)));
	assert_false(run_past_touched(run_past_find(past, "release", "off", NULL)));
	json_t *stopped = run_past_stopped(past);
	assert_int_equal(json_array_size(stopped), 1);
	json_decref(stopped);
	assert_true(run_past_from_work(&arena, NULL, LEASE_BEHIND)->live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_go_live),
		cmocka_unit_test(test_undone_is_not_finished),
		cmocka_unit_test(test_resumed_twice),
		cmocka_unit_test(test_halts),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_survivors),
		cmocka_unit_test(test_from_a_lease),
	};
	return cmocka_run_group_tests(tests, NULL, release);
}
