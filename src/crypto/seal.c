/* A sealed value: a fresh key for it, that key in a sealed box for each recipient, and the value
 * encrypted with it. In bytes: version, number of slots (2, little endian), slots, nonce, the
 * padded value with its tag, checksum. */
#include "crypto/seal.h"

#include "base/text.h"
#include "crypto/key_internal.h"
#include "crypto/memory.h"

#define VERSION 1
#define HEADER 3
#define FINGERPRINT 16
#define VALUE_KEY crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define CHECKSUM crypto_generichash_BYTES_MIN
#define PADDING 32 /* how long a short password is, is nobody's business */

struct slot { /* without gaps */
	unsigned char fingerprint[FINGERPRINT];
	unsigned char box[VALUE_KEY + crypto_box_SEALBYTES];
};

/* Where the parts of a value lie in its bytes. */
struct parts {
	size_t count;
	const struct slot *slots;
	const unsigned char *nonce, *body, *checksum;
	size_t body_length;
};

static void fingerprint_make(const struct public_key *key, unsigned char text[FINGERPRINT])
{
	unsigned char whole[KEY_ID_SIZE + KEY_BYTES];
	memcpy(whole, key->id, KEY_ID_SIZE);
	memcpy(whole + KEY_ID_SIZE, key->bytes, KEY_BYTES);
	crypto_generichash(text, FINGERPRINT, whole, sizeof(whole), NULL, 0);
}

static int parts_find(const struct sealed_value *sealed, struct parts *parts, struct error *err)
{
	const unsigned char *bytes = sealed->bytes;
	size_t fixed = HEADER + NONCE + TAG + CHECKSUM, slots;
	if (sealed->length >= 1 && bytes[0] != VERSION) {
		error_set(err, "%s was sealed by another version of shipit", sealed->name);
		error_hint(err, "a newer shipit opens it");
		return -1;
	}
	if (sealed->length >= fixed + PADDING) {
		parts->count = bytes[1] | (size_t)bytes[2] << 8;
		slots = parts->count * sizeof(struct slot);
		if (parts->count == sealed->to.count && slots <= sealed->length - fixed) {
			parts->slots = (const struct slot *)(bytes + HEADER);
			parts->nonce = bytes + HEADER + slots;
			parts->body = parts->nonce + NONCE;
			parts->checksum = bytes + sealed->length - CHECKSUM;
			parts->body_length = (size_t)(parts->checksum - parts->body);
			return 0;
		}
	}
	error_set(err, "the sealed value of %s is damaged", sealed->name);
	error_hint(err, "take the line from git's history, or set it anew: shipit secrets set %s",
		   sealed->name);
	return -1;
}

static void context_list(struct buffer *out, const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		buffer_add(out, list->items[i], strlen(list->items[i]) + 1);
	buffer_add_char(out, '\0');
}

/* All that the value is bound to: the name, what stands beside it, and the slots. */
static void context_make(const struct sealed_value *sealed, const struct parts *parts,
			 struct buffer *out)
{
	static const char purpose[] = "shipit sealed value";
	buffer_init(out, SIZE_MAX / 2);
	buffer_add(out, purpose, sizeof(purpose));
	buffer_add(out, sealed->name, strlen(sealed->name) + 1);
	context_list(out, &sealed->to);
	context_list(out, &sealed->known);
	buffer_add(out, sealed->bytes, (size_t)(parts->nonce - sealed->bytes));
}

static void checksum_make(const struct buffer *context, const struct parts *parts,
			  unsigned char checksum[CHECKSUM])
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, CHECKSUM);
	crypto_generichash_update(&state, (const unsigned char *)context->data, context->length);
	crypto_generichash_update(&state, parts->nonce, NONCE + parts->body_length);
	crypto_generichash_final(&state, checksum, CHECKSUM);
}

static int check_value(const char *name, const struct seal_recipients *to, const char *value,
		       size_t length, struct error *err)
{
	if (!length)
		return error_set(err, "the value of %s is empty", name);
	if (length > SEAL_VALUE_MAXIMUM)
		return error_set(err, "the value of %s is larger than 64 KiB", name);
	if (memchr(value, '\0', length))
		return error_set(err, "the value of %s has a NUL byte, which no variable can hold",
				 name);
	if (!to->list.count)
		return error_set(err, "%s would be sealed to nobody", name);
	if (to->list.count > SEAL_RECIPIENTS_MAXIMUM)
		return error_set(err, "%s would be sealed to more than %d keys", name,
				 SEAL_RECIPIENTS_MAXIMUM);
	return 0;
}

static int fill_slot(const struct seal_recipient *to, const unsigned char key[VALUE_KEY],
		     struct slot *slot, struct error *err)
{
	unsigned char curve[crypto_scalarmult_curve25519_BYTES];
	fingerprint_make(&to->key, slot->fingerprint);
	if (crypto_sign_ed25519_pk_to_curve25519(curve, to->key.bytes) == 0 &&
	    crypto_box_seal(slot->box, key, VALUE_KEY, curve) == 0)
		return 0;
	error_set(err, "nothing can be sealed to the key of %s in the roster", to->name);
	return error_hint(err, "it is no public key: shipit keygen makes one");
}

/* The space for the value, and where its parts will be. */
static unsigned char *lay_out(struct arena *arena, size_t count, size_t padded,
			      struct sealed_value *sealed, struct parts *parts)
{
	size_t slots = count * sizeof(struct slot);
	sealed->length = HEADER + slots + NONCE + padded + TAG + CHECKSUM;
	unsigned char *bytes = arena_alloc(arena, sealed->length);
	bytes[0] = VERSION;
	bytes[1] = (unsigned char)(count & 255);
	bytes[2] = (unsigned char)(count >> 8);
	randombytes_buf(bytes + HEADER + slots, NONCE);
	sealed->bytes = bytes;
	*parts = (struct parts){
		.count = count,
		.slots = (const struct slot *)(bytes + HEADER),
		.nonce = bytes + HEADER + slots,
		.body = bytes + HEADER + slots + NONCE,
		.checksum = bytes + sealed->length - CHECKSUM,
		.body_length = padded + TAG,
	};
	return bytes;
}

/* Memory that is never swapped out, and wiped by sodium_free. */
static unsigned char *locked_bytes(size_t length)
{
	unsigned char *bytes = sodium_init() < 0 ? NULL : sodium_malloc(length);
	if (!bytes)
		abort();
	return bytes;
}

static void encrypt(const struct sealed_value *sealed, const struct parts *parts,
		    const unsigned char key[VALUE_KEY], const char *value, size_t length,
		    unsigned char *bytes)
{
	struct buffer context CLEANUP(buffer_release);
	size_t body = (size_t)(parts->body - bytes), padded = parts->body_length - TAG;
	unsigned char *plain = locked_bytes(padded);
	memcpy(plain, value, length);
	sodium_pad(&padded, plain, length, PADDING, padded);
	context_make(sealed, parts, &context);
	crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + body, NULL, plain, padded,
						   (const unsigned char *)context.data,
						   context.length, NULL, parts->nonce, key);
	sodium_free(plain);
	checksum_make(&context, parts, bytes + sealed->length - CHECKSUM);
}

static void copy_names(struct arena *arena, struct text_list *to, const struct text_list *from)
{
	for (size_t i = 0; from && i < from->count; i++)
		text_list_add(arena, to, arena_string(arena, from->items[i]));
}

int seal_make(struct arena *arena, const char *name, const struct seal_recipients *to,
	      const struct text_list *known, const char *value, size_t length,
	      struct sealed_value *sealed, struct error *err)
{
	unsigned char key[VALUE_KEY];
	struct parts parts;
	int result = 0;
	if (check_value(name, to, value, length, err) < 0)
		return -1;
	*sealed = (struct sealed_value){.name = arena_string(arena, name)};
	copy_names(arena, &sealed->known, known);
	for (size_t i = 0; i < to->list.count; i++)
		text_list_add(arena, &sealed->to, arena_string(arena, to->list.items[i].name));
	unsigned char *bytes = lay_out(arena, to->list.count,
				       (length / PADDING + 1) * PADDING, sealed, &parts);
	crypto_aead_xchacha20poly1305_ietf_keygen(key);
	for (size_t i = 0; i < to->list.count && result == 0; i++)
		result = fill_slot(&to->list.items[i], key,
				   (struct slot *)(bytes + HEADER) + i, err);
	if (result == 0)
		encrypt(sealed, &parts, key, value, length, bytes);
	sodium_memzero(key, sizeof(key));
	return result;
}

static int refuse_changed(const struct sealed_value *sealed, struct error *err)
{
	error_set(err, "the sealed value of %s was changed, or is that of another name",
		  sealed->name);
	return error_hint(err, "take the line from git's history, or set it anew: shipit secrets "
			       "set %s", sealed->name);
}

int seal_check(const struct sealed_value *sealed, struct error *err)
{
	struct buffer context CLEANUP(buffer_release) = {0};
	unsigned char checksum[CHECKSUM];
	struct parts parts;
	if (parts_find(sealed, &parts, err) < 0)
		return -1;
	context_make(sealed, &parts, &context);
	checksum_make(&context, &parts, checksum);
	return memcmp(checksum, parts.checksum, CHECKSUM) == 0 ? 0 : refuse_changed(sealed, err);
}

static int place_among(const struct parts *parts, const struct public_key *key)
{
	unsigned char fingerprint[FINGERPRINT];
	fingerprint_make(key, fingerprint);
	for (size_t i = 0; i < parts->count; i++)
		if (memcmp(parts->slots[i].fingerprint, fingerprint, FINGERPRINT) == 0)
			return (int)i;
	return -1;
}

int seal_place(const struct sealed_value *sealed, const struct public_key *key)
{
	struct error ignored = {0};
	struct parts parts;
	return parts_find(sealed, &parts, &ignored) == 0 ? place_among(&parts, key) : -1;
}

bool seal_place_taken(const struct sealed_value *sealed, const struct seal_recipients *to,
		      size_t place)
{
	for (size_t i = 0; i < to->list.count; i++)
		if (seal_place(sealed, &to->list.items[i].key) == (int)place)
			return true;
	return false;
}

bool seal_is_to(const struct sealed_value *sealed, const struct seal_recipients *to)
{
	if (sealed->to.count != to->list.count)
		return false;
	for (size_t i = 0; i < to->list.count; i++) {
		int place = seal_place(sealed, &to->list.items[i].key);
		if (place < 0 || strcmp(sealed->to.items[place], to->list.items[i].name) != 0)
			return false;
	}
	return true;
}

/* The value's key out of its slot; the pair of curve keys is made of the one that signs. */
static int open_slot(const struct slot *slot, const struct secret_key *key,
		     unsigned char value_key[VALUE_KEY])
{
	unsigned char public_half[crypto_scalarmult_curve25519_BYTES];
	unsigned char secret_half[crypto_scalarmult_curve25519_BYTES];
	int result = crypto_sign_ed25519_pk_to_curve25519(public_half, key->public_key.bytes);
	if (result == 0)
		result = crypto_sign_ed25519_sk_to_curve25519(secret_half, key->bytes);
	if (result == 0)
		result = crypto_box_seal_open(value_key, slot->box, sizeof(slot->box), public_half,
					      secret_half);
	sodium_memzero(secret_half, sizeof(secret_half));
	return result;
}

static int decrypt(const struct sealed_value *sealed, const struct parts *parts,
		   const unsigned char key[VALUE_KEY], struct buffer *out)
{
	struct buffer context CLEANUP(buffer_release);
	size_t padded = parts->body_length - TAG, length;
	unsigned char *plain = locked_bytes(padded);
	int result;
	context_make(sealed, parts, &context);
	result = crypto_aead_xchacha20poly1305_ietf_decrypt(
		plain, NULL, NULL, parts->body, parts->body_length,
		(const unsigned char *)context.data, context.length, parts->nonce, key);
	if (result == 0)
		result = sodium_unpad(&length, plain, padded, PADDING);
	if (result == 0)
		result = memchr(plain, '\0', length) ? -1
						     : buffer_add(out, (const char *)plain, length);
	sodium_free(plain);
	return result;
}

static int refuse_stranger(const struct sealed_value *sealed, struct error *err)
{
	error_set(err, "%s is not sealed to your key", sealed->name);
	return error_hint(err, "who can open it, seals it to you too: shipit secrets rotate (your "
			       "key in the roster, and a role that may have it)");
}

int seal_open(const struct sealed_value *sealed, const struct secret_key *key, struct buffer *out,
	      struct error *err)
{
	unsigned char value_key[VALUE_KEY];
	struct parts parts;
	int result;
	if (parts_find(sealed, &parts, err) < 0)
		return -1;
	int place = place_among(&parts, &key->public_key);
	if (place < 0)
		return refuse_stranger(sealed, err);
	memory_hide();
	result = open_slot(&parts.slots[place], key, value_key);
	if (result == 0)
		result = decrypt(sealed, &parts, value_key, out);
	sodium_memzero(value_key, sizeof(value_key));
	return result == 0 ? 0 : refuse_changed(sealed, err);
}
