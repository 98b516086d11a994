/* For how long this clone has seen the same version of something in the store, on a clock that
 * counts suspend; remembered between commands below <git common dir>/shipit/seen/. */
#pragma once
#include <stdint.h>

/* Ms since the first of an unbroken row of calls with this version, 0 on the first. A reboot, or
 * another machine, begins anew. What cannot be remembered counts as new. */
int64_t sighting_age(const char *common_dir, const char *env, const char *name,
		     const char *version);
