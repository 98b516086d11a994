/* Mistakes in the files as annotations of the CI that runs us, at their file and line. */
#pragma once
#include "config/diagnostics.h"

/* Adds one line each, at most ten of a kind (GitHub shows no more); nothing where nobody reads
 * them. */
void ui_annotate(const struct diagnostics *diagnostics, struct buffer *out);
