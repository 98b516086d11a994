/* What a CI job keeps of a deploy: GitHub's job summary ($GITHUB_STEP_SUMMARY) and outputs
 * ($GITHUB_OUTPUT). */
#pragma once
#include "run/event.h"

/* A reader for event_hub_add that writes at the verdict; NULL when the environment asks for
 * neither. Give it to job_free. */
struct event_sink *job_new(void);
void job_free(struct event_sink *job);	/* NULL is allowed */
static inline void job_cleanup(struct event_sink **job)
{
	job_free(*job);
}
