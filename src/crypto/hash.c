/* SHA-256, at once or piece by piece, and random texts. */
#include "crypto/hash.h"

#include <assert.h>
#include <sodium.h>

#include "base/banned.h"

static_assert(sizeof(struct hash) >= sizeof(crypto_hash_sha256_state), "state must fit");
static_assert(HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256 has 32 bytes");

/* Cheap when it was called before; a machine without randomness must not go on. */
static void sodium_ready(void)
{
	if (sodium_init() < 0)
		abort();
}

static crypto_hash_sha256_state *library_state(struct hash *hash)
{
	return (crypto_hash_sha256_state *)(void *)hash;
}

void hash_init(struct hash *hash)
{
	crypto_hash_sha256_init(library_state(hash));
}

void hash_add(struct hash *hash, const void *bytes, size_t length)
{
	if (length > 0)
		crypto_hash_sha256_update(library_state(hash), bytes, length);
}

void hash_add_text(struct hash *hash, const char *text)
{
	uint64_t length = text ? strlen(text) : UINT64_MAX;
	unsigned char prefix[8];
	for (size_t i = 0; i < sizeof(prefix); i++)
		prefix[i] = (unsigned char)(length >> (8 * i));
	hash_add(hash, prefix, sizeof(prefix));
	if (text)
		hash_add(hash, text, (size_t)length);
}

void hash_finish(struct hash *hash, unsigned char digest[HASH_SIZE])
{
	crypto_hash_sha256_final(library_state(hash), digest);
}

void hash_finish_hex(struct hash *hash, char text[HASH_HEX_SIZE])
{
	unsigned char digest[HASH_SIZE];
	hash_finish(hash, digest);
	hex_format(digest, sizeof(digest), text);
}

void hash_bytes(const void *bytes, size_t length, unsigned char digest[HASH_SIZE])
{
	struct hash hash = {0};
	hash_init(&hash);
	hash_add(&hash, bytes, length);
	hash_finish(&hash, digest);
}

const char *hash_bytes_hex(const void *bytes, size_t length, char text[HASH_HEX_SIZE])
{
	unsigned char digest[HASH_SIZE];
	hash_bytes(bytes, length, digest);
	hex_format(digest, sizeof(digest), text);
	return text;
}

void hex_format(const void *bytes, size_t length, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *byte = bytes;
	for (size_t i = 0; i < length; i++) {
		text[2 * i] = digits[byte[i] >> 4];
		text[2 * i + 1] = digits[byte[i] & 15];
	}
	text[2 * length] = '\0';
}

void base64_format(const void *bytes, size_t length, char *text)
{
	sodium_bin2base64(text, (length + 2) / 3 * 4 + 1, bytes, length,
			  sodium_base64_VARIANT_ORIGINAL);
}

void random_bytes(void *bytes, size_t length)
{
	sodium_ready();
	randombytes_buf(bytes, length);
}

void random_hex(char *text, size_t size)
{
	assert(size % 2 == 1);
	unsigned char byte;
	for (size_t i = 0; i + 2 < size; i += 2) {
		random_bytes(&byte, 1);
		hex_format(&byte, 1, text + i);
	}
	text[size - 1] = '\0';
}

uint32_t random_below(uint32_t limit)
{
	sodium_ready();
	return randombytes_uniform(limit);
}
