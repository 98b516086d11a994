/* Secret keys: making them, and their files, locked by a passphrase or not. */
#include "crypto/key_internal.h"

#include "base/text.h"
#include "crypto/memory.h"

#define DERIVED_KEY "Sc" /* locked: by scryptsalsa208sha256 */
#define DERIVED_NONE "\0\0"
#define CHECKSUM_ALGORITHM "B2"
/* Measured on a laptop: 0.2 s. minisign's own default is 1 GiB and 2.4 s, which is read, too. */
#define LOCK_OPERATIONS ((uint64_t)1 << 21)
#define LOCK_MEMORY ((uint64_t)64 << 20)
/* Beyond, a file is not minisign's but somebody's joke on this machine's memory. */
#define OPERATIONS_MAXIMUM ((uint64_t)1 << 26)
#define MEMORY_MAXIMUM ((uint64_t)2 << 30)

struct packed_bare {
	unsigned char id[KEY_ID_SIZE];
	unsigned char bytes[crypto_sign_ed25519_SECRETKEYBYTES];
	unsigned char checksum[32];
};

/* 158 bytes, without gaps. */
struct packed_secret {
	unsigned char algorithm[2], derived[2], checksum[2];
	unsigned char salt[crypto_pwhash_scryptsalsa208sha256_SALTBYTES];
	unsigned char operations[8], memory[8]; /* little endian */
	struct packed_bare bare;
};
_Static_assert(sizeof(struct packed_secret) == 158, "minisign's secret keys have 158 bytes");

static uint64_t number_get(const unsigned char bytes[8])
{
	uint64_t number = 0;
	for (int i = 7; i >= 0; i--)
		number = number << 8 | bytes[i];
	return number;
}

static void number_put(unsigned char bytes[8], uint64_t number)
{
	for (size_t i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(number >> (8 * i));
}

struct secret_key *secret_key_allocate(void)
{
	if (sodium_init() < 0)
		abort();
	memory_hide();
	struct secret_key *key = sodium_malloc(sizeof(*key));
	if (!key)
		abort();
	sodium_memzero(key, sizeof(*key));
	return key;
}

struct secret_key *secret_key_new(void)
{
	struct secret_key *key = secret_key_allocate();
	randombytes_buf(key->public_key.id, KEY_ID_SIZE);
	crypto_sign_ed25519_keypair(key->public_key.bytes, key->bytes);
	return key;
}

void secret_key_free(struct secret_key *key)
{
	sodium_free(key);
}

void secret_key_cleanup(struct secret_key **key)
{
	secret_key_free(*key);
	*key = NULL;
}

const struct public_key *secret_key_public(const struct secret_key *key)
{
	return &key->public_key;
}

const unsigned char *secret_key_seed(const struct secret_key *key)
{
	return key->bytes;
}

static void checksum_make(const struct packed_bare *bare, unsigned char checksum[32])
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const unsigned char *)KEY_ALGORITHM, 2);
	crypto_generichash_update(&state, bare->id, sizeof(bare->id));
	crypto_generichash_update(&state, bare->bytes, sizeof(bare->bytes));
	crypto_generichash_final(&state, checksum, 32);
}

/* Locking and unlocking are the same: XOR with what the passphrase becomes. */
static int passphrase_apply(struct packed_secret *packed, const char *passphrase, struct error *err)
{
	uint64_t operations = number_get(packed->operations), memory = number_get(packed->memory);
	unsigned char stream[sizeof(struct packed_bare)];
	unsigned char *bare = (unsigned char *)&packed->bare;
	if (operations > OPERATIONS_MAXIMUM || memory > MEMORY_MAXIMUM)
		return error_set(err, "unlocking this key would take %llu MiB of memory, more than "
				      "any key of minisign's",
				 (unsigned long long)(memory >> 20));
	if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), passphrase,
					       strlen(passphrase), packed->salt, operations,
					       (size_t)memory) != 0)
		return error_set(err, "there is not enough memory to unlock the key (%llu MiB)",
				 (unsigned long long)(memory >> 20));
	for (size_t i = 0; i < sizeof(stream); i++)
		bare[i] ^= stream[i];
	sodium_memzero(stream, sizeof(stream));
	return 0;
}

/* Fills key when the parts belong together: a wrong passphrase or a damaged file do not. */
static int bare_take(const struct packed_bare *bare, bool locked, struct secret_key *key,
		     struct error *err)
{
	unsigned char checksum[32], seed[crypto_sign_ed25519_SEEDBYTES];
	checksum_make(bare, checksum);
	bool fits = sodium_memcmp(checksum, bare->checksum, sizeof(checksum)) == 0;
	/* `minisign -W` leaves it out. */
	if (!locked)
		fits |= sodium_is_zero(bare->checksum, sizeof(bare->checksum)) == 1;
	memcpy(seed, bare->bytes, sizeof(seed));
	crypto_sign_ed25519_seed_keypair(key->public_key.bytes, key->bytes, seed);
	sodium_memzero(seed, sizeof(seed));
	fits &= sodium_memcmp(key->bytes, bare->bytes, sizeof(key->bytes)) == 0;
	memcpy(key->public_key.id, bare->id, KEY_ID_SIZE);
	if (fits)
		return 0;
	return locked ? error_set(err, "the passphrase is wrong")
		      : error_set(err, "the secret key is damaged");
}

/* The one line of a key file that matters. */
static int packed_read(const char *text, struct packed_secret *packed, struct error *err)
{
	text += strspn(text, " \t\r\n");
	if (text_starts_with(text, "untrusted comment:"))
		text = line_next(text);
	if (base64_line(text, packed, sizeof(*packed), NULL) == 0 &&
	    memcmp(packed->algorithm, KEY_ALGORITHM, 2) == 0 &&
	    memcmp(packed->checksum, CHECKSUM_ALGORITHM, 2) == 0 &&
	    (memcmp(packed->derived, DERIVED_KEY, 2) == 0 ||
	     memcmp(packed->derived, DERIVED_NONE, 2) == 0))
		return 0;
	error_set(err, "this is no secret key as shipit or minisign write it");
	return error_hint(err, "`shipit keygen` makes one");
}

struct secret_key *secret_key_parse(const char *text, size_t length, const char *passphrase,
				    bool *locked, struct error *err)
{
	struct packed_secret packed = {.algorithm = ""};
	struct secret_key *key = NULL;
	int status = -1;
	*locked = false;
	if (strlen(text) == length)
		status = packed_read(text, &packed, err);
	else
		error_set(err, "this is no secret key: it has bytes that are no text");
	if (status == 0)
		*locked = memcmp(packed.derived, DERIVED_KEY, 2) == 0;
	if (*locked && !passphrase)
		status = error_set(err, "the key is locked by a passphrase");
	else if (*locked)
		status = passphrase_apply(&packed, passphrase, err);
	if (status == 0) {
		key = secret_key_allocate();
		status = bare_take(&packed.bare, *locked, key, err);
	}
	sodium_memzero(&packed, sizeof(packed));
	if (status == 0)
		return key;
	secret_key_free(key);
	return NULL;
}

int secret_key_format(const struct secret_key *key, const char *passphrase, struct buffer *out,
		      struct error *err)
{
	bool locked = passphrase && *passphrase;
	struct packed_secret packed = {.algorithm = KEY_ALGORITHM, .checksum = CHECKSUM_ALGORITHM};
	char text[sodium_base64_ENCODED_LEN(sizeof(packed), sodium_base64_VARIANT_ORIGINAL)];
	int status = 0;
	memcpy(packed.bare.id, key->public_key.id, KEY_ID_SIZE);
	memcpy(packed.bare.bytes, key->bytes, sizeof(packed.bare.bytes));
	checksum_make(&packed.bare, packed.bare.checksum);
	if (locked) {
		memcpy(packed.derived, DERIVED_KEY, 2);
		randombytes_buf(packed.salt, sizeof(packed.salt));
		number_put(packed.operations, LOCK_OPERATIONS);
		number_put(packed.memory, LOCK_MEMORY);
		status = passphrase_apply(&packed, passphrase, err);
	}
	if (status == 0) {
		sodium_bin2base64(text, sizeof(text), (const unsigned char *)&packed,
				  sizeof(packed), sodium_base64_VARIANT_ORIGINAL);
		buffer_add_format(out, "untrusted comment: shipit %ssecret key\n%s\n",
				  locked ? "encrypted " : "", text);
	}
	sodium_memzero(&packed, sizeof(packed));
	sodium_memzero(text, sizeof(text));
	return status;
}
