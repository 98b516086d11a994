/* Key files and signatures that anybody may have written. What is taken for a key must come out of
 * its own file again; what is taken for a signature of other bytes would be a forgery. */
#include <stdint.h>

#include "base/arena.h"
#include "crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_public(const char *text)
{
	struct public_key key, again;
	struct error err = {0};
	char line[KEY_TEXT_SIZE];
	if (public_key_parse(text, &key, &err) < 0) {
		if (!*err.message)
			abort();
		return;
	}
	if (public_key_parse(public_key_format(&key, line), &again, &err) < 0 ||
	    !public_key_equal(&key, &again))
		abort();
	/* Nobody has the secret half of a key that was made up. */
	if (signature_check(text, &key, "message", 7, &err) == 0)
		abort();
}

static void read_secret(const char *text, size_t length)
{
	struct buffer out CLEANUP(buffer_release);
	struct error err = {0};
	bool locked;
	struct secret_key *key CLEANUP(secret_key_cleanup) =
		secret_key_parse(text, length, NULL, &locked, &err);
	buffer_init(&out, 4096);
	if (!key && !*err.message)
		abort();
	if (!key)
		return;
	signature_make(key, "message", 7, "fuzzed", &out);
	if (locked ||
	    signature_check(out.data, secret_key_public(key), "message", 7, &err) < 0 ||
	    signature_check(out.data, secret_key_public(key), "messagf", 7, &err) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const char *text = arena_bytes(&arena, data, size);
	unsigned char id[KEY_ID_SIZE];
	read_public(text);
	read_secret(text, size);
	if (signature_key_id(text, id) < 0)
		return 0;
	/* It is a signature by its looks; of these bytes, by this key, it is none. */
	struct public_key key = {.bytes = {9}};
	struct error err = {0};
	memcpy(key.id, id, sizeof(id));
	if (signature_check(text, &key, data, size, &err) == 0)
		abort();
	return 0;
}
