/* Halts as JSON: what is written is all that is needed to start them, and nonsense is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "proc/loop.h"
#include "run/maintenance.h"

struct halting {
	struct arena arena;
	struct event_hub hub;
	struct maintenance_options options;
	struct error err;
};

static void begin(struct halting *it)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

	*it = (struct halting){0};
	it->options = (struct maintenance_options){
		.arena = &it->arena, .events = &it->hub, .directory = "/",
		.environment = environment, .grace = 100,
	};
	it->options.logs = folder_temporary(&it->arena, &it->err);
	assert_non_null(it->options.logs);
	it->options.loop = loop_new(&it->err);
	assert_non_null(it->options.loop);
}

static void end(struct halting *it)
{
	loop_free(it->options.loop);
	assert_int_equal(tree_remove(it->options.logs, &it->err), 0);
	arena_release(&it->arena);
}

static struct maintenance *read_text(struct halting *it, const char *text)
{
	json_error_t problem;
	json_t *list = json_loads(text, JSON_DECODE_ANY, &problem);
	struct maintenance *maintenance =
		maintenance_from_json(list, false, &it->options, &it->err);

	json_decref(list);
	return maintenance;
}

static void json_comes_back(void **state)
{
	static const char text[] =
		"[{\"halt\":\"page\",\"kind\":\"page\",\"timeout_ms\":5,\"start\":\"off\"},"
		"{\"halt\":\"cron\",\"kind\":\"run\",\"timeout_ms\":7000,\"start\":[\"a\",\"b c\"],"
		"\"running_if\":\"pgrep cron\"},"
		"{\"halt\":\"beat\",\"kind\":\"systemd\",\"timeout_ms\":60000,"
		"\"units\":[\"x\",\"y\"]}]";
	struct halting it;
	struct buffer command;
	struct maintenance *maintenance;
	json_t *list;
	char *again;

	(void)state;
	begin(&it);
	maintenance = read_text(&it, text);
	assert_non_null(maintenance);
	assert_int_equal(maintenance_stopped(maintenance).count, 3);
	list = maintenance_json(maintenance);
	again = json_dumps(list, JSON_COMPACT);
	assert_string_equal(again, text);
	free(again);
	buffer_init(&command, 1000);
	maintenance_command(json_array_get(list, 0), &command);
	assert_string_equal(command.data, "off");
	buffer_clear(&command);
	maintenance_command(json_array_get(list, 1), &command);
	assert_string_equal(command.data, "a 'b c'");
	buffer_clear(&command);
	maintenance_command(json_array_get(list, 2), &command);
	assert_string_equal(command.data, "systemctl start x y");
	buffer_release(&command);
	json_decref(list);
	end(&it);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"7",
		"{}",
		"[7]",
		"[{\"halt\":\"a\"}]",
		"[{\"kind\":\"run\",\"start\":\"x\",\"running_if\":\"y\"}]",
		"[{\"halt\":\"a\",\"kind\":\"magic\",\"start\":\"x\",\"running_if\":\"y\"}]",
		"[{\"halt\":\"a\",\"kind\":\"run\",\"start\":\"x\"}]",
		"[{\"halt\":\"a\",\"kind\":\"run\",\"running_if\":\"x\"}]",
		"[{\"halt\":\"a\",\"kind\":\"run\",\"start\":[],\"running_if\":\"y\"}]",
		"[{\"halt\":\"a\",\"kind\":\"systemd\",\"units\":[3]}]",
		"[{\"halt\":\"a\",\"kind\":\"page\"}]",
	};
	struct halting it;

	(void)state;
	begin(&it);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_null(read_text(&it, texts[i]));
		assert_true(it.err.message[0]);
	}
	end(&it);
}

/* What runs is not started a second time; what does not is, and is known as what is left. */
static void only_what_stands_is_started(void **state)
{
	struct halting it;
	struct maintenance *maintenance;
	struct text_list left;

	(void)state;
	begin(&it);
	maintenance = read_text(
		&it, "[{\"halt\":\"up\",\"kind\":\"run\",\"start\":\"exit 1\","
		     "\"running_if\":\"true\"},"
		     "{\"halt\":\"down\",\"kind\":\"run\",\"start\":\"true\","
		     "\"running_if\":\"false\",\"timeout_ms\":200}]");
	assert_non_null(maintenance);
	assert_int_equal(maintenance_off(maintenance), -1);
	left = maintenance_stopped(maintenance);
	assert_int_equal(left.count, 1);
	assert_string_equal(left.items[0], "down");
	assert_string_equal(maintenance_failed(maintenance)->halt, "down");
	assert_string_equal(maintenance_failed(maintenance)->reason,
			    "it did not start within its timeout of 200ms");
	end(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_comes_back),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(only_what_stands_is_started),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
