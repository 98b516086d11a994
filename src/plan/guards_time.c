/* The guards that look at the clock on the wall: friday and freezes. */
#include "base/clock.h"
#include "base/text.h"
#include "base/zone.h"
#include "git/change.h"
#include "plan/migration.h"
#include "plan/plan_internal.h"

enum { HOTFIX_LINES = 50, DAY_MINUTES = 24 * 60, WEEK_MINUTES = 7 * DAY_MINUTES };

static int64_t floor_divide(int64_t value, int64_t by)
{
	return value >= 0 ? value / by : -((-value + by - 1) / by);
}

/* Seconds since 1970 as a clock on the wall there shows them. */
static int64_t wall_seconds(const struct zone *zone, int64_t now)
{
	int64_t seconds = floor_divide(now, 1000);

	return seconds + zone_offset(zone, seconds, NULL);
}

/* Minutes since Monday 00:00; 1970 began on a Thursday. */
static int week_minute(int64_t wall)
{
	int64_t day = floor_divide(wall, 86400);

	return (int)((day % 7 + 7 + 3) % 7) * DAY_MINUTES + (int)((wall - day * 86400) / 60);
}

static bool is_weekend(const struct friday_config *friday, int minute)
{
	int from = friday->from % WEEK_MINUTES;

	return from < friday->to ? minute >= from && minute < friday->to
				 : minute >= from || minute < friday->to;
}

/* Small, without a migration, nothing marked high: what repairs a weekend may be deployed in it. */
static bool is_hotfix(const struct plan *plan, const struct plan_input *input)
{
	const struct change *change = input->change;

	if (!change || !change->lines_known || !plan->previous || plan->risk == RISK_HIGH ||
	    plan->lines_counted > HOTFIX_LINES)
		return false;
	for (size_t i = 0; i < change->files.count; i++)
		if (migration_kind(change->files.items[i].path))
			return false;
	return true;
}

static void refuse(struct judgement *judgement, const char *reason)
{
	judgement->verdict = STATUS_REFUSE;
	judgement->reason = reason;
}

static const char *no_zone(struct plan *plan, const char *zone)
{
	return arena_format(plan->arena,
			    "what time it is in %s cannot be told: this system has no "
			    "database of time zones (install the package tzdata)",
			    zone);
}

static void judge_friday(struct plan *plan, const struct plan_input *input,
			 const struct friday_config *friday, struct judgement *judgement)
{
	static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
					   "Friday", "Saturday", "Sunday"};
	const char *level = plan_risk_name((enum plan_risk)friday->refuse);
	int minute;

	if (!friday->present || judgement->verdict == STATUS_REFUSE)
		return;
	if (!friday->zone) {
		refuse(judgement, no_zone(plan, friday->timezone));
		return;
	}
	minute = week_minute(wall_seconds(friday->zone, input->now));
	if (!is_weekend(friday, minute) || (int)plan->risk < friday->refuse)
		return;
	if (is_hotfix(plan, input)) {
		judgement->reason = arena_format(
			plan->arena,
			"a hotfix passes: %lld line%s, no migration, nothing marked high",
			(long long)plan->lines_counted, plan->lines_counted == 1 ? "" : "s");
		return;
	}
	refuse(judgement,
	       arena_format(plan->arena,
			    "it is %s %02d:%02d (%s) and the risk is %s: from %s to %s, %s%s is "
			    "refused",
			    days[minute / DAY_MINUTES], minute % DAY_MINUTES / 60, minute % 60,
			    friday->timezone, plan_risk_name(plan->risk), friday->from_text,
			    friday->to_text, level,
			    friday->refuse == RISK_HIGH ? "" : " and more"));
}

int guard_friday(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		 struct error *err)
{
	(void)err;
	judge_friday(plan, input, &plan->config->guards.friday, judgement);
	if (input->live_config)
		judge_friday(plan, input, &input->live_config->guards.friday, judgement);
	return 0;
}

/* The same moment on the clock by which the bound was written. */
static int64_t by_clock(const struct freeze_config *freeze, bool utc, int64_t now)
{
	return utc || !freeze->zone ? floor_divide(now, 1000) : wall_seconds(freeze->zone, now);
}

static void judge_freezes(struct plan *plan, const struct plan_input *input,
			  const struct guards_config *guards, struct judgement *judgement)
{
	for (size_t i = 0; i < guards->freezes.count; i++) {
		const struct freeze_config *freeze = &guards->freezes.items[i];

		if (judgement->verdict == STATUS_REFUSE)
			return;
		if (!freeze->zone && (!freeze->from_utc || !freeze->to_utc))
			refuse(judgement, no_zone(plan, freeze->timezone));
		else if (by_clock(freeze, freeze->from_utc, input->now) >= freeze->from &&
			 by_clock(freeze, freeze->to_utc, input->now) < freeze->to)
			refuse(judgement,
			       arena_format(plan->arena, "nothing is deployed from %s to %s%s%s",
					    freeze->from_text, freeze->to_text,
					    freeze->reason ? ": " : "",
					    freeze->reason ? freeze->reason : ""));
	}
}

int guard_freezes(struct plan *plan, const struct plan_input *input, struct judgement *judgement,
		  struct error *err)
{
	(void)err;
	judge_freezes(plan, input, &plan->config->guards, judgement);
	if (input->live_config)
		judge_freezes(plan, input, &input->live_config->guards, judgement);
	return 0;
}
