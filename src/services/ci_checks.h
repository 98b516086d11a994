/* Whether a commit's checks are green (guards.ci): asks GitHub's checks and statuses, or GitLab's
 * pipelines. https://docs.github.com/en/rest/checks/runs, /rest/commits/statuses,
 * https://docs.gitlab.com/api/pipelines */
#pragma once
#include "base/arena.h"
#include "base/error.h"

struct outside_api;
struct redactor;

enum ci_state { CI_GREEN, CI_PENDING, CI_RED };

struct ci_question {
	const char *github, *gitlab; /* one of them: OWNER/REPOSITORY, GROUP/PROJECT */
	const char *endpoint;        /* in place of the vendor's base; or NULL */
	const char *token;           /* or NULL: as anybody */
	const char *commit;          /* whole hash */
	/* The CI run that we are part of, whose checks cannot be waited for: GITHUB_RUN_ID,
	 * CI_PIPELINE_ID. NULL: none. */
	const char *own_run;
	const struct redactor *redactor;
};

struct ci_answer {
	enum ci_state state;
	const char *reason; /* a sentence without its stop, in the arena */
};

/* Waits, at most 30 s. -1 with err when the service does not tell. */
int ci_ask(struct arena *arena, const struct ci_question *question, struct ci_answer *answer,
	   struct error *err) MUST_USE;

/* For docs and tests: the services' tables of errors. */
const struct outside_api *ci_api(size_t index, const char **name); /* NULL: no more */
