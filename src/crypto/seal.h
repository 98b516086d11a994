/* Values that only the owners of certain keys can open. Each is sealed on its own, together with
 * its name and with what is written beside it, so that neither can be exchanged. docs/secrets.md
 * says how, and why so. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "crypto/key.h"

#define SEAL_VALUE_MAXIMUM ((size_t)64 << 10) /* bytes of a value */
#define SEAL_RECIPIENTS_MAXIMUM 1000

struct seal_recipient {
	const char *name; /* in the roster; fit for YAML as it is */
	struct public_key key;
};
struct seal_recipients {
	VEC(struct seal_recipient) list;
};

struct sealed_value {
	const char *name;
	struct text_list to;    /* names, in the order of the keys that it is sealed to */
	struct text_list known; /* who could open the same value before and no longer can */
	const unsigned char *bytes;
	size_t length;
};

/* A value of 1 to SEAL_VALUE_MAXIMUM bytes without NUL; everything is copied to the arena. -1 when
 * it is none, there is no recipient, or a recipient's key cannot be sealed to. */
int seal_make(struct arena *arena, const char *name, const struct seal_recipients *to,
	      const struct text_list *known, const char *value, size_t length,
	      struct sealed_value *sealed, struct error *err) MUST_USE;
/* Whether the value is whole, and its line's own: neither changed nor another name's. Anybody can
 * tell, and forge it; who opens it knows for sure. */
int seal_check(const struct sealed_value *sealed, struct error *err) MUST_USE;
/* Adds the value to out (to be wiped). -1 when it is not sealed to that key, or was changed. */
int seal_open(const struct sealed_value *sealed, const struct secret_key *key, struct buffer *out,
	      struct error *err) MUST_USE;

/* The place of that key among those it is sealed to, or -1. */
int seal_place(const struct sealed_value *sealed, const struct public_key *key);
/* Whether one of these keys has that place. */
bool seal_place_taken(const struct sealed_value *sealed, const struct seal_recipients *to,
		      size_t place);
/* Whether it is sealed to just these keys under these names, in any order. */
bool seal_is_to(const struct sealed_value *sealed, const struct seal_recipients *to);
