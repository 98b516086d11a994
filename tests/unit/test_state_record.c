/* Records survive the way through JSON; the chain carries on what is live; local folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <utime.h>

#include "base/file.h"
#include "base/text.h"
#include "state/deploys.h"
#include "state/record.h"
#include "state/signed.h"
#include "state/store.h"

#define COMMIT "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432"
#define OTHER "1111111111111111111111111111111111111111"
#define NOW INT64_C(1795443753000) /* 2026-11-23T14:22:33Z */

struct place {
	struct arena arena;
	struct error err;
	const char *folder;
};

#define DONE(place, call) \
	do { \
		if ((call) != 0) \
			fail_msg("%s: %s", #call, (place)->err.message); \
	} while (0)

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	assert_non_null(place);
	place->folder = folder_temporary(&place->arena, &place->err);
	assert_non_null(place->folder);
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

static struct record sample(struct arena *arena, const char *id, const char *commit)
{
	struct record record = {
		.id = id,
		.app = "shop",
		.env = "production",
		.kind = "deploy",
		.commit = commit,
		.branch = "master",
		.deployer = "ann@example.com",
		.host = "laptop",
		.started = NOW,
		.finished = NOW + 61500,
		.status = "ok",
		.plan = "abc",
	};
	struct record_owed owed = {"task", "categories", id, "failed"};
	struct record_duration duration = {"backend", "build", 1234};
	vec_push(arena, &record.owed, owed);
	vec_push(arena, &record.durations, duration);
	return record;
}

static void through_json_and_back(void **state)
{
	struct place *place = *state;
	struct record record = sample(&place->arena, "a", COMMIT), back;
	record_follow(&place->arena, &record, NULL, true, NULL);
	json_t *json = record_to_json(&record);
	DONE(place, record_from_json(&place->arena, json, &back, &place->err));
	assert_string_equal(back.id, "a");
	assert_string_equal(back.live, COMMIT);
	assert_null(back.previous);
	assert_int_equal(back.finished, NOW + 61500);
	assert_int_equal(back.owed.count, 1);
	assert_string_equal(back.owed.items[0].name, "categories");
	assert_int_equal(back.durations.items[0].milliseconds, 1234);
	json_t *again = record_to_json(&back);
	assert_true(json_equal(json, again));
	json_decref(json);
	json_decref(again);
}

static void odd_bytes_are_kept_as_text(void **state)
{
	struct place *place = *state;
	struct record record = sample(&place->arena, "a", COMMIT);
	record.branch = "caf\xe9-\xf0\x9f\x9a\xa2";
	json_t *json = record_to_json(&record);
	assert_string_equal(json_string_value(json_object_get(json, "branch")),
			    "caf\xef\xbf\xbd-\xf0\x9f\x9a\xa2");
	json_decref(json);
}

static void bad_records(void **state)
{
	struct place *place = *state;
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"id\":1}",
		"{\"id\":\"a\",\"started\":\"yesterday\"}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct record record;
		json_t *json = json_loads(bad[i], 0, NULL);
		error_clear(&place->err);
		assert_int_equal(record_from_json(&place->arena, json, &record, &place->err), -1);
		json_decref(json);
	}
}

static void live_is_carried_on(void **state)
{
	struct place *place = *state;
	struct arena *arena = &place->arena;
	struct record first = sample(arena, "a", COMMIT), failed = sample(arena, "b", OTHER), third;
	struct text_list both = {0}, one = {0};
	vec_push(arena, &both, "backend");
	vec_push(arena, &both, "frontend");
	vec_push(arena, &one, "backend");
	record_follow(arena, &first, NULL, true, &both);
	record_follow(arena, &failed, &first, false, NULL);
	assert_string_equal(failed.live, COMMIT);
	assert_string_equal(failed.live_id, "a");
	third = sample(arena, "c", OTHER);
	record_follow(arena, &third, &failed, true, &one);
	assert_string_equal(third.live, OTHER);
	assert_int_equal(third.stages.count, 2);
	assert_string_equal(third.stages.items[0].commit, OTHER);
	assert_string_equal(third.stages.items[1].commit, COMMIT);
}

/* Two deployers read the same tip; both records end up in the chain, and nothing owed is lost. */
static void quicker_others_are_followed(void **state)
{
	struct place *place = *state;
	struct arena *arena = &place->arena;
	struct store_options options = {.state = "file:state", .folder = place->folder};
	struct store *one = store_open(&options, &place->err);
	struct store *two = store_open(&options, &place->err);
	struct record theirs = sample(arena, "a", COMMIT), ours = sample(arena, "b", OTHER);
	struct record_list list;
	ours.owed.items[0].name = "sourcemaps";
	record_follow(arena, &theirs, NULL, true, NULL);
	record_follow(arena, &ours, NULL, false, NULL);
	DONE(place, record_append(one, arena, &theirs, true, &place->err));
	DONE(place, record_append(two, arena, &ours, false, &place->err));
	DONE(place, record_list_read(one, arena, "production", 0, &list, &place->err));
	assert_int_equal(list.records.count, 2);
	assert_string_equal(list.records.items[0].id, "b");
	assert_string_equal(list.records.items[0].live, COMMIT);
	assert_string_equal(list.records.items[0].live_id, "a");
	assert_int_equal(list.records.items[0].owed.count, 2);
	assert_non_null(record_list_find(&list, "a", &place->err));
	assert_null(record_list_find(&list, "x", &place->err));
	record_list_release(&list);
	store_free(one);
	store_free(two);
}

/* Who expects an older tip than there is writes nothing. */
static void stale_tip_is_refused(void **state)
{
	struct place *place = *state;
	struct arena *arena = &place->arena;
	const char *git_dir = path_join(arena, place->folder, "state");
	struct store_options options = {.state = "file:state", .folder = place->folder};
	struct store *store = store_open(&options, &place->err);
	struct record theirs = sample(arena, "a", COMMIT), ours = sample(arena, "b", OTHER);
	ours.owed.items[0].name = "sourcemaps";
	record_follow(arena, &theirs, NULL, true, NULL);
	DONE(place, record_append(store, arena, &theirs, true, &place->err));
	record_follow(arena, &ours, NULL, false, NULL);
	json_t *json = record_to_json(&ours);
	struct store_change change = {STORE_CHAIN, json, "", ""};
	assert_int_equal(store_write(store, "production", &change, 1, &place->err), 1);
	json_decref(json);
	assert_true(folder_exists(git_dir));
	store_free(store);
}

/* Signed when it is written: behind whom it stands is part of it. */
static void records_are_signed(void **state)
{
	struct place *place = *state;
	struct arena *arena = &place->arena;
	struct store_options options = {.state = "file:state", .folder = place->folder};
	struct store *one = store_open(&options, &place->err);
	struct store *two = store_open(&options, &place->err);
	struct secret_key *key CLEANUP(secret_key_cleanup) = secret_key_new();
	struct secret_key *other CLEANUP(secret_key_cleanup) = secret_key_new();
	struct record theirs = sample(arena, "a", COMMIT), ours = sample(arena, "b", OTHER);
	struct record_list list;
	unsigned char id[KEY_ID_SIZE];
	record_follow(arena, &theirs, NULL, true, NULL);
	record_follow(arena, &ours, NULL, true, NULL);
	ours.key = key;
	DONE(place, record_append(one, arena, &theirs, true, &place->err));
	DONE(place, record_append(two, arena, &ours, true, &place->err));
	DONE(place, record_list_read(one, arena, "production", 0, &list, &place->err));
	const struct record *read = &list.records.items[0];
	assert_string_equal(read->follows, list.records.items[1].version);
	assert_int_equal(signed_by(list.records.items[1].json, id), 0);
	assert_int_equal(signed_by(read->json, id), 1);
	assert_memory_equal(id, secret_key_public(key)->id, KEY_ID_SIZE);
	DONE(place, signed_check(read->json, SIGNED_RECORD, secret_key_public(key), &place->err));
	assert_int_equal(signed_check(read->json, SIGNED_BEACON, secret_key_public(key),
				      &place->err), -1);
	assert_int_equal(signed_check(read->json, SIGNED_RECORD, secret_key_public(other),
				      &place->err), -1);
	json_t *changed = json_deep_copy(read->json);
	json_object_set_new(changed, "nonce", json_string("another"));
	DONE(place, signed_check(changed, SIGNED_RECORD, secret_key_public(key), &place->err));
	json_object_set_new(changed, "follows", json_string(""));
	assert_int_equal(signed_check(changed, SIGNED_RECORD, secret_key_public(key),
				      &place->err), -1);
	json_decref(changed);
	record_list_release(&list);
	store_free(one);
	store_free(two);
}

static const struct deploy_name name = {.commit = COMMIT, .now = NOW};

static void ids_are_new(void **state)
{
	struct place *place = *state;
	struct deploy_folder one, two, found;
	DONE(place,
	     deploy_folder_create(&place->arena, place->folder, &name, &one, &place->err));
	DONE(place,
	     deploy_folder_create(&place->arena, place->folder, &name, &two, &place->err));
	assert_string_equal(one.id, "20261123-142233-9f8e7d6");
	assert_string_equal(two.id, "20261123-142233-9f8e7d6-2");
	assert_true(folder_exists(two.logs));
	DONE(place, deploy_folder_find(&place->arena, place->folder, NULL, &found, &place->err));
	assert_string_equal(found.id, two.id);
	DONE(place, deploy_folder_find(&place->arena, place->folder, one.id, &found, &place->err));
	assert_string_equal(found.id, one.id);
	assert_int_equal(
		deploy_folder_find(&place->arena, place->folder, "2026", &found, &place->err), -1);
	assert_int_equal(
		deploy_folder_find(&place->arena, place->folder, "..", &found, &place->err), -1);
	assert_non_null(strstr(deploy_log_path(&place->arena, &one, "a/b", "c d"),
			       "/logs/a%2Fb.c%20d.log"));
}

/* Another clone deployed the same commit a moment ago. */
static void ids_are_not_those_of_records(void **state)
{
	struct place *place = *state;
	struct record record = {.id = "20261123-142233-9f8e7d6"};
	const struct record_list records = {.records = {.items = &record, .count = 1}};
	const struct deploy_name behind = {.commit = COMMIT, .now = NOW, .records = &records};
	struct deploy_folder folder;
	DONE(place,
	     deploy_folder_create(&place->arena, place->folder, &behind, &folder, &place->err));
	assert_string_equal(folder.id, "20261123-142233-9f8e7d6-2");
}

static void write_text(struct place *place, const char *path, const char *text)
{
	DONE(place, file_write(path, text, strlen(text), 0644, &place->err));
}

static void numbers_order_ids(void **state)
{
	struct place *place = *state;
	struct deploy_list list;
	for (int i = 0; i < 12; i++) {
		struct deploy_folder folder;
		DONE(place, deploy_folder_create(&place->arena, place->folder, &name, &folder,
						 &place->err));
	}
	DONE(place, deploy_list_read(&place->arena, place->folder, &list, &place->err));
	assert_int_equal(list.folders.count, 12);
	assert_string_equal(list.folders.items[0].id, "20261123-142233-9f8e7d6-12");
	assert_string_equal(list.folders.items[2].id, "20261123-142233-9f8e7d6-10");
	assert_string_equal(list.folders.items[11].id, "20261123-142233-9f8e7d6");
}

static void old_ones_go(void **state)
{
	struct place *place = *state;
	const int64_t day = INT64_C(86400000);
	struct deploy_folder folders[4];
	struct deploy_list list;
	size_t removed;
	for (int i = 0; i < 4; i++) {
		const struct deploy_name old = {.commit = COMMIT, .now = NOW - (100 - i) * day};
		struct utimbuf times;
		times.actime = times.modtime = (time_t)((NOW - (100 - i) * day) / 1000);
		DONE(place, deploy_folder_create(&place->arena, place->folder, &old, &folders[i],
						 &place->err));
		write_text(place, folders[i].events,
			   i == 1 ? "{\"event\":\"deploy.started\"}\n"
				  : "{\"seq\":1}\n{\"ts\":\"x\",\"event\":\"deploy.finished\"}\n");
		assert_int_equal(utime(folders[i].path, &times), 0);
	}
	struct deploy_keep keep = {.deploys = 1, .days = 101};
	DONE(place,
	     deploy_list_prune(&place->arena, place->folder, keep, NOW, &removed, &place->err));
	assert_int_equal(removed, 0);
	keep.days = 90;
	DONE(place,
	     deploy_list_prune(&place->arena, place->folder, keep, NOW, &removed, &place->err));
	assert_int_equal(removed, 2); /* the newest and the unfinished one stay */
	DONE(place, deploy_list_read(&place->arena, place->folder, &list, &place->err));
	assert_int_equal(list.folders.count, 2);
	assert_string_equal(list.folders.items[0].id, folders[3].id);
	assert_string_equal(list.folders.items[1].id, folders[1].id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(through_json_and_back),
		TEST(odd_bytes_are_kept_as_text),
		TEST(bad_records),
		TEST(live_is_carried_on),
		TEST(quicker_others_are_followed),
		TEST(stale_tip_is_refused),
		TEST(records_are_signed),
		TEST(ids_are_new),
		TEST(ids_are_not_those_of_records),
		TEST(numbers_order_ids),
		TEST(old_ones_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
