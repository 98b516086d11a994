/* Guards, risk and maintenance: what each says, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "git/change.h"
#include "git/pattern.h"
#include "plan/plan.h"

struct world {
	struct arena arena;
	struct config *config, *live;
	struct diagnostics diagnostics;
	struct change change;
	struct record_list records;
	struct plan_input input;
	const char *deploy, *text;	/* the files; text: that of each changed one */
	struct line_span added;
	size_t reads;
};

static int read_source(void *context, const char *path, struct buffer *out, struct error *err)
{
	const struct world *world = context;

	(void)err;
	if (!strcmp(path, "deploy.yml"))
		buffer_add_text(out, world->deploy);
	else if (!strcmp(path, "pipelines/p.yml"))
		buffer_add_text(out, "stages: {live: {go_live: true, steps: [{sound: foghorn}]}}\n");
	else
		return 0;
	return 1;
}

static int list_source(void *context, struct arena *arena, const char *name,
		       struct text_list *paths, struct error *err)
{
	(void)context;
	(void)arena;
	(void)name;
	(void)paths;
	(void)err;
	return 0;
}

/* deploy.yml with these lines behind what each needs. */
static struct config *load(struct world *world, const char *rest)
{
	struct config_source source = {read_source, list_source, world, "a test"};
	size_t count;
	const struct step_kind_keys *kinds = step_kind_rows(&world->arena, &count);
	struct config_options options = {.source = &source, .path = "deploy.yml", .kinds = kinds,
					 .kind_count = count, .check_pattern = pattern_check};
	struct error err = {0};
	struct config *config;

	world->deploy = arena_format(&world->arena, "app: shop\npipeline: p\n%s%s",
				     strstr(rest, "environments:") ? ""
								   : "environments: {production: {}}\n",
				     rest);
	config = config_load(&world->arena, &options, &world->diagnostics, &err);
	if (!config)
		fail_msg("%s: %s", world->deploy, err.message);
	return config;
}

static int read_file(void *context, const struct changed_file *file, struct changed_text *text,
		     struct error *err)
{
	struct world *world = context;

	(void)file;
	(void)err;
	world->reads++;
	*text = (struct changed_text){0};
	if (!world->text)
		return 0;
	text->text = world->text;
	text->length = strlen(world->text);
	vec_push(&world->arena, &text->added, world->added);
	return 0;
}

static void set_change(struct world *world, const char *paths)
{
	struct text_list list = text_split(&world->arena, paths, ' ');

	world->change.files.count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct changed_file file = {.path = list.items[i], .status = 'M'};

		vec_push(&world->arena, &world->change.files, file);
	}
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	diagnostics_init(&world->diagnostics, &world->arena);
	world->added = (struct line_span){1, 1000};
	world->change.lines_known = true;
	world->input = (struct plan_input){
		.change = &world->change, .records = &world->records,
		.commit = "2222222222222222222222222222222222222222",
		.previous = "1111111111111111111111111111111111111111",
		.facts = {.branch_allowed = true, .behind = -1},
		.read_file = read_file, .context = world};
	set_change(world, "README");
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	arena_release(&world->arena);
	free(world);
	return 0;
}

static struct plan *make(struct world *world, const char *rest)
{
	struct error err = {0};
	struct plan *plan;

	world->config = load(world, rest);
	world->input.config = world->config;
	plan = plan_new(&world->arena, &world->input, &world->diagnostics, &err);
	assert_string_equal(err.message, "");
	assert_non_null(plan);
	return plan;
}

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
		fail_msg("%s says %s: %s", name, event_status_name(found->verdict), found->reason);
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

static void test_friday(void **state)
{
	static const struct {
		const char *friday, *now, *paths;
		int lines;
		enum event_status verdict;
	} rows[] = {
		/* 2026-11-27 is a Friday; Berlin is at UTC+1 */
		{"{timezone: Europe/Berlin}", "2026-11-26T22:59:59Z", "settings/a", 99, STATUS_PASS},
		{"{timezone: Europe/Berlin}", "2026-11-26T23:00:00Z", "settings/a", 99, STATUS_REFUSE},
		{"{timezone: Europe/Berlin}", "2026-11-29T22:59:59Z", "settings/a", 99, STATUS_REFUSE},
		{"{timezone: Europe/Berlin}", "2026-11-29T23:00:00Z", "settings/a", 99, STATUS_PASS},
		/* ... and at UTC+2 in summer */
		{"{timezone: Europe/Berlin}", "2026-07-02T21:59:59Z", "settings/a", 99, STATUS_PASS},
		{"{timezone: Europe/Berlin}", "2026-07-02T22:00:00Z", "settings/a", 99, STATUS_REFUSE},
		/* the Sunday on which summer time ends is an hour longer */
		{"{timezone: Europe/Berlin}", "2026-10-25T22:59:59Z", "settings/a", 99, STATUS_REFUSE},
		{"{timezone: Europe/Berlin}", "2026-10-25T23:00:00Z", "settings/a", 99, STATUS_PASS},
		{"{timezone: America/New_York}", "2026-11-27T04:59:59Z", "settings/a", 99, STATUS_PASS},
		{"{}", "2026-11-27T00:00:00Z", "settings/a", 99, STATUS_REFUSE},
		{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-27T15:29:59Z", "settings/a", 99, STATUS_PASS},
		{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-27T15:30:00Z", "settings/a", 99, STATUS_REFUSE},
		{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-30T07:59:00Z", "settings/a", 99, STATUS_REFUSE},
		{"{from: Fri 15:30, to: Mon 08:00}", "2026-11-30T08:00:00Z", "settings/a", 99, STATUS_PASS},
		{"{from: Mon 00:00, to: Sun 24:00}", "2026-11-25T12:00:00Z", "settings/a", 99, STATUS_REFUSE},
		/* risk */
		{"{}", "2026-11-27T12:00:00Z", "docs/a", 9999, STATUS_PASS},
		{"{}", "2026-11-27T12:00:00Z", "core/a", 1, STATUS_REFUSE},
		{"{refuse: high}", "2026-11-27T12:00:00Z", "settings/a", 99, STATUS_PASS},
		{"{refuse: high}", "2026-11-27T12:00:00Z", "core/a", 99, STATUS_REFUSE},
		{"{refuse: low}", "2026-11-27T12:00:00Z", "docs/a", 51, STATUS_REFUSE},
		/* a hotfix */
		{"{}", "2026-11-27T12:00:00Z", "settings/a", 50, STATUS_PASS},
		{"{}", "2026-11-27T12:00:00Z", "settings/a", 51, STATUS_REFUSE},
		{"{}", "2026-11-27T12:00:00Z", "settings/a users/migrations/0002_a.py", 5, STATUS_REFUSE},
		{"{}", "2026-11-27T12:00:00Z", "db/migrate/1_a.rb settings/a", 5, STATUS_REFUSE},
		{"{}", "2026-11-27T12:00:00Z", "migrations/1.sql settings/a", 5, STATUS_REFUSE},
		{"{}", "2026-11-27T12:00:00Z", "core/a settings/a", 5, STATUS_REFUSE},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct plan *plan;

		set_change(world, rows[i].paths);
		world->change.added = rows[i].lines;
		world->input.now = at(rows[i].now);
		plan = make(world, arena_format(&world->arena, RISKY "%s}\n", rows[i].friday));
		if (guard(plan, "friday")->verdict != rows[i].verdict)
			fail_msg("%s at %s with %d lines of %s: %s, %s", rows[i].friday, rows[i].now,
				 rows[i].lines, rows[i].paths,
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
		{"{from: 2026-12-23, to: 2026-12-24, timezone: Europe/Berlin}", "2026-12-22T23:00:00Z", STATUS_REFUSE},
		{"{from: 2026-12-23, to: 2026-12-24, timezone: Europe/Berlin}", "2026-12-24T23:00:00Z", STATUS_PASS},
		{"{from: \"2026-12-23 18:00\", to: \"2026-12-24 08:00\"}", "2026-12-23T17:59:59Z", STATUS_PASS},
		{"{from: \"2026-12-23 18:00\", to: \"2026-12-24 08:00\"}", "2026-12-24T07:59:59Z", STATUS_REFUSE},
		{"{from: \"2026-12-23 18:00\", to: \"2026-12-24 08:00\"}", "2026-12-24T08:00:00Z", STATUS_PASS},
		{"{from: \"2026-12-23T18:00+02:00\", to: 2026-12-24}", "2026-12-23T16:00:00Z", STATUS_REFUSE},
		{"{from: \"2026-12-23T18:00+02:00\", to: 2026-12-24}", "2026-12-23T15:59:59Z", STATUS_PASS},
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
	     "freezes", STATUS_REFUSE, "nothing is deployed from 2026-12-24 to 2026-12-26: Christmas");
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
	says(make(world, "environments: {production: {protected: false}}\n"), "branch", STATUS_WARN,
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
	says(make(world, "guards: {size: {warn: 1, refuse: 1000}}\n"), "size", STATUS_REFUSE, NULL);
	says(make(world, "guards: {size: {warn: 1, refuse: 20}}\n"), "size", STATUS_REFUSE, "from 20");
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

static void test_migrations_of_hot_tables(void **state)
{
	static const char maintenance[] = "maintenance: {hot_tables: [users]}\n";
	struct world *world = *state;
	struct plan *plan;
	struct buffer text;

	set_change(world, "README db/migrations/7.sql");
	world->text = "SELECT 1;\nALTER TABLE users\n  DROP a;\nALTER TABLE cold DROP a;\n";
	plan = make(world, maintenance);
	assert_true(plan->maintenance);
	assert_int_equal(world->reads, 1);
	assert_int_equal(plan->maintenance_because.list.count, 1);
	buffer_init(&text, 4096);
	plan_because_text(&plan->maintenance_because.list.items[0], &text);
	assert_string_equal(text.data, "db/migrations/7.sql:2: drops a column of users (users is hot)");
	buffer_release(&text);
	/* only what the change adds; a line of the statement is enough */
	world->added = (struct line_span){3, 1};
	assert_true(make(world, maintenance)->maintenance);
	world->added = (struct line_span){4, 1};
	assert_false(make(world, maintenance)->maintenance);
	world->added = (struct line_span){1, 9};
	assert_false(make(world, "maintenance: {hot_tables: [listings]}\n")->maintenance);
	world->reads = 0;
	assert_false(make(world, "")->maintenance);
	assert_int_equal(world->reads, 0);
	world->change.files.items[1].status = 'D';
	assert_false(make(world, maintenance)->maintenance);
	world->change.files.items[1].status = 'A';
	world->input.previous = NULL;
	assert_false(make(world, maintenance)->maintenance);
}

static void test_needed_if(void **state)
{
	static const struct {
		const char *need, *paths, *text;
		int64_t line;	/* -1: not needed; 0: without a line */
	} rows[] = {
		{"{changed: ['db/**']}", "db/a", "x", 0},
		{"{changed: ['db/**']}", "web/a", "x", -1},
		{"{changed: ['db/**'], adds: 'user|listing'}", "db/a", "x\nthe user\n", 2},
		{"{changed: ['db/**'], adds: 'user|listing'}", "db/a", "x\nthe order\n", -1},
		{"{changed: ['db/**'], adds: 'user'}", "web/a", "user", -1},
		{"{adds: 'user$'}", "web/a", "a\r\nuser\r\n", 2},
		{"{changed: ['db/**'], adds: '^$'}", "db/a", "a\n\n", 2},
		{"{changed: ['db/**'], adds: user}", "db/a", NULL, -1},
		{"{changed: ['db/**', '!db/b'], adds: user}", "db/b", "user", -1},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct plan *plan;

		set_change(world, rows[i].paths);
		world->text = rows[i].text;
		plan = make(world, arena_format(&world->arena, "maintenance: {needed_if: [%s]}\n",
						rows[i].need));
		if (plan->maintenance != (rows[i].line >= 0))
			fail_msg("%s with %s", rows[i].need, rows[i].paths);
		if (plan->maintenance)
			assert_int_equal(plan->maintenance_because.list.items[0].line, rows[i].line);
	}
}

static void test_adds_means_added_lines(void **state)
{
	static const char need[] = "maintenance: {needed_if: [{changed: [a], adds: user}]}\n";
	struct world *world = *state;

	set_change(world, "a");
	world->text = "user\nx\ny\n";
	world->added = (struct line_span){2, 2};
	assert_false(make(world, need)->maintenance);
	world->text = "x\ny\nuser";
	assert_true(make(world, need)->maintenance);
}

static void test_flags_and_when(void **state)
{
	static const struct {
		const char *when, *flag;
		bool needed;
	} rows[] = {
		{"auto", NULL, false}, {"always", NULL, true}, {"never", NULL, false},
		{"never", "on", true}, {"always", "off", false}, {"always", "auto", false},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world->input.flags.maintenance = rows[i].flag;
		assert_int_equal(make(world, arena_format(&world->arena, "maintenance: {when: %s}\n",
							  rows[i].when))->maintenance,
				 rows[i].needed);
	}
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

static void test_opaque_code_is_told(void **state)
{
	struct world *world = *state;
	const struct plan *plan;

	set_change(world, "users/migrations/0002_a.py");
	world->text = "operations = [migrations.RunPython(f)]\n";
	plan = make(world, "maintenance: {hot_tables: [users]}\n");
	assert_false(plan->maintenance);
	assert_non_null(strstr(plan->notes.items[0], "users/migrations/0002_a.py:1: RunPython"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_friday), TEST(test_friday_says_why), TEST(test_without_a_database_of_zones),
		TEST(test_freezes), TEST(test_risk_line_by_line), TEST(test_facts),
		TEST(test_lock_refuses_everywhere), TEST(test_override), TEST(test_live_config),
		TEST(test_migrations_of_hot_tables), TEST(test_needed_if),
		TEST(test_adds_means_added_lines), TEST(test_flags_and_when),
		TEST(test_digest_covers_maintenance_and_risk_not_the_clock),
		TEST(test_opaque_code_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
