/* Stores for unit tests: a remote with two clones, a folder, and the strict S3 server, which is
 * started once for all tests of a program. */
#pragma once
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "proc/child.h"
#include "state/store.h"

/* The strict S3 server of all tests: its folder, and how many buckets' prefixes were used. */
static struct {
	struct arena arena;
	const char *folder;
	pid_t child;
	int prefixes;
} server;

/* A throw-away folder with a bare remote `remote.git` and two clones `one` and `two`. */
struct place {
	struct arena arena;
	const char *folder, *state;
	struct error err;
};

#define DONE(place, call) \
	do { \
		if ((call) != 0) \
			fail_msg("%s: %s", #call, (place)->err.message); \
	} while (0)

static inline void git(struct place *place, const char *folder, const char *const *words)
{
	VEC(const char *) arguments = {0};
	struct child_result result;
	vec_push(&place->arena, &arguments, "git");
	vec_push(&place->arena, &arguments, "-C");
	vec_push(&place->arena, &arguments, path_join(&place->arena, place->folder, folder));
	for (; *words; words++)
		vec_push(&place->arena, &arguments, *words);
	vec_push(&place->arena, &arguments, NULL);
	struct child_options options = {.arguments = arguments.items};
	DONE(place, child_run_ok(&options, &result, &place->err));
	child_result_release(&result);
}
#define GIT(place, folder, ...) git((place), (folder), (const char *const[]){__VA_ARGS__, NULL})

static inline struct place *place_new(const char *state)
{
	struct place *place = calloc(1, sizeof(*place));
	assert_non_null(place);
	place->state = state;
	place->folder = folder_temporary(&place->arena, &place->err);
	assert_non_null(place->folder);
	GIT(place, ".", "init", "-q", "--bare", "remote.git");
	GIT(place, ".", "clone", "-q", "remote.git", "one");
	GIT(place, ".", "clone", "-q", "remote.git", "two");
	return place;
}

/* Each NAME=value line of the server's, as a variable. */
static inline void server_settings(const char *path)
{
	struct buffer text;
	struct error err = {0};
	buffer_init(&text, 65536);
	assert_int_equal(file_read(path, &text, &err), 0);
	for (char *line = text.data, *end; *line; line = end + 1) {
		char *value = strchr(line, '=');
		end = strchr(line, '\n');
		*value = *end = '\0';
		setenv(line, value + 1, 1);
	}
	buffer_release(&text);
	setenv("AWS_ENDPOINT_URL", getenv("STRICT_S3_ENDPOINT"), 1);
	setenv("AWS_REGION", getenv("STRICT_S3_REGION"), 1);
	setenv("AWS_ACCESS_KEY_ID", "TESTER", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "tester-secret", 1);
}

static inline void server_start(void)
{
	struct error err = {0};
	server.folder = folder_temporary(&server.arena, &err);
	assert_non_null(server.folder);
	const char *env = path_join(&server.arena, server.folder, "env");
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_ENDPOINT_URL_S3");
	server.child = fork();
	if (server.child == 0) {
		execl("tests/servers/strict_s3.py", "strict_s3.py", server.folder, "--bucket",
		      "strict", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; !file_exists(env); i++) {
		if (i > 2000 || waitpid(server.child, NULL, WNOHANG) == server.child)
			fail_msg("the S3 server does not start");
		usleep(10000);
	}
	server_settings(env);
}

static inline int server_end(void **state)
{
	struct error err = {0};
	(void)state;
	if (server.child) {
		kill(server.child, SIGTERM);
		waitpid(server.child, NULL, 0);
		assert_int_equal(tree_remove(server.folder, &err), 0);
	}
	arena_release(&server.arena);
	return 0;
}

static inline int set_up_s3(void **state)
{
	if (!server.child)
		server_start();
	struct place *place = place_new("");
	place->state = arena_format(&place->arena, "s3://strict/%d/shop", ++server.prefixes);
	*state = place;
	return 0;
}

static inline int tear_down(void **state)
{
	struct place *place = *state;
	DONE(place, tree_remove(place->folder, &place->err));
	arena_release(&place->arena);
	free(place);
	return 0;
}

static inline struct store *open_only(struct place *place, const char *clone, bool offline)
{
	const char *folder = path_join(&place->arena, place->folder, clone);
	struct store_options options = {
		.state = place->state,
		.folder = folder,
		.work_dir = folder,
		.common_dir = path_join(&place->arena, folder, ".git"),
		.offline = offline,
	};
	struct store *store = store_open(&options, &place->err);
	assert_non_null(store);
	return store;
}

static inline void fetch_env(struct place *place, struct store *store, const char *env)
{
	struct store_fetch fetch = {.env = env};
	DONE(place, store_fetch(store, &fetch, &place->err));
}

static inline struct store *open_store(struct place *place, const char *clone)
{
	struct store *store = open_only(place, clone, false);
	fetch_env(place, store, NULL);
	return store;
}

static inline int append_behind(struct place *place, struct store *store, const char *env,
				const char *id, const char *tip)
{
	json_t *value = json_pack("{s:s}", "id", id);
	struct store_change change = {STORE_CHAIN, value, tip, ""};
	int result = store_write(store, env, &change, 1, &place->err);
	json_decref(value);
	return result;
}

static inline int append(struct place *place, struct store *store, const char *env, const char *id)
{
	char tip[STORE_VERSION_SIZE];
	DONE(place, store_tip(store, env, tip, &place->err));
	return append_behind(place, store, env, id, tip);
}

struct ids {
	char text[4000];
	size_t count, stop_after;
};

static inline int id_take(void *context, const char *version, json_t *value, struct error *err)
{
	struct ids *ids = context;
	size_t length = strlen(ids->text);
	(void)err;
	assert_true(*version);
	if (length < sizeof(ids->text) - 20)
		snprintf(ids->text + length, sizeof(ids->text) - length, "%s ",
			 json_string_value(json_object_get(value, "id")));
	return ++ids->count == ids->stop_after;
}

static inline void expect_ids(struct place *place, struct store *store, const char *env,
			      size_t limit, const char *expected)
{
	struct ids ids = {0};
	DONE(place, store_read(store, env, limit, id_take, &ids, &place->err));
	assert_string_equal(ids.text, expected);
}
