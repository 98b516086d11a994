/* SHA-256 by libcrypto, several times as fast as hash.h's, for what is hashed by the megabyte; and
 * MD5 and SHA-1, which Amazon's services ask for and nothing here relies on. */
#pragma once
#include <stddef.h>

enum digest_kind { DIGEST_SHA256, DIGEST_MD5, DIGEST_SHA1 };

#define DIGEST_MAXIMUM 32 /* bytes of the longest */

/* One computation at a time, as often as wanted; not to be shared between threads. */
struct digest;

struct digest *digest_new(enum digest_kind kind);
void digest_free(struct digest *digest); /* NULL is allowed */
void digest_cleanup(struct digest **digest);
/* Forgets what was added. A new one is ready without it, and so is one that was finished. */
void digest_clear(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t length);
/* How many bytes are written to out, DIGEST_MAXIMUM at most. */
size_t digest_finish(struct digest *digest, unsigned char *out);

size_t digest_bytes(enum digest_kind kind, const void *bytes, size_t length, unsigned char *out);
/* HMAC-SHA-256. */
void digest_hmac(const void *key, size_t key_length, const void *bytes, size_t length,
		 unsigned char out[32]);
