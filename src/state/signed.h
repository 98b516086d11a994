/* JSON objects that say who wrote them. The member "signature" holds the text of a .minisig file
 * over the line "shipit TYPE" and the canonical form of all other members but "nonce" (which a
 * store sets anew with each write): sorted keys, no blanks, UTF-8, a newline at the end. So
 * nothing that was signed as one thing can pass for another. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "crypto/key.h"

#define SIGNED_RECORD "record"
#define SIGNED_BEACON "beacon"
#define SIGNED_APPROVAL "approval"

/* Signs it, or anew. */
int signed_make(json_t *object, const char *type, const struct secret_key *key,
		struct error *err) MUST_USE;
/* 0 when it was signed as that type by that key and not changed since; else -1. */
int signed_check(const json_t *object, const char *type, const struct public_key *key,
		 struct error *err) MUST_USE;
/* The key that it says it was signed with: 1, or 0 when it is not signed at all. */
int signed_by(const json_t *object, unsigned char id[KEY_ID_SIZE]);
/* Adds the bytes that are signed. */
int signed_bytes(const json_t *object, const char *type, struct buffer *out,
		 struct error *err) MUST_USE;
