/* Files of profiles, words of a command line, and URLs that keys may come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/credentials_internal.h"

static int parse(struct arena *arena, const char *text, size_t length, struct ini *ini,
		 struct error *err)
{
	char *bytes = malloc(length + 1);

	assert_non_null(bytes);
	memcpy(bytes, text, length);
	bytes[length] = '\0';
	return ini_parse(arena, "/home/x/.aws/config", bytes, length, ini, err);
}

static void assert_value(const char *text, const char *section, const char *key, const char *value)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct error err = {0};
	struct ini ini;

	if (parse(&arena, text, strlen(text), &ini, &err))
		fail_msg("%s:%d %s", text, err.line, err.message);
	const struct ini_entry *entry = ini_entry(ini_section(&ini, section), key);
	if (value) {
		assert_non_null(entry);
		assert_string_equal(entry->value, value);
	} else {
		assert_null(entry);
	}
	ini_release(&ini);
}

static void test_values(void **state)
{
	(void)state;
	assert_value("[a]\nk=v\n", "a", "k", "v");
	assert_value("[a]\nk=v", "a", "k", "v");
	assert_value("\xef\xbb\xbf[ a b ] ; what\r\n  Key \t:  v w \r\n", "a b", "key", "v w");
	assert_value("# c\n[a]\n; c\nk = a = b # no comment\n", "a", "k", "a = b # no comment");
	assert_value("[a]\nk =\nl = 2\n", "a", "k", "");
	assert_value("[a]\nk = 1\n[b]\nk = 2\n", "b", "k", "2");
	assert_value("[a]\nk = 1\n[b]\nk = 2\n", "b", "l", NULL);
	assert_value("[a]\nk = 1\n", "c", "k", NULL);
	assert_value("", "a", "k", NULL);
}

static void test_values_that_go_on(void **state)
{
	(void)state;
	assert_value("[a]\nk = 1\n  2\n\n # no\n\t3  \nl = 4\n", "a", "k", "1\n2\n3");
	assert_value("[a]\nk = 1\n  2\n\n # no\n\t3  \nl = 4\n", "a", "l", "4");
	assert_value("[a]\ns3 =\n  x = 1\n  y = 2\n", "a", "s3", "\nx = 1\ny = 2");
	assert_value("[a]\n  k = 1\n  l = 2\n", "a", "l", "2");
	assert_value("[a]\nk=\n [b]", "a", "k", "\n[b]");
}

static void test_nested(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *value = "\nendpoint_url_x = no\nendpoint_url= http://x \nb = 1";

	(void)state;
	assert_string_equal(ini_nested(&arena, value, "endpoint_url"), "http://x ");
	assert_string_equal(ini_nested(&arena, value, "b"), "1");
	assert_null(ini_nested(&arena, value, "c"));
	assert_null(ini_nested(&arena, "b = 1", "b"));
}

static void assert_refused(const char *text, size_t length, int line, const char *words)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct error err = {0};
	struct ini ini;

	assert_int_equal(parse(&arena, text, length, &ini, &err), -1);
	assert_string_equal(err.file, "/home/x/.aws/config");
	assert_int_equal(err.line, line);
	assert_int_equal(err.column, 1);
	if (!strstr(err.message, words) || strstr(err.message, "s3cr3t"))
		fail_msg("%s", err.message);
	ini_release(&ini);
}

#define REFUSED(text, line, words) assert_refused(text, sizeof(text) - 1, line, words)

static void test_errors_have_lines(void **state)
{
	(void)state;
	REFUSED("\n\nk = s3cr3t\n", 3, "before the first [section]");
	REFUSED("[a]\ns3cr3t\n", 2, "neither");
	REFUSED("[a]\n= s3cr3t\n", 2, "neither");
	REFUSED("[a\nk = v\n", 1, "no ']'");
	REFUSED("[]\n", 1, "no name");
	REFUSED("[a]\nk = 1\nK : s3cr3t\n", 3, "first is in line 2");
	REFUSED("[a]\nk = 1\n[b]\n[a]\n", 4, "first is in line 1");
	REFUSED("[a]\nk = 1\0s3cr3t\n", 2, "NUL");
}

static void assert_words(const char *text, const char *wanted)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct text_list words = {0};
	struct error err = {0};

	if (words_split(&arena, text, &words, &err)) {
		assert_null(wanted);
		return;
	}
	assert_non_null(wanted);
	assert_string_equal(text_join(&arena, &words, "|"), wanted);
}

/* Each as Python's shlex.split has it. */
static void test_words(void **state)
{
	(void)state;
	assert_words("  a b\tc \n", "a|b|c");
	assert_words("", "");
	assert_words("'a b' \"c d\" e\\ f", "a b|c d|e f");
	assert_words("a'b'\"c\"d ''", "abcd|");
	assert_words("\"a\\\"b\\\\c\\d\" 'e\\f'", "a\"b\\c\\d|e\\f");
	assert_words("$HOME *.c `x` a;b", "$HOME|*.c|`x`|a;b");
	assert_words("a 'b", NULL);
	assert_words("a \"b", NULL);
	assert_words("a\\", NULL);
}

static void test_container_urls(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct error err = {0};
	static const char *const allowed[] = {
		"https://anywhere.example/x",
		"http://127.0.0.1:80/x",
		"http://127.9.9.9",
		"http://localhost/",
		"http://LOCALHOST:1/x",
		"http://[::1]:80/",
		"http://[::1]?x",
		"http://169.254.170.2/v2",
		"http://169.254.170.23/v1",
		"http://[fd00:ec2::23]/v1",
	};
	static const char *const refused[] = {
		"http://anywhere.example/x",
		"http://127.0.0.1.example/",
		"http://127.1/",
		"http://127.0.0.1@example.com/",
		"http://localhost:80@example.com/",
		"ftp://localhost",
		"http://128.0.0.1/",
		"http://[::2]/",
		"http://[::1",
		"http://169.254.169.254/",
		"http://127.0.0.1\\@example.com/",
		"http:///x",
		"127.0.0.1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (!container_url_allowed(allowed[i]))
			fail_msg("%s", allowed[i]);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (container_url_allowed(refused[i]))
			fail_msg("%s", refused[i]);
	assert_string_equal(container_url(&arena, "/v2/x", "http://anywhere/", &err),
			    "http://169.254.170.2/v2/x");
	assert_null(container_url(&arena, "@example.com/", NULL, &err));
	assert_null(container_url(&arena, NULL, "http://anywhere/", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_values_that_go_on),
		cmocka_unit_test(test_nested), cmocka_unit_test(test_errors_have_lines),
		cmocka_unit_test(test_words),  cmocka_unit_test(test_container_urls),
	};

	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
