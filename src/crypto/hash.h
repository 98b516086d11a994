/* SHA-256, at once or piece by piece, and random texts. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32     /* bytes of a SHA-256 */
#define HASH_HEX_SIZE 65 /* the same as lower-case hex with its NUL */

struct hash {
	uint64_t state[14]; /* the library's own, not to be looked at */
};

void hash_init(struct hash *hash);
void hash_add(struct hash *hash, const void *bytes, size_t length);
/* With the length in front, so that ("ab", "c") and ("a", "bc") differ. NULL differs from "". */
void hash_add_text(struct hash *hash, const char *text);
/* Ends it; hash_init before it is used again. */
void hash_finish(struct hash *hash, unsigned char digest[HASH_SIZE]);
void hash_finish_hex(struct hash *hash, char text[HASH_HEX_SIZE]);

void hash_bytes(const void *bytes, size_t length, unsigned char digest[HASH_SIZE]);
/* Returns text. */
const char *hash_bytes_hex(const void *bytes, size_t length, char text[HASH_HEX_SIZE]);
/* Writes length * 2 digits and a NUL. */
void hex_format(const void *bytes, size_t length, char *text);
/* Writes base64 with its padding and a NUL: (length + 2) / 3 * 4 + 1 bytes. */
void base64_format(const void *bytes, size_t length, char *text);

void random_bytes(void *bytes, size_t length);
/* Fills text with size - 1 random hex digits and a NUL; size is odd. Never the same twice. */
void random_hex(char *text, size_t size);
/* Below limit (> 0), evenly. For jitter. */
uint32_t random_below(uint32_t limit);
