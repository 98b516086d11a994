/* Keys and signatures: what is written is read again, what was changed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "crypto/key.h"

/* Made by `minisign -G -W` and `minisign -S`, version 0.11. */
#include "minisign_samples.h"

static struct secret_key *read_again(const char *passphrase, const char *with, struct error *err)
{
	struct secret_key *key CLEANUP(secret_key_cleanup) = secret_key_new();
	struct secret_key *again;
	struct buffer text CLEANUP(buffer_release);
	bool locked;
	buffer_init(&text, KEY_FILE_MAXIMUM);
	assert_int_equal(secret_key_format(key, passphrase, &text, err), 0);
	again = secret_key_parse(text.data, text.length, with, &locked, err);
	assert_int_equal(locked, passphrase && *passphrase);
	if (again)
		assert_true(public_key_equal(secret_key_public(key), secret_key_public(again)));
	return again;
}

static void secret_keys_are_read_again(void **state)
{
	static const struct {
		const char *passphrase, *with, *message;
	} rows[] = {
		{NULL, NULL, NULL},
		{"", NULL, NULL},
		{NULL, "not asked for", NULL},
		{"correct horse", "correct horse", NULL},
		{"correct horse", NULL, "locked by a passphrase"},
		{"correct horse", "battery", "passphrase is wrong"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct secret_key *again = read_again(rows[i].passphrase, rows[i].with, &err);
		assert_int_equal(again != NULL, rows[i].message == NULL);
		if (rows[i].message)
			assert_non_null(strstr(err.message, rows[i].message));
		secret_key_free(again);
	}
}

static void public_keys_are_read_again(void **state)
{
	struct secret_key *key CLEANUP(secret_key_cleanup) = secret_key_new();
	struct public_key again;
	struct error err = {0};
	char text[KEY_TEXT_SIZE], file[200];
	(void)state;
	public_key_format(secret_key_public(key), text);
	assert_int_equal(strlen(text), KEY_TEXT_SIZE - 1);
	assert_true(text_starts_with(text, "RW"));
	assert_int_equal(public_key_parse(text, &again, &err), 0);
	assert_true(public_key_equal(secret_key_public(key), &again));
	snprintf(file, sizeof(file), "untrusted comment: whatever\n%s\n", text);
	assert_int_equal(public_key_parse(file, &again, &err), 0);
	text[10] = '!';
	assert_int_equal(public_key_parse(text, &again, &err), -1);
	assert_int_equal(public_key_parse("", &again, &err), -1);
	assert_int_equal(public_key_parse("RWQ", &again, &err), -1);
}

static void minisigns_own_are_understood(void **state)
{
	struct public_key key;
	struct error err = {0};
	char text[KEY_ID_TEXT_SIZE];
	bool locked;
	(void)state;
	assert_int_equal(public_key_parse(SAMPLE_PUBLIC, &key, &err), 0);
	assert_string_equal(key_id_format(key.id, text), SAMPLE_ID);
	assert_int_equal(signature_check(SAMPLE_SIGNATURE, &key, "hello\n", 6, &err), 0);
	assert_int_equal(signature_check(SAMPLE_SIGNATURE, &key, "hullo\n", 6, &err), -1);
	struct secret_key *secret CLEANUP(secret_key_cleanup) = secret_key_parse(
		SAMPLE_SECRET, strlen(SAMPLE_SECRET), NULL, &locked, &err);
	assert_non_null(secret);
	assert_false(locked);
	assert_true(public_key_equal(secret_key_public(secret), &key));
}

/* Whatever byte is changed, of the message, the signature or its comment: it no longer fits. */
static void changes_are_noticed(void **state)
{
	struct secret_key *key CLEANUP(secret_key_cleanup) = secret_key_new();
	struct secret_key *other CLEANUP(secret_key_cleanup) = secret_key_new();
	struct buffer text CLEANUP(buffer_release);
	struct error err = {0};
	const struct public_key *public_key = secret_key_public(key);
	(void)state;
	buffer_init(&text, 4096);
	signature_make(key, "message", 7, "of a test", &text);
	assert_int_equal(signature_check(text.data, public_key, "message", 7, &err), 0);
	assert_int_equal(signature_check(text.data, public_key, "messagf", 7, &err), -1);
	assert_int_equal(
		signature_check(text.data, secret_key_public(other), "message", 7, &err), -1);
	size_t second = strcspn(text.data, "\n") + 1;
	for (size_t i = second; i < text.length; i++) {
		char was = text.data[i];
		if (was == '\n')
			continue;
		text.data[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(signature_check(text.data, public_key, "message", 7, &err), -1);
		text.data[i] = was;
	}
	for (size_t i = 0; i < text.length - 1; i++) {
		char was = text.data[i];
		text.data[i] = '\0';
		assert_int_equal(signature_check(text.data, public_key, "message", 7, &err), -1);
		text.data[i] = was;
	}
}

static void damaged_secret_keys_are_refused(void **state)
{
	struct secret_key *key CLEANUP(secret_key_cleanup) = secret_key_new();
	struct buffer text CLEANUP(buffer_release);
	struct error err = {0};
	bool locked;
	(void)state;
	buffer_init(&text, KEY_FILE_MAXIMUM);
	assert_int_equal(secret_key_format(key, NULL, &text, &err), 0);
	/* Behind the comment and the 54 bytes of salt and costs, which an open key does not use. */
	size_t from = strcspn(text.data, "\n") + 1 + 72;
	for (size_t i = from; i < text.length - 3; i++) {
		char was = text.data[i];
		text.data[i] = was == 'A' ? 'B' : 'A';
		assert_null(secret_key_parse(text.data, text.length, NULL, &locked, &err));
		text.data[i] = was;
	}
	assert_null(secret_key_parse("", 0, NULL, &locked, &err));
	assert_null(secret_key_parse("a\0b", 3, NULL, &locked, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_keys_are_read_again),
		cmocka_unit_test(public_keys_are_read_again),
		cmocka_unit_test(minisigns_own_are_understood),
		cmocka_unit_test(changes_are_noticed),
		cmocka_unit_test(damaged_secret_keys_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
