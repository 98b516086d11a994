/* SHA-256 against published values, and that pieces add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/hash.h"

static void known_values(void **state)
{
	char text[HASH_HEX_SIZE];
	(void)state;
	assert_string_equal(hash_bytes_hex("", 0, text),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(hash_bytes_hex("abc", 3, text),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_add_up(void **state)
{
	char one[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
	struct hash hash;
	(void)state;
	hash_init(&hash);
	for (int i = 0; i < 1000; i++)
		hash_add(&hash, "0123456789", i % 11 ? 10 : 0);
	hash_finish_hex(&hash, one);
	hash_init(&hash);
	for (int i = 0; i < 909; i++)
		hash_add(&hash, "0123456789", 10);
	hash_finish_hex(&hash, other);
	assert_string_equal(one, other);
}

static void texts_do_not_run_together(void **state)
{
	static const char *const pairs[][2] = {
		{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc", NULL}, {NULL, "abc"},
	};
	char digests[5][HASH_HEX_SIZE];
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct hash hash;
		hash_init(&hash);
		hash_add_text(&hash, pairs[i][0]);
		hash_add_text(&hash, pairs[i][1]);
		hash_finish_hex(&hash, digests[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(digests[i], digests[j]);
	}
}

static void random_texts(void **state)
{
	char one[33], other[33];
	(void)state;
	random_hex(one, sizeof(one));
	random_hex(other, sizeof(other));
	assert_int_equal(strspn(one, "0123456789abcdef"), 32);
	assert_string_not_equal(one, other);
	for (int i = 0; i < 100; i++)
		assert_in_range(random_below(7), 0, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(texts_do_not_run_together),
		cmocka_unit_test(random_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
