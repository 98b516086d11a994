/* Every kind of store keeps the same promises: order, compare-and-swap, one winner, all or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_place.h"

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
		cmocka_unit_test(wrong_states),
	};
	return cmocka_run_group_tests(tests, NULL, server_end);
}
