/* The S3 client when networks and servers misbehave: what is tried again, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/digest.h"
#include "s3_world.h"

static int begin(void **state)
{
	struct world *world = world_strict((const char *const[]){
		"--bucket", "far=eu-far-1", "--bucket", "malformed=eu-mal-1", NULL});

	world_proxy(world);
	*state = world;
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
}

/* Each test begins as somebody who may do everything, without faults. */
static int calm(void **state)
{
	struct world *world = *state;

	world_keys(world, "TESTER", "tester-secret", NULL);
	world_client(world, world->endpoint, "strict");
	world_faults(world, "[]");
	return 0;
}

/* ---- what passes ---- */

static void a_storm_of_slow_down(void **state)
{
	struct world *world = *state;
	struct crowd crowd;
	struct s3_totals totals;

	world_faults(world,
		     "[{\"reply\": {\"status\": 503, \"code\": \"SlowDown\"}, \"times\": 100}]");
	crowd = world_crowd(world, 300);
	assert_int_equal(crowd.failed, 0);
	assert_int_equal(crowd.moved, 300 * 5);
	totals = s3_totals(world->s3);
	assert_int_equal(totals.requests, 400);
	assert_int_equal(totals.retries, 100);
}

static void a_server_that_bears_eight_at_once(void **state)
{
	struct world *world = *state;
	struct crowd crowd;

	world_faults(world, "[{\"max_in_flight\": 8}]");
	crowd = world_crowd(world, 400);
	assert_int_equal(crowd.failed, 0);
	assert_true(s3_totals(world->s3).limit < 40);
}

static void waits_as_long_as_asked(void **state)
{
	struct world *world = *state;
	int64_t started;

	world_faults(world,
		     "[{\"reply\": {\"status\": 429, \"headers\": {\"Retry-After\": \"1\"}}, "
		     "\"times\": 1}]");
	started = clock_monotonic();
	WORKS(world, world_put(world, "asked", "x"));
	assert_true(clock_monotonic() - started >= 990);
}

static void connections_are_cut(void **state)
{
	static const char *const rules[] = {
		"[{\"cut\": \"accept\", \"times\": 2}]",
		"[{\"cut\": \"request\", \"after\": 1000, \"times\": 2}]",
		"[{\"cut\": \"answer\", \"times\": 2}]",
	};
	struct world *world = *state;
	char *text = malloc(200001);

	memset(text, 'x', 200000);
	text[200000] = '\0';
	for (int i = 0; i < 3; i++) {
		world_faults(world, rules[i]);
		WORKS(world, world_put(world, "cut", text));
		assert_int_equal(world->answer.tries, 3);
		assert_true(world->answer.unsure);
	}
	world_faults(world, "[{\"cut\": \"response\", \"after\": 100000, \"times\": 2}]");
	WORKS(world, world_get(world, "cut"));
	assert_int_equal(world->body.length, 200000);
	free(text);
}

static void stalls_end(void **state)
{
	static const char *const rules[] = {
		"[{\"stall\": \"accept\", \"times\": 1}]",
		"[{\"stall\": \"answer\", \"times\": 1}]",
	};
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		world_faults(world, rules[i]);
		WORKS(world, world_put(world, "stalled", "x"));
		assert_int_equal(world->answer.tries, 2);
	}
}

static void damaged_bytes_are_noticed(void **state)
{
	struct world *world = *state;

	world_faults(world, "[{\"damage\": \"request\", \"times\": 1}]");
	WORKS(world, world_put(world, "damaged", "hello"));
	assert_int_equal(world->answer.tries, 2);
	world_faults(world, "[{\"damage\": \"response\", \"times\": 1}]");
	WORKS(world, world_get(world, "damaged"));
	assert_string_equal(world->text, "hello");
	assert_int_equal(world->answer.tries, 2);
	world_faults(world, "[{\"damage\": \"request\"}]");
	assert_int_equal(world_put(world, "damaged", "other"), S3_FAILED);
	SAYS(world, "is not what was sent");
	world_faults(world, "[{\"damage\": \"response\"}]");
	assert_int_equal(world_get(world, "damaged"), S3_FAILED);
	SAYS(world, "damaged or incomplete");
}

static void an_error_in_a_200(void **state)
{
	struct world *world = *state;
	struct s3_request copy = {.action = S3_COPY, .key = "to", .copy_from = "from"};

	WORKS(world, world_put(world, "from", "x"));
	world_faults(world,
		     "[{\"reply\": {\"status\": 200, \"code\": \"InternalError\"}, \"times\": 2}]");
	WORKS(world, world_ask(world, copy));
	assert_int_equal(world->answer.tries, 3);
	assert_int_equal(world->answer.status, 200);
	world_faults(world, "[{\"reply\": {\"status\": 200, \"code\": \"AccessDenied\"}}]");
	assert_int_equal(world_ask(world, copy), S3_FAILED);
	SAYS(world, "access denied");
}

static void an_answer_that_is_no_xml(void **state)
{
	struct world *world = *state;

	world_faults(world,
		     "[{\"reply\": {\"status\": 200, \"body\": \"<html><br>\"}, \"times\": 1}]");
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_LIST}));
	assert_int_equal(world->answer.tries, 2);
	world_faults(world,
		     "[{\"reply\": {\"status\": 200, \"body\": \"<html/>\"}, \"times\": 1}]");
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_LIST}));
	assert_int_equal(world->answer.tries, 2);
	world_faults(world, "[{\"reply\": {\"status\": 502, \"body\": \"<html><br>\"}}]");
	assert_int_equal(world_ask(world, (struct s3_request){.action = S3_LIST}), S3_FAILED);
	SAYS(world, "answered 502");
}

static void a_wrong_clock(void **state)
{
	struct world *world = world_strict((const char *const[]){"--clock", "7200", NULL});

	(void)state;
	WORKS(world, world_put(world, "clock", "x"));
	assert_int_equal(world->answer.tries, 2);
	WORKS(world, world_get(world, "clock"));
	assert_int_equal(world->answer.tries, 1);
	world_client(world, world->endpoint, "strict");
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_HEAD, .key = "clock"}));
	world_free(world);
}

static void other_regions(void **state)
{
	static const char *const buckets[] = {"far", "malformed"};
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		world_client(world, world->endpoint, buckets[i]);
		assert_int_equal(world_crowd(world, 100).failed, 0);
		WORKS(world, world_get(world, "crowd/7"));
		assert_int_equal(world->answer.tries, 1);
	}
}

static void a_store_without_the_checksum(void **state)
{
	struct world *world = *state;

	world_faults(world,
		     "[{\"reply\": {\"status\": 400, \"code\": \"InvalidArgument\", \"message\": "
		     "\"Unsupported header 'x-amz-checksum-sha256'\"}, \"times\": 1}]");
	WORKS(world, world_put(world, "plain", "x"));
	WORKS(world, world_get(world, "plain"));
}

static void lost_answers_leave_doubt(void **state)
{
	struct world *world = *state;
	struct s3_request put = {.action = S3_PUT,
				 .key = "doubt",
				 .body = {.bytes = "x", .length = 1},
				 .if_none_match = "*"};

	world_faults(world, "[{\"cut\": \"answer\", \"times\": 1}]");
	assert_int_equal(world_ask(world, put), S3_CONFLICT);
	assert_true(world->answer.unsure);
	assert_int_equal(world_ask(world, put), S3_CONFLICT);
	assert_false(world->answer.unsure);
}

/* ---- what does not ---- */

static void some_keys_are_refused(void **state)
{
	struct world *world = *state;
	const char *const keys[] = {"many/a", "many/locked-b", "many/c"};

	for (int i = 0; i < 3; i++)
		WORKS(world, world_put(world, keys[i], "x"));
	assert_int_equal(world_ask(world, (struct s3_request){.action = S3_DELETE_MANY,
							      .keys = keys,
							      .key_count = 3}),
			 S3_FAILED);
	SAYS(world, "many/locked-b");
	assert_int_equal(world->answer.refusal_count, 1);
	assert_int_equal(world_get(world, keys[0]), S3_MISSING);
	WORKS(world, world_get(world, keys[1]));
}

static void a_missing_bucket_ends_it_soon(void **state)
{
	struct world *world = *state;
	struct crowd crowd;

	world_client(world, world->endpoint, "nowhere");
	crowd = world_crowd(world, 1000);
	assert_int_equal(crowd.failed, 1000);
	assert_non_null(strstr(crowd.failure.message, "no bucket 'nowhere'"));
	assert_true(s3_totals(world->s3).requests <= 64);
}

static void a_reader_may_not_write(void **state)
{
	struct world *world = *state;
	struct crowd crowd;

	WORKS(world, world_put(world, "page", "x"));
	world_keys(world, "READER", "reader-secret", NULL);
	world_client(world, world->endpoint, "strict");
	crowd = world_crowd(world, 1000);
	assert_int_equal(crowd.failed, 1000);
	assert_non_null(strstr(crowd.failure.message, "s3:PutObject"));
	assert_non_null(strstr(crowd.failure.message, "arn:aws:s3:::strict/crowd/"));
	assert_true(s3_totals(world->s3).requests <= 64);
	WORKS(world, world_get(world, "page"));
}

static void refused_keys(void **state)
{
	static const struct {
		const char *access_key, *secret_key, *says;
	} wrong[] = {
		{"EXPIRED", "expired-secret", "have expired"},
		{"TESTER", "tester-secreT", "the secret key does not belong to"},
		{"NOBODY", "x", "does not know the access key NOBODY"},
		{"SESSION", "session-secret", "AWS_SESSION_TOKEN"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		world_keys(world, wrong[i].access_key, wrong[i].secret_key, NULL);
		world_client(world, world->endpoint, "strict");
		assert_int_equal(world_get(world, "page"), S3_FAILED);
		SAYS(world, wrong[i].says);
		assert_int_equal(world->answer.tries, 1);
	}
	world_keys(world, "SESSION", "session-secret", "session-token");
	world_client(world, world->endpoint, "strict");
	WORKS(world, world_put(world, "page", "x"));
}

static void nobody_is_there(void **state)
{
	struct world *world = *state;

	world_client(world, "http://127.0.0.1:1", "strict");
	assert_int_equal(world_get(world, "page"), S3_FAILED);
	SAYS(world, "no answer from 127.0.0.1:1");
	assert_int_equal(world->answer.tries, 7);
}

static void a_storm_without_end(void **state)
{
	struct world *world = *state;
	struct crowd crowd;

	world_faults(world, "[{\"reply\": {\"status\": 503, \"code\": \"SlowDown\"}}]");
	crowd = world_crowd(world, 20);
	assert_int_equal(crowd.failed, 20);
	assert_non_null(strstr(crowd.failure.message, "asks to slow down"));
	assert_int_equal(s3_totals(world->s3).limit, 1);
}

/* ---- bodies that change ---- */

static void files_that_change(void **state)
{
	struct world *world = *state;
	const char *path = path_join(&world->arena, world->folder, "file");
	unsigned char hash[DIGEST_MAXIMUM];
	struct error err = {0};
	struct s3_request put = {.action = S3_PUT,
				 .key = "changing",
				 .body = {.path = path, .length = 5, .sha256 = hash}};

	digest_bytes(DIGEST_SHA256, "hello", 5, hash);
	assert_int_equal(file_write(path, "hello", 5, 0644, &err), 0);
	WORKS(world, world_ask(world, put));
	assert_int_equal(file_write(path, "jello", 5, 0644, &err), 0);
	assert_int_equal(world_ask(world, put), S3_FAILED);
	SAYS(world, "changed while it was being sent");
	assert_int_equal(file_write(path, "hell", 4, 0644, &err), 0);
	assert_int_equal(world_ask(world, put), S3_FAILED);
	SAYS(world, "changed while it was being sent");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(world_ask(world, put), S3_FAILED);
	SAYS(world, "cannot read");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(world_ask(world, put), S3_FAILED);
	SAYS(world, "no regular file");
	WORKS(world, world_get(world, "changing"));
	assert_string_equal(world->text, "hello");
}

static int keep_pieces(void *context, int64_t offset, const void *bytes, size_t length)
{
	struct world *world = context;

	if (world->limit && offset + (int64_t)length > world->limit)
		return -1;
	world->sunk.length = (size_t)offset;
	return buffer_add(&world->sunk, bytes, length);
}

static void answers_in_pieces(void **state)
{
	struct world *world = *state;
	struct s3_request get = {.action = S3_GET, .key = "long", .sink = keep_pieces};
	const struct http_header range[] = {{"range", "bytes=10-19"}};
	char *text = malloc(300001);

	for (int i = 0; i < 300000; i++)
		text[i] = (char)('a' + i % 23);
	text[300000] = '\0';
	WORKS(world, world_put(world, "long", text));
	buffer_init(&world->sunk, 1 << 20);
	world_faults(world, "[{\"cut\": \"response\", \"after\": 200000, \"times\": 1}]");
	WORKS(world, world_ask(world, get));
	assert_int_equal(world->sunk.length, 300000);
	assert_memory_equal(world->sunk.data, text, 300000);
	world->limit = 100;
	assert_int_equal(world_ask(world, get), S3_FAILED);
	assert_int_equal(world->answer.tries, 1);
	get = (struct s3_request){.action = S3_GET, .key = "long", .maximum_body = 1000};
	assert_int_equal(world_ask(world, get), S3_FAILED);
	SAYS(world, "longer than");
	get = (struct s3_request){
		.action = S3_GET, .key = "long", .headers = range, .header_count = 1};
	WORKS(world, world_ask(world, get));
	assert_int_equal(world->body.length, 10);
	buffer_release(&world->sunk);
	free(text);
}

#define CALM(test) \
	{ \
#test, test, calm, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALM(a_storm_of_slow_down),
		CALM(a_server_that_bears_eight_at_once),
		CALM(waits_as_long_as_asked),
		CALM(connections_are_cut),
		CALM(stalls_end),
		CALM(damaged_bytes_are_noticed),
		CALM(an_error_in_a_200),
		CALM(an_answer_that_is_no_xml),
		CALM(a_wrong_clock),
		CALM(other_regions),
		CALM(a_store_without_the_checksum),
		CALM(lost_answers_leave_doubt),
		CALM(some_keys_are_refused),
		CALM(a_missing_bucket_ends_it_soon),
		CALM(a_reader_may_not_write),
		CALM(refused_keys),
		CALM(nobody_is_there),
		CALM(a_storm_without_end),
		CALM(files_that_change),
		CALM(answers_in_pieces),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
