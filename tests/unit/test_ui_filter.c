/* Children's output made harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ui/filter.h"

static void expect(unsigned commands, const char *given, size_t length, const char *wanted)
{
	struct buffer out;

	buffer_init(&out, 1 << 20);
	filter_text(&out, given, length, commands);
	assert_string_equal(out.data, wanted);
	buffer_release(&out);
}

#define EXPECT(COMMANDS, GIVEN, WANTED) expect((COMMANDS), GIVEN, sizeof(GIVEN) - 1, WANTED)

static void test_clean_text_stays(void **state)
{
	const char *text = "compiling\tzwölf 漢字 files\n";

	(void)state;
	assert_true(filter_clean(text, strlen(text), FILTER_GITHUB | FILTER_BUILDKITE));
	expect(FILTER_PLAIN, text, strlen(text), text);
}

static void test_escape_sequences_go(void **state)
{
	(void)state;
	EXPECT(FILTER_PLAIN, "\x1b[1;31mred\x1b[0m\n", "red\n");
	EXPECT(FILTER_PLAIN, "a\x1b]0;title\ab\n", "ab\n");
	EXPECT(FILTER_PLAIN, "a\x1b]8;;http://x\x1b\\b\n", "ab\n");
	EXPECT(FILTER_PLAIN,
	       "a\x1bP1$q\x1b\\b\x1b(Bc\x1b"
	       "7d\n",
	       "abcd\n");
	EXPECT(FILTER_PLAIN, "open\x1b]0;never ends\nnext\n", "open\nnext\n");
	EXPECT(FILTER_PLAIN,
	       "c1 \xc2\x9b"
	       "31mx\xc2\x9d"
	       "0;t\xc2\x9cy\n",
	       "c1 xy\n");
}

static void test_control_characters(void **state)
{
	(void)state;
	EXPECT(FILTER_PLAIN, "10%\r20%\r\ndone\r\n", "10%\n20%\ndone\n");
	EXPECT(FILTER_PLAIN, "a\b\b\0b\x7f\v\n", "ab\n");
	EXPECT(FILTER_PLAIN, "\xff\xc3(\n", "\xef\xbf\xbd\xef\xbf\xbd(\n");
	EXPECT(FILTER_PLAIN, "x\xe2\x80\xaey\xe2\x81\xa6z\n", "xyz\n");
}

static void test_commands_are_defused(void **state)
{
	(void)state;
	EXPECT(FILTER_PLAIN, "::error::x\n", "::error::x\n");
	EXPECT(FILTER_GITHUB, "::error::x\n  ::set-env::y\na::b\n",
	       "| ::error::x\n|   ::set-env::y\na::b\n");
	EXPECT(FILTER_GITHUB, "a ##[error]b ###[\n", "a ## [error]b ### [\n");
	EXPECT(FILTER_GITHUB, "x\r::error::y\n", "x\n| ::error::y\n");
	EXPECT(FILTER_GITHUB, "\x1b[0m:\x1b[0m:error::y\n", "| ::error::y\n");
	EXPECT(FILTER_GITHUB, "\xe2\x80\xa8::error::y\n", "\n| ::error::y\n");
	EXPECT(FILTER_BUILDKITE, "--- a\n+++ b\n^^^ +++\n-- c\n",
	       "| --- a\n| +++ b\n| ^^^ +++\n-- c\n");
}

static void test_fast_on_clean_text(void **state)
{
	enum { SIZE = 1 << 20, ROUNDS = 64 };
	char *text = malloc(SIZE);
	int64_t start, took;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < SIZE; i++)
		text[i] = i % 80 == 79 ? '\n' : (char)('a' + i % 26);
	start = clock_monotonic();
	for (int i = 0; i < ROUNDS; i++)
		assert_true(filter_clean(text, SIZE, FILTER_PLAIN));
	took = clock_monotonic() - start;
	print_message("clean text: %.1f MB/s\n", 64e3 / (double)(took ? took : 1));
	assert_true(took < 2000); /* generous: sanitizers and busy machines */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_text_stays),
		cmocka_unit_test(test_escape_sequences_go),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_commands_are_defused),
		cmocka_unit_test(test_fast_on_clean_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
