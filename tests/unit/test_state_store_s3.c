/* What only the store in S3 has: chains in parts, a memory of its own, names that are paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_place.h"

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
		   arena_format(&place->arena,
				"{\"version\": 1, \"chain\": [\"%s\"], "
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(long_chains, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_remembers, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_shouts_at_a_changed_past, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_damaged_state, set_up_s3, tear_down),
		cmocka_unit_test_setup_teardown(s3_refusals, set_up_s3, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, server_end);
}
