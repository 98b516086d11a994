/* Time zones: the same answers as the C library's, for many zones and years, and damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/zone_internal.h"

static int64_t at(const char *text)
{
	struct error err = {0};
	int64_t ms = 0;

	assert_int_equal(time_parse(text, &ms, &err), 0);
	return ms / 1000;
}

static int32_t system_offset(const char *name, int64_t seconds)
{
	time_t time = (time_t)seconds;
	struct tm tm;

	setenv("TZ", name, 1);
	tzset();
	localtime_r(&time, &tm);
	setenv("TZ", "UTC", 1);
	tzset();
	return (int32_t)tm.tm_gmtoff;
}

static const struct zone *load(struct arena *arena, const char *name)
{
	struct error err = {0};
	const struct zone *zone = zone_load(arena, name, NULL, &err);

	assert_string_equal(err.message, "");
	assert_non_null(zone);
	return zone;
}

static void test_as_the_system(void **state)
{
	static const char *const names[] = {
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
		"America/Sao_Paulo", "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin",
		"America/St_Johns", "Pacific/Chatham", "Asia/Tehran", "Etc/UTC",
	};
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct zone *zone = load(&arena, names[i]);

		for (int64_t t = at("1971-01-01T00:00:00Z"); t < at("2120-01-01T00:00:00Z");
		     t += 86400 * 3 + 4711)
			assert_int_equal(zone_offset(zone, t, NULL), system_offset(names[i], t));
	}
	arena_release(&arena);
}

static void test_summer_time_to_the_second(void **state)
{
	struct arena arena = ARENA_INIT;
	const struct zone *berlin = load(&arena, "Europe/Berlin");
	const char *name;

	(void)state;
	assert_int_equal(zone_offset(berlin, at("2026-03-29T00:59:59Z"), &name), 3600);
	assert_string_equal(name, "CET");
	assert_int_equal(zone_offset(berlin, at("2026-03-29T01:00:00Z"), &name), 7200);
	assert_string_equal(name, "CEST");
	assert_int_equal(zone_offset(berlin, at("2026-10-25T00:59:59Z"), NULL), 7200);
	assert_int_equal(zone_offset(berlin, at("2026-10-25T01:00:00Z"), NULL), 3600);
	assert_int_equal(zone_offset(berlin, at("2099-07-01T00:00:00Z"), NULL), 7200);
	arena_release(&arena);
}

/* The rules alone (slim files have nothing else for our years), against the C library's. */
static void test_rules(void **state)
{
	static const char *const rules[] = {
		"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<-03>3",
		"AEST-10AEDT,M10.1.0,M4.1.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"IST-2IDT,M3.4.4/26,M10.5.0", "AAA3BBB,J60/1,J300/1:30", "AAA-3BBB,59,299",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "XYZ0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct zone_rule rule;

		assert_int_equal(zone_rule_parse(rules[i], &rule), 0);
		for (int64_t t = at("1999-12-25T00:00:00Z"); t < at("2040-01-10T00:00:00Z");
		     t += 3600 * 7 + 1800)
			assert_int_equal(zone_rule_offset(&rule, t, NULL),
					 system_offset(rules[i], t));
	}
}

static void test_wrong_rules(void **state)
{
	static const char *const rules[] = {
		"", "CE-1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-200",
		"ABCDEFGHIJKLMNOPQ1", "CET-1CEST,J0,J1",
	};
	struct zone_rule rule;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		assert_int_equal(zone_rule_parse(rules[i], &rule), -1);
}

/* A slim file: one type, no transitions, all in the footer. */
static size_t slim(char bytes[256], const char *footer)
{
	size_t length = 0;

	memset(bytes, 0, 256);
	for (int part = 0; part < 2; part++) {
		memcpy(bytes + length, "TZif2", 5);
		bytes[length + 39] = 1;
		bytes[length + 43] = 4;
		memcpy(bytes + length + 44 + 6, "CET", 4);
		length += 44 + 6 + 4;
	}
	memcpy(bytes + length, footer, strlen(footer));
	return length + strlen(footer);
}

static void test_slim_and_damaged_files(void **state)
{
	struct arena arena = ARENA_INIT;
	struct error err = {0};
	const struct zone *zone;
	char bytes[256];
	size_t length = slim(bytes, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");

	(void)state;
	zone = zone_read(&arena, bytes, length, &err);
	assert_non_null(zone);
	assert_int_equal(zone_offset(zone, at("2026-07-01T00:00:00Z"), NULL), 7200);
	for (size_t cut = 0; cut < length; cut++)
		assert_null(zone_read(&arena, bytes, cut, &err));
	for (size_t i = 0; i < length; i++) {
		char was = bytes[i];

		for (int bit = 0; bit < 8; bit++) {
			bytes[i] = (char)(was ^ (1 << bit));
			zone = zone_read(&arena, bytes, length, &err);
			if (zone)
				zone_offset(zone, at("2026-07-01T00:00:00Z"), NULL);
		}
		bytes[i] = was;
	}
	length = slim(bytes, "\n\n");
	zone = zone_read(&arena, bytes, length, &err);
	assert_non_null(zone);
	assert_int_equal(zone_offset(zone, at("2026-07-01T00:00:00Z"), NULL), 0);
	arena_release(&arena);
}

static void test_missing(void **state)
{
	struct arena arena = ARENA_INIT;
	struct error err = {0};
	bool no_database;

	(void)state;
	assert_null(zone_load(&arena, "Europe/Berln", &no_database, &err));
	assert_false(no_database);
	assert_string_equal(err.hint, "did you mean 'Europe/Berlin'?");
	assert_null(zone_load(&arena, "../../etc/passwd", &no_database, &err));
	assert_null(zone_load(&arena, "Europe", &no_database, &err));
	setenv("TZDIR", "/nonexistent", 1);
	assert_null(zone_load(&arena, "Europe/Berlin", &no_database, &err));
	assert_true(no_database);
	assert_non_null(strstr(err.hint, "tzdata"));
	assert_non_null(zone_load(&arena, "UTC", NULL, &err));
	unsetenv("TZDIR");
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_system),
		cmocka_unit_test(test_summer_time_to_the_second),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_wrong_rules),
		cmocka_unit_test(test_slim_and_damaged_files),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
