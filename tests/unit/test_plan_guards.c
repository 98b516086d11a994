/* Guards and risk: what each says, row by row. */
#include "plan_world.h"

static const struct plan_guard *guard(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->guards.count; i++)
		if (!strcmp(plan->guards.items[i].name, name))
			return &plan->guards.items[i];
	fail_msg("there is no guard %s", name);
	return NULL;
}

static void says(const struct plan *plan, const char *name, enum event_status verdict,
		 const char *reason)
{
	const struct plan_guard *found = guard(plan, name);

	if (found->verdict != verdict)
		fail_msg("%s says %s: %s", name, event_status_name(found->verdict),
		 found->reason);
	if (reason && (!found->reason || !strstr(found->reason, reason)))
		fail_msg("%s says '%s', which lacks '%s'", name, found->reason, reason);
}

static int64_t at(const char *text)
{
	struct error err = {0};
	int64_t ms = 0;

	assert_int_equal(time_parse(text, &ms, &err), 0);
	return ms;
}

#define RISKY "guards: {risky: {medium: [settings/**], high: [core/**]}, friday: "

static const struct {
	const char *friday, *now, *paths;
	int lines;
	enum event_status verdict;
} fridays[] = {
	/* 2026-11-27 is a Friday; Berlin is at UTC+1 */
	{"{timezone: Europe/Berlin}", "2026-11-26T22:59:59Z", "settings/a", 99,
	 STATUS_PASS},
	{"{timezone: Europe/Berlin}", "2026-11-26T23:00:00Z", "settings/a", 99,
	 STATUS_REFUSE},
	{"{timezone: Europe/Berlin}", "2026-11-29T22:59:59Z", "settings/a", 99,
	 STATUS_REFUSE},
	{"{timezone: Europe/Berlin}", "2026-11-29T23:00:00Z", "settings/a", 99,
	 STATUS_PASS},
	/* ... and at UTC+2 in summer */
	{"{timezone: Europe/Berlin}", "2026-07-02T21:59:59Z", "settings/a", 99,
	 STATUS_PASS},
	{"{timezone: Europe/Berlin}", "2026-07-02T22:00:00Z", "settings/a", 99,
	 STATUS_REFUSE},
	/* the Sunday on which summer time ends is an hour longer */
	{"{timezone: Europe/Berlin}", "2026-10-25T22:59:59Z", "settings/a", 99,
	 STATUS_REFUSE},
	{"{timezone: Europe/Berlin}", "2026-10-25T23:00:00Z", "settings/a", 99,
	 STATUS_PASS},
	{"{timezone: America/New_York}", "2026-11-27T04:59:59Z", "settings/a", 99,
	 STATUS_PASS},
	{"{}", "2026-11-27T00:00:00Z", "settings/a", 99, STATUS_REFUSE},
	{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-27T15:29:59Z", "settings/a",
	 99, STATUS_PASS},
	{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-27T15:30:00Z", "settings/a",
	 99, STATUS_REFUSE},
	{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-30T07:59:00Z", "settings/a",
	 99, STATUS_REFUSE},
	{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-30T08:00:00Z", "settings/a",
	 99, STATUS_PASS},
	{"{from: Mon 00:00, to: Sun 24:00}", "2026-11-25T12:00:00Z", "settings/a",
	 99, STATUS_REFUSE},
	/* risk */
	{"{}", "2026-11-27T12:00:00Z", "docs/a", 9999, STATUS_PASS},
	{"{}", "2026-11-27T12:00:00Z", "core/a", 1, STATUS_REFUSE},
	{"{refuse: high}", "2026-11-27T12:00:00Z", "settings/a", 99, STATUS_PASS},
	{"{refuse: high}", "2026-11-27T12:00:00Z", "core/a", 99, STATUS_REFUSE},
	{"{refuse: low}", "2026-11-27T12:00:00Z", "docs/a", 51, STATUS_REFUSE},
	/* a hotfix */
	{"{}", "2026-11-27T12:00:00Z", "settings/a", 50, STATUS_PASS},
	{"{}", "2026-11-27T12:00:00Z", "settings/a", 51, STATUS_REFUSE},
	{"{}", "2026-11-27T12:00:00Z", "settings/a users/migrations/0002_a.py", 5,
	 STATUS_REFUSE},
	{"{}", "2026-11-27T12:00:00Z", "db/migrate/1_a.rb settings/a", 5, STATUS_REFUSE},
	{"{}", "2026-11-27T12:00:00Z", "migrations/1.sql settings/a", 5, STATUS_REFUSE},
	{"{}", "2026-11-27T12:00:00Z", "core/a settings/a", 5, STATUS_REFUSE},
};

static void test_friday(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(fridays) / sizeof(*fridays); i++) {
		const struct plan *plan;

		set_change(world, fridays[i].paths);
		world->change.added = fridays[i].lines;
		world->input.now = at(fridays[i].now);
		plan = make(world, arena_format(&world->arena, RISKY "%s}\n", fridays[i].friday));
		if (guard(plan, "friday")->verdict != fridays[i].verdict)
			fail_msg("%s at %s with %d lines of %s: %s, %s", fridays[i].friday,
			 fridays[i].now,
				 fridays[i].lines, fridays[i].paths,
				 event_status_name(guard(plan, "friday")->verdict),
				 guard(plan, "friday")->reason);
	}
}

static void test_friday_says_why(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	set_change(world, "settings/a");
	world->change.added = 60;
	world->input.now = at("2026-07-03T12:05:00Z");
	plan = make(world, RISKY "{timezone: Europe/Berlin}}\n");
	says(plan, "friday", STATUS_REFUSE,
	     "it is Friday 14:05 (Europe/Berlin) and the risk is medium: from Fri 00:00 to Sun "
	     "24:00, medium and more is refused");
	assert_string_equal(guard(plan, "friday")->override, "--override friday --reason TEXT");
	world->change.added = 7;
	plan = make(world, RISKY "{timezone: Europe/Berlin}}\n");
	says(plan, "friday", STATUS_PASS, "a hotfix passes: 7 lines");
}

static void test_without_a_database_of_zones(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	setenv("TZDIR", "/nonexistent", 1);
	set_change(world, "settings/a");
	plan = make(world, RISKY "{timezone: Europe/Berlin}}\n");
	unsetenv("TZDIR");
	says(plan, "friday", STATUS_REFUSE, "install the package tzdata");
}

static void test_freezes(void **state)
{
	static const struct {
		const char *freeze, *now;
		enum event_status verdict;
	} rows[] = {
		{"{from: 2026-12-23, to: 2027-01-02}", "2026-12-22T23:59:59Z", STATUS_PASS},
		{"{from: 2026-12-23, to: 2027-01-02}", "2026-12-23T00:00:00Z", STATUS_REFUSE},
		{"{from: 2026-12-23, to: 2027-01-02}", "2027-01-02T23:59:59Z", STATUS_REFUSE},
		{"{from: 2026-12-23, to: 2027-01-02}", "2027-01-03T00:00:00Z", STATUS_PASS},
		{"{from: 2026-12-23, to: 2026-12-23}", "2026-12-23T12:00:00Z", STATUS_REFUSE},
		{"{from: 2026-12-23, to: 2026-12-24, timezone: Europe/Berlin}",
		 "2026-12-22T23:00:00Z", STATUS_REFUSE},
		{"{from: 2026-12-23, to: 2026-12-24, timezone: Europe/Berlin}",
		 "2026-12-24T23:00:00Z", STATUS_PASS},
		{"{from: \"2026-12-23 18:00\", to: \"2026-12-24 08:00\"}",
		 "2026-12-23T17:59:59Z", STATUS_PASS},
		{"{from: \"2026-12-23 18:00\", to: \"2026-12-24 08:00\"}",
		 "2026-12-24T07:59:59Z", STATUS_REFUSE},
		{"{from: \"2026-12-23 18:00\", to: \"2026-12-24 08:00\"}",
		 "2026-12-24T08:00:00Z", STATUS_PASS},
		{"{from: \"2026-12-23T18:00+02:00\", to: 2026-12-24}",
		 "2026-12-23T16:00:00Z", STATUS_REFUSE},
		{"{from: \"2026-12-23T18:00+02:00\", to: 2026-12-24}",
		 "2026-12-23T15:59:59Z", STATUS_PASS},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct plan *plan;

		world->input.now = at(rows[i].now);
		plan = make(world, arena_format(&world->arena, "guards: {freezes: [%s]}\n",
						rows[i].freeze));
		if (guard(plan, "freezes")->verdict != rows[i].verdict)
			fail_msg("%s at %s", rows[i].freeze, rows[i].now);
	}
	world->input.now = at("2026-12-24T00:00:00Z");
	says(make(world, "guards: {friday: {timezone: Asia/Tokyo}, freezes: [{from: 2026-12-24, "
			 "to: 2026-12-26, reason: Christmas}]}\n"),
	     "freezes", STATUS_REFUSE, "nothing is deployed from 2026-12-24 to 2026-12-26: "
	      "Christmas");
}

static void test_risk_line_by_line(void **state)
{
	struct world *world = *state;
	const struct plan *plan;
	struct buffer text;

	set_change(world, "a.lock b/a.lock core/a core/b settings/x");
	plan = make(world, "guards: {risky: {high: [core/**], medium: [settings/**, '*.lock', "
			   "'!b/a.lock', nothing/**]}}\n");
	assert_int_equal(plan->risk, RISK_HIGH);
	assert_int_equal(plan->risk_because.list.count, 3);
	buffer_init(&text, 4096);
	for (size_t i = 0; i < 3; i++) {
		plan_because_text(&plan->risk_because.list.items[i], &text);
		buffer_add_char(&text, '\n');
	}
	assert_string_equal(text.data, "core/a matches core/** (2 files), risky.high\n"
				       "settings/x matches settings/**, risky.medium\n"
				       "a.lock matches *.lock, risky.medium\n");
	buffer_release(&text);
	says(plan, "risky", STATUS_WARN, "the risk is high, for 3 reasons");
	set_change(world, "docs/a");
	plan = make(world, "guards: {risky: {high: [core/**]}}\n");
	assert_int_equal(plan->risk, RISK_LOW);
	says(plan, "risky", STATUS_PASS, NULL);
}

static void test_facts(void **state)
{
	struct world *world = *state;
	struct plan_facts *facts = &world->input.facts;
	const struct plan *plan;

	plan = make(world, "");
	assert_int_equal(plan_refused(plan), -1);
	facts->undone = 2;
	says(make(world, ""), "behind", STATUS_REFUSE, "2222222 lacks 2 commits that are live");
	facts->undone = -1;
	says(make(world, ""), "behind", STATUS_WARN, "nobody knows");
	facts->undone = 0;
	facts->dirty = 3;
	says(make(world, ""), "dirty", STATUS_WARN,
	     "3 uncommitted changes in the working tree are not deployed");
	says(make(world, "workspace: here\n"), "dirty", STATUS_WARN, "part of what is deployed");
	facts->unpushed = true;
	says(make(world, ""), "unpushed", STATUS_REFUSE, "push it first");
	facts->branch_allowed = false;
	facts->branch_wanted = "main";
	says(make(world, ""), "branch", STATUS_REFUSE, "is not on main");
	says(make(world, "environments: {production: {protected: false}}\n"), "branch",
	 STATUS_WARN,
	     "is not on main");
}

static void test_lock_refuses_everywhere(void **state)
{
	struct world *world = *state;
	struct plan *plan;
	struct error err = {0};

	world->input.facts.lock = "ann holds the lease";
	plan = make(world, "environments: {staging: {}}\n");
	says(plan, "lock", STATUS_REFUSE, "ann holds the lease");
	assert_null(guard(plan, "lock")->override);
	assert_int_equal(plan_check_guards(plan, &err), -1);
	assert_int_equal(err.exit_code, EXIT_REFUSED);
	assert_string_equal(err.hint, "");
	text_list_add(&world->arena, &world->input.flags.override, "lock");
	assert_null(plan_new(&world->arena, &world->input, &world->diagnostics, &err));
	assert_int_equal(err.exit_code, EXIT_USAGE);
}

static void test_override(void **state)
{
	struct world *world = *state;
	struct plan_facts *facts = &world->input.facts;
	const struct plan *plan;
	struct error err = {0};

	facts->unpushed = true;
	facts->undone = 1;
	plan = make(world, "");
	assert_int_equal(plan_check_guards(plan, &err), -1);
	assert_non_null(strstr(err.message, "the guard 'unpushed' refuses this deploy"));
	assert_non_null(strstr(err.message, "so does behind"));
	assert_non_null(strstr(err.hint, "--override unpushed,behind --reason TEXT"));
	text_list_add(&world->arena, &world->input.flags.override, "unpushed");
	world->input.flags.override_reason = "why";
	plan = make(world, "");
	assert_true(guard(plan, "unpushed")->overridden);
	assert_string_equal(guard(plan, "unpushed")->override_reason, "why");
	assert_int_equal(plan_check_guards(plan, &err), -1);
	assert_non_null(strstr(err.message, "the guard 'behind' refuses"));
	facts->undone = 0;
	assert_int_equal(plan_check_guards(make(world, ""), &err), 0);
	/* only trained deployers */
	facts->person = (struct plan_person){.roster_has_keys = true, .role = PLAN_TRAINEE,
					     .trained_online = 1};
	plan = make(world, "");
	assert_false(guard(plan, "unpushed")->overridden);
	assert_null(guard(plan, "unpushed")->override);
	says(plan, "unpushed", STATUS_REFUSE, "only a trained deployer may override it");
	facts->person.role = PLAN_MACHINE;
	assert_false(guard(make(world, ""), "unpushed")->overridden);
	facts->person.role = PLAN_TRAINED;
	assert_true(guard(make(world, ""), "unpushed")->overridden);
}

/* What the live release says counts too, wherever it is stricter. */
static void test_live_config(void **state)
{
	struct world *world = *state;
	struct plan *plan;

	world->input.facts.unpushed = true;
	world->input.live_config = load(world, "environments: {production: {protected: true}}\n");
	says(make(world, "environments: {production: {protected: false}}\n"), "unpushed",
	     STATUS_REFUSE, NULL);
	world->input.facts.unpushed = false;
	world->change.added = 60;
	world->input.live_config = load(world, "guards: {size: {warn: 10, refuse: 50}}\n");
	says(make(world, ""), "size", STATUS_REFUSE, "60 lines change, from 50 it refuses");
	says(make(world, "guards: {size: {warn: 1, refuse: 1000}}\n"), "size",
	 STATUS_REFUSE, NULL);
	says(make(world, "guards: {size: {warn: 1, refuse: 20}}\n"), "size", STATUS_REFUSE,
	 "from 20");
	world->input.now = at("2026-11-27T12:00:00Z");
	set_change(world, "settings/a");
	world->input.live_config = load(world, RISKY "{}}\n");
	plan = make(world, "");
	assert_int_equal(plan->risk, RISK_MEDIUM);
	assert_string_equal(plan->risk_because.list.items[0].reason,
			    "risky.medium of the live release");
	says(plan, "friday", STATUS_REFUSE, NULL);
	plan = make(world, RISKY "{refuse: high}}\n");
	assert_int_equal(plan->risk_because.list.count, 1);
	says(plan, "friday", STATUS_REFUSE, "medium and more");
	world->input.live_config =
		load(world, "guards: {freezes: [{from: 2026-11-01, to: 2026-11-30}]}\n");
	says(make(world, ""), "freezes", STATUS_REFUSE, "2026-11-01");
}

static void test_digest_covers_maintenance_and_risk_not_the_clock(void **state)
{
	struct world *world = *state;
	char digest[65];

	set_change(world, "settings/a");
	memcpy(digest, make(world, RISKY "{}}\n")->digest, sizeof(digest));
	world->input.now = at("2026-11-27T12:00:00Z");
	world->input.facts.lock = "held";
	world->input.facts.person.role = PLAN_TRAINED;
	assert_string_equal(make(world, RISKY "{}}\n")->digest, digest);
	set_change(world, "core/a");
	assert_string_not_equal(make(world, RISKY "{}}\n")->digest, digest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_friday), TEST(test_friday_says_why),
		TEST(test_without_a_database_of_zones),
		TEST(test_freezes), TEST(test_risk_line_by_line), TEST(test_facts),
		TEST(test_lock_refuses_everywhere), TEST(test_override), TEST(test_live_config),
		TEST(test_digest_covers_maintenance_and_risk_not_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
