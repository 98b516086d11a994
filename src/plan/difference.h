/* In what two plans for the same commit differ, for somebody who has read the first. */
#pragma once
#include "plan/plan.h"

/* A line each, in arena; none when they do the same. */
struct text_list plan_difference(struct arena *arena, const struct plan *before,
				 const struct plan *after);
/* Whether after is riskier: its risk is higher, or it needs maintenance and before did not. */
bool plan_got_worse(const struct plan *before, const struct plan *after);
