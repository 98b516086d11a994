/* The rule behind the last transition of a time zone: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ). */
#pragma once
#include "base/zone.h"

struct zone_day {                                         /* when in a year it changes */
	enum { ZONE_MONTH, ZONE_JULIAN, ZONE_ZERO } kind; /* Mm.w.d; Jn, never 29 Feb; n from 0 */
	int month, week, day;
	int32_t time; /* seconds behind that day's midnight, may be negative */
};
struct zone_rule {
	char standard[16], summer[16];
	int32_t standard_offset, summer_offset; /* seconds east */
	bool has_summer;
	struct zone_day start, end;
};

/* 0, or -1 when text is no such rule. */
int zone_rule_parse(const char *text, struct zone_rule *rule);
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t seconds, const char **abbreviation);
