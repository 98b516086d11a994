/* Secrets do not come out, in any form, wherever the pieces are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/redact.h"

static void expect(const char *const *secrets, const char *text, const char *wanted)
{
	struct redactor *redactor = redactor_new();
	struct buffer out;
	size_t length = strlen(text);

	for (; *secrets; secrets++)
		assert_true(redactor_add(redactor, *secrets));
	buffer_init(&out, 1 << 20);
	redact_text(redactor, text, length, &out);
	assert_string_equal(out.data, wanted);
	for (size_t first = 0; first <= length; first++)
		for (size_t second = first; second <= length; second++) {
			struct redact_stream stream = {0};

			buffer_clear(&out);
			redact_piece(redactor, &stream, text, first, &out);
			redact_piece(redactor, &stream, text + first, second - first, &out);
			redact_piece(redactor, &stream, text + second, length - second, &out);
			redact_end(redactor, &stream, &out);
			assert_string_equal(out.data, wanted);
		}
	buffer_release(&out);
	redactor_free(redactor);
}

#define EXPECT(SECRET, TEXT, WANTED) expect((const char *const[]){SECRET, NULL}, TEXT, WANTED)

static size_t passes(const struct redactor *redactor, const struct redact_stream *stream,
		     const char *text)
{
	return redact_passes(redactor, stream, text, strlen(text));
}

static void test_what_passes_uncopied(void **state)
{
	struct redactor *redactor = redactor_new();
	struct redact_stream stream = {0};
	struct buffer out;

	(void)state;
	buffer_init(&out, 1000);
	assert_true(redactor_add(redactor, "s3cr3t-value"));
	assert_int_equal(passes(redactor, &stream, "nothing of it in a line that is long\n"), 37);
	assert_int_equal(passes(redactor, &stream, "the key is s3cr3t-value.\n"), 11);
	assert_int_equal(passes(redactor, &stream, "the key is s3cr"), 11);
	assert_int_equal(passes(redactor, &stream, ""), 0);
	redact_piece(redactor, &stream, "s3cr", 4, &out);
	assert_int_equal(passes(redactor, &stream, "3t and more"), 0);
	redact_piece(redactor, &stream, "et", 2, &out);
	assert_string_equal(out.data, "s3cret");
	assert_int_equal(passes(redactor, &stream, " and more"), 9);
	redact_end(redactor, &stream, NULL);
	redactor_free(redactor);
	buffer_release(&out);
}

static void test_plain(void **state)
{
	(void)state;
	EXPECT("s3cr3t", "the key is s3cr3t, s3cr3 is not\n", "the key is ***, s3cr3 is not\n");
	EXPECT("s3cr3t", "s3cr3ts3cr3t", "******");
	EXPECT("aaaa", "xaaaaaay", "x***y");
	expect((const char *const[]){"abcdef", "defghi", NULL}, "-abcdefghi-", "-***-");
}

static void test_encoded(void **state)
{
	(void)state;
	/* printf 's3cr3t!?' | base64; with one and two bytes in front; url-safe */
	EXPECT("s3cr3t!?", "czNjcjN0IT8=", "***8=");
	EXPECT("s3cr3t!?", "eHMzY3IzdCE/", "eH***");
	EXPECT("s3cr3t!?", "eHMzY3IzdCE_", "eH***");
	EXPECT("a b/c+d", "q=a%20b%2Fc%2Bd&r", "q=***&r");
	EXPECT("a b/c+d", "q=a+b%2fc%2bd&r", "q=***&r");
	EXPECT("a b/c+d", "q=a%20b/c%2Bd&r", "q=***&r");
	EXPECT("say \"hi\"", "{\"k\":\"say \\\"hi\\\"\"}", "{\"k\":\"***\"}");
}

static void test_many_lines(void **state)
{
	(void)state;
	EXPECT("-----BEGIN KEY\nabcdefghijk\n-----END KEY\n", "x\nabcdefghijk\ny\n", "x\n***\ny\n");
	EXPECT("first line\nsecond line", "[first line\nsecond line]", "[***]");
}

/* What is found by looking at every place, for secrets of two letters. */
static void look_everywhere(const char *const *secrets, const char *text, struct buffer *out)
{
	size_t end = 0;

	for (size_t i = 0; text[i]; i++) {
		size_t longest = 0;

		for (const char *const *at = secrets; *at; at++)
			if (!strncmp(text + i, *at, strlen(*at)) && strlen(*at) > longest)
				longest = strlen(*at);
		if (longest && i >= end)
			buffer_add_text(out, "***");
		if (i + longest > end && longest)
			end = i + longest;
		if (i >= end)
			buffer_add_char(out, text[i]);
	}
}

static void random_letters(char *text, size_t length, unsigned *seed)
{
	for (size_t i = 0; i < length; i++) {
		*seed = *seed * 1103515245 + 12345;
		text[i] = *seed >> 16 & 3 ? 'a' : 'b';
	}
	text[length] = '\0';
}

static void test_skips_nothing(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		char first[64], second[64], text[200];
		const char *const secrets[] = {first, second, NULL};
		struct buffer wanted;

		random_letters(first, 4 + (size_t)round % 11, &seed);
		random_letters(second, 4 + (size_t)round % 37, &seed);
		random_letters(text, 60 + (size_t)round % 40, &seed);
		memcpy(text + round % 30, second, strlen(second));
		buffer_init(&wanted, 1000);
		look_everywhere(secrets, text, &wanted);
		expect(secrets, text, wanted.data);
		buffer_release(&wanted);
	}
}

static void test_short_ones_stay(void **state)
{
	struct redactor *redactor = redactor_new();

	(void)state;
	assert_true(redactor_empty(NULL));
	assert_false(redactor_add(redactor, "abc"));
	assert_false(redactor_add(redactor, ""));
	assert_true(redactor_empty(redactor));
	redactor_free(redactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_what_passes_uncopied),
		cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_many_lines),
		cmocka_unit_test(test_skips_nothing),
		cmocka_unit_test(test_short_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
