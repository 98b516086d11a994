/* Globs on branch names: `*` is any text, slashes included, `?` one character. */
#pragma once
#include <stdbool.h>

bool glob_match(const char *glob, const char *text);
/* Whether it has any wildcard. */
bool glob_is_pattern(const char *text);
