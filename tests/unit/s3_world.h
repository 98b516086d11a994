/* S3 for unit tests: the strict server and the fault proxy as children, one request at a time, and
 * a folder for files. Bodies of answers are kept as texts. */
#pragma once
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "net/credentials.h"
#include "net/s3.h"
#include "proc/loop.h"

struct world {
	struct arena arena;
	struct loop *loop;
	struct s3 *s3;
	const char *folder, *endpoint, *region, *log, *proxy;
	struct credentials keys;
	pid_t children[4];
	int child_count;
	/* of the answer before */
	struct s3_answer answer;
	struct buffer body;
	const char *text, *etag, *code, *token;
	struct text_list keys_listed;
	struct buffer sunk;
	int64_t limit; /* of what is kept of it */
};

/* What FOLDER/env says of it. */
static const char *world_setting(struct world *world, const char *text, const char *name)
{
	const char *line = strstr(text, name);

	assert_non_null(line);
	line += strlen(name) + 1;
	return arena_bytes(&world->arena, line, strcspn(line, "\n"));
}

/* Starts PROGRAM FOLDER/NAME ARGUMENTS...; returns what its env says once it answers. */
static const char *world_server(struct world *world, const char *program, const char *name,
				const char *const *arguments)
{
	struct error err = {0};
	struct buffer text;
	const char *words[16] = {program, path_join(&world->arena, world->folder, name)};
	const char *env = arena_format(&world->arena, "%s/env", words[1]);
	size_t count = 2;
	pid_t child;

	while (*arguments)
		words[count++] = *arguments++;
	child = fork();
	if (!child) {
		execv(program, (char *const *)(uintptr_t)words);
		_exit(127);
	}
	world->children[world->child_count++] = child;
	for (int i = 0; access(env, R_OK); i++) {
		if (i > 2000 || waitpid(child, NULL, WNOHANG) == child)
			fail_msg("%s does not start", program);
		usleep(10000);
	}
	buffer_init(&text, 65536);
	if (file_read(env, &text, &err))
		fail_msg("%s", err.message);
	const char *copy = arena_string(&world->arena, text.data);
	buffer_release(&text);
	return copy;
}

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));
	struct error err = {0};

	assert_non_null(world);
	world->folder = folder_temporary(&world->arena, &err);
	assert_non_null(world->folder);
	world->loop = loop_new(&err);
	assert_non_null(world->loop);
	buffer_init(&world->body, 256 << 20);
	return world;
}

static void world_keys(struct world *world, const char *access_key, const char *secret_key,
		       const char *token)
{
	world->keys.access_key = arena_string(&world->arena, access_key);
	world->keys.secret_key = arena_string(&world->arena, secret_key);
	world->keys.token = arena_string(&world->arena, token);
}

static void world_free(struct world *world)
{
	struct error err = {0};

	s3_free(world->s3);
	loop_free(world->loop);
	for (int i = 0; i < world->child_count; i++) {
		kill(world->children[i], SIGTERM);
		waitpid(world->children[i], NULL, 0);
	}
	if (tree_remove(world->folder, &err))
		fail_msg("%s", err.message);
	buffer_release(&world->body);
	arena_release(&world->arena);
	free(world);
}

/* ---- requests ---- */

static void world_done(void *context, const struct s3_answer *answer)
{
	struct world *world = context;
	struct arena *arena = &world->arena;

	world->answer = *answer;
	world->etag = arena_string(arena, answer->etag);
	world->code = arena_string(arena, answer->code);
	world->token = arena_string(arena, answer->token);
	buffer_clear(&world->body);
	if (answer->body)
		buffer_add(&world->body, answer->body->data, answer->body->length);
	world->text = world->body.data;
	world->keys_listed.count = 0;
	for (size_t i = 0; i < answer->object_count; i++)
		text_list_add(arena, &world->keys_listed,
			      arena_string(arena, answer->objects[i].key));
	loop_stop(world->loop);
}

static inline enum s3_outcome world_ask(struct world *world, struct s3_request request)
{
	s3_start(world->s3, &request, world_done, world);
	loop_run(world->loop);
	return world->answer.outcome;
}

static inline enum s3_outcome world_put(struct world *world, const char *key, const char *text)
{
	return world_ask(world, (struct s3_request){
					.action = S3_PUT,
					.key = key,
					.body = {.bytes = text, .length = (int64_t)strlen(text)},
				});
}

static inline enum s3_outcome world_get(struct world *world, const char *key)
{
	return world_ask(world, (struct s3_request){.action = S3_GET, .key = key});
}

#define WORKS(world, call) \
	do { \
		if ((call) != S3_DONE) \
			fail_msg("%s: %s (%s)", #call, (world)->answer.failure.message, \
				 (world)->answer.failure.hint); \
	} while (0)

#define SAYS(world, text) \
	do { \
		if (!strstr((world)->answer.failure.message, (text)) && \
		    !strstr((world)->answer.failure.hint, (text))) \
			fail_msg("'%s' is not in: %s (%s)", (text), \
				 (world)->answer.failure.message, (world)->answer.failure.hint); \
	} while (0)

/* ---- where ---- */

static void world_client(struct world *world, const char *endpoint, const char *bucket)
{
	struct error err = {0};
	const struct s3_options options = {
		.bucket = bucket,
		.endpoint = endpoint,
		.region = world->region,
		.credentials = &world->keys,
		.stall = 1000,
		.tries = 7,
		.retry_delay = 20,
		.part_size = 5 << 20,
		.multipart_from = 12 << 20,
	};

	s3_free(world->s3);
	world->s3 = s3_new(world->loop, &options, &err);
	if (!world->s3)
		fail_msg("%s", err.message);
}

/* The strict server with the bucket "strict", as somebody who may do everything. */
static struct world *world_strict(const char *const *arguments)
{
	struct world *world = world_new();
	const char *words[8] = {"--bucket", "strict"};
	const char *env;

	for (int i = 0; arguments && arguments[i]; i++)
		words[i + 2] = arguments[i];
	env = world_server(world, "tests/servers/strict_s3.py", "strict", words);
	world->endpoint = world_setting(world, env, "STRICT_S3_ENDPOINT");
	world->region = world_setting(world, env, "STRICT_S3_REGION");
	world->log = world_setting(world, env, "STRICT_S3_LOG");
	world_keys(world, "TESTER", "tester-secret", NULL);
	world_client(world, world->endpoint, "strict");
	return world;
}

/* The real one, with a bucket of its own; NULL where there is none. */
static inline struct world *world_real(void)
{
	const char *endpoint = getenv("TEST_S3_ENDPOINT");
	struct world *world;
	char bucket[64];
	pid_t child;
	int status = -1;

	if (!endpoint)
		return NULL;
	world = world_new();
	world->endpoint = endpoint;
	world->region = getenv("TEST_S3_REGION");
	world_keys(world, getenv("TEST_S3_KEY"), getenv("TEST_S3_SECRET"), NULL);
	snprintf(bucket, sizeof(bucket), "unit-%ld-%ld", (long)getpid(), (long)clock_monotonic());
	setenv("AWS_ENDPOINT_URL", endpoint, 1);
	setenv("AWS_REGION", world->region, 1);
	setenv("AWS_ACCESS_KEY_ID", world->keys.access_key, 1);
	setenv("AWS_SECRET_ACCESS_KEY", world->keys.secret_key, 1);
	child = fork();
	if (!child) {
		execl("tests/servers/s3.py", "s3.py", "make-bucket", bucket, NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	world_client(world, endpoint, bucket);
	return world;
}

/* Starts the fault proxy before the world's server. */
static inline void world_proxy(struct world *world)
{
	const char *words[] = {world->endpoint, NULL};
	const char *env = world_server(world, "tests/servers/fault_proxy.py", "proxy", words);

	world->proxy = world_setting(world, env, "PROXY_ENDPOINT");
}

/* A new client behind the proxy, which does this from now on. */
static inline void world_faults(struct world *world, const char *rules)
{
	const char *path = path_join(&world->arena, world->folder, "proxy/rules");
	const char *bucket = arena_string(&world->arena, s3_name(world->s3) + strlen("s3://"));
	struct error err = {0};

	if (file_write(path, rules, strlen(rules), 0644, &err))
		fail_msg("%s", err.message);
	world_client(world, world->proxy, bucket);
}

/* How many lines of the strict server's log hold the text. */
static inline int world_seen(struct world *world, const char *text)
{
	struct buffer log;
	struct error err = {0};
	int count = 0;

	buffer_init(&log, 64 << 20);
	if (file_read(world->log, &log, &err))
		fail_msg("%s", err.message);
	for (const char *at = log.data; (at = strstr(at, text)); at++)
		count++;
	buffer_release(&log);
	return count;
}

/* The same, once it is so many: the server writes a line behind its answer. */
static inline int world_seen_at_last(struct world *world, const char *text, int count)
{
	for (int i = 0; world_seen(world, text) < count && i < 1000; i++)
		usleep(10000);
	return world_seen(world, text);
}

/* ---- many at once ---- */

struct crowd {
	struct world *world;
	int left, done, failed;
	int64_t moved;
	struct error failure;
	char code[64];
};

static inline void crowd_done(void *context, const struct s3_answer *answer)
{
	struct crowd *crowd = context;

	crowd->done++;
	if (answer->outcome != S3_DONE) {
		crowd->failed++;
		crowd->failure = answer->failure;
		snprintf(crowd->code, sizeof(crowd->code), "%s", answer->code);
	}
	if (!--crowd->left)
		loop_stop(crowd->world->loop);
}

static inline void crowd_moved(void *context, int64_t bytes)
{
	struct crowd *crowd = context;

	crowd->moved += bytes;
}

/* Puts so many objects at once; how they fared. */
static inline struct crowd world_crowd(struct world *world, int count)
{
	struct crowd crowd = {.world = world, .left = count};

	for (int i = 0; i < count; i++) {
		const char *key = arena_format(&world->arena, "crowd/%d", i);
		s3_start(world->s3,
			 &(struct s3_request){.action = S3_PUT,
					      .key = key,
					      .body = {.bytes = "crowd", .length = 5},
					      .progress = crowd_moved},
			 crowd_done, &crowd);
	}
	loop_run(world->loop);
	assert_int_equal(crowd.done, count);
	return crowd;
}
