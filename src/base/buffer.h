/* A growing byte buffer with a maximum given at its birth; always NUL-terminated. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "base/error.h"

struct buffer {
	char *data;		/* never NULL: "" while empty */
	size_t length;		/* without the NUL */
	size_t capacity, maximum;
	bool overflowed;	/* something did not fit and was dropped */
};

void buffer_init(struct buffer *buffer, size_t maximum);
void buffer_release(struct buffer *buffer);
/* Empties it and keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* 0, or -1 when the maximum would be passed (nothing is added then, overflowed is set). Callers
 * may ignore the result and look at overflowed once at the end. */
int buffer_add(struct buffer *buffer, const void *bytes, size_t length);
int buffer_add_text(struct buffer *buffer, const char *text);
int buffer_add_char(struct buffer *buffer, char byte);
int buffer_add_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
int buffer_add_vformat(struct buffer *buffer, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Drops the first bytes. */
void buffer_consume(struct buffer *buffer, size_t length);
/* Hands the memory to the caller, who frees it; the buffer is empty again. */
char *buffer_take(struct buffer *buffer, size_t *length);
