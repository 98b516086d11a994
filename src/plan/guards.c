/* The table of guards, and what their verdicts come to. */
#include "base/text.h"
#include "plan/plan_internal.h"

static const struct guard guards[] = {
	{.name = "branch", .judge = guard_branch},
	{.name = "unpushed", .judge = guard_unpushed},
	{.name = "behind", .judge = guard_behind},
	{.name = "dirty", .judge = guard_dirty},
	{.name = "size", .judge = guard_size},
	{.name = "risky", .judge = guard_risky},
	{.name = "friday", .judge = guard_friday},
	{.name = "freezes", .judge = guard_freezes},
	{.name = "roster", .judge = guard_roster, .no_override = true},
	{.name = "approvals", .judge = guard_approvals},
	{.name = "ci", .judge = guard_ci},
	{.name = "lock", .judge = guard_lock, .no_override = true},
};

/* The others do not stand in the way of a rollback. */
static const struct guard rollback_guards[] = {
	{.name = "irreversible", .judge = guard_irreversible},
	{.name = "roster", .judge = guard_rollback_roster, .no_override = true},
};

struct guard_table {
	const struct guard *rows;
	size_t count;
};

static struct guard_table guards_for(const struct plan_flags *flags)
{
	if (flags->rollback.release)
		return (struct guard_table){
			rollback_guards, sizeof(rollback_guards) / sizeof(*rollback_guards)};
	return (struct guard_table){guards, sizeof(guards) / sizeof(*guards)};
}

int guards_check(const struct plan_flags *flags, struct arena *arena, struct error *err)
{
	const struct guard_table table = guards_for(flags);
	struct text_list names = {0};

	for (size_t i = 0; i < table.count; i++)
		if (!table.rows[i].no_override)
			text_list_add(arena, &names, table.rows[i].name);
	for (size_t i = 0; i < flags->override.count; i++) {
		if (text_list_has(&names, flags->override.items[i]))
			continue;
		error_set(err,
			  "--override %s: there is no guard of that name that can be overridden",
			  flags->override.items[i]);
		error_hint(err, "one of: %s", text_join(arena, &names, ", "));
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

/* The live release's word counts too: nobody takes the protection away by the deploy itself. */
static bool is_protected(const struct plan_input *input)
{
	return input->config->protected_ || (input->live_config && input->live_config->protected_);
}

static struct plan_guard verdict_of(struct plan *plan, const struct plan_input *input,
				    const struct guard *row, const struct judgement *judgement)
{
	struct plan_guard guard = {.name = row->name,
				   .verdict = judgement->verdict,
				   .reason = judgement->reason,
				   .approvable = judgement->approvable};

	bool asked = text_list_has(&input->flags.override, row->name);

	if (guard.verdict == STATUS_REFUSE && !is_protected(input) && !judgement->everywhere)
		guard.verdict = STATUS_WARN;
	if (guard.verdict != STATUS_REFUSE || row->no_override)
		return guard;
	if (!plan_person_trained(&input->facts.person)) {
		if (asked)
			guard.reason = arena_format(plan->arena,
						    "%s; only a trained deployer may override it",
						    guard.reason);
		return guard;
	}
	guard.override = arena_format(plan->arena, "--override %s --reason TEXT", guard.name);
	guard.overridden = asked;
	if (asked)
		guard.override_reason = input->flags.override_reason;
	return guard;
}

int guards_judge(struct plan *plan, const struct plan_input *input, struct error *err)
{
	const struct guard_table table = guards_for(&input->flags);

	for (size_t i = 0; i < table.count; i++) {
		struct judgement judgement = {.verdict = STATUS_PASS};
		struct plan_guard guard;

		if (table.rows[i].judge(plan, input, &judgement, err) < 0)
			return -1;
		guard = verdict_of(plan, input, &table.rows[i], &judgement);
		vec_push(plan->arena, &plan->guards, guard);
	}
	return 0;
}

int plan_check_guards(const struct plan *plan, struct error *err)
{
	int first = plan_refused(plan);
	struct text_list others = {0}, flags = {0};
	const struct plan_guard *guard;
	bool all = true;

	if (first < 0)
		return 0;
	for (size_t i = 0; i < plan->guards.count; i++) {
		guard = &plan->guards.items[i];
		if (guard->verdict != STATUS_REFUSE)
			continue;
		all = all && guard->override;
		text_list_add(plan->arena, &flags, guard->name);
		if (!guard->overridden && i != (size_t)first)
			text_list_add(plan->arena, &others, guard->name);
	}
	guard = &plan->guards.items[first];
	error_set(err, "the guard '%s' refuses this deploy: %s%s%s", guard->name,
		  guard->reason ? guard->reason : "see the plan", others.count ? "; so does " : "",
		  text_join(plan->arena, &others, ", and "));
	if (all)
		error_hint(err, "if it must be: shipit -e %s deploy --override %s --reason TEXT",
			   plan->env,
			   text_join(plan->arena, &flags, ","));
	return error_code(err, EXIT_REFUSED);
}
