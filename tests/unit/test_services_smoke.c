/* The smoke test: what an answer is worth, retries, time, commands, the commit on every page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "proc/loop.h"
#include "server.h"
#include "services/json_path.h"
#include "services/smoke.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define HTML "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
#define JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

struct fixture {
	struct arena arena;
	struct server server;
	struct loop *loop;
	struct smoke *smoke;
	struct smoke_config config;
	struct smoke_check checks[40];
	const char *commit, *url;
	const struct smoke_result *result;
	int told, retries;
	bool stop_at_retry;
};

static void on_check(void *context, const struct smoke_check_result *check)
{
	struct fixture *fixture = context;

	(void)check;
	fixture->told++;
}

static void on_retry(void *context, const struct smoke_check_result *check)
{
	struct fixture *fixture = context;

	assert_non_null(check->reason);
	fixture->retries++;
}

static void on_done(void *context, const struct smoke_result *result)
{
	struct fixture *fixture = context;

	fixture->result = result;
	loop_stop(fixture->loop);
}

static void begin(struct fixture *fixture, struct page *pages, size_t count)
{
	struct error err = {0};

	memset(fixture, 0, sizeof(*fixture));
	server_start(&fixture->server, pages);
	fixture->url = fixture->server.url;
	fixture->loop = loop_new(&err);
	assert_non_null(fixture->loop);
	for (size_t i = 0; i < count; i++)
		fixture->checks[i] = (struct smoke_check){
			.name = "page",
			.get = "/",
			.status = 200,
			.max = -1,
			.timeout = -1,
			.follow = true,
			.commit = true,
		};
	fixture->config = (struct smoke_config){.present = true, .within = 0, .parallel = 8};
	fixture->config.checks.items = fixture->checks;
	fixture->config.checks.count = count;
}

static void run(struct fixture *fixture)
{
	struct error err = {0};
	const struct smoke_options options = {
		.loop = fixture->loop,
		.config = &fixture->config,
		.url = fixture->url,
		.commit = fixture->commit,
		.context = fixture,
		.on_check = on_check,
		.on_retry = on_retry,
		.on_done = on_done,
	};

	fixture->smoke = smoke_start(&options, &err);
	if (!fixture->smoke)
		fail_msg("%s", err.message);
	assert_int_equal(loop_run(fixture->loop), 0);
	assert_non_null(fixture->result);
}

static void end(struct fixture *fixture)
{
	smoke_free(fixture->smoke);
	loop_free(fixture->loop);
	server_stop(&fixture->server);
	arena_release(&fixture->arena);
}

static void assert_reason(const struct fixture *fixture, const char *words)
{
	assert_false(fixture->result->passed);
	if (!strstr(fixture->result->first_failed->reason, words))
		fail_msg("'%s' lacks '%s'", fixture->result->first_failed->reason, words);
}

static void test_passes(void **state)
{
	struct page pages[] = {{"/", HTML "<p>Add to cart", 0},
			       {"/api", JSON "{\"status\": \"ok\", \"db\": {\"up\": true}}", 0},
			       {0}};
	struct node ok = {.type = NODE_TEXT, .text = "ok"};
	struct node up = {.type = NODE_BOOL, .text = "true", .boolean = true};
	struct smoke_json values[] = {{"status", &ok}, {"db.up", &up}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 2);
	text_list_add(&fixture.arena, &fixture.checks[0].contains, "Add to cart");
	text_list_add(&fixture.arena, &fixture.checks[0].absent, "Traceback");
	fixture.checks[1].get = "/api";
	vec_push(&fixture.arena, &fixture.checks[1].header.list,
		 ((struct variable){"Content-Type", "application/json"}));
	fixture.checks[1].json.items = values;
	fixture.checks[1].json.count = 2;
	run(&fixture);
	assert_true(fixture.result->passed);
	assert_int_equal(fixture.told, 2);
	end(&fixture);
}

static void test_reasons(void **state)
{
	struct page pages[] = {{"/", HTML "Traceback (most recent call)", 0},
			       {"/old",
				"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n"
				"Connection: close\r\n\r\n",
				0},
			       {0}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 1);
	text_list_add(&fixture.arena, &fixture.checks[0].absent, "Traceback");
	run(&fixture);
	assert_reason(&fixture, "contains \"Traceback\"");
	end(&fixture);

	begin(&fixture, pages, 1);
	text_list_add(&fixture.arena, &fixture.checks[0].contains, "Add");
	run(&fixture);
	assert_reason(&fixture, "does not contain \"Add\"");
	end(&fixture);

	begin(&fixture, pages, 1);
	fixture.checks[0].get = "/missing";
	run(&fixture);
	assert_reason(&fixture, "status 404 instead of 200");
	end(&fixture);

	begin(&fixture, pages, 1);
	fixture.checks[0].get = "/old";
	fixture.checks[0].follow = false;
	run(&fixture);
	assert_reason(&fixture, "status 302 instead of 200, a redirect to /");
	end(&fixture);

	begin(&fixture, pages, 1);
	fixture.checks[0].get = "/old";
	run(&fixture);
	assert_true(fixture.result->passed);
	end(&fixture);
}

static void test_retried_until_up(void **state)
{
	struct page pages[] = {{"/", HTML "up", 2}, {0}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 1);
	fixture.config.within = 10000;
	run(&fixture);
	assert_true(fixture.result->passed);
	assert_int_equal(fixture.result->checks[0].attempts, 3);
	assert_int_equal(fixture.retries, 2);
	end(&fixture);
}

static void test_within_is_kept(void **state)
{
	struct page pages[] = {{"/", NULL, 0}, {0}};
	struct fixture fixture;
	int64_t started = clock_monotonic();

	(void)state;
	begin(&fixture, pages, 1);
	fixture.config.within = 1100;
	run(&fixture);
	assert_reason(&fixture, "no whole answer");
	assert_int_equal(fixture.result->checks[0].status, SMOKE_TIMED_OUT);
	assert_in_range(clock_monotonic() - started, 1000, 2500);
	end(&fixture);
}

static void test_nobody_listens(void **state)
{
	struct page pages[] = {{0}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 1);
	fixture.url = "http://127.0.0.1:1";
	fixture.config.within = 500;
	run(&fixture);
	assert_reason(&fixture, "cannot get http://127.0.0.1:1/");
	assert_int_equal(fixture.result->checks[0].status, SMOKE_FAILED);
	end(&fixture);
}

static void commit_case(const char *first, const char *second, const char *problem)
{
	struct page pages[] = {{"/", first, 0}, {"/b", second, 0}, {0}};
	struct fixture fixture;

	begin(&fixture, pages, 2);
	fixture.checks[1].get = "/b";
	fixture.config.commit_match = "commit=([0-9a-f]+)";
	fixture.commit = COMMIT;
	run(&fixture);
	if (problem)
		assert_reason(&fixture, problem);
	else
		assert_true(fixture.result->passed);
	end(&fixture);
}

static void test_commit(void **state)
{
	(void)state;
	commit_case(HTML "commit=" COMMIT, HTML "commit=0123456", NULL);
	commit_case(HTML "commit=" COMMIT, JSON "{}", NULL);
	commit_case(HTML "commit=" COMMIT, HTML "nothing", "shows no commit");
	commit_case(HTML "commit=" COMMIT, HTML "commit=012345", "shows commit 012345 instead");
	commit_case(HTML "commit=" COMMIT, HTML "commit=0123456f", "shows commit 0123456f");
	commit_case(HTML "commit=" COMMIT, JSON "commit=fffffff", "shows commit fffffff");
	commit_case(JSON "{}", JSON "{}", "no page showed a commit");
}

static void test_commands(void **state)
{
	struct page pages[] = {{0}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 3);
	for (size_t i = 0; i < 3; i++)
		fixture.checks[i].get = NULL;
	fixture.checks[0].run.shell = "true";
	fixture.checks[1].run.shell = "echo looking; echo 'the cart is empty' >&2; exit 3";
	fixture.checks[2].run.shell = "sleep 60";
	fixture.checks[2].timeout = 100;
	run(&fixture);
	assert_int_equal(fixture.result->checks[0].status, SMOKE_OK);
	assert_reason(&fixture, "the cart is empty");
	assert_int_equal(fixture.result->checks[2].status, SMOKE_TIMED_OUT);
	assert_int_equal(fixture.result->failed, 2);
	end(&fixture);
}

static void test_many_in_parallel(void **state)
{
	struct page pages[] = {{"/", HTML "up", 0}, {0}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 40);
	run(&fixture);
	assert_true(fixture.result->passed);
	assert_int_equal(fixture.told, 40);
	end(&fixture);
}

static void stop(void *context)
{
	struct fixture *fixture = context;

	smoke_stop(fixture->smoke);
}

static void test_stopped(void **state)
{
	struct page pages[] = {{"/", NULL, 0}, {0}};
	struct fixture fixture;

	(void)state;
	begin(&fixture, pages, 3);
	fixture.config.within = 60000;
	fixture.checks[1].get = NULL;
	fixture.checks[1].run.shell = "sleep 60";
	fixture.config.parallel = 2;
	struct loop_timer *timer = loop_timer_start(fixture.loop, 100, 0, stop, &fixture);
	run(&fixture);
	loop_timer_stop(timer);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fixture.result->checks[i].status, SMOKE_CANCELLED);
	end(&fixture);
}

static void halt(void *context)
{
	struct fixture *fixture = context;

	loop_stop(fixture->loop);
}

static void test_freed_half_way(void **state)
{
	struct page pages[] = {{"/", NULL, 0}, {0}};
	struct fixture fixture;
	struct error err = {0};

	(void)state;
	begin(&fixture, pages, 2);
	fixture.checks[1].get = NULL;
	fixture.checks[1].run.shell = "sleep 60";
	const struct smoke_options options = {.loop = fixture.loop,
					      .config = &fixture.config,
					      .url = fixture.url,
					      .context = &fixture};
	fixture.smoke = smoke_start(&options, &err);
	struct loop_timer *timer = loop_timer_start(fixture.loop, 100, 0, halt, &fixture);
	assert_int_equal(loop_run(fixture.loop), 0);
	loop_timer_stop(timer);
	smoke_free(fixture.smoke);
	fixture.smoke = NULL;
	loop_run(fixture.loop);
	end(&fixture);
}

static void test_json_paths(void **state)
{
	json_t *root = json_pack("{s:{s:[i,{s:s}]}, s:i}", "a", "b", 1, "c", "x", "a.b", 7);
	struct node seven = {.type = NODE_INTEGER, .text = "7", .integer = 7, .number = 7};

	(void)state;
	assert_int_equal(json_integer_value(json_path_find(root, "a.b.0")), 1);
	assert_string_equal(json_string_value(json_path_find(root, "a.b.1.c")), "x");
	assert_true(json_equals_node(json_path_find(root, "a.b"), &seven));
	assert_null(json_path_find(root, "a.b.2"));
	assert_null(json_path_find(root, "a.x"));
	assert_ptr_equal(json_path_find(root, ""), root);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),           cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_retried_until_up), cmocka_unit_test(test_within_is_kept),
		cmocka_unit_test(test_nobody_listens),   cmocka_unit_test(test_commit),
		cmocka_unit_test(test_commands),         cmocka_unit_test(test_many_in_parallel),
		cmocka_unit_test(test_stopped),          cmocka_unit_test(test_freed_half_way),
		cmocka_unit_test(test_json_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
