/* Words about text: nearness, UTF-8, columns on a terminal, quoting, lists of texts. */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"

/* Edits (insert, remove, replace, swap neighbours) between two words of up to 100 bytes. */
size_t text_distance(const char *one, const char *other);
/* The candidate that the writer probably meant, or NULL when none is near. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* Whether all bytes are valid UTF-8; else *bad (may be NULL) is where the first bad one is. */
bool text_is_utf8(const char *bytes, size_t length, size_t *bad);
/* The code point at *cursor, which moves on; U+FFFD (one byte further) for an invalid byte. */
uint32_t text_next(const char **cursor, const char *end);
/* Columns that a terminal gives to it: 0 for combining and control characters, 2 for wide ones. */
int text_columns_of(uint32_t code_point);
size_t text_columns(const char *text, size_t length);
/* How many bytes of text fit into so many columns. */
size_t text_fit(const char *text, size_t length, size_t columns);

/* Adds lines of text folded at blanks to so many columns (0: as they are), what goes on below two
 * columns further in. Words that are too long stay whole, and so does a command (`shipit -e ENV
 * unlock`): half of one must never be what somebody copies. Styles take no columns. */
void text_fold(struct buffer *out, const char *text, size_t length, size_t columns);

/* Adds text as one word of a POSIX shell, quoted only where needed. */
void text_quote_shell(struct buffer *out, const char *text);
bool text_starts_with(const char *text, const char *start);
bool text_ends_with(const char *text, const char *end);
bool text_equal(const char *one, const char *other);	/* NULL equals NULL only */
/* [A-Za-z_][A-Za-z0-9_]*: fit for the name of an environment variable. */
bool text_is_variable(const char *text);

/* no copy */
void text_list_add(struct arena *arena, struct text_list *list, const char *text);
bool text_list_has(const struct text_list *list, const char *text);
void text_list_sort(struct text_list *list);	/* by bytes */
/* The parts between separators, without surrounding blanks; empty parts are dropped. */
struct text_list text_split(struct arena *arena, const char *text, char separator);
char *text_join(struct arena *arena, const struct text_list *list, const char *between);
