/* Globs on branch names. */
#include "git/glob.h"

#include <stddef.h>

bool glob_match(const char *glob, const char *text)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (*glob == '*') {
			star = ++glob;
			retry = text;
		} else if (*text == '\0') {
			return *glob == '\0';
		} else if (*glob == *text || *glob == '?') {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++retry;
		} else {
			return false;
		}
	}
}

bool glob_is_pattern(const char *text)
{
	for (; *text; text++)
		if (*text == '*' || *text == '?')
			return true;
	return false;
}
