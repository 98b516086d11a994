/* How keys lie in their files, for key.c and key_file.c. */
#pragma once
#include <sodium.h>

#include "crypto/key.h"

#define KEY_ALGORITHM "Ed"	/* of keys */
#define KEY_HASHED "ED"		/* of signatures over BLAKE2b-512 */

struct secret_key {
	struct public_key public_key;
	unsigned char bytes[crypto_sign_ed25519_SECRETKEYBYTES]; /* seed, then the public half */
};

/* A key in locked memory, zeroed. */
struct secret_key *secret_key_allocate(void);
/* One line of base64 from text, of exactly size bytes; -1 when it is none. *rest: the next line. */
int base64_line(const char *text, void *bytes, size_t size, const char **rest);
/* The line behind the one that text begins with. */
const char *line_next(const char *text);
