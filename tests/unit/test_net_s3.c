/* The S3 client against a strict server and a real one (TEST_S3_ENDPOINT): every action, odd keys,
 * conditions, and the end of a client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "s3_world.h"

static const char *const odd_keys[] = {
	"a b",
	"a+b",
	"a%20b",
	"n\xc2\xa0"
	"b",
	"u\xe2\x80\x8e",
	"new\nline",
	"/lead",
	"a//b",
	"a/../b",
	"a/./b",
	"\xf0\x9f\x98\x80",
	"trailing ",
	"quote'\"&<>",
	"a?b#c=d;e,f:g@h!i$j(k)l*m",
	"tilde~_-.",
};

/* Each test runs at both servers. */
static int at_strict(void **state)
{
	*state = world_strict(NULL);
	return 0;
}

static int at_real(void **state)
{
	*state = world_real();
	return 0;
}

static int leave(void **state)
{
	if (*state)
		world_free(*state);
	return 0;
}

static struct world *world_here(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void objects_come_and_go(void **state)
{
	struct world *world = world_here(state);
	char text[64];

	assert_int_equal(world_get(world, "none"), S3_MISSING);
	assert_string_equal(world->code, "NoSuchKey");
	assert_int_equal(world_ask(world, (struct s3_request){.action = S3_HEAD, .key = "none"}),
			 S3_MISSING);
	WORKS(world, world_put(world, "page", "hello"));
	assert_string_equal(world->etag, "\"5d41402abc4b2a76b9719d911017c592\"");
	WORKS(world, world_get(world, "page"));
	assert_string_equal(world->text, "hello");
	WORKS(world, world_put(world, "page", ""));
	WORKS(world, world_get(world, "page"));
	assert_string_equal(world->text, "");
	const struct http_header headers[] = {
		{"Content-Type", "text/html; charset=utf-8"},
		{"cache-control", "public,  max-age=60 "},
		{"x-amz-meta-sha256", "abc"},
	};
	WORKS(world, world_ask(world, (struct s3_request){
					      .action = S3_PUT,
					      .key = "page",
					      .body = {.bytes = "hello", .length = 5},
					      .headers = headers,
					      .header_count = 3,
				      }));
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_HEAD, .key = "page"}));
	assert_int_equal(world->answer.length, 5);
	assert_true(world->answer.modified > 1600000000000);
	s3_start(world->s3, &(struct s3_request){.action = S3_DELETE, .key = "page"}, world_done,
		 world);
	loop_run(world->loop);
	assert_int_equal(world->answer.outcome, S3_DONE);
	assert_int_equal(world_get(world, "page"), S3_MISSING);
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_DELETE, .key = "page"}));
	assert_null(s3_header(&(struct s3_answer){0}, "etag", text, sizeof(text)));
}

static void read_type(void *context, const struct s3_answer *answer)
{
	struct world *world = context;
	char text[64];

	if (s3_header(answer, "content-type", text, sizeof(text)))
		world->text = arena_string(&world->arena, text);
	world->answer = *answer;
	loop_stop(world->loop);
}

static const char *type_of(struct world *world, const char *key)
{
	world->text = "";
	s3_start(world->s3, &(struct s3_request){.action = S3_HEAD, .key = key}, read_type, world);
	loop_run(world->loop);
	return world->text;
}

static void copies_keep_or_replace(void **state)
{
	struct world *world = world_here(state);
	const struct http_header html[] = {{"content-type", "text/html"}};
	const struct http_header css[] = {{"content-type", "text/css"}};
	struct s3_request put = {
		.action = S3_PUT,
		.key = "from +\xc3\xa4",
		.body = {.bytes = "x", .length = 1},
		.headers = html,
		.header_count = 1,
	};
	struct s3_request copy = {.action = S3_COPY, .key = "to", .copy_from = put.key};

	WORKS(world, world_ask(world, put));
	WORKS(world, world_ask(world, copy));
	assert_string_equal(world->etag, "\"9dd4e461268c8034f5c8564e155c67a6\"");
	assert_string_equal(type_of(world, "to"), "text/html");
	copy.headers = css;
	copy.header_count = 1;
	copy.key = put.key;
	WORKS(world, world_ask(world, copy));
	assert_string_equal(type_of(world, put.key), "text/css");
	copy.copy_from = "none";
	assert_int_equal(world_ask(world, copy), S3_MISSING);
}

static void conditions_hold_or_not(void **state)
{
	struct world *world = world_here(state);
	struct s3_request put = {
		.action = S3_PUT,
		.key = "lock",
		.body = {.bytes = "one", .length = 3},
		.if_none_match = "*",
	};
	const char *etag;

	WORKS(world, world_ask(world, put));
	etag = world->etag;
	put.body.bytes = "two";
	assert_int_equal(world_ask(world, put), S3_CONFLICT);
	assert_non_null(strstr(world->answer.failure.message, "is there already"));
	put.if_none_match = NULL;
	put.if_match = "\"0123456789abcdef0123456789abcdef\"";
	assert_int_equal(world_ask(world, put), S3_CONFLICT);
	assert_non_null(strstr(world->answer.failure.message, "meanwhile"));
	WORKS(world, world_get(world, "lock"));
	assert_string_equal(world->text, "one");
	put.if_match = etag;
	WORKS(world, world_ask(world, put));
	WORKS(world, world_get(world, "lock"));
	assert_string_equal(world->text, "two");
	put.key = "unlocked";
	assert_int_equal(world_ask(world, put), S3_CONFLICT);
	WORKS(world, world_get(world, "lock"));
	assert_int_equal(world_ask(world, (struct s3_request){.action = S3_GET,
							      .key = "lock",
							      .if_none_match = world->etag}),
			 S3_CONFLICT);
	assert_int_equal(world->answer.status, 304);
}

static void put_odd_keys(struct world *world, const char *prefix)
{
	char key[64];

	for (size_t i = 0; i < sizeof(odd_keys) / sizeof(*odd_keys); i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, odd_keys[i]);
		WORKS(world, world_put(world, key, key));
		WORKS(world, world_get(world, key));
		assert_string_equal(world->text, key);
	}
}

static void odd_keys_stay_as_they_are(void **state)
{
	struct world *world = world_here(state);
	const size_t count = sizeof(odd_keys) / sizeof(*odd_keys);
	const char *keys[32];
	char longest[1025];

	put_odd_keys(world, "p/");
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_LIST, .prefix = "p/"}));
	assert_int_equal(world->keys_listed.count, count);
	for (size_t i = 0; i < count; i++) {
		char key[64];
		snprintf(key, sizeof(key), "p/%s", odd_keys[i]);
		if (!text_list_has(&world->keys_listed, key))
			fail_msg("'%s' is not listed", key);
	}
	memset(longest, 'x', 1024);
	longest[1024] = '\0';
	WORKS(world, world_put(world, longest, "long"));
	WORKS(world, world_get(world, longest));
	for (size_t i = 0; i < count; i++)
		keys[i] = arena_string(&world->arena, world->keys_listed.items[i]);
	keys[count] = "p/never there";
	WORKS(world, world_ask(world, (struct s3_request){
					      .action = S3_DELETE_MANY,
					      .keys = keys,
					      .key_count = count + 1,
				      }));
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_LIST, .prefix = "p/"}));
	assert_int_equal(world->keys_listed.count, 0);
}

/* No XML can hold them, so they are deleted one by one. */
static void keys_with_control_characters(void **state)
{
	struct world *world = world_here(state);
	const char *const keys[] = {"c/\x01", "c/plain", "c/\x1b[31m"};

	for (int i = 0; i < 3; i++)
		WORKS(world, world_put(world, keys[i], "x"));
	WORKS(world,
	      world_ask(world, (struct s3_request){
				       .action = S3_DELETE_MANY, .keys = keys, .key_count = 3}));
	for (int i = 0; i < 3; i++)
		assert_int_equal(world_get(world, keys[i]), S3_MISSING);
	WORKS(world,
	      world_ask(world, (struct s3_request){
				       .action = S3_DELETE_MANY, .keys = keys, .key_count = 1}));
}

static void pages_and_prefixes(void **state)
{
	struct world *world = world_here(state);
	const char *const keys[] = {"l/a", "l/b", "l/c/1", "l/c/2", "l/d", "m"};
	struct s3_request list = {.action = S3_LIST, .prefix = "l/", .page = 2};
	size_t seen = 0, pages = 0;

	for (int i = 0; i < 6; i++)
		WORKS(world, world_put(world, keys[i], "xyz"));
	do {
		WORKS(world, world_ask(world, list));
		for (size_t i = 0; i < world->keys_listed.count; i++)
			assert_string_equal(world->keys_listed.items[i], keys[seen++]);
		list.token = world->token;
		pages++;
	} while (list.token && pages < 9);
	assert_int_equal(seen, 5);
	assert_int_equal(pages, 3);
	list = (struct s3_request){.action = S3_LIST, .prefix = "l/", .delimiter = "/"};
	WORKS(world, world_ask(world, list));
	assert_int_equal(world->keys_listed.count, 4);
	assert_true(text_list_has(&world->keys_listed, "l/c/"));
	list = (struct s3_request){.action = S3_LIST, .prefix = "l/", .after = "l/c/1"};
	WORKS(world, world_ask(world, list));
	assert_int_equal(world->keys_listed.count, 2);
}

static void files_go_up(void **state)
{
	struct world *world = world_here(state);
	struct error err = {0};
	const size_t sizes[] = {0, 1, 65535, 65536, 3000000};
	char *bytes = malloc(3000000);

	for (size_t i = 0; i < 3000000; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const char *path = path_join(&world->arena, world->folder, "file");
		assert_int_equal(file_write(path, bytes, sizes[i], 0644, &err), 0);
		WORKS(world,
		      world_ask(world, (struct s3_request){
					       .action = S3_PUT,
					       .key = "file",
					       .body = {.path = path, .length = (int64_t)sizes[i]},
				       }));
		WORKS(world, world_get(world, "file"));
		assert_int_equal(world->body.length, sizes[i]);
		assert_memory_equal(world->body.data, bytes, sizes[i]);
	}
	free(bytes);
}

/* ---- the end of a client ---- */

static void requests_without_sense(void **state)
{
	struct world *world = world_here(state);
	char longest[1026];
	const struct http_header broken[] = {{"cache-control", "a\nb"}};
	struct s3_request put = {.action = S3_PUT, .key = ""};

	assert_int_equal(world_ask(world, put), S3_FAILED);
	memset(longest, 'x', 1025);
	longest[1025] = '\0';
	put.key = longest;
	assert_int_equal(world_ask(world, put), S3_FAILED);
	SAYS(world, "1,024 bytes");
	put = (struct s3_request){
		.action = S3_PUT, .key = "x", .headers = broken, .header_count = 1};
	assert_int_equal(world_ask(world, put), S3_FAILED);
	assert_int_equal(s3_totals(world->s3).requests, 0);
}

static void free_from_done(void *context, const struct s3_answer *answer)
{
	struct world *world = context;

	(void)answer;
	s3_free(world->s3);
	world->s3 = NULL;
	loop_stop(world->loop);
}

static void freed_while_busy(void **state)
{
	struct world *world = world_here(state);
	const char *path = path_join(&world->arena, world->folder, "busy");
	char *bytes = calloc(1, 1 << 20);
	struct error err = {0};

	assert_int_equal(file_write(path, bytes, 1 << 20, 0644, &err), 0);
	free(bytes);
	for (int i = 0; i < 50; i++)
		s3_start(world->s3,
			 &(struct s3_request){.action = S3_PUT,
					      .key = "busy",
					      .body = {.path = path, .length = 1 << 20}},
			 free_from_done, world);
	loop_run(world->loop);
	assert_null(world->s3);
	/* Threads may still be at the file. */
	while (loop_run(world->loop) == 0)
		;
}

static void never(void *context, const struct s3_answer *answer)
{
	(void)context;
	(void)answer;
	fail();
}

static void cancelled_and_stopped(void **state)
{
	struct world *world = world_here(state);
	struct s3_transfer *transfers[100];
	struct crowd crowd = {.world = world, .left = 50};
	struct s3_request put = {
		.action = S3_PUT, .key = "busy", .body = {.bytes = "x", .length = 1}};

	for (int i = 0; i < 100; i++) {
		transfers[i] = s3_start(world->s3, &put, i % 2 ? crowd_done : never, &crowd);
		if (i == 70)
			loop_poll(world->loop);
	}
	for (int i = 0; i < 100; i += 2)
		s3_cancel(transfers[i]);
	s3_stop(world->s3);
	loop_run(world->loop);
	assert_int_equal(crowd.done, 50);
	assert_non_null(strstr(crowd.failure.message, "stopped"));
	assert_int_equal(world_put(world, "x", "x"), S3_FAILED);
}

static void buckets_as_hosts(void **state)
{
	struct world *world = *state;
	const char *port = strrchr(world->endpoint, ':');

	world_client(world, arena_format(&world->arena, "http://{bucket}.localhost%s", port),
		     "strict");
	put_odd_keys(world, "");
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_LIST}));
	assert_int_equal(world->keys_listed.count, sizeof(odd_keys) / sizeof(*odd_keys));
	WORKS(world, world_ask(world, (struct s3_request){.action = S3_COPY,
							  .key = "copy",
							  .copy_from = odd_keys[1]}));
}

#define BOTH(test) \
	{#test " (strict)", test, at_strict, leave, NULL}, \
	{ \
#test " (real)", test, at_real, leave, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(objects_come_and_go),
		BOTH(copies_keep_or_replace),
		BOTH(conditions_hold_or_not),
		BOTH(odd_keys_stay_as_they_are),
		BOTH(keys_with_control_characters),
		BOTH(pages_and_prefixes),
		BOTH(files_go_up),
		{"buckets_as_hosts", buckets_as_hosts, at_strict, leave, NULL},
		BOTH(requests_without_sense),
		BOTH(freed_while_busy),
		BOTH(cancelled_and_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
