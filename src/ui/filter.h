/* Children's output made harmless before a terminal or a CI sees it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* What else, beside escape sequences and control characters, means something to the reader. */
enum filter_commands {
	FILTER_PLAIN = 0,
	FILTER_GITHUB = 1,    /* "::command::" at the start of a line, "##[command]" anywhere */
	FILTER_BUILDKITE = 2, /* "--- ", "+++ ", "~~~ ", "^^^ " at the start of a line */
};

/* Appends the bytes (whole lines) to out: escape sequences and control characters but tab and
 * newline go, "\r\n" becomes "\n" and a lone "\r" a new line, text direction overrides go, what is
 * not UTF-8 becomes U+FFFD, and a line that looks like a command of the given sorts is
 * defused so that it still reads the same. Keeps no state: a newline ends any sequence. */
void filter_text(struct buffer *out, const char *bytes, size_t length, unsigned commands);
/* Nothing in it would change: it may be written as it is. */
bool filter_clean(const char *bytes, size_t length, unsigned commands);
