/* Exchanges with APIs: retries, bounds, failures in words; markers' tables of errors; traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/redact.h"
#include "run/event.h"
#include "server.h"
#include "services/heartbeat.h"
#include "services/markers.h"
#include "services/outside.h"
#include "services/trace.h"

#define CLOSE "Connection: close\r\n"
#define JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" CLOSE "\r\n"
#define HEX "4bf92f3577b34da6a3ce929d0e0e4736"

static struct page pages[] = {
	{"/well", JSON "{\"ok\": true}", 0},
	{"/busy", JSON "{\"ok\": true}", 2},
	{"/error", JSON "{\"ok\": false, \"error\": \"channel_not_found\"}", 0},
	{"/secret",
	 "HTTP/1.1 403 No\r\n" CLOSE
	 "\r\n{\"message\": \"no sesame-open here\\n\\u001b[31m\\u0085 sub-key\"}",
	 0},
	{"/page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" CLOSE "\r\n<b>", 0},
	{"/away",
	 "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/x?y\r\n" CLOSE
	 "Content-Length: 0\r\n\r\n",
	 0},
	{"/later", "HTTP/1.1 429 Slow\r\nRetry-After: 3600\r\n" CLOSE "Content-Length: 0\r\n\r\n",
	 0},
	{"/silent", NULL, 0},
	{0},
};

static const struct outside_error errors[] = {
	{0, "channel_not", "there is no such channel", "write its ID"},
	{403, NULL, "the token may not do that", "give it chat:write"},
	{0, NULL, NULL, NULL},
};

static bool accepts(const json_t *body, const char **words)
{
	*words = json_string_value(json_object_get(body, "error"));
	return json_is_true(json_object_get(body, "ok"));
}

static const struct outside_api api = {.name = "Slack", .errors = errors, .accepts = accepts};

static int ask(const struct server *server, const char *path, struct outside_request request,
	       struct error *err)
{
	struct outside_answer answer;
	char url[128];

	snprintf(url, sizeof(url), "%s%s", server->url, path);
	request.api = &api;
	request.what = "the message";
	request.url = url;
	int result = outside_ask(&request, &answer, err);
	assert_int_equal(result == 0, answer.ok);
	outside_answer_release(&answer);
	return result;
}

static void assert_says(const struct error *err, const char *message, const char *hint)
{
	if (!strstr(err->message, message))
		fail_msg("'%s' lacks '%s'", err->message, message);
	if (hint && !strstr(err->hint, hint))
		fail_msg("'%s' lacks '%s'", err->hint, hint);
}

static void test_answers_in_words(void **state)
{
	struct redactor *redactor = redactor_new();
	struct server server;
	struct error err = {0};

	(void)state;
	server_start(&server, pages);
	redactor_add(redactor, "sesame-open");
	assert_int_equal(ask(&server, "/well", (struct outside_request){0}, &err), 0);
	assert_int_equal(ask(&server, "/error", (struct outside_request){0}, &err), -1);
	assert_says(&err,
		    "Slack did not take the message: there is no such channel "
		    "(200: channel_not_found)",
		    "write its ID");
	assert_int_equal(
		ask(&server, "/secret", (struct outside_request){.redactor = redactor}, &err), -1);
	assert_says(&err, "the token may not do that (403: no *** here  [31m  sub-key)",
		    "give it chat:write");
	assert_int_equal(ask(&server, "/page", (struct outside_request){0}, &err), -1);
	assert_says(&err, "is no answer of its API", "sign-in page");
	assert_int_equal(ask(&server, "/away?key=sub-key", (struct outside_request){0}, &err), -1);
	assert_int_equal(ask(&server, "/away", (struct outside_request){0}, &err), -1);
	assert_says(&err, "a redirect (302) to http://elsewhere.example, which is not followed",
		    "write the address");
	assert_int_equal(ask(&server, "/gone", (struct outside_request){0}, &err), -1);
	assert_says(&err, "it knows nothing of that name (404)", "check the names");
	server_stop(&server);
	redactor_free(redactor);
}

static void test_tries_and_bounds(void **state)
{
	struct server server;
	struct error err = {0};
	int64_t begun;

	(void)state;
	server_start(&server, pages);
	/* A POST that may have arrived is not sent again, unless two do no harm. */
	assert_int_equal(ask(&server, "/busy",
			     (struct outside_request){.body = "x", .body_length = 1}, &err),
			 -1);
	assert_says(&err, "something is wrong on its side (503)", "status page");
	assert_int_equal(
		ask(&server, "/busy",
		    (struct outside_request){.body = "x", .body_length = 1, .repeatable = true},
		    &err),
		0);
	assert_int_equal(atomic_load(&server.requests), 3);
	/* Who is to come back in an hour does not wait for that. */
	begun = clock_monotonic();
	assert_int_equal(ask(&server, "/later", (struct outside_request){0}, &err), -1);
	assert_says(&err, "too many requests", NULL);
	assert_int_equal(ask(&server, "/silent",
			     (struct outside_request){.timeout = 100, .within = 300}, &err),
			 -1);
	assert_says(&err, "gave no whole answer within", NULL);
	assert_true(clock_monotonic() - begun < 3000);
	server_stop(&server);
	/* Nobody listens any more: what cannot be made is told without its path. */
	assert_int_equal(ask(&server, "/T0/secret", (struct outside_request){.once = true}, &err),
			 -1);
	assert_null(strstr(err.message, "secret"));
	assert_int_equal(ask(&server, "/two words", (struct outside_request){0}, &err), -1);
}

static void assert_words(const char *text, const char *words)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	const char *found = outside_words(json);
	if (words)
		assert_string_equal(found, words);
	else
		assert_null(found);
	json_decref(json);
}

static void test_words_in_the_usual_forms(void **state)
{
	(void)state;
	assert_words("{\"error\": \"a\"}", "a");
	assert_words("{\"error\": {\"message\": \"b\"}}", "b");
	assert_words("{\"errors\": [{\"title\": \"c\"}, {\"title\": \"d\"}]}", "c");
	assert_words("{\"errors\": [\"e\"]}", "e");
	assert_words("{\"detail\": \"f\", \"id\": \"no\"}", "f");
	assert_words("{\"projects\": [\"Invalid project slugs: x\"]}", "Invalid project slugs: x");
	assert_words("{\"ok\": true, \"count\": 3}", NULL);
	assert_words("[]", NULL);
	assert_words("\"text\"", NULL);
	assert_words("{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":"
		     "{\"error\":{\"error\":\"deep\"}}}}}}}}}",
		     NULL);
}

static void test_texts_of_any_bytes(void **state)
{
	struct buffer out;
	json_t *text;

	(void)state;
	text = outside_text("a\xff\xc3\xa9\"\\", 0);
	assert_string_equal(json_string_value(text), "a\xef\xbf\xbd\xc3\xa9\"\\");
	json_decref(text);
	text = outside_text("aa\xc3\xa9", 3);
	assert_string_equal(json_string_value(text), "aa");
	json_decref(text);
	buffer_init(&out, 256);
	outside_encode(&out, "a/b c%\xc3\xa9?~");
	assert_string_equal(out.data, "a%2Fb%20c%25%C3%A9%3F~");
	buffer_clear(&out);
	outside_host("https://ann:pw@api.example.com:8443/x?y@z", &out);
	assert_string_equal(out.data, "https://api.example.com:8443");
	buffer_clear(&out);
	outside_url(&out, "http://h//", "/v1");
	assert_string_equal(out.data, "http://h/v1");
	buffer_clear(&out);
	heartbeat_url(&out, "https://hc/uuid/?a=b#c", HEARTBEAT_FAILURE, "id");
	assert_int_equal(strncmp(out.data, "https://hc/uuid/fail?a=b&rid=", 29), 0);
	assert_int_equal(out.length, 29 + 36);
	buffer_release(&out);
}

/* docs/markers.md is the table of the errors: each row stands there. */
static void test_docs_have_each_error(void **state)
{
	struct buffer docs;
	struct error err = {0};
	const struct outside_api *vendor;
	const char *name;

	(void)state;
	buffer_init(&docs, 1 << 20);
	if (file_read("docs/markers.md", &docs, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; (vendor = markers_api(i, &name)); i++) {
		const struct outside_error *row = vendor->errors;
		for (; row && row->why; row++)
			if (!strstr(docs.data, row->why) || !strstr(docs.data, row->todo))
				fail_msg("%s: docs/markers.md lacks '%s | %s'", name, row->why,
					 row->todo);
	}
	buffer_release(&docs);
}

static void test_trace_context(void **state)
{
	struct trace trace;
	char text[TRACEPARENT_SIZE];
	static const char *const bad[] = {
		"",
		"00-" HEX "-00f067aa0ba902b7",
		"00-" HEX "-0000000000000000-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"ff-" HEX "-00f067aa0ba902b7-01",
		"00-" HEX "-00f067aa0ba902b7-01-more",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-" HEX "x00f067aa0ba902b7-01",
		"0x-" HEX "-00f067aa0ba902b7-01",
	};

	(void)state;
	trace_begin(&trace, "00-" HEX "-00f067aa0ba902b7-01");
	assert_string_equal(trace.id, HEX);
	assert_string_equal(trace.parent, "00f067aa0ba902b7");
	trace_begin(&trace, "01-" HEX "-00f067aa0ba902b7-01-more");
	assert_string_equal(trace.id, HEX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		trace_begin(&trace, bad[i]);
		assert_string_not_equal(trace.id, HEX);
		assert_string_equal(trace.parent, "");
	}
	trace_begin(&trace, NULL);
	assert_int_equal(strlen(trace_parent_text(&trace, trace.root, text)), 55);
}

static const json_t *find_span(const json_t *list, const char *name)
{
	size_t i;
	const json_t *span;

	json_array_foreach(list, i,
			   span) if (!strcmp(json_string_value(json_object_get(span, "name")),
					     name)) return span;
	fail_msg("no span '%s'", name);
	return NULL;
}

static const char *text_of(const json_t *span, const char *key)
{
	return json_string_value(json_object_get(span, key));
}

static const struct event events[] = {
	{.type = EVENT_DEPLOY_STARTED, .time = 1000, .app = "shop", .env = "prod"},
	{.type = EVENT_STAGE_STARTED, .time = 1001, .stage = "build"},
	{.type = EVENT_STEP_STARTED,
	 .time = 1002,
	 .stage = "build",
	 .step = "x",
	 .attempt = 1,
	 .span = "00f067aa0ba902b7"},
	{.type = EVENT_STEP_STARTED,
	 .time = 1005,
	 .stage = "build",
	 .step = "x",
	 .attempt = 2,
	 .span = "00f067aa0ba902b8"},
	{.type = EVENT_STEP_FINISHED,
	 .time = 1009,
	 .stage = "build",
	 .step = "x",
	 .status = STATUS_OK,
	 .exit_code = 0},
	{.type = EVENT_STAGE_FINISHED, .time = 1010, .stage = "build", .status = STATUS_OK},
	{.type = EVENT_STEP_STARTED,
	 .time = 1011,
	 .stage = "tasks",
	 .step = "left",
	 .span = "00f067aa0ba902b9"},
	{.type = EVENT_DEPLOY_FINISHED,
	 .time = 1020,
	 .status = STATUS_FAILED,
	 .reason = "so \xff it is",
	 .exit_code = 1},
};

static void test_spans(void **state)
{
	struct trace trace;
	struct trace_spans *spans;

	(void)state;
	trace_begin(&trace, NULL);
	spans = trace_spans_new(&trace);
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		trace_spans_add(spans, &events[i]);
	json_t *json = trace_spans_json(spans, NULL);
	const json_t *list = json_object_get(
		json_array_get(
			json_object_get(json_array_get(json_object_get(json, "resourceSpans"), 0),
					"scopeSpans"),
			0),
		"spans");
	assert_int_equal(json_array_size(list), 5);
	const json_t *root = find_span(list, "deploy shop to prod");
	const json_t *first = find_span(list, "build.x");
	assert_string_equal(text_of(root, "endTimeUnixNano"), "1020000000");
	assert_string_equal(text_of(first, "spanId"), "00f067aa0ba902b7");
	assert_string_equal(text_of(first, "endTimeUnixNano"), "1005000000");
	assert_string_equal(text_of(first, "parentSpanId"),
			    text_of(find_span(list, "build"), "spanId"));
	assert_string_equal(text_of(find_span(list, "tasks.left"), "parentSpanId"), trace.root);
	assert_string_equal(text_of(find_span(list, "tasks.left"), "endTimeUnixNano"),
			    "1020000000");
	json_decref(json);
	trace_spans_free(spans);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_in_words),
		cmocka_unit_test(test_tries_and_bounds),
		cmocka_unit_test(test_words_in_the_usual_forms),
		cmocka_unit_test(test_texts_of_any_bytes),
		cmocka_unit_test(test_docs_have_each_error),
		cmocka_unit_test(test_trace_context),
		cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
