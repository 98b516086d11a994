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

static void stop_loop(void *context)
{
	loop_stop(context);
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

/* ---- another try ---- */

#define BUSY "HTTP/1.1 429 Slowly\r\nContent-Length: 0\r\n" CLOSE
#define FINE "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" CLOSE "\r\n"

/* One request to a page that fails twice: the status it ends with, after so many tries. */
static void assert_tries(const char *failure, struct http_request request, int status, int tries)
{
	struct server server;
	struct http_response response;
	struct error err = {0};
	struct page page[] = {{"/", FINE, 2}, {0}};

	server_start(&server, page);
	server.failure = failure;
	request.retry_delay = request.retry_delay ? request.retry_delay : 1;
	int result = fetch(&server, "/", request, &response, &err);
	assert_int_equal(result, status ? 0 : -1);
	if (!result) {
		assert_int_equal(response.status, status);
		assert_int_equal(response.tries, tries);
		http_response_release(&response);
	}
	assert_int_equal(atomic_load(&server.requests), tries);
	server_stop(&server);
}

static void test_what_may_be_repeated(void **state)
{
	const char *late = NULL, *rushed = BUSY "\r\n", *dropped = "";
	const char *broken = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
	const struct http_request get = {.retries = 4}, none = {0};
	const struct http_request put = {.retries = 4, .method = "PUT", .body = "x",
					 .body_length = 1};
	const struct http_request post = {.retries = 4, .body = "x", .body_length = 1};
	struct http_request twice = post, impatient = get;

	(void)state;
	twice.repeatable = true;
	impatient.retries = 1;
	assert_tries(late, get, 200, 3);
	assert_tries(late, none, 503, 1);
	assert_tries(late, impatient, 503, 2);
	assert_tries(late, put, 200, 3);
	assert_tries(late, post, 503, 1);
	assert_tries(late, twice, 200, 3);
	assert_tries(rushed, post, 200, 3);
	assert_tries(dropped, get, 200, 3);
	assert_tries(dropped, post, 0, 1);
	assert_tries(dropped, twice, 200, 3);
	assert_tries(broken, get, 404, 1);
}

static void test_retry_after(void **state)
{
	const char *at_once = BUSY "Retry-After: 0\r\n\r\n";
	const char *tomorrow = BUSY "Retry-After: 86400\r\n\r\n";
	struct page dated[] = {
		{.path = "/in-a-minute",
		 .answer = BUSY "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				"Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n\r\n"},
		{.path = "/past",
		 .answer = BUSY "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n\r\n"},
		{.path = "/nonsense", .answer = BUSY "Retry-After: soon\r\n\r\n"},
		{.path = "/ages", .answer = BUSY "Retry-After: 99999999999999999999\r\n\r\n"},
		{0},
	};
	const int64_t wanted[] = {60000, 0, -1, INT64_MAX};
	struct server server;
	struct error err = {0};

	(void)state;
	/* Were it not honoured, these would wait for hours. */
	const struct http_request slow = {.retries = 4, .retry_delay = 1 << 30, .body = "x",
					  .body_length = 1};
	assert_tries(at_once, slow, 200, 3);
	/* And what is beyond the bound is not waited for. */
	assert_tries(tomorrow, (struct http_request){.retries = 4, .retry_within = 5000}, 429, 1);
	server_start(&server, dated);
	for (int i = 0; i < 4; i++) {
		struct http_response response;

		assert_int_equal(fetch(&server, dated[i].path, (struct http_request){0}, &response,
				       &err), 0);
		assert_true(response.retry_after == wanted[i]);
		http_response_release(&response);
	}
	server_stop(&server);
}

static void on_failure(void *context, const struct http_response *response)
{
	assert_int_equal(response->status, 0);
	assert_int_equal(response->tries, 3);
	loop_stop(context);
}

/* Nothing was sent, so that anything may be tried again; and a wait can be cancelled. */
static void test_nobody_listens(void **state)
{
	struct page none[] = {{0}};
	struct server server;
	struct error err = {0};
	struct loop *loop = loop_new(&err);
	struct http *http = http_new(loop, 0, &err);
	struct http_request post = {.body = "x", .body_length = 1, .retries = 2, .retry_delay = 1};

	(void)state;
	server_start(&server, none);
	server_stop(&server);
	post.url = server.url;
	assert_non_null(http_start(http, &post, on_failure, loop, &err));
	assert_int_equal(loop_run(loop), 0);
	post.retry_delay = 20000;
	assert_non_null(http_start(http, &post, on_unwanted, NULL, &err));
	struct http_transfer *transfer = http_start(http, &post, on_unwanted, NULL, &err);
	struct loop_timer *timer = loop_timer_start(loop, 100, 0, stop_loop, loop);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_stop(timer);
	http_cancel(transfer);
	http_free(http);
	loop_free(loop);
}

/* ---- redirects ---- */

static int follow(const struct server *server, const char *path, struct http_request request,
		  struct error *err)
{
	struct http_response response;
	int status = 0;

	request.redirects = 3;
	if (fetch(server, path, request, &response, err))
		return 0;
	status = response.status;
	http_response_release(&response);
	return status;
}

static void test_credentials_stay_with_their_host(void **state)
{
	struct page there[] = {{.path = "/", .answer = FINE}, {0}};
	char away[256], kept[256];
	struct page here[] = {{.path = "/away", .answer = away},
			      {.path = "/kept", .answer = kept},
			      {.path = "/here",
			       .answer = "HTTP/1.1 303 There\r\nLocation: /fine\r\n"
					 "Content-Length: 0\r\n" CLOSE "\r\n"},
			      {.path = "/fine", .answer = FINE}, {0}};
	const struct http_header secret = {"DD-API-KEY", "s3cr3t"}, tongue = {"Accept", "*/*"};
	const struct http_request with_key = {.headers = &secret, .header_count = 1};
	const struct http_request with_body = {.body = "s3cr3t", .body_length = 6};
	struct server one, other;
	struct error err = {0};

	(void)state;
	server_start(&one, here);
	server_start(&other, there);
	snprintf(away, sizeof(away), "HTTP/1.1 302 Away\r\nLocation: %s/\r\nContent-Length: 0\r\n"
		 CLOSE "\r\n", other.url);
	snprintf(kept, sizeof(kept), "HTTP/1.1 307 Away\r\nLocation: %s/\r\nContent-Length: 0\r\n"
		 CLOSE "\r\n", other.url);
	assert_int_equal(follow(&one, "/away", with_key, &err), 0);
	assert_non_null(strstr(err.message, "redirects to another host"));
	assert_int_equal(follow(&one, "/away", with_body, &err), 0);
	assert_int_equal(follow(&one, "/kept", with_body, &err), 0);
	assert_int_equal(atomic_load(&other.requests), 0);
	assert_int_equal(follow(&one, "/here", with_key, &err), 200);
	assert_int_equal(follow(&one, "/here", with_body, &err), 200);
	assert_string_equal(one.method, "GET");
	assert_int_equal(follow(&one, "/away", (struct http_request){0}, &err), 200);
	assert_int_equal(follow(&one, "/away",
				(struct http_request){.headers = &tongue, .header_count = 1}, &err),
			 200);
	assert_int_equal(atomic_load(&other.requests), 2);
	server_stop(&one);
	server_stop(&other);
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
		cmocka_unit_test(test_url_join),    cmocka_unit_test(test_what_may_be_repeated),
		cmocka_unit_test(test_retry_after), cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_credentials_stay_with_their_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
