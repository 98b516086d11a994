/* `check` of a step that rolls out: a command or a URL behind what was changed. */
#pragma once
#include "steps/kind.h"

struct step_check;
/* In the request's arena; done comes once, through the loop: failure is a sentence or NULL. NULL:
 * it cannot be started. */
struct step_check *step_check_start(const struct step_request *request,
				    void (*done)(void *context, const char *failure),
				    void *context, struct error *err) MUST_USE;
/* done still comes. */
void step_check_stop(struct step_check *check);
