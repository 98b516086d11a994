/* The plan as a person reads it: nothing that matters is cut on a narrow terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "plan/plan.h"

static void render(const char *note, int columns, struct buffer *out)
{
	struct plan plan = {.app = "shop",
			    .env = "production",
			    .branch = "master",
			    .commit = "41c0ab2f0a1b2c3d4e5f60718293a4b5c6d7e8f9",
			    .estimate = -1};
	struct plan_text_options options = {.columns = columns};
	const char *notes[] = {note};

	plan.notes.items = notes;
	plan.notes.count = 1;
	buffer_init(out, 1 << 16);
	plan_to_text(&plan, &options, out);
}

static void test_a_note_goes_on_below(void **state)
{
	struct buffer out;

	(void)state;
	render("the live commit and production itself disagree, look", 30, &out);
	assert_non_null(strstr(out.data, "\n  the live commit and\n    production itself\n"
					 "    disagree, look\n"));
	buffer_release(&out);
}

static void test_a_long_word_is_split_between_characters(void **state)
{
	struct buffer out;

	(void)state;
	render("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
	       "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2",
	       10, &out);
	assert_non_null(strstr(out.data, "\xe6\xbc\xa2\n    \xe6\xbc\xa2\n"));
	buffer_release(&out);
}

static void test_without_a_width_a_line_is_a_line(void **state)
{
	struct buffer out;

	(void)state;
	render("one two three four five six seven eight nine ten eleven twelve", 0, &out);
	assert_non_null(strstr(out.data, "  one two three four five six seven eight nine ten "
					 "eleven twelve\n"));
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_note_goes_on_below),
		cmocka_unit_test(test_a_long_word_is_split_between_characters),
		cmocka_unit_test(test_without_a_width_a_line_is_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
