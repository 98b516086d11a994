/* Text, clock, paths and regular expressions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/regex.h"
#include "base/text.h"

static void nearest_word(void **state)
{
	static const char *const words[] = { "needs", "steps", "if_changed", "dir", "production" };

	(void)state;
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("nedes", "needs"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_string_equal(text_nearest("nedes", words, 5), "needs");
	assert_string_equal(text_nearest("if-changed", words, 5), "if_changed");
	assert_string_equal(text_nearest("prodution", words, 5), "production");
	assert_null(text_nearest("zebra", words, 5));
}

static void utf8(void **state)
{
	size_t bad = 0;
	const char *cursor = "\xff" "a", *end = cursor + 2;

	(void)state;
	assert_true(text_is_utf8("gr\xc3\xbc\xc3\x9f", 6, NULL));
	assert_false(text_is_utf8("ab\xc0\x80", 4, &bad));
	assert_int_equal(bad, 2);
	assert_false(text_is_utf8("\xed\xa0\x80", 3, NULL));
	assert_false(text_is_utf8("\xe2\x82", 2, NULL));
	assert_int_equal(text_next(&cursor, end), 0xfffd);
	assert_int_equal(text_next(&cursor, end), 'a');
	assert_int_equal(text_columns("\xe6\x97\xa5\xe6\x9c\xac", 6), 4);
	assert_int_equal(text_columns("e\xcc\x81", 3), 1);
	assert_int_equal(text_fit("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3);
}

static void folding(void **state)
{
	struct buffer out CLEANUP(buffer_release);
	const char *text = "\x1b[1mone two three\x1b[0m four five six seven\n"
			   "  locked; end that: shipit -e prod unlock --force, and deploy.\n"
			   "/a/very/long/path/that/is/never/cut/into/two and more\n";

	(void)state;
	buffer_init(&out, 1000);
	text_fold(&out, text, strlen(text), 24);
	assert_string_equal(out.data, "\x1b[1mone two three\x1b[0m four five\n  six seven\n"
				      "  locked; end that:\n    shipit -e prod unlock --force,\n"
				      "    and deploy.\n"
				      "/a/very/long/path/that/is/never/cut/into/two\n  and more\n");
	buffer_clear(&out);
	text_fold(&out, text, strlen(text), 0);
	assert_string_equal(out.data, text);
}

static void shell_quoting(void **state)
{
	struct buffer out CLEANUP(buffer_release);

	(void)state;
	buffer_init(&out, 100);
	text_quote_shell(&out, "plain/path.c");
	buffer_add_char(&out, ' ');
	text_quote_shell(&out, "it's $(rm)");
	buffer_add_char(&out, ' ');
	text_quote_shell(&out, "");
	assert_string_equal(out.data, "plain/path.c 'it'\\''s $(rm)' ''");
}

static void lists(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct text_list list = text_split(&arena, " b ,a,, c", ',');

	(void)state;
	assert_int_equal(list.count, 3);
	text_list_sort(&list);
	assert_string_equal(text_join(&arena, &list, "+"), "a+b+c");
}

static void durations_and_sizes(void **state)
{
	struct error err;
	int64_t value;
	char text[32];

	(void)state;
	assert_int_equal(duration_parse("500ms", &value, &err), 0);
	assert_int_equal(value, 500);
	assert_int_equal(duration_parse("1.5h", &value, &err), 0);
	assert_int_equal(value, 5400000);
	assert_int_equal(duration_parse("0", &value, &err), 0);
	assert_int_equal(duration_parse("30", &value, &err), -1);
	assert_int_equal(duration_parse("-3s", &value, &err), -1);
	assert_int_equal(duration_parse("1e3s", &value, &err), -1);
	assert_int_equal(duration_parse("0x10s", &value, &err), -1);
	assert_int_equal(duration_parse("10 m", &value, &err), -1);
	assert_int_equal(size_parse("64KiB", &value, &err), 0);
	assert_int_equal(value, 65536);
	assert_int_equal(size_parse("5MB", &value, &err), 0);
	assert_int_equal(value, 5000000);
	assert_int_equal(size_parse("5 MB", &value, &err), -1);
	assert_string_equal(duration_format(text, 820), "820ms");
	assert_string_equal(duration_format(text, 4200), "4.2s");
	assert_string_equal(duration_format(text, 130000), "2m10s");
	assert_string_equal(duration_format(text, 3900000), "1h05m");
	assert_string_equal(size_format(text, 5 << 20), "5.0 MiB");
}

static void times(void **state)
{
	struct error err;
	int64_t value;
	char text[32];

	(void)state;
	assert_int_equal(time_parse("2026-11-23T14:22:33.123Z", &value, &err), 0);
	assert_string_equal(time_format(text, value), "2026-11-23T14:22:33.123Z");
	assert_string_equal(time_stamp(text, value), "20261123-142233");
	assert_int_equal(time_parse("2026-11-23T15:22:33+01:00", &value, &err), 0);
	assert_string_equal(time_format(text, value), "2026-11-23T14:22:33.000Z");
	assert_int_equal(time_parse("2026-11-23 14:22", &value, &err), 0);
	assert_int_equal(time_parse("2026-11-23", &value, &err), 0);
	assert_int_equal(time_parse("2026-02-29", &value, &err), -1);
	assert_int_equal(time_parse("2026-13-01", &value, &err), -1);
	assert_int_equal(time_parse("tomorrow", &value, &err), -1);
	assert_int_equal(time_parse("2026-11-23T14:22:33Zx", &value, &err), -1);
}

static void paths(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	(void)state;
	assert_string_equal(path_normal(&arena, "a/./b//../c"), "a/c");
	assert_string_equal(path_normal(&arena, "../../a/.."), "../..");
	assert_string_equal(path_normal(&arena, "/../a/"), "/a");
	assert_string_equal(path_normal(&arena, "a/.."), ".");
	assert_string_equal(path_normal(&arena, ""), ".");
	assert_string_equal(path_join(&arena, "", "a"), "a");
	assert_string_equal(path_join(&arena, "a", "b"), "a/b");
	assert_string_equal(path_join(&arena, "a", "/b"), "/b");
	assert_string_equal(path_folder(&arena, "/a"), "/");
	assert_string_equal(path_folder(&arena, "a"), ".");
	assert_string_equal(path_name("a/b"), "b");
}

static void files(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct buffer bytes CLEANUP(buffer_release);
	struct error err;
	char *folder = folder_temporary(&arena, &err);
	char *deep = path_join(&arena, folder, "a/b c/d");
	char *file = path_join(&arena, deep, "file");

	(void)state;
	buffer_init(&bytes, 10);
	assert_int_equal(folder_make(deep, 0755, &err), 0);
	assert_int_equal(folder_make(deep, 0755, &err), 0);
	assert_int_equal(file_write(file, "12345", 5, 0644, &err), 0);
	assert_int_equal(file_read(file, &bytes, &err), 0);
	assert_string_equal(bytes.data, "12345");
	assert_int_equal(file_write(file, "12345678901", 11, 0644, &err), 0);
	buffer_clear(&bytes);
	assert_int_equal(file_read(file, &bytes, &err), -1);
	assert_int_equal(file_read(deep, &bytes, &err), -1);
	assert_int_equal(tree_remove(folder, &err), 0);
	assert_false(file_exists(folder));
	assert_int_equal(tree_remove(folder, &err), 0);
}

static void regular_expressions(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct error err = { 0 };
	struct regex *regex CLEANUP(regex_cleanup) = regex_new("commit=([0-9a-f]+)", 0, &err);
	struct regex *slow CLEANUP(regex_cleanup) = regex_new("^(a+)+$", 0, &err);
	char text[64];

	(void)state;
	assert_string_equal(regex_extract(&arena, regex, "x commit=abc y", 14, &err), "abc");
	assert_null(regex_extract(&arena, regex, "nothing", 7, &err));
	assert_null(regex_new("a(b", 0, &err));
	assert_non_null(strstr(err.message, "a(b"));
	memset(text, 'a', 40);
	text[40] = '!';
	assert_int_equal(regex_match(slow, text, 41, NULL, 0, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearest_word), cmocka_unit_test(utf8),
		cmocka_unit_test(folding),
		cmocka_unit_test(shell_quoting), cmocka_unit_test(lists),
		cmocka_unit_test(durations_and_sizes), cmocka_unit_test(times),
		cmocka_unit_test(paths), cmocka_unit_test(files),
		cmocka_unit_test(regular_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
