/* Time zones of the system's database (TZif files, RFC 8536), without touching TZ: any thread may
 * ask. */
#pragma once
#include <stdint.h>

#include "base/arena.h"

struct zone;

/* "Europe/Berlin", "UTC" (known without a database). NULL with an error that says whether there is
 * no such zone (with a near one) or no database at all; *no_database (may be NULL) tells them
 * apart. */
const struct zone *zone_load(struct arena *arena, const char *name, bool *no_database,
			     struct error *err) MUST_USE;
/* The same out of a file's bytes. */
const struct zone *zone_read(struct arena *arena, const char *bytes, size_t length,
			     struct error *err) MUST_USE;
/* Seconds east of UTC at that moment (seconds since 1970), summer time included; abbreviation
 * (may be NULL) becomes "CEST" and is the zone's. */
int32_t zone_offset(const struct zone *zone, int64_t seconds, const char **abbreviation);
