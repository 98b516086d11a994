/* Hashes by libcrypto, looked up once. */
#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/banned.h"

enum { KINDS = 3, BLOCK = 64 };

struct digest {
	EVP_MD_CTX *context;
	const EVP_MD *method;
};

/* libcrypto 3 looks a method up by its name each time that it is not fetched before, which costs
 * more than hashing a kilobyte. */
static EVP_MD *methods[KINDS];
static pthread_once_t methods_ready = PTHREAD_ONCE_INIT;

static void methods_fetch(void)
{
	static const char *const names[KINDS] = {"SHA256", "MD5", "SHA1"};

	for (int i = 0; i < KINDS; i++)
		methods[i] = EVP_MD_fetch(NULL, names[i], NULL);
}

static void check(int result)
{
	if (result != 1)
		abort();
}

struct digest *digest_new(enum digest_kind kind)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	pthread_once(&methods_ready, methods_fetch);
	if (!digest || !methods[kind])
		abort();
	digest->method = methods[kind];
	digest->context = EVP_MD_CTX_new();
	if (!digest->context)
		abort();
	digest_clear(digest);
	return digest;
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_cleanup(struct digest **digest)
{
	digest_free(*digest);
}

void digest_clear(struct digest *digest)
{
	check(EVP_DigestInit_ex(digest->context, digest->method, NULL));
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
	check(EVP_DigestUpdate(digest->context, bytes, length));
}

size_t digest_finish(struct digest *digest, unsigned char *out)
{
	unsigned length = 0;

	check(EVP_DigestFinal_ex(digest->context, out, &length));
	digest_clear(digest);
	return length;
}

size_t digest_bytes(enum digest_kind kind, const void *bytes, size_t length, unsigned char *out)
{
	struct digest *digest = digest_new(kind);
	size_t size;

	digest_add(digest, bytes, length);
	size = digest_finish(digest, out);
	digest_free(digest);
	return size;
}

static void add_padded(struct digest *digest, const unsigned char key[BLOCK], unsigned char with)
{
	unsigned char pad[BLOCK];

	for (int i = 0; i < BLOCK; i++)
		pad[i] = key[i] ^ with;
	digest_add(digest, pad, BLOCK);
	OPENSSL_cleanse(pad, sizeof(pad));
}

/* RFC 2104, by hand: libcrypto's own HMAC looks its parts up anew for every key. */
void digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length,
		 unsigned char out[32])
{
	struct digest *digest = digest_new(DIGEST_SHA256);
	unsigned char block[BLOCK] = {0};

	if (key_length > BLOCK) {
		digest_add(digest, key, key_length);
		digest_finish(digest, block);
	} else if (key_length) {
		memcpy(block, key, key_length);
	}
	add_padded(digest, block, 0x36);
	digest_add(digest, bytes, length);
	digest_finish(digest, out);
	add_padded(digest, block, 0x5c);
	digest_add(digest, out, 32);
	digest_finish(digest, out);
	OPENSSL_cleanse(block, sizeof(block));
	digest_free(digest);
}
