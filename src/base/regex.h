/* Regular expressions (PCRE2), with limits so that no expression can hang a deploy. */
#pragma once
#include "base/arena.h"

enum regex_flags {
	REGEX_PLAIN = 0,
	REGEX_LINES = 1,	/* ^ and $ match at every line */
};

struct regex;
struct regex_span {
	size_t start, end;	/* bytes; both SIZE_MAX for a group that took no part */
};

/* NULL with a message that says where in the expression it is wrong. */
struct regex *regex_new(const char *pattern, int flags, struct error *err) MUST_USE;
void regex_free(struct regex *regex);
/* For CLEANUP. */
void regex_cleanup(struct regex **regex);
/* 1: matches, and spans[0] is the whole, spans[1...] its groups (all count are filled);
 * 0: does not; -1: too complicated for this text. Text need not be UTF-8. */
int regex_match(const struct regex *regex, const char *text, size_t length,
		struct regex_span *spans, size_t count, struct error *err) MUST_USE;
/* The first group of the first match (the whole match when there is no group) or NULL; err is
 * touched only when it gave up. */
char *regex_extract(struct arena *arena, const struct regex *regex, const char *text,
		    size_t length, struct error *err);
