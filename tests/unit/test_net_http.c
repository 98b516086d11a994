/* HTTP with and without the loop, and production asked for its commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http.h"
#include "proc/loop.h"
#include "server.h"
#include "services/live_commit.h"

#define CLOSE "Connection: close\r\n"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static struct page pages[] = {
	{"/", "HTTP/1.1 200 OK\r\nX-Commit: 89ABCDEF\r\n" CLOSE "\r\n<b>" COMMIT "</b>", 0},
	{"/moved",
	 "HTTP/1.1 301 Moved\r\nX-Commit: old\r\nLocation: /\r\nContent-Length: 0\r\n" CLOSE "\r\n",
	 0},
	{"/loop", "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n" CLOSE "\r\n", 0},
	{"/file",
	 "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n" CLOSE "\r\n",
	 0},
	{"/json", "HTTP/1.1 200 OK\r\n" CLOSE "\r\n{\"build\": {\"sha\": \"abcdef0\"}}", 0},
	{"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n" CLOSE "\r\nonly this", 0},
	{"/silent", NULL, 0},
	{0},
};

static int fetch(const struct server *server, const char *path, struct http_request request,
		 struct http_response *response, struct error *err)
{
	char url[128];

	snprintf(url, sizeof(url), "%s%s", server->url, path);
	request.url = url;
	return http_fetch(&request, response, err);
}

static void test_answers(void **state)
{
	struct server server;
	struct http_response response;
	struct error err = {0};
	size_t length;

	(void)state;
	server_start(&server, pages);
	assert_int_equal(
		fetch(&server, "/moved", (struct http_request){.redirects = 3}, &response, &err),
		0);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body.data, COMMIT));
	const char *value = http_header_find(&response, "x-COMMIT", &length);
	assert_memory_equal(value, "89ABCDEF", length);
	assert_null(http_header_find(&response, "location", &length));
	http_response_release(&response);

	assert_int_equal(fetch(&server, "/moved", (struct http_request){0}, &response, &err), 0);
	assert_int_equal(response.status, 301);
	http_response_release(&response);
	server_stop(&server);
}

static void assert_fails(const struct server *server, const char *path, struct http_request request,
			 const char *words)
{
	struct http_response response;
	struct error err = {0};

	assert_int_equal(fetch(server, path, request, &response, &err), -1);
	if (!strstr(err.message, words))
		fail_msg("'%s' lacks '%s'", err.message, words);
}

static void test_failures(void **state)
{
	struct server server;
	struct http_response response;
	struct error err = {0};
	const struct http_header split = {"X-A", "1\r\nX-B: 2"};
	const struct http_request file = {.url = "file:///etc/passwd"};

	(void)state;
	server_start(&server, pages);
	assert_fails(&server, "/silent", (struct http_request){.timeout = 200}, "no whole answer");
	assert_fails(&server, "/", (struct http_request){.maximum_body = 10}, "larger than 10");
	assert_fails(&server, "/loop", (struct http_request){.redirects = 3}, "redirects");
	assert_fails(&server, "/file", (struct http_request){.redirects = 3}, "cannot get");
	assert_fails(&server, "/short", (struct http_request){0}, "cannot get");
	assert_fails(&server, "/", (struct http_request){.headers = &split, .header_count = 1},
		     "line break");
	assert_int_equal(http_fetch(&file, &response, &err), -1);
	server_stop(&server);
}

struct counts {
	struct loop *loop;
	struct http *http;
	int answers, wanted;
};

static void on_answer(void *context, const struct http_response *response)
{
	struct counts *counts = context;

	assert_int_equal(response->status, 200);
	if (++counts->answers == counts->wanted) {
		http_free(counts->http);
		loop_stop(counts->loop);
	}
}

static void on_unwanted(void *context, const struct http_response *response)
{
	(void)context;
	(void)response;
	fail_msg("a cancelled request answered");
}

static void test_on_the_loop(void **state)
{
	struct server server;
	struct error err = {0};
	struct counts counts = {.wanted = 30};
	char url[128];

	(void)state;
	server_start(&server, pages);
	counts.loop = loop_new(&err);
	counts.http = http_new(counts.loop, 4, &err);
	assert_non_null(counts.http);
	snprintf(url, sizeof(url), "%s/", server.url);
	const struct http_request request = {.url = url};
	for (int i = 0; i < counts.wanted; i++)
		assert_non_null(http_start(counts.http, &request, on_unwanted, NULL, &err));
	http_cancel(http_start(counts.http, &request, on_unwanted, NULL, &err));
	http_free(counts.http);

	counts.http = http_new(counts.loop, 4, &err);
	for (int i = 0; i < counts.wanted; i++)
		assert_non_null(http_start(counts.http, &request, on_answer, &counts, &err));
	assert_int_equal(loop_run(counts.loop), 0);
	assert_int_equal(counts.answers, 30);
	loop_free(counts.loop);
	server_stop(&server);
}

static void assert_commit(const struct server *server, struct live_commit_request request,
			  const char *wanted)
{
	struct error err = {0};
	char commit[65];

	request.base = server->url;
	if (live_commit_ask(&request, commit, &err)) {
		if (!wanted)
			return;
		fail_msg("%s", err.message);
	}
	assert_non_null(wanted);
	assert_string_equal(commit, wanted);
}

static void test_live_commit(void **state)
{
	struct server server;

	(void)state;
	server_start(&server, pages);
	assert_commit(&server, (struct live_commit_request){.url = "/"}, COMMIT);
	assert_commit(&server,
		      (struct live_commit_request){.url = "/", .match = "([0-9a-f]{7,40})"},
		      COMMIT);
	assert_commit(&server, (struct live_commit_request){.url = "/", .header = "x-commit"},
		      "89abcdef");
	assert_commit(&server, (struct live_commit_request){.url = "/json", .json = "build.sha"},
		      "abcdef0");
	assert_commit(&server, (struct live_commit_request){.url = "/json", .json = "build.x"},
		      NULL);
	assert_commit(&server, (struct live_commit_request){.url = "/", .match = "(<b>)"}, NULL);
	assert_commit(&server, (struct live_commit_request){.url = "/none"}, NULL);
	assert_commit(&server, (struct live_commit_request){.url = "/silent", .timeout = 100},
		      NULL);
	server_stop(&server);
}

static void test_url_join(void **state)
{
	static const char *const cases[][3] = {
		{"https://shop", "/x", "https://shop/x"},
		{"https://shop/", "/x", "https://shop/x"},
		{"https://shop/a/", "x?y=1", "https://shop/a/x?y=1"},
		{"https://shop", "http://other/", "http://other/"},
	};
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer out;
		buffer_init(&out, 100);
		assert_int_equal(http_url_join(&out, cases[i][0], cases[i][1], &err), 0);
		assert_string_equal(out.data, cases[i][2]);
		buffer_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),     cmocka_unit_test(test_failures),
		cmocka_unit_test(test_on_the_loop), cmocka_unit_test(test_live_commit),
		cmocka_unit_test(test_url_join),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
