/* POSIX TZ rules: summer time for all years to come. */
#include "base/zone_internal.h"

#include <string.h>

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* "CET" or "<+03>"; at least three characters. */
static int parse_name(const char **cursor, char name[16])
{
	const char *at = *cursor;
	bool quoted = *at == '<';
	size_t length = 0;

	at += quoted;
	while (quoted ? is_letter(at[length]) || is_digit(at[length]) || at[length] == '+' ||
				at[length] == '-'
		      : is_letter(at[length]))
		length++;
	if (length < 3 || length > 15 || (quoted && at[length] != '>'))
		return -1;
	memcpy(name, at, length);
	name[length] = '\0';
	*cursor = at + length + quoted;
	return 0;
}

static int parse_number(const char **cursor, int low, int high)
{
	int value = 0, count = 0;

	while (is_digit(**cursor) && count++ < 4)
		value = value * 10 + (*(*cursor)++ - '0');
	return count && value >= low && value <= high ? value : -1;
}

/* "[+-]hh[:mm[:ss]]" */
static int parse_seconds(const char **cursor, int32_t *seconds)
{
	int sign = **cursor == '-' ? -1 : 1, hours, part;
	int32_t scale = 60;

	if (**cursor == '-' || **cursor == '+')
		(*cursor)++;
	hours = parse_number(cursor, 0, 167);
	if (hours < 0)
		return -1;
	*seconds = hours * 3600;
	for (; **cursor == ':' && scale; scale /= 60) {
		(*cursor)++;
		part = parse_number(cursor, 0, 59);
		if (part < 0)
			return -1;
		*seconds += part * scale;
	}
	*seconds *= sign;
	return 0;
}

static int parse_month(const char **cursor, struct zone_day *day)
{
	day->kind = ZONE_MONTH;
	day->month = parse_number(cursor, 1, 12);
	if (day->month < 0 || *(*cursor)++ != '.')
		return -1;
	day->week = parse_number(cursor, 1, 5);
	if (day->week < 0 || *(*cursor)++ != '.')
		return -1;
	day->day = parse_number(cursor, 0, 6);
	return day->day < 0 ? -1 : 0;
}

static int parse_day(const char **cursor, struct zone_day *day)
{
	day->time = 2 * 3600;
	if (*(*cursor)++ != ',')
		return -1;
	if (**cursor == 'M') {
		(*cursor)++;
		if (parse_month(cursor, day) < 0)
			return -1;
	} else {
		day->kind = **cursor == 'J' ? ZONE_JULIAN : ZONE_ZERO;
		*cursor += **cursor == 'J';
		day->day = parse_number(cursor, day->kind == ZONE_JULIAN, 365);
		if (day->day < 0)
			return -1;
	}
	if (**cursor != '/')
		return 0;
	(*cursor)++;
	return parse_seconds(cursor, &day->time);
}

int zone_rule_parse(const char *text, struct zone_rule *rule)
{
	*rule = (struct zone_rule){0};
	if (parse_name(&text, rule->standard) < 0 ||
	    parse_seconds(&text, &rule->standard_offset) < 0)
		return -1;
	rule->standard_offset = -rule->standard_offset;
	if (!*text)
		return 0;
	rule->has_summer = true;
	rule->summer_offset = rule->standard_offset + 3600;
	if (parse_name(&text, rule->summer) < 0)
		return -1;
	if (*text != ',') {
		if (parse_seconds(&text, &rule->summer_offset) < 0)
			return -1;
		rule->summer_offset = -rule->summer_offset;
	}
	return parse_day(&text, &rule->start) < 0 || parse_day(&text, &rule->end) < 0 || *text ? -1
											       : 0;
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of March of that year, and back (Hinnant's civil days). */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t year_of(int64_t seconds)
{
	int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
	int64_t year = 1970 + days / 366;

	while (days_of(year + 1, 1, 1) <= days)
		year++;
	while (days_of(year, 1, 1) > days)
		year--;
	return year;
}

/* Seconds on the clock that is in force before the change. */
static int64_t moment(const struct zone_day *day, int64_t year)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = days_of(year, 1, 1);

	if (day->kind == ZONE_MONTH) {
		int length = lengths[day->month - 1] + (day->month == 2 && is_leap(year));
		int64_t first = days_of(year, day->month, 1);
		int weekday = (int)(((first + 4) % 7 + 7) % 7);
		int date = (day->day - weekday + 7) % 7 + (day->week - 1) * 7;

		while (date >= length)
			date -= 7;
		days = first + date;
	} else if (day->kind == ZONE_JULIAN) {
		days += day->day - 1 + (is_leap(year) && day->day > 59);
	} else {
		days += day->day;
	}
	return days * 86400 + day->time;
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t seconds, const char **abbreviation)
{
	int64_t year, start, end;
	bool summer = false;

	if (rule->has_summer) {
		year = year_of(seconds + rule->standard_offset);
		start = moment(&rule->start, year) - rule->standard_offset;
		end = moment(&rule->end, year) - rule->summer_offset;
		summer = start < end ? seconds >= start && seconds < end
				     : seconds >= start || seconds < end;
	}
	if (abbreviation)
		*abbreviation = summer ? rule->summer : rule->standard;
	return summer ? rule->summer_offset : rule->standard_offset;
}
