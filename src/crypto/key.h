/* Ed25519 keys and signatures in minisign's format: what this room writes the `minisign` program
 * reads, and the other way round (https://jedisct1.github.io/minisign/#signature-format). */
#pragma once
#include "base/buffer.h"

#define KEY_ID_SIZE 8
#define KEY_BYTES 32
#define KEY_TEXT_SIZE 57    /* a public key as one line, with its NUL: "RWQ..." */
#define KEY_ID_TEXT_SIZE 17 /* as minisign prints it, with its NUL */
#define KEY_FILE_MAXIMUM 8192

struct public_key {
	unsigned char id[KEY_ID_SIZE]; /* random: names the key, proves nothing */
	unsigned char bytes[KEY_BYTES];
};

/* "RWQ..." alone, or the file that minisign writes (a comment, then that line). */
int public_key_parse(const char *text, struct public_key *key, struct error *err) MUST_USE;
/* The same, for who only asks: fits config_options.check_key. */
int public_key_check(const char *text, struct error *err) MUST_USE;
/* Returns text. */
const char *public_key_format(const struct public_key *key, char text[KEY_TEXT_SIZE]);
const char *key_id_format(const unsigned char id[KEY_ID_SIZE], char text[KEY_ID_TEXT_SIZE]);
bool public_key_equal(const struct public_key *one, const struct public_key *other);

/* Kept in memory that is never swapped out, and wiped when freed. */
struct secret_key;
struct secret_key *secret_key_new(void);
void secret_key_free(struct secret_key *key); /* NULL is allowed */
void secret_key_cleanup(struct secret_key **key);
const struct public_key *secret_key_public(const struct secret_key *key);
/* The 32 bytes that the key pair is made of; for making other keys of it. */
const unsigned char *secret_key_seed(const struct secret_key *key);

/* A secret key file as minisign and `keygen` write it; the line with the key alone will do. With
 * passphrase NULL a locked one is an error with *locked set. NULL on failure. */
struct secret_key *secret_key_parse(const char *text, size_t length, const char *passphrase,
				    bool *locked, struct error *err) MUST_USE;
/* The same file; passphrase NULL or "": not locked. Locking costs some 0.2 s and 64 MiB, as
 * unlocking will: enough that guessing is dear, little enough for every deploy. */
int secret_key_format(const struct secret_key *key, const char *passphrase, struct buffer *out,
		      struct error *err) MUST_USE;

/* Adds the four lines of a .minisig file for those bytes. comment has no line ends. */
void signature_make(const struct secret_key *key, const void *bytes, size_t length,
		    const char *comment, struct buffer *out);
/* The id of the key that the text says it was made with; -1 when it is no signature. */
int signature_key_id(const char *text, unsigned char id[KEY_ID_SIZE]) MUST_USE;
/* Whether the text is a signature of those bytes, and of its own comment, by that key: 0 or -1. */
int signature_check(const char *text, const struct public_key *key, const void *bytes,
		    size_t length, struct error *err) MUST_USE;

/* Overwrites what was secret; the compiler does not leave it out. */
void memory_wipe(void *bytes, size_t length);
