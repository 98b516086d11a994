/* Our signatures against Amazon's published ones, and the encoding of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/digest.h"
#include "crypto/hash.h"
#include "net/sigv4.h"
#include "sigv4_vectors.h"

static const struct sigv4_credentials example = {
	.access_key = "AKIDEXAMPLE",
	.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	.region = "us-east-1",
	.service = "service",
};

static void published_vectors(void **state)
{
	struct sigv4_key key = {0};
	(void)state;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct sigv4_request request = {
			.method = vectors[i].method,
			.path = vectors[i].path,
			.query = vectors[i].query,
			.headers = vectors[i].headers,
			.payload = vectors[i].payload,
			.date = "20150830T123600Z",
		};
		struct buffer text;
		while (request.header_count < 6 && vectors[i].headers[request.header_count])
			request.header_count++;
		buffer_init(&text, 4096);
		sigv4_sign(&key, &example, &request, &text);
		if (!strstr(text.data, vectors[i].signature))
			fail_msg("%s: %s", vectors[i].name, text.data);
		assert_memory_equal(text.data,
				    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
				    "service/aws4_request, SignedHeaders=",
				    95);
		buffer_release(&text);
	}
}

/* The example of Amazon's S3 reference, "PUT Object". */
static void the_s3_example(void **state)
{
	static const char *const headers[] = {
		"date:Fri, 24 May 2013 00:00:00 GMT",
		"host:examplebucket.s3.amazonaws.com",
		"x-amz-content-sha256:"
		"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
		"x-amz-date:20130524T000000Z",
		"x-amz-storage-class:REDUCED_REDUNDANCY",
	};
	const struct sigv4_credentials credentials = {
		.access_key = "AKIAIOSFODNN7EXAMPLE",
		.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		.region = "us-east-1",
		.service = "s3",
	};
	struct sigv4_key key = {0};
	struct buffer path, text;
	char hex[HASH_HEX_SIZE];
	unsigned char hash[DIGEST_MAXIMUM];
	(void)state;

	buffer_init(&path, 100);
	buffer_init(&text, 4096);
	buffer_add_char(&path, '/');
	sigv4_encode(&path, "test$file.text", 14, true);
	digest_bytes(DIGEST_SHA256, "Welcome to Amazon S3.", 21, hash);
	hex_format(hash, HASH_SIZE, hex);
	const struct sigv4_request request = {
		.method = "PUT",
		.path = path.data,
		.query = "",
		.headers = headers,
		.header_count = 5,
		.payload = hex,
		.date = "20130524T000000Z",
	};
	sigv4_sign(&key, &credentials, &request, &text);
	assert_non_null(strstr(text.data, "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77"
					  "a1b5971af0ece108bd"));
	buffer_release(&path);
	buffer_release(&text);
}

static void a_new_day_has_a_new_key(void **state)
{
	struct sigv4_key key = {0};
	struct sigv4_request request = {.method = "GET", .path = "/", .query = "",
					.payload = EMPTY, .date = "20150830T235959Z"};
	struct buffer text;
	(void)state;

	buffer_init(&text, 4096);
	sigv4_sign(&key, &example, &request, &text);
	assert_string_equal(key.scope, "20150830/us-east-1/service/aws4_request");
	request.date = "20150831T000000Z";
	sigv4_sign(&key, &example, &request, &text);
	assert_string_equal(key.scope, "20150831/us-east-1/service/aws4_request");
	buffer_release(&text);
}

static void keys_are_encoded_once(void **state)
{
	static const struct {
		const char *key, *path;
	} cases[] = {
		{"a b+c%d", "a%20b%2Bc%25d"},
		{"a//b/../c/./d", "a//b/../c/./d"},
		{"/leading", "/leading"},
		{"line\nbreak\ttab", "line%0Abreak%09tab"},
		{"\xc2\xa0\xe2\x80\x8e\xf0\x9f\x98\x80", "%C2%A0%E2%80%8E%F0%9F%98%80"},
		{"-_.~*'()!&=?#;:@,$\"<>\\^`{|}", "-_.~%2A%27%28%29%21%26%3D%3F%23%3B%3A%40%2C%24"
						  "%22%3C%3E%5C%5E%60%7B%7C%7D"},
		{"%2F", "%252F"},
		{"\xff\x01", "%FF%01"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer out;
		buffer_init(&out, 1000);
		sigv4_encode(&out, cases[i].key, strlen(cases[i].key), true);
		assert_string_equal(out.data, cases[i].path);
		buffer_release(&out);
	}
}

static void dates(void **state)
{
	char date[SIGV4_DATE_SIZE];
	(void)state;
	assert_string_equal(sigv4_date(date, 1440938160999), "20150830T123600Z");
}

static void digests(void **state)
{
	unsigned char out[DIGEST_MAXIMUM];
	char hex[HASH_HEX_SIZE];
	struct digest *digest = digest_new(DIGEST_MD5);
	(void)state;

	digest_add(digest, "lost", 4);
	digest_clear(digest);
	digest_add(digest, "ab", 2);
	digest_add(digest, "c", 1);
	assert_int_equal(digest_finish(digest, out), 16);
	hex_format(out, 16, hex);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
	digest_free(digest);
	assert_int_equal(digest_bytes(DIGEST_SHA1, "abc", 3, out), 20);
	hex_format(out, 20, hex);
	assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
	/* RFC 4231, cases 2 and 6 (a key longer than a block). */
	digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, out);
	hex_format(out, 32, hex);
	assert_string_equal(hex,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	unsigned char key[131];
	memset(key, 0xaa, sizeof(key));
	const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
	digest_hmac(key, sizeof(key), text, strlen(text), out);
	hex_format(out, 32, hex);
	assert_string_equal(hex,
			    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(the_s3_example),
		cmocka_unit_test(a_new_day_has_a_new_key),
		cmocka_unit_test(keys_are_encoded_once),
		cmocka_unit_test(dates),
		cmocka_unit_test(digests),
	};
	return cmocka_run_group_tests_name("net_sigv4", tests, NULL, NULL);
}
