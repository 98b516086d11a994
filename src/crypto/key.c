/* Public keys, and signing and checking with keys. */
#include "crypto/key_internal.h"

#include "base/text.h"

#define DIGEST_SIZE 64 /* BLAKE2b-512, as minisign has it */
#define COMMENT_START "trusted comment: "
#define COMMENT_MAXIMUM 8192

struct packed_public {
	unsigned char algorithm[2];
	unsigned char id[KEY_ID_SIZE];
	unsigned char bytes[KEY_BYTES];
};

struct packed_signature {
	unsigned char algorithm[2];
	unsigned char id[KEY_ID_SIZE];
	unsigned char bytes[crypto_sign_ed25519_BYTES];
};

/* The parts of a .minisig file. */
struct signature {
	struct packed_signature packed;
	const char *comment;
	size_t comment_length;
	unsigned char over_comment[crypto_sign_ed25519_BYTES];
};

void memory_wipe(void *bytes, size_t length)
{
	sodium_memzero(bytes, length);
}

const char *line_next(const char *text)
{
	text += strcspn(text, "\n");
	return text + (*text == '\n');
}

int base64_line(const char *text, void *bytes, size_t size, const char **rest)
{
	size_t length = strcspn(text, "\r\n"), written = 0;
	if (sodium_base642bin(bytes, size, text, length, NULL, &written, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    written != size)
		return -1;
	if (rest)
		*rest = line_next(text);
	return 0;
}

int public_key_parse(const char *text, struct public_key *key, struct error *err)
{
	struct packed_public packed;
	if (text_starts_with(text, "untrusted comment:"))
		text = line_next(text);
	if (base64_line(text, &packed, sizeof(packed), NULL) < 0 ||
	    memcmp(packed.algorithm, KEY_ALGORITHM, 2) != 0) {
		error_set(err, "this is no public key: one is 56 letters and begins with RW");
		return error_hint(err, "`shipit keygen` makes a key and prints it");
	}
	memcpy(key->id, packed.id, sizeof(key->id));
	memcpy(key->bytes, packed.bytes, sizeof(key->bytes));
	return 0;
}

int public_key_check(const char *text, struct error *err)
{
	struct public_key key;
	return public_key_parse(text, &key, err);
}

const char *public_key_format(const struct public_key *key, char text[KEY_TEXT_SIZE])
{
	struct packed_public packed = {.algorithm = KEY_ALGORITHM};
	memcpy(packed.id, key->id, sizeof(packed.id));
	memcpy(packed.bytes, key->bytes, sizeof(packed.bytes));
	return sodium_bin2base64(text, KEY_TEXT_SIZE, (const unsigned char *)&packed,
				 sizeof(packed), sodium_base64_VARIANT_ORIGINAL);
}

const char *key_id_format(const unsigned char id[KEY_ID_SIZE], char text[KEY_ID_TEXT_SIZE])
{
	for (size_t i = 0; i < KEY_ID_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02X", id[KEY_ID_SIZE - 1 - i]);
	return text;
}

bool public_key_equal(const struct public_key *one, const struct public_key *other)
{
	return memcmp(one->id, other->id, KEY_ID_SIZE) == 0 &&
	       memcmp(one->bytes, other->bytes, KEY_BYTES) == 0;
}

static void digest_of(const void *bytes, size_t length, unsigned char digest[DIGEST_SIZE])
{
	crypto_generichash(digest, DIGEST_SIZE, bytes, length, NULL, 0);
}

/* What the second signature is over: the first one, then the comment. */
static void comment_message(const unsigned char *bytes, const char *comment, size_t length,
			    struct buffer *out)
{
	buffer_init(out, COMMENT_MAXIMUM + crypto_sign_ed25519_BYTES);
	buffer_add(out, bytes, crypto_sign_ed25519_BYTES);
	buffer_add(out, comment, length);
}

static void base64_add(struct buffer *out, const void *bytes, size_t length)
{
	char text[sodium_base64_ENCODED_LEN(sizeof(struct packed_signature),
					    sodium_base64_VARIANT_ORIGINAL)];
	sodium_bin2base64(text, sizeof(text), bytes, length, sodium_base64_VARIANT_ORIGINAL);
	buffer_add_text(out, text);
	buffer_add_char(out, '\n');
}

void signature_make(const struct secret_key *key, const void *bytes, size_t length,
		    const char *comment, struct buffer *out)
{
	struct packed_signature packed = {.algorithm = KEY_HASHED};
	unsigned char digest[DIGEST_SIZE], over_comment[crypto_sign_ed25519_BYTES];
	struct buffer message;
	memcpy(packed.id, key->public_key.id, sizeof(packed.id));
	digest_of(bytes, length, digest);
	crypto_sign_ed25519_detached(packed.bytes, NULL, digest, sizeof(digest), key->bytes);
	comment_message(packed.bytes, comment, strlen(comment), &message);
	crypto_sign_ed25519_detached(over_comment, NULL, (const unsigned char *)message.data,
				     message.length, key->bytes);
	buffer_release(&message);
	buffer_add_text(out, "untrusted comment: signature by shipit\n");
	base64_add(out, &packed, sizeof(packed));
	buffer_add_format(out, COMMENT_START "%s\n", comment);
	base64_add(out, over_comment, sizeof(over_comment));
}

static int signature_parse(const char *text, struct signature *signature)
{
	if (!text_starts_with(text, "untrusted comment:"))
		return -1;
	text = line_next(text);
	if (base64_line(text, &signature->packed, sizeof(signature->packed), &text) < 0 ||
	    memcmp(signature->packed.algorithm, KEY_HASHED, 2) != 0 ||
	    !text_starts_with(text, COMMENT_START))
		return -1;
	signature->comment = text + strlen(COMMENT_START);
	signature->comment_length = strcspn(signature->comment, "\r\n");
	if (signature->comment_length > COMMENT_MAXIMUM)
		return -1;
	return base64_line(line_next(text), signature->over_comment,
			   sizeof(signature->over_comment), NULL);
}

int signature_key_id(const char *text, unsigned char id[KEY_ID_SIZE])
{
	struct signature signature;
	if (signature_parse(text, &signature) < 0)
		return -1;
	memcpy(id, signature.packed.id, KEY_ID_SIZE);
	return 0;
}

int signature_check(const char *text, const struct public_key *key, const void *bytes,
		    size_t length, struct error *err)
{
	struct signature signature;
	unsigned char digest[DIGEST_SIZE];
	char id[KEY_ID_TEXT_SIZE];
	struct buffer message;
	if (signature_parse(text, &signature) < 0)
		return error_set(err, "the signature is not one that minisign would read");
	if (memcmp(signature.packed.id, key->id, KEY_ID_SIZE) != 0)
		return error_set(err, "the signature is by another key, %s",
				 key_id_format(signature.packed.id, id));
	digest_of(bytes, length, digest);
	if (crypto_sign_ed25519_verify_detached(signature.packed.bytes, digest, sizeof(digest),
						key->bytes) != 0)
		return error_set(err, "the signature does not fit: what it is over was changed");
	comment_message(signature.packed.bytes, signature.comment, signature.comment_length,
			&message);
	int status = crypto_sign_ed25519_verify_detached(
		signature.over_comment, (const unsigned char *)message.data, message.length,
		key->bytes);
	buffer_release(&message);
	return status == 0 ? 0 : error_set(err, "the signature's comment was changed");
}
