/* Time: injected where a decision depends on it; durations and stamps as text. */
#pragma once
#include <stdint.h>

#include "base/buffer.h"

struct clock {
	/* Wall time, milliseconds since 1970 UTC. */
	int64_t (*now)(const struct clock *clock);
	int64_t fixed;		/* what clock_fixed answers */
};

extern const struct clock clock_system;
struct clock clock_fixed(int64_t now);
int64_t clock_now(const struct clock *clock);
/* Milliseconds that never jump; for measuring only. */
int64_t clock_monotonic(void);

/* "500ms", "30s", "10m", "4h", "7d", "0" to milliseconds. */
int duration_parse(const char *text, int64_t *milliseconds, struct error *err) MUST_USE;
/* "820ms", "4.2s", "2m10s", "1h05m". buffer of 32 bytes; returns it. */
const char *duration_format(char text[32], int64_t milliseconds);
/* "64KiB", "5MiB", "1GiB", "100" (bytes), also KB, MB, GB (powers of 1000). */
int size_parse(const char *text, int64_t *bytes, struct error *err) MUST_USE;
const char *size_format(char text[32], int64_t bytes);
/* "2026-11-23T14:22:33.123Z" */
const char *time_format(char text[32], int64_t milliseconds);
/* RFC 3339, or "2026-11-23 14:22" and "2026-11-23T14:22" in the local zone, or a date. */
int time_parse(const char *text, int64_t *milliseconds, struct error *err) MUST_USE;
/* The same texts as a clock on the wall shows them, whatever zone it hangs in. */
struct wall_time {
	int64_t seconds;	/* since 1970, as if that wall were in UTC */
	bool zoned;		/* "...Z" or "+01:00": seconds are UTC's indeed */
	bool day;		/* a date alone */
};
int time_parse_wall(const char *text, struct wall_time *wall, struct error *err) MUST_USE;
/* "20261123-142233", UTC: the first part of a deploy ID. */
const char *time_stamp(char text[32], int64_t milliseconds);
