/* Questions to the person; never without a terminal. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct prompt {
	bool assume_yes;  /* --yes: every yes/no question is answered so, without showing it */
	bool refuse;      /* --json and the like: never ask, as if there were no terminal */
	const char *flag; /* what answers the question without a terminal: "--yes" */
};

/* Asks "question [y/N] ". 0 and *yes; -1 with EXIT_REFUSED and a hint that names the flag when
 * nobody can be asked, or the input ended. */
int prompt_yes(const struct prompt *prompt, const char *question, bool *yes,
	       struct error *err) MUST_USE;
/* Asks for a line of text; an empty answer is the fallback (NULL: asked again). The answer, to be
 * freed by the caller, or NULL with an error as above. */
char *prompt_text(const struct prompt *prompt, const char *question, const char *fallback,
		  struct error *err) MUST_USE;
/* The same for what nobody must see while it is typed; an empty answer is one. To be wiped and
 * freed by the caller. */
char *prompt_secret(const struct prompt *prompt, const char *question,
		    struct error *err) MUST_USE;
