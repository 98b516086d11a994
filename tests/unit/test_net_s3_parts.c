/* Uploads in parts: whole or not at all. On the real server (TEST_S3_ENDPOINT) as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/digest.h"
#include "s3_world.h"

enum { LENGTH = 13 << 20 }; /* three parts of five MiB */

struct large {
	struct world *world;
	char *bytes;
	const char *path;
	unsigned char hash[DIGEST_MAXIMUM];
	struct s3_request put;
	int64_t moved;
};

static struct large *large_new(struct world *world)
{
	struct large *large = calloc(1, sizeof(*large));
	struct error err = {0};

	large->world = world;
	large->bytes = malloc(LENGTH);
	for (size_t i = 0; i < LENGTH; i++)
		large->bytes[i] = (char)(i * 2654435761u >> 17);
	large->path = path_join(&world->arena, world->folder, "large");
	assert_int_equal(file_write(large->path, large->bytes, LENGTH, 0644, &err), 0);
	digest_bytes(DIGEST_SHA256, large->bytes, LENGTH, large->hash);
	large->put = (struct s3_request){
		.action = S3_PUT,
		.key = "large + one",
		.body = {.path = large->path, .length = LENGTH},
	};
	return large;
}

static int at_strict(void **state)
{
	struct world *world = world_strict(NULL);

	world_proxy(world);
	world_faults(world, "[]");
	*state = large_new(world);
	return 0;
}

static int at_real(void **state)
{
	struct world *world = world_real();

	*state = world ? large_new(world) : NULL;
	return 0;
}

static int leave(void **state)
{
	struct large *large = *state;

	if (!large)
		return 0;
	world_free(large->world);
	free(large->bytes);
	free(large);
	return 0;
}

static struct large *large_here(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void is_whole(struct large *large)
{
	struct world *world = large->world;

	WORKS(world, world_get(world, large->put.key));
	assert_int_equal(world->body.length, LENGTH);
	assert_memory_equal(world->body.data, large->bytes, LENGTH);
}

static void from_file_and_memory(void **state)
{
	struct large *large = large_here(state);
	struct world *world = large->world;
	const struct http_header type[] = {{"content-type", "video/mp4"}};
	uint64_t before;

	large->put.headers = type;
	large->put.header_count = 1;
	large->put.body.sha256 = large->hash;
	WORKS(world, world_ask(world, large->put));
	if (!strstr(world->etag, "-3\""))
		fail_msg("the ETag is %s: %s", world->etag, world->text);
	assert_int_equal(s3_totals(world->s3).requests, 5);
	is_whole(large);
	before = s3_totals(world->s3).requests;
	large->put.body = (struct s3_body){.bytes = large->bytes, .length = LENGTH};
	WORKS(world, world_ask(world, large->put));
	assert_int_equal(s3_totals(world->s3).requests, before + 5);
	is_whole(large);
}

static void conditions_go_last(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;

	large->put.if_none_match = "*";
	WORKS(world, world_ask(world, large->put));
	assert_int_equal(world_ask(world, large->put), S3_CONFLICT);
	assert_int_equal(world_seen_at_last(world, "DELETE /strict/large%20%2B%20one?uploadId=", 1),
			 1);
}

static void parts_are_tried_again(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;

	world_faults(world,
		     "[{\"match\": \"partNumber=2\", \"cut\": \"request\", \"after\": 100000, "
		     "\"times\": 1}, {\"match\": \"partNumber=3\", \"damage\": \"request\", "
		     "\"times\": 1}, {\"match\": \"POST .*uploadId\", \"reply\": {\"status\": 200, "
		     "\"code\": \"InternalError\"}, \"times\": 1}]");
	WORKS(world, world_ask(world, large->put));
	assert_int_equal(s3_totals(world->s3).retries, 3);
	is_whole(large);
}

/* It was done, but the answer was lost: the next try hears that there is no such upload. */
static void done_without_an_answer(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;

	world_faults(world,
		     "[{\"match\": \"POST .*uploadId\", \"cut\": \"answer\", \"times\": 1}]");
	WORKS(world, world_ask(world, large->put));
	is_whole(large);
}

static void a_failure_leaves_nothing(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;

	world_faults(world, "[{\"match\": \"partNumber=2\", \"reply\": {\"status\": 400, \"code\": "
			    "\"InvalidRequest\"}}]");
	assert_int_equal(world_ask(world, large->put), S3_FAILED);
	assert_non_null(
		strstr(world->answer.failure.message, "cannot write s3://strict/large + one: "));
	assert_int_equal(world_seen_at_last(world, "DELETE /strict/large%20%2B%20one?uploadId=", 1),
			 1);
	assert_int_equal(world_get(world, large->put.key), S3_MISSING);
}

static void another_file_meanwhile(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;

	large->hash[0] ^= 1;
	large->put.body.sha256 = large->hash;
	assert_int_equal(world_ask(world, large->put), S3_FAILED);
	assert_non_null(strstr(world->answer.failure.message, "changed while it was being sent"));
	assert_int_equal(world_seen_at_last(world, "DELETE /strict/large%20%2B%20one?uploadId=", 1),
			 1);
}

static void count_moved(void *context, int64_t bytes)
{
	struct large *large = context;

	large->moved += bytes;
}

static void large_done(void *context, const struct s3_answer *answer)
{
	struct large *large = context;

	world_done(large->world, answer);
}

static void progress_is_the_length(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;

	world_faults(world, "[{\"match\": \"partNumber=2\", \"cut\": \"request\", \"after\": "
			    "1000000, \"times\": 1}]");
	large->put.progress = count_moved;
	s3_start(world->s3, &large->put, large_done, large);
	loop_run(world->loop);
	WORKS(world, world->answer.outcome);
	assert_int_equal(large->moved, LENGTH);
}

static void stop_loop(void *context)
{
	struct world *world = context;

	loop_stop(world->loop);
}

static void wait_for(struct world *world, const char *text)
{
	for (int i = 0; !world_seen(world, text); i++) {
		struct loop_timer *timer = loop_timer_start(world->loop, 10, 0, stop_loop, world);
		assert_true(i < 1000);
		loop_run(world->loop);
		loop_timer_stop(timer);
	}
}

static void never(void *context, const struct s3_answer *answer)
{
	(void)context;
	(void)answer;
	fail();
}

static void cancelled_or_stopped(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;
	struct s3_transfer *transfer;

	world_faults(world, "[{\"match\": \"partNumber=3\", \"stall\": \"request\"}]");
	transfer = s3_start(world->s3, &large->put, never, NULL);
	wait_for(world, "partNumber=1");
	s3_cancel(transfer);
	wait_for(world, "DELETE ");
	s3_start(world->s3, &large->put, large_done, large);
	world->answer.outcome = S3_DONE;
	for (int i = 0; world_seen(world, "partNumber=1") < 2; i++) {
		struct loop_timer *timer = loop_timer_start(world->loop, 10, 0, stop_loop, world);
		assert_true(i < 1000);
		loop_run(world->loop);
		loop_timer_stop(timer);
	}
	s3_stop(world->s3);
	loop_run(world->loop);
	assert_int_equal(world->answer.outcome, S3_FAILED);
	assert_non_null(strstr(world->answer.failure.message, "stopped"));
	assert_int_equal(world_seen_at_last(world, "DELETE ", 2), 2);
}

static void cancelled_while_it_is_created(void **state)
{
	struct large *large = *state;
	struct world *world = large->world;
	struct loop_timer *timer;
	struct s3_transfer *transfer;

	world_faults(world, "[{\"match\": \"uploads=\", \"latency_ms\": 200}]");
	transfer = s3_start(world->s3, &large->put, never, NULL);
	timer = loop_timer_start(world->loop, 20, 0, stop_loop, world);
	loop_run(world->loop);
	loop_timer_stop(timer);
	s3_cancel(transfer);
	wait_for(world, "DELETE ");
	assert_int_equal(world_seen(world, "uploads= 200"), 1);
	assert_int_equal(world_seen(world, "partNumber"), 0);
}

#define STRICT(test) \
	{ \
#test, test, at_strict, leave, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"from_file_and_memory (real)", from_file_and_memory, at_real, leave, NULL},
		STRICT(from_file_and_memory),
		STRICT(conditions_go_last),
		STRICT(parts_are_tried_again),
		STRICT(done_without_an_answer),
		STRICT(a_failure_leaves_nothing),
		STRICT(another_file_meanwhile),
		STRICT(progress_is_the_length),
		STRICT(cancelled_or_stopped),
		STRICT(cancelled_while_it_is_created),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
