/* What one answer is worth; for this room and its tests only. */
#pragma once
#include "base/regex.h"
#include "config/config.h"
#include "net/http.h"

struct smoke_expectation {
	const struct smoke_check *check;
	const struct regex *commit_match; /* NULL: no commit is looked for */
	const char *commit;               /* whole hash */
};

/* Whether the answer is as the check wants it; if not, reason says in a sentence why not.
 * *showed_commit becomes true when the page showed the right commit, else it is left alone. */
bool smoke_judge(const struct smoke_expectation *expectation, const struct http_response *response,
		 bool *showed_commit, struct buffer *reason);
