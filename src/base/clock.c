/* Time: the system's and a fixed one; durations, sizes and stamps as text. */
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <time.h>

static int64_t system_now(const struct clock *clock)
{
	struct timespec now;

	(void)clock;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t fixed_now(const struct clock *clock)
{
	return clock->fixed;
}

const struct clock clock_system = {.now = system_now};

struct clock clock_fixed(int64_t now)
{
	return (struct clock){.now = fixed_now, .fixed = now};
}

int64_t clock_now(const struct clock *clock)
{
	return clock->now(clock);
}

int64_t clock_monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct unit {
	const char *name;
	int64_t factor;
};

/* A decimal number ("1.5" too) and one of the units behind it. 0, or -1 when it is none. */
static int parse_with_unit(const char *text, const struct unit *units, int64_t *result)
{
	char *end;
	double value;

	if (!(text[0] >= '0' && text[0] <= '9') || text[1] == 'x' || text[1] == 'X')
		return -1;
	value = strtod(text, &end);
	for (const char *c = text; c < end; c++)
		if (*c != '.' && (*c < '0' || *c > '9'))
			return -1;
	for (; units->name; units++) {
		if (strcmp(end, units->name) != 0)
			continue;
		value = round(value * (double)units->factor);
		if (value > 9e15)
			return -1;
		*result = (int64_t)value;
		return 0;
	}
	if (*end == '\0' && value < 0.5 && value > -0.5) {
		*result = 0;
		return 0;
	}
	return -1;
}

int duration_parse(const char *text, int64_t *milliseconds, struct error *err)
{
	static const struct unit units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
	};

	if (parse_with_unit(text, units, milliseconds) == 0)
		return 0;
	error_set(err, "'%s' is not a duration", text);
	return error_hint(err, "write 500ms, 30s, 10m, 4h or 7d");
}

int size_parse(const char *text, int64_t *bytes, struct error *err)
{
	static const struct unit units[] = {
		{"", 1},
		{"B", 1},
		{"KiB", 1 << 10},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"TiB", (int64_t)1 << 40},
		{"KB", 1000},
		{"kB", 1000},
		{"MB", 1000000},
		{"GB", 1000000000},
		{"TB", 1000000000000},
		{NULL, 0},
	};

	if (parse_with_unit(text, units, bytes) == 0)
		return 0;
	error_set(err, "'%s' is not a size", text);
	return error_hint(err, "write 64KiB, 5MiB or 1GiB, or a number of bytes");
}

const char *duration_format(char text[32], int64_t milliseconds)
{
	int64_t ms = milliseconds < 0 ? 0 : milliseconds;
	int64_t seconds = (ms + 500) / 1000;

	if (ms < 1000)
		snprintf(text, 32, "%dms", (int)ms);
	else if (ms < 9950)
		snprintf(text, 32, "%.1fs", (double)ms / 1000);
	else if (seconds < 60)
		snprintf(text, 32, "%ds", (int)seconds);
	else if (seconds < 3600)
		snprintf(text, 32, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
	else if (seconds < INT64_C(48) * 3600)
		snprintf(text, 32, "%dh%02dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
	else
		snprintf(text, 32, "%lldd%02dh", (long long)(seconds / 86400),
			 (int)(seconds / 3600 % 24));
	return text;
}

const char *size_format(char text[32], int64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, 32, "%d bytes", (int)bytes);
		return text;
	}
	while (value >= 1023.5 && unit < 3) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 32, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

const char *time_format(char text[32], int64_t milliseconds)
{
	int64_t ms = milliseconds % 1000;
	time_t seconds;
	struct tm tm = {0};

	if (ms < 0)
		ms += 1000;
	seconds = (time_t)((milliseconds - ms) / 1000);
	gmtime_r(&seconds, &tm);
	strftime(text, 26, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + strlen(text), 6, ".%03uZ", (unsigned)ms % 1000u);
	return text;
}

const char *time_stamp(char text[32], int64_t milliseconds)
{
	time_t seconds = (time_t)(milliseconds / 1000);
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	strftime(text, 32, "%Y%m%d-%H%M%S", &tm);
	return text;
}

/* Exactly so many digits at *cursor, which moves on; -1 when they are not there. */
static int digits(const char **cursor, int count, int low, int high)
{
	int value = 0;

	for (; count > 0; count--, (*cursor)++) {
		if (**cursor < '0' || **cursor > '9')
			return -1;
		value = value * 10 + (**cursor - '0');
	}
	return value >= low && value <= high ? value : -1;
}

static int literal(const char **cursor, const char *choices)
{
	if (**cursor == '\0' || !strchr(choices, **cursor))
		return -1;
	(*cursor)++;
	return 0;
}

static int parse_date(const char **cursor, struct tm *tm)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = digits(cursor, 4, 1970, 9999);

	if (year < 0 || literal(cursor, "-") < 0)
		return -1;
	tm->tm_year = year - 1900;
	tm->tm_mon = digits(cursor, 2, 1, 12) - 1;
	if (tm->tm_mon < 0 || literal(cursor, "-") < 0)
		return -1;
	tm->tm_mday = digits(cursor, 2, 1, lengths[tm->tm_mon]);
	if (tm->tm_mday == 29 && tm->tm_mon == 1 &&
	    (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
		return -1;
	return tm->tm_mday < 0 ? -1 : 0;
}

/* "14:22", "14:22:33" and "14:22:33.123" */
static int parse_time_of_day(const char **cursor, struct tm *tm, int *ms)
{
	int scale = 100;

	tm->tm_hour = digits(cursor, 2, 0, 24);
	if (tm->tm_hour < 0 || literal(cursor, ":") < 0)
		return -1;
	tm->tm_min = digits(cursor, 2, 0, tm->tm_hour == 24 ? 0 : 59);
	if (tm->tm_min < 0)
		return -1;
	if (**cursor != ':')
		return 0;
	(*cursor)++;
	tm->tm_sec = digits(cursor, 2, 0, tm->tm_hour == 24 ? 0 : 60);
	if (tm->tm_sec < 0)
		return -1;
	if (**cursor != '.')
		return 0;
	(*cursor)++;
	if (**cursor < '0' || **cursor > '9')
		return -1;
	for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++, scale /= 10)
		*ms += (**cursor - '0') * scale;
	return 0;
}

/* "Z" or "+01:00"; *local stays true when there is none. */
static int parse_zone(const char **cursor, bool *local, int *offset)
{
	int sign, hours, minutes;

	if (**cursor == '\0')
		return 0;
	*local = false;
	if (literal(cursor, "Zz") == 0)
		return 0;
	sign = **cursor == '-' ? -1 : 1;
	if (literal(cursor, "+-") < 0)
		return -1;
	hours = digits(cursor, 2, 0, 23);
	if (hours < 0)
		return -1;
	if (**cursor == ':')
		(*cursor)++;
	minutes = digits(cursor, 2, 0, 59);
	*offset = sign * (hours * 60 + minutes) * 60;
	return minutes < 0 ? -1 : 0;
}

struct parsed_time {
	struct tm tm;
	int ms, offset;		/* offset: seconds east, unless local */
	bool local, day;
};

static int parse_time(const char *text, struct parsed_time *time, struct error *err)
{
	const char *at = text;

	*time = (struct parsed_time){.tm.tm_isdst = -1, .local = true};
	if (parse_date(&at, &time->tm) == 0) {
		time->day = !*at;
		if (time->day || (literal(&at, "Tt ") == 0 &&
				  parse_time_of_day(&at, &time->tm, &time->ms) == 0 &&
				  parse_zone(&at, &time->local, &time->offset) == 0 && !*at))
			return 0;
	}
	error_set(err, "'%s' is not a time", text);
	return error_hint(err, "write 2026-11-23T14:22:33Z, \"2026-11-23 14:22\" or 2026-11-23");
}

int time_parse(const char *text, int64_t *milliseconds, struct error *err)
{
	struct parsed_time time;
	time_t seconds;

	if (parse_time(text, &time, err) < 0)
		return -1;
	seconds = time.local ? mktime(&time.tm) : timegm(&time.tm);
	*milliseconds = ((int64_t)seconds - time.offset) * 1000 + time.ms;
	return 0;
}

int time_parse_wall(const char *text, struct wall_time *wall, struct error *err)
{
	struct parsed_time time;

	if (parse_time(text, &time, err) < 0)
		return -1;
	wall->seconds = (int64_t)timegm(&time.tm) - time.offset;
	wall->zoned = !time.local;
	wall->day = time.day;
	return 0;
}
