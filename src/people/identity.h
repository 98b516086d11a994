/* Who sits here: the key of SHIPIT_KEY_DATA, or the file SHIPIT_KEY (~/.config/shipit/key). A key
 * that is locked by a passphrase does not even say whose it is; the public key beside it (".pub")
 * is taken as a claim until it is unlocked. */
#pragma once
#include "crypto/key.h"
#include "base/arena.h"

#define IDENTITY_DATA "SHIPIT_KEY_DATA"
#define IDENTITY_FILE "SHIPIT_KEY"
#define IDENTITY_PASSPHRASE "SHIPIT_KEY_PASSPHRASE"

struct identity {
	const char *path;       /* of the file; NULL: it came from SHIPIT_KEY_DATA */
	struct secret_key *key; /* NULL: none, or locked; identity_close frees it */
	bool locked;            /* there is a key that needs its passphrase */
	bool known;             /* public_key is */
	struct public_key public_key;
	const char *why; /* a sentence without its stop: why it is not known; else NULL */
};

/* Where the key file is, or would be. */
const char *identity_path(struct arena *arena, struct error *err) MUST_USE;
/* Looks for a key and asks nobody. 0, also when there is none; -1 (EXIT_USAGE) when there is one
 * that others can read, or that is none. */
int identity_open(struct arena *arena, struct identity *identity, struct error *err) MUST_USE;
/* Makes sure that there is a secret key to sign with: SHIPIT_KEY_PASSPHRASE, else the person at the
 * terminal, unless may_ask is false. -1: EXIT_REFUSED when nobody could be asked, or there is no
 * key, or it is not the one that was claimed. */
int identity_unlock(struct arena *arena, struct identity *identity, bool may_ask,
		    struct error *err) MUST_USE;
/* Wipes the key. */
void identity_close(struct identity *identity);
