/* Roles by the lower of two rosters; which beacons and approvals count, and when; the chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "people/approval.h"
#include "people/beacon.h"
#include "people/chain.h"
#include "state/signed.h"

#define NOW INT64_C(1795443753000)
#define MINUTE INT64_C(60000)

/* Three keys, and the rosters that the tests make of them. */
struct cast {
	struct arena arena;
	struct secret_key *ann, *bob, *mallory;
	struct config live, target;
	struct rosters rosters;
};

static int set_up(void **state)
{
	struct cast *cast = calloc(1, sizeof(*cast));
	assert_non_null(cast);
	cast->ann = secret_key_new();
	cast->bob = secret_key_new();
	cast->mallory = secret_key_new();
	*state = cast;
	return 0;
}

static int tear_down(void **state)
{
	struct cast *cast = *state;
	secret_key_free(cast->ann);
	secret_key_free(cast->bob);
	secret_key_free(cast->mallory);
	arena_release(&cast->arena);
	free(cast);
	return 0;
}

static void enlist(struct cast *cast, struct config *config, const char *name, enum role role,
		   const struct secret_key *key)
{
	char text[KEY_TEXT_SIZE];
	struct person_config person = {.name = name, .role = role};
	if (key)
		person.key = arena_string(&cast->arena,
					  public_key_format(secret_key_public(key), text));
	vec_push(&cast->arena, &config->roster, person);
}

/* Everybody in both. */
static void enlist_all(struct cast *cast)
{
	cast->live.protected_ = true;
	for (int i = 0; i < 2; i++) {
		struct config *config = i ? &cast->target : &cast->live;
		enlist(cast, config, "ann", ROLE_TRAINED, cast->ann);
		enlist(cast, config, "bob", ROLE_TRAINEE, cast->bob);
	}
	roster_read(&cast->arena, &cast->live, &cast->rosters.live);
	roster_read(&cast->arena, &cast->target, &cast->rosters.target);
}

static void lower_role_counts(void **state)
{
	struct cast *cast = *state;
	enum { NOBODY = -1, NO_KEYS = -2 };
	static const struct {
		int live, target;
		enum plan_role role;
	} rows[] = {
		{NO_KEYS, NO_KEYS, PLAN_TRAINED},
		{NO_KEYS, ROLE_TRAINEE, PLAN_TRAINEE},
		{ROLE_TRAINEE, NO_KEYS, PLAN_TRAINEE},
		{ROLE_TRAINED, ROLE_TRAINED, PLAN_TRAINED},
		{ROLE_TRAINEE, ROLE_TRAINED, PLAN_TRAINEE},
		{ROLE_TRAINED, ROLE_TRAINEE, PLAN_TRAINEE},
		{ROLE_MACHINE, ROLE_TRAINED, PLAN_MACHINE},
		{ROLE_TRAINEE, ROLE_MACHINE, PLAN_TRAINEE},
		{NOBODY, ROLE_TRAINED, PLAN_UNKNOWN},
		{ROLE_TRAINED, NOBODY, PLAN_UNKNOWN},
		{NO_KEYS, NOBODY, PLAN_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rosters rosters = {0};
		for (int side = 0; side < 2; side++) {
			int role = side ? rows[i].target : rows[i].live;
			struct config config = {0};
			if (role != NO_KEYS)
				enlist(cast, &config, "ann", ROLE_TRAINED, cast->ann);
			if (role >= 0)
				enlist(cast, &config, "bob", (enum role)role, cast->bob);
			enlist(cast, &config, "eve", ROLE_TRAINED, NULL);
			roster_read(&cast->arena, &config, side ? &rosters.target : &rosters.live);
		}
		assert_int_equal(rosters_role(&rosters, secret_key_public(cast->bob), NULL),
				 rows[i].role);
	}
}

/* The id of a key is no secret and proves nothing. */
static void ids_prove_nothing(void **state)
{
	struct cast *cast = *state;
	struct public_key forged = *secret_key_public(cast->mallory);
	const char *name;
	enlist_all(cast);
	memcpy(forged.id, secret_key_public(cast->ann)->id, KEY_ID_SIZE);
	assert_int_equal(rosters_role(&cast->rosters, &forged, &name), PLAN_UNKNOWN);
	assert_null(name);
	assert_int_equal(rosters_role(&cast->rosters, NULL, NULL), PLAN_UNKNOWN);
}

static json_t *dated(const char *app, const char *env, const char *from, int64_t since,
		     const char *to, int64_t until)
{
	char one[32], other[32];
	return json_pack("{s:s, s:s, s:s, s:s}", "app", app, "env", env, from,
			 time_format(one, since), to, time_format(other, until));
}

static void beacons_that_count(void **state)
{
	struct cast *cast = *state;
	static const struct {
		const char *app, *env, *type;
		int64_t since, until;
		bool counts;
	} rows[] = {
		{"shop", "production", SIGNED_BEACON, 0, 60, true},
		{"shop", "production", SIGNED_BEACON, -59, 1, true},
		{"shop", "production", SIGNED_BEACON, -60, 0, false},
		{"shop", "production", SIGNED_BEACON, 5, 65, true},
		{"shop", "production", SIGNED_BEACON, 6, 66, false},
		{"shop", "production", SIGNED_BEACON, -10, 711, false},
		{"shop", "staging", SIGNED_BEACON, 0, 60, false},
		{"blog", "production", SIGNED_BEACON, 0, 60, false},
		{"shop", "production", SIGNED_RECORD, 0, 60, false},
	};
	const struct beacon_place place = {NULL, "shop", "production"};
	struct error err = {0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct beacon beacon = {0};
		json_t *value = dated(rows[i].app, rows[i].env, "since",
				      NOW + rows[i].since * MINUTE, "until",
				      NOW + rows[i].until * MINUTE);
		assert_int_equal(signed_make(value, rows[i].type, cast->ann, &err), 0);
		assert_int_equal(beacon_counts(value, &place, secret_key_public(cast->ann), NOW,
					       &beacon),
				 rows[i].counts);
		assert_false(beacon_counts(value, &place, secret_key_public(cast->bob), NOW,
					   &beacon));
		json_decref(value);
	}
}

static json_t *approval_by(const struct secret_key *key, const char *digest, int64_t at)
{
	char text[KEY_TEXT_SIZE];
	struct error err = {0};
	json_t *value = dated("shop", "production", "at", NOW + at * MINUTE, "until", NOW);
	json_object_set_new(value, "id", json_string("one"));
	json_object_set_new(value, "digest", json_string(digest));
	json_object_set_new(value, "key",
			    json_string(public_key_format(secret_key_public(key), text)));
	assert_int_equal(signed_make(value, SIGNED_APPROVAL, key, &err), 0);
	return value;
}

static bool counts(const struct approval_view *view, json_t *value)
{
	struct approval approval = {.value = value};
	bool answer = approval_counts(view, &approval);
	json_decref(value);
	return answer;
}

static void approvals_that_count(void **state)
{
	struct cast *cast = *state;
	struct approval_view view = {
		.app = "shop", .env = "production", .digest = "d", .rosters = &cast->rosters,
		.deployer = secret_key_public(cast->bob), .now = NOW,
	};
	enlist_all(cast);
	assert_true(counts(&view, approval_by(cast->ann, "d", -10)));
	assert_true(counts(&view, approval_by(cast->ann, "d", 60 - 24 * 60)));
	assert_false(counts(&view, approval_by(cast->ann, "d", -24 * 60)));
	assert_false(counts(&view, approval_by(cast->ann, "d", 6)));
	assert_false(counts(&view, approval_by(cast->ann, "e", -10)));
	assert_false(counts(&view, approval_by(cast->bob, "d", -10)));
	assert_false(counts(&view, approval_by(cast->mallory, "d", -10)));
	json_t *moved = approval_by(cast->ann, "d", -10);
	json_object_set_new(moved, "id", json_string("two"));
	assert_false(counts(&view, moved));
	view.deployer = secret_key_public(cast->ann);
	assert_false(counts(&view, approval_by(cast->ann, "d", -10)));
}

/* A record that names an approval uses it up, wherever in the chain it stands. */
static void used_approvals_do_not_count(void **state)
{
	struct cast *cast = *state;
	struct record_list records = {0};
	struct approval_view view = {
		.app = "shop", .env = "production", .digest = "d", .rosters = &cast->rosters,
		.records = &records, .now = NOW,
	};
	struct record plain = {0}, used = {0};
	json_t *value = approval_by(cast->ann, "d", -10);
	enlist_all(cast);
	vec_push(&cast->arena, &records.records, plain);
	assert_true(counts(&view, json_incref(value)));
	used.approvals = json_pack("[O]", value);
	vec_push(&cast->arena, &records.records, used);
	assert_false(counts(&view, value));
	json_decref(used.approvals);
}

static const struct config *config_at(void *context, const char *commit, bool *missing)
{
	struct cast *cast = context;
	*missing = strcmp(commit, "unknown") == 0;
	if (*missing)
		return NULL;
	return strcmp(commit, "live") == 0 ? &cast->live : &cast->target;
}

static struct record record_new(struct cast *cast, const char *id, const char *follows,
				const struct secret_key *key)
{
	struct error err = {0};
	struct record record = {.id = id, .app = "shop", .env = "production", .commit = "live",
				.live = "live", .follows = follows, .version = id};
	json_t *json = record_to_json(&record);
	json_object_set_new(json, "follows", json_string(follows));
	if (key)
		assert_int_equal(signed_make(json, SIGNED_RECORD, key, &err), 0);
	record.json = json;
	(void)cast;
	return record;
}

static const char *problem_of(struct cast *cast, struct record newest, const char *live_before)
{
	const struct chain_view view = {"shop", "production", config_at, cast};
	struct record_list list = {0};
	struct chain_judgement judgement;
	struct record older = record_new(cast, "a", "", cast->ann);
	older.live = live_before;
	vec_push(&cast->arena, &list.records, newest);
	vec_push(&cast->arena, &list.records, older);
	chain_judge(&cast->arena, &view, &list, 0, &judgement);
	record_list_release(&list);
	return judgement.problem ? judgement.problem : "";
}

static void chain_is_judged(void **state)
{
	struct cast *cast = *state;
	enlist_all(cast);
	/* The roster of the commit itself has mallory; it does not count. */
	enlist(cast, &cast->target, "mallory", ROLE_TRAINED, cast->mallory);
	struct record own = record_new(cast, "b", "a", cast->mallory);
	own.commit = own.live = "his";
	assert_string_equal(problem_of(cast, record_new(cast, "b", "a", cast->bob), "live"), "");
	assert_non_null(strstr(problem_of(cast, own, "live"), "not in the roster"));
	assert_non_null(strstr(problem_of(cast, record_new(cast, "b", "a", NULL), "live"),
			       "not signed"));
	assert_non_null(strstr(problem_of(cast, record_new(cast, "b", "x", cast->ann), "live"),
			       "missing"));
	assert_non_null(strstr(problem_of(cast, record_new(cast, "b", "a", cast->ann), "unknown"),
			       "nobody can say"));
	struct record elsewhere = record_new(cast, "b", "a", cast->ann);
	elsewhere.env = "staging";
	assert_non_null(strstr(problem_of(cast, elsewhere, "live"), "staging"));
	cast->live.protected_ = false;
	assert_string_equal(problem_of(cast, record_new(cast, "b", "a", NULL), "live"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lower_role_counts),
		TEST(ids_prove_nothing),
		TEST(beacons_that_count),
		TEST(approvals_that_count),
		TEST(used_approvals_do_not_count),
		TEST(chain_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
