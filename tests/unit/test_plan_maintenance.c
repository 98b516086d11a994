/* When production is halted: migrations of hot tables, lines that the team looks for, flags. */
#include "plan_world.h"

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
	assert_string_equal(text.data, "db/migrations/7.sql:2: drops a column of users "
	 "(users is hot)");
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
			assert_int_equal(plan->maintenance_because.list.items[0].line,
			 rows[i].line);
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
		assert_int_equal(make(world, arena_format(&world->arena, "maintenance: "
		 "{when: %s}\n",
							  rows[i].when))->maintenance,
				 rows[i].needed);
	}
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
		TEST(test_migrations_of_hot_tables), TEST(test_needed_if),
		TEST(test_adds_means_added_lines), TEST(test_flags_and_when),
		TEST(test_opaque_code_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
