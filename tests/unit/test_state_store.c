/* Every kind of store keeps the same promises: order, compare-and-swap, one winner, all or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

static void git(struct place *place, const char *folder, const char *const *words)
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

static struct place *place_new(const char *state)
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

static int set_up_git(void **state)
{
	*state = place_new("git");
	return 0;
}

static int set_up_branch(void **state)
{
	*state = place_new("git+branch");
	return 0;
}

static int set_up_file(void **state)
{
	*state = place_new("file:../state of the shop");
	return 0;
}

/* Each NAME=value line of the server's, as a variable. */
static void server_settings(const char *path)
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

static void server_start(void)
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

static int server_end(void **state)
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

static int set_up_s3(void **state)
{
	if (!server.child)
		server_start();
	struct place *place = place_new("");
	place->state = arena_format(&place->arena, "s3://strict/%d/shop", ++server.prefixes);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	DONE(place, tree_remove(place->folder, &place->err));
	arena_release(&place->arena);
	free(place);
	return 0;
}

static struct store *open_only(struct place *place, const char *clone, bool offline)
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

static void fetch_env(struct place *place, struct store *store, const char *env)
{
	struct store_fetch fetch = {.env = env};
	DONE(place, store_fetch(store, &fetch, &place->err));
}

static struct store *open_store(struct place *place, const char *clone)
{
	struct store *store = open_only(place, clone, false);
	fetch_env(place, store, NULL);
	return store;
}

static int append_behind(struct place *place, struct store *store, const char *env, const char *id,
			 const char *tip)
{
	json_t *value = json_pack("{s:s}", "id", id);
	struct store_change change = {STORE_CHAIN, value, tip, ""};
	int result = store_write(store, env, &change, 1, &place->err);
	json_decref(value);
	return result;
}

static int append(struct place *place, struct store *store, const char *env, const char *id)
{
	char tip[STORE_VERSION_SIZE];
	DONE(place, store_tip(store, env, tip, &place->err));
	return append_behind(place, store, env, id, tip);
}

struct ids {
	char text[4000];
	size_t count, stop_after;
};

static int id_take(void *context, const char *version, json_t *value, struct error *err)
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

static void expect_ids(struct place *place, struct store *store, const char *env, size_t limit,
		       const char *expected)
{
	struct ids ids = {0};
	DONE(place, store_read(store, env, limit, id_take, &ids, &place->err));
	assert_string_equal(ids.text, expected);
}

static void newest_first(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	expect_ids(place, store, "production", 0, "");
	DONE(place, append(place, store, "production", "a"));
	DONE(place, append(place, store, "production", "b"));
	DONE(place, append(place, store, "a/b ../\xc3\xbc", "x"));
	DONE(place, append(place, store, "production", "c"));
	expect_ids(place, store, "production", 0, "c b a ");
	struct store *other = open_store(place, "two");
	expect_ids(place, other, "production", 2, "c b ");
	expect_ids(place, other, "a/b ../\xc3\xbc", 0, "x ");
	expect_ids(place, other, "prod", 0, "");
	struct ids ids = {.stop_after = 1};
	DONE(place, store_read(other, "production", 0, id_take, &ids, &place->err));
	assert_string_equal(ids.text, "c ");
	assert_int_equal(store_warnings(other)->count, 0);
	store_free(store);
	store_free(other);
}

static void second_writer_loses(void **state)
{
	struct place *place = *state;
	struct store *one = open_store(place, "one"), *two = open_store(place, "two");
	char tip[STORE_VERSION_SIZE];
	json_t *value = json_pack("{s:s}", "id", "late");
	struct store_change change = {STORE_CHAIN, value, "", ""};
	DONE(place, append(place, one, "production", "first"));
	assert_int_equal(store_write(two, "production", &change, 1, &place->err), 1);
	fetch_env(place, two, "production");
	expect_ids(place, two, "production", 0, "first ");
	DONE(place, store_tip(two, "production", tip, &place->err));
	change.expected = tip;
	DONE(place, store_write(two, "production", &change, 1, &place->err));
	assert_int_equal(append(place, two, "production", "next"), 0);
	json_decref(value);
	expect_ids(place, two, "production", 0, "next late first ");
	store_free(one);
	store_free(two);
}

static void entries_come_and_go(void **state)
{
	struct place *place = *state;
	struct store *one = open_store(place, "one"), *two = open_store(place, "two");
	char version[STORE_VERSION_SIZE];
	json_t *value = json_pack("{s:s}", "holder", "ann"), *got;
	struct store_change change = {"lease", value, "", ""};
	DONE(place, store_get(one, "production", "lease", &got, version, &place->err));
	assert_null(got);
	assert_string_equal(version, "");
	DONE(place, store_write(one, "production", &change, 1, &place->err));
	assert_int_equal(store_write(two, "production", &change, 1, &place->err), 1);
	fetch_env(place, two, "production");
	DONE(place, store_get(two, "production", "lease", &got, version, &place->err));
	assert_string_equal(json_string_value(json_object_get(got, "holder")), "ann");
	json_decref(got);
	struct store_change drop = {"lease", NULL, version, ""};
	DONE(place, store_write(two, "production", &drop, 1, &place->err));
	fetch_env(place, one, "production");
	DONE(place, store_get(one, "production", "lease", &got, version, &place->err));
	assert_null(got);
	json_decref(value);
	store_free(one);
	store_free(two);
}

static void entries_are_named(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	static const char *const entries[] = {"lease", "request-b", "request-a", "approval-a-1"};
	struct text_list names = {0};
	json_t *value = json_pack("{s:i}", "n", 1);
	DONE(place, append(place, store, "production", "a"));
	DONE(place, append(place, store, "prod", "a"));
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct store_change change = {entries[i], value, "", ""};
		DONE(place, store_write(store, "production", &change, 1, &place->err));
	}
	json_decref(value);
	store_free(store);
	store = open_store(place, "two");
	DONE(place, store_names(store, "production", "request-", &place->arena, &names,
				&place->err));
	assert_string_equal(text_join(&place->arena, &names, " "), "request-a request-b");
	names.count = 0;
	DONE(place, store_names(store, "production", "", &place->arena, &names, &place->err));
	assert_string_equal(text_join(&place->arena, &names, " "),
			    "approval-a-1 lease request-a request-b");
	names.count = 0;
	DONE(place, store_names(store, "prod", "", &place->arena, &names, &place->err));
	assert_int_equal(names.count, 0);
	store_free(store);
}

static void all_or_none(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	char version[STORE_VERSION_SIZE];
	json_t *record = json_pack("{s:s}", "id", "a"), *lease = json_pack("{s:i}", "n", 1), *got;
	struct store_change changes[] = {
		{STORE_CHAIN, record, "", ""},
		{"lease", lease, "", ""},
	};
	DONE(place, store_write(store, "production", changes, 2, &place->err));
	changes[0].expected = changes[0].version;
	char tip[STORE_VERSION_SIZE];
	DONE(place, store_tip(store, "production", tip, &place->err));
	changes[0].expected = tip;
	assert_int_equal(store_write(store, "production", changes, 2, &place->err), 1);
	fetch_env(place, store, "production");
	expect_ids(place, store, "production", 0, "a ");
	DONE(place, store_get(store, "production", "lease", &got, version, &place->err));
	assert_int_equal(json_integer_value(json_object_get(got, "n")), 1);
	json_decref(got);
	json_decref(record);
	json_decref(lease);
	store_free(store);
}

#define APPENDERS 20
static void one_of_twenty_wins(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	pid_t children[APPENDERS];
	int winners = 0;
	char tip[STORE_VERSION_SIZE];
	DONE(place, append(place, store, "production", "before"));
	DONE(place, store_tip(store, "production", tip, &place->err));
	for (int i = 0; i < APPENDERS; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			/* A connection cannot be shared by processes. */
			if (text_equal(store_kind_name(store), "s3"))
				store = open_store(place, "one");
			int result = append_behind(place, store, "production", "mine", tip);
			if (result < 0)
				fprintf(stderr, "%s\n", place->err.message);
			_exit(result < 0 ? 9 : result);
		}
	}
	for (int i = 0; i < APPENDERS; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, 1);
		winners += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(winners, 1);
	fetch_env(place, store, "production");
	expect_ids(place, store, "production", 0, "mine before ");
	store_free(store);
}

static void offline_answers_from_memory(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	DONE(place, append(place, store, "production", "a"));
	store_free(store);
	DONE(place,
	     tree_remove(path_join(&place->arena, place->folder, "remote.git"), &place->err));
	store = open_only(place, "one", true);
	fetch_env(place, store, "production");
	expect_ids(place, store, "production", 0, "a ");
	assert_true(store_seen_at(store) > 0);
	assert_int_equal(append(place, store, "production", "b"), -1);
	assert_int_equal(place->err.exit_code, EXIT_USAGE);
	store_free(store);
	struct store_fetch fetch = {.env = "production"};
	store = open_only(place, "one", false);
	assert_int_equal(store_fetch(store, &fetch, &place->err), -1);
	assert_non_null(strstr(place->err.message, "origin"));
	store_free(store);
}

static void shouts_at_a_changed_past(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	char first[STORE_VERSION_SIZE];
	DONE(place, append(place, store, "production", "a"));
	DONE(place, store_tip(store, "production", first, &place->err));
	DONE(place, append(place, store, "production", "b"));
	GIT(place, "remote.git", "update-ref", "refs/shipit/production/deploys", first);
	fetch_env(place, store, "production");
	assert_int_equal(store_warnings(store)->count, 1);
	assert_non_null(strstr(store_warnings(store)->items[0], "shorter"));
	expect_ids(place, store, "production", 0, "a ");
	GIT(place, "remote.git", "update-ref", "-d", "refs/shipit/production/deploys");
	fetch_env(place, store, "production");
	assert_int_equal(store_warnings(store)->count, 2);
	assert_non_null(strstr(store_warnings(store)->items[1], "gone"));
	expect_ids(place, store, "production", 0, "");
	DONE(place, append(place, store, "production", "new"));
	expect_ids(place, store, "production", 0, "new ");
	store_free(store);
}

static void refused_refs_are_usage(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	GIT(place, "remote.git", "config", "receive.hideRefs", "refs/shipit");
	assert_int_equal(append(place, store, "production", "a"), -1);
	assert_int_equal(place->err.exit_code, EXIT_USAGE);
	assert_non_null(strstr(place->err.message, "hidden"));
	assert_non_null(strstr(place->err.hint, "state: git+branch"));
	store_free(store);
}

static void brings_branches_along(void **state)
{
	struct place *place = *state;
	struct arena *arena = &place->arena;
	struct store *store = open_store(place, "one");
	struct text_list refspecs = {0};
	vec_push(arena, &refspecs, "+refs/heads/*:refs/remotes/origin/*");
	GIT(place, "two", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q",
	    "--allow-empty", "-m", "x");
	GIT(place, "two", "push", "-q", "origin", "HEAD:refs/heads/topic");
	struct store_fetch fetch = {.env = "production", .refspecs = &refspecs};
	assert_true(store_fetches_refspecs(store));
	DONE(place, store_fetch(store, &fetch, &place->err));
	GIT(place, "one", "rev-parse", "--verify", "-q", "refs/remotes/origin/topic");
	store_free(store);
}

/* A writer noted two changes, made one, and was killed: the next writer ends what it began. */
static void interrupted_writes_are_ended(void **state)
{
	struct place *place = *state;
	struct arena *arena = &place->arena;
	struct store *store = open_store(place, "one");
	static const char notes[] =
		"[{\"name\": \"deploys\", \"number\": 2, \"text\": \"{\\\"id\\\": \\\"b\\\"}\"},"
		" {\"name\": \"lease\", \"number\": 0, \"text\": \"{\\\"n\\\": 1}\"}]";
	DONE(place, append(place, store, "production", "a"));
	const char *folder = path_join(arena, place->folder, "state of the shop/production");
	DONE(place, file_write(path_join(arena, folder, ".pending"), notes, sizeof(notes) - 1, 0644,
			       &place->err));
	DONE(place, file_write(path_join(arena, folder, "deploys/00000002.json"), "{\"id\": \"b\"}",
			       11, 0644, &place->err));
	json_t *value = json_pack("{s:i}", "n", 2), *got;
	char version[STORE_VERSION_SIZE];
	struct store_change change = {"lease", value, "", ""};
	assert_int_equal(store_write(store, "production", &change, 1, &place->err), 1);
	DONE(place, store_get(store, "production", "lease", &got, version, &place->err));
	assert_int_equal(json_integer_value(json_object_get(got, "n")), 1);
	expect_ids(place, store, "production", 0, "b a ");
	assert_false(file_exists(path_join(arena, folder, ".pending")));
	json_decref(got);
	json_decref(value);
	store_free(store);
}

/* ---- S3 ---- */

/* Puts text at KEY below the state, behind the store's back. */
static void object_put(struct place *place, const char *key, const char *text)
{
	const char *bucket = place->state + strlen("s3://strict/");
	const char *path = path_join(&place->arena, place->folder, "object");
	DONE(place, file_write(path, text, strlen(text), 0644, &place->err));
	const struct child_options options = {
		.arguments = (const char *const[]){
			"tests/servers/s3.py", "put", "strict",
			arena_format(&place->arena, "%s/%s", bucket, key), path, NULL}};
	struct child_result result;
	DONE(place, child_run_ok(&options, &result, &place->err));
	child_result_release(&result);
}

/* More than a head names, and more than a record does. */
static void long_chains(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	struct ids ids = {0};
	char id[20];
	enum { MANY = 290 };
	for (int i = 1; i <= MANY; i++) {
		snprintf(id, sizeof(id), "%d", i);
		DONE(place, append(place, store, "production", id));
	}
	store_free(store);
	store = open_store(place, "two");
	DONE(place, store_read(store, "production", 0, id_take, &ids, &place->err));
	assert_int_equal(ids.count, MANY);
	assert_non_null(strstr(ids.text, "290 289 288 "));
	assert_non_null(strstr(ids.text, " 91 90 89 "));
	assert_true(text_ends_with(ids.text, " 3 2 1 "));
	ids = (struct ids){0};
	DONE(place, store_read(store, "production", 250, id_take, &ids, &place->err));
	assert_int_equal(ids.count, 250);
	store_free(store);
	/* Who saw an early one long ago sees that all the others follow it. */
	store = open_store(place, "one");
	DONE(place, store_read(store, "production", 1, id_take, &ids, &place->err));
	assert_int_equal(store_warnings(store)->count, 0);
	store_free(store);
}

static void s3_remembers(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one");
	json_t *value = json_pack("{s:i}", "n", 7), *got;
	char version[STORE_VERSION_SIZE];
	struct store_change change = {"lease", value, "", ""};
	DONE(place, append(place, store, "production", "a"));
	DONE(place, store_write(store, "production", &change, 1, &place->err));
	store_free(store);
	store = open_only(place, "one", true);
	fetch_env(place, store, NULL);
	assert_true(store_seen_at(store) > 0);
	expect_ids(place, store, "production", 0, "a ");
	DONE(place, store_get(store, "production", "lease", &got, version, &place->err));
	assert_int_equal(json_integer_value(json_object_get(got, "n")), 7);
	assert_int_equal(append(place, store, "production", "b"), -1);
	json_decref(got);
	json_decref(value);
	store_free(store);
}

static void s3_shouts_at_a_changed_past(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place, "one"), *other;
	struct place elsewhere = *place;
	static const char empty[] =
		"{\"version\": 1, \"chain\": [%s], \"entries\": {}, \"writes\": []}";
	char first[STORE_VERSION_SIZE];
	DONE(place, append(place, store, "production", "a"));
	DONE(place, store_tip(store, "production", first, &place->err));
	DONE(place, append(place, store, "production", "b"));
	object_put(place, "production/head.json",
		   arena_format(&place->arena, "{\"version\": 1, \"chain\": [\"%s\"], "
					       "\"entries\": {}, \"writes\": []}",
				first));
	fetch_env(place, store, "production");
	assert_int_equal(store_warnings(store)->count, 1);
	assert_non_null(strstr(store_warnings(store)->items[0], "shorter"));
	expect_ids(place, store, "production", 0, "a ");
	object_put(place, "production/head.json", arena_format(&place->arena, empty, ""));
	fetch_env(place, store, "production");
	assert_int_equal(store_warnings(store)->count, 2);
	assert_non_null(strstr(store_warnings(store)->items[1], "gone"));
	DONE(place, append(place, store, "production", "x"));
	/* Another clone, which has seen the old ones, finds others in their place. */
	elsewhere.state = arena_format(&place->arena, "s3://strict/%d/shop", ++server.prefixes);
	other = open_store(&elsewhere, "two");
	DONE(place, append(&elsewhere, other, "production", "y"));
	DONE(place, append(&elsewhere, other, "production", "z"));
	object_put(&elsewhere, "production/head.json", arena_format(&place->arena, empty, ""));
	store_free(store);
	store = open_store(&elsewhere, "one");
	DONE(place, append(&elsewhere, store, "production", "u"));
	DONE(place, append(&elsewhere, store, "production", "v"));
	DONE(place, append(&elsewhere, store, "production", "w"));
	fetch_env(place, other, "production");
	assert_int_equal(store_warnings(other)->count, 1);
	assert_non_null(strstr(store_warnings(other)->items[0], "replaced"));
	store_free(store);
	store_free(other);
}

/* Whoever can write the bucket can write anything: it is an error, and no path elsewhere. */
static void s3_damaged_state(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{\"version\": 2, \"chain\": [], \"entries\": {}, \"writes\": []}",
		"{\"version\": 1, \"chain\": [\"../../x\"], \"entries\": {}, \"writes\": []}",
		"{\"version\": 1, \"chain\": [5], \"entries\": {}, \"writes\": []}",
		"{\"version\": 1, \"chain\": [], \"entries\": [], \"writes\": []}",
	};
	struct place *place = *state;
	struct store_fetch fetch = {.env = "production"};
	struct store *store = open_store(place, "one");
	char tip[STORE_VERSION_SIZE];
	DONE(place, append(place, store, "production", "a"));
	DONE(place, store_tip(store, "production", tip, &place->err));
	object_put(place, arena_format(&place->arena, "production/deploys/%s.json", tip), "{}");
	store_free(store);
	store = open_store(place, "two");
	struct ids ids = {0};
	assert_int_equal(store_read(store, "production", 0, id_take, &ids, &place->err), -1);
	assert_non_null(strstr(place->err.message, "is damaged"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		object_put(place, "production/head.json", wrong[i]);
		assert_int_equal(store_fetch(store, &fetch, &place->err), -1);
		assert_non_null(strstr(place->err.message, "head.json"));
	}
	store_free(store);
}

static void s3_refusals(void **state)
{
	struct place *place = *state;
	struct store_fetch fetch = {.env = "production"};
	struct store *store = open_store(place, "one");
	DONE(place, store_probe(store, &place->err));
	DONE(place, append(place, store, "production", "a"));
	setenv("AWS_ACCESS_KEY_ID", "READER", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "reader-secret", 1);
	struct store *reader = open_store(place, "two");
	expect_ids(place, reader, "production", 0, "a ");
	assert_int_equal(append(place, reader, "production", "b"), -1);
	assert_int_equal(place->err.exit_code, EXIT_USAGE);
	assert_non_null(strstr(place->err.message, "s3:PutObject"));
	assert_int_equal(store_probe(reader, &place->err), -1);
	setenv("AWS_ACCESS_KEY_ID", "TESTER", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
	struct store *stranger = open_store(place, "two");
	assert_int_equal(store_fetch(stranger, &fetch, &place->err), -1);
	assert_int_equal(place->err.exit_code, EXIT_USAGE);
	assert_non_null(strstr(place->err.message, "signature"));
	setenv("AWS_SECRET_ACCESS_KEY", "tester-secret", 1);
	store_free(store);
	store_free(reader);
	store_free(stranger);
}

static void wrong_states(void **state)
{
	static const char *const wrong[] = {"s3://", "s3:///x", "s3://b",  "s3:bucket",
					    "file:", "git ",    "",	 "gitt"};
	struct error err = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error_clear(&err);
		struct store_options options = {.state = wrong[i], .folder = "/"};
		assert_null(store_open(&options, &err));
		assert_int_equal(err.exit_code, EXIT_USAGE);
	}
}

#define EACH(set_up) \
	cmocka_unit_test_setup_teardown(newest_first, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(second_writer_loses, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(entries_come_and_go, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(entries_are_named, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(all_or_none, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(one_of_twenty_wins, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(set_up_git),
		EACH(set_up_branch),
		EACH(set_up_file),
		EACH(set_up_s3),
		cmocka_unit_test_setup_teardown(offline_answers_from_memory, set_up_git, tear_down),
		cmocka_unit_test_setup_teardown(shouts_at_a_changed_past, set_up_git, tear_down),
		cmocka_unit_test_setup_teardown(refused_refs_are_usage, set_up_git, tear_down),
		cmocka_unit_test_setup_teardown(brings_branches_along, set_up_git, tear_down),
		cmocka_unit_test_setup_teardown(interrupted_writes_are_ended, set_up_file,
						tear_down),
		cmocka_unit_test_setup_teardown(long_chains, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_remembers, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_shouts_at_a_changed_past, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_damaged_state, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_refusals, set_up_s3, tear_down),
		cmocka_unit_test(wrong_states),
	};
	return cmocka_run_group_tests(tests, NULL, server_end);
}
