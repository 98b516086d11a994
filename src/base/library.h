/* Libraries that few commands need, loaded when first used: linked, they would slow every start. */
#pragma once
#include <stddef.h>

#include "base/error.h"

struct library {
	const char *const *files; /* NULL-terminated; the first that can be loaded is taken */
	const char *name;         /* "libcurl" */
	const char *purpose;      /* "requests": what cannot be done without it */
	const char *package;      /* Debian's */
};
struct library_function {
	const char *name;
	void *slot; /* of a pointer to the function */
};

/* Fills each slot; -1 with err when the library, or one of its functions, is not there. It is never
 * unloaded: TLS libraries leave handlers behind that run at exit. From any thread. */
int library_load(const struct library *library, const struct library_function *functions,
		 size_t count, struct error *err) MUST_USE;
