/* Takes secrets out of what is about to be written: as they are, by line, and encoded (base64 at
 * any offset, percent, JSON, shell). A match becomes "***". */
#pragma once
#include "base/buffer.h"

#define REDACT_MINIMUM 4	/* bytes; what is shorter would make holes in everything */

struct redactor;
struct redactor *redactor_new(void);
void redactor_free(struct redactor *redactor);	/* NULL is allowed */
/* false: too short to be taken out. */
bool redactor_add(struct redactor *redactor, const char *value);
/* Nothing to take out, so that callers can pass bytes straight on; true for NULL. */
bool redactor_empty(const struct redactor *redactor);

/* Adds the text to out, without secrets. */
void redact_text(const struct redactor *redactor, const char *bytes, size_t length,
		 struct buffer *out);

/* The same for bytes that come in pieces: the beginning of what may become a secret is held back
 * until its end is known. */
struct redact_stream {
	struct buffer held;
	size_t covered;		/* so many bytes of held belong to a secret that was found */
	bool begun;
};
void redact_piece(const struct redactor *redactor, struct redact_stream *stream, const char *bytes,
		  size_t length, struct buffer *out);
/* How many of the bytes, from the first one on, redact_piece would hand on as they are: those can
 * go without being copied, the rest is a piece of its own. */
size_t redact_passes(const struct redactor *redactor, const struct redact_stream *stream,
		     const char *bytes, size_t length);
/* No more comes: what was held goes to out; out may be NULL to drop it. */
void redact_end(const struct redactor *redactor, struct redact_stream *stream, struct buffer *out);
