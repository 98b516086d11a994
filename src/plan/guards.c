/* Risk, guards and notes: what a person should know before it starts, or what refuses it. */
#include "base/text.h"
#include "git/change.h"
#include "git/pattern.h"
#include "plan/plan_internal.h"

static void raise_risk(struct plan *plan, enum plan_risk risk, struct event_because because)
{
	if (risk > plan->risk)
		plan->risk = risk;
	vec_push(plan->arena, &plan->risk_because.list, because);
}

static int judge_paths(struct plan *plan, struct pattern_index *index,
		       const struct pattern_texts *texts, enum plan_risk risk, struct error *err)
{
	struct pattern_list list;
	struct pattern_hit hit = {0};

	if (pattern_list_compile(plan->arena, texts, &list, err))
		return -1;
	pattern_index_match(index, &list, &hit);
	if (hit.count)
		raise_risk(plan, risk, (struct event_because){.path = hit.path,
							      .pattern = hit.pattern,
							      .count = (int64_t)hit.count});
	return 0;
}

int risk_judge(struct plan *plan, const struct plan_input *input, struct error *err)
{
	const struct guards_config *guards = &plan->config->guards;
	const struct change *change = input->change;
	struct pattern_index *index;
	size_t count = change && plan->previous ? change->files.count : 0;
	int result;

	index = pattern_index_new(count ? change_paths(plan->arena, change) : NULL, count);
	result = judge_paths(plan, index, &guards->risky_high, RISK_HIGH, err);
	if (!result)
		result = judge_paths(plan, index, &guards->risky_medium, RISK_MEDIUM, err);
	pattern_index_free(index);
	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];

		if (step->selected && step->config->irreversible)
			raise_risk(plan, RISK_HIGH, (struct event_because){
				.reason = arena_format(plan->arena, "%s.%s is irreversible",
						       step->stage, step->name)});
	}
	return result;
}

static int guard_branch(struct plan *plan, const struct plan_input *input,
			struct judgement *judgement, struct error *err)
{
	const struct plan_facts *facts = &input->facts;

	(void)err;
	if (facts->branch_allowed || !facts->branch_wanted)
		return 0;
	judgement->verdict = STATUS_REFUSE;
	judgement->reason =
		arena_format(plan->arena, "%.7s is not on %s, the branch that %s takes",
			     plan->commit, facts->branch_wanted, plan->env);
	return 0;
}

static int guard_unpushed(struct plan *plan, const struct plan_input *input,
			  struct judgement *judgement, struct error *err)
{
	(void)err;
	if (!input->facts.unpushed)
		return 0;
	judgement->verdict = STATUS_REFUSE;
	judgement->reason = arena_format(plan->arena, "%.7s is on no branch of %s: push it first",
					 plan->commit, plan->config->remote);
	return 0;
}

static int guard_size(struct plan *plan, const struct plan_input *input,
		      struct judgement *judgement, struct error *err)
{
	const struct guards_config *guards = &plan->config->guards;
	long long lines = plan->lines_counted;
	bool refuse = guards->size_refuse >= 0 && lines >= guards->size_refuse;
	bool warn = guards->size_warn >= 0 && lines >= guards->size_warn;

	(void)input;
	(void)err;
	if (!plan->previous || (!refuse && !warn))
		return 0;
	judgement->verdict = refuse ? STATUS_REFUSE : STATUS_WARN;
	judgement->reason =
		arena_format(plan->arena, "%lld lines change, from %lld it %s", lines,
			     (long long)(refuse ? guards->size_refuse : guards->size_warn),
			     refuse ? "refuses" : "warns");
	return 0;
}

static const struct guard guards[] = {
	{.name = "branch", .judge = guard_branch},
	{.name = "unpushed", .judge = guard_unpushed},
	{.name = "size", .judge = guard_size},
	{.name = "roster", .judge = guard_roster, .no_override = true},
	{.name = "approvals", .judge = guard_approvals},
};

int guards_check(const struct plan_flags *flags, struct arena *arena, struct error *err)
{
	struct text_list names = {0};

	for (size_t i = 0; i < sizeof(guards) / sizeof(*guards); i++)
		if (!guards[i].no_override)
			text_list_add(arena, &names, guards[i].name);
	for (size_t i = 0; i < flags->override.count; i++) {
		if (text_list_has(&names, flags->override.items[i]))
			continue;
		error_set(err, "--override %s: there is no guard of that name that can be overridden",
			  flags->override.items[i]);
		error_hint(err, "one of: %s", text_join(arena, &names, ", "));
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

static struct plan_guard verdict_of(struct plan *plan, const struct plan_input *input,
				    const struct guard *row, const struct judgement *judgement)
{
	struct plan_guard guard = {.name = row->name, .verdict = judgement->verdict,
				   .reason = judgement->reason};

	if (guard.verdict == STATUS_REFUSE && !plan->config->protected_ && !judgement->everywhere)
		guard.verdict = STATUS_WARN;
	if (guard.verdict == STATUS_REFUSE && !row->no_override)
		guard.override =
			arena_format(plan->arena, "--override %s --reason TEXT", guard.name);
	guard.overridden =
		guard.override && text_list_has(&input->flags.override, guard.name);
	if (guard.overridden)
		guard.override_reason = input->flags.override_reason;
	return guard;
}

int guards_judge(struct plan *plan, const struct plan_input *input, struct error *err)
{
	for (size_t i = 0; i < sizeof(guards) / sizeof(*guards); i++) {
		struct judgement judgement = {.verdict = STATUS_PASS};
		struct plan_guard guard;

		if (guards[i].judge(plan, input, &judgement, err) < 0)
			return -1;
		guard = verdict_of(plan, input, &guards[i], &judgement);
		vec_push(plan->arena, &plan->guards, guard);
	}
	return 0;
}

static void note(struct plan *plan, const char *text)
{
	text_list_add(plan->arena, &plan->notes, text);
}

static void note_facts(struct plan *plan, const struct plan_facts *facts)
{
	struct arena *arena = plan->arena;

	for (size_t i = 0; i < facts->notes.count; i++)
		note(plan, facts->notes.items[i]);
	if (facts->dirty && plan->config->workspace == WORKSPACE_WORKTREE)
		note(plan, arena_format(arena,
					"%zu uncommitted change%s in the working tree %s not "
					"deployed",
					facts->dirty, facts->dirty == 1 ? "" : "s",
					facts->dirty == 1 ? "is" : "are"));
	if (facts->dirty && plan->config->workspace == WORKSPACE_HERE)
		note(plan, arena_format(arena, "workspace: here: %zu uncommitted change%s will be "
					"part of what is deployed", facts->dirty,
					facts->dirty == 1 ? "" : "s"));
	if (facts->behind > 0)
		note(plan, arena_format(arena, "the remote's branch has %lld commit%s more",
					(long long)facts->behind, facts->behind == 1 ? "" : "s"));
}

static bool has_task(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (!strcmp(plan->tasks.items[i].name, name))
			return true;
	return false;
}

/* Where the figures of the change are not all that there is to tell. */
static void note_incomplete(struct plan *plan, const struct change *change)
{
	struct arena *arena = plan->arena;

	if (!change->lines_known)
		note(plan,
		     arena_format(arena,
				  "%s: lines are not counted, and %s%zu commit%s of the history "
				  "%s listed",
				  change->live ? "what is live is not known"
					       : "nothing is live yet",
				  change->commits_incomplete ? "only the newest " : "all ",
				  change->commit_count, change->commit_count == 1 ? "" : "s",
				  change->commit_count == 1 ? "is" : "are"));
	else if (change->commits_incomplete)
		note(plan, "a shallow clone: the list of commits is not complete");
	else if (change->commit_count > change->commits.count)
		note(plan, arena_format(arena, "the newest %zu of %zu commits are listed",
					change->commits.count, change->commit_count));
}

static void note_change(struct plan *plan, const struct change *change)
{
	struct arena *arena = plan->arena;

	if (!change)
		return;
	for (size_t i = 0; i < change->notes.count; i++)
		note(plan, arena_format(arena, "%s (%.7s)", change->notes.items[i].value,
					change->notes.items[i].commit));
	for (size_t i = 0; i < change->tasks.count; i++)
		if (!has_task(plan, change->tasks.items[i].value))
			note(plan, arena_format(arena, "commit %.7s asks for the task '%s', which "
						"does not exist", change->tasks.items[i].commit,
						change->tasks.items[i].value));
	if (change->undone)
		note(plan, arena_format(arena, "%zu commit%s that %s live will be gone: this goes "
					"back, or sideways", change->undone,
					change->undone == 1 ? "" : "s",
					change->undone == 1 ? "is" : "are"));
	note_incomplete(plan, change);
}

static void note_owed(struct plan *plan)
{
	for (size_t i = 0; i < plan->owed.count; i++) {
		const struct record_owed *owed = &plan->owed.items[i];

		if (!strcmp(owed->kind, "task") && !has_task(plan, owed->name))
			note(plan,
			     arena_format(plan->arena,
					  "the task '%s' is owed since %s and no "
					  "longer exists: shipit task --forget %s --reason TEXT",
					  owed->name, owed->since, owed->name));
	}
}

/* What another environment alone says is of no interest here. */
static bool is_elsewhere(const struct plan *plan, const char *key)
{
	size_t length = strlen(plan->env);

	if (!text_starts_with(key, "environments."))
		return false;
	key += strlen("environments.");
	return strncmp(key, plan->env, length) || (key[length] && key[length] != '.');
}

static void note_later(struct plan *plan)
{
	const struct smoke_config *smoke = &plan->config->smoke;
	struct arena *arena = plan->arena;

	if (smoke->present && smoke->checks.count && smoke->on_fail != SMOKE_STOP)
		note(plan, arena_format(arena,
					"smoke.on_fail: %s is not acted on by this version: when "
					"the smoke test fails, the new commit stays live",
					smoke->on_fail == SMOKE_ASK ? "ask" : "rollback"));

	for (size_t i = 0; i < plan->config->notes.count; i++) {
		const struct config_note *later = &plan->config->notes.items[i];

		if (is_elsewhere(plan, later->key))
			continue;
		note(plan, arena_format(arena, "%s (%s:%d) is not acted on by this version",
					later->key, later->place.file ? later->place.file : "?",
					later->place.line));
	}
}

void notes_gather(struct plan *plan, const struct plan_input *input)
{
	note_facts(plan, &input->facts);
	note_change(plan, input->change);
	note_owed(plan);
	note_later(plan);
	for (size_t i = 0; i < input->facts.open.count; i++)
		text_list_add(plan->arena, &plan->open, input->facts.open.items[i]);
	for (size_t i = 0; i < plan->config->pipeline->ask.count; i++)
		text_list_add(plan->arena, &plan->open,
			      arena_format(plan->arena, "%s is asked for at the start "
					   "(or --set %s=VALUE)",
					   plan->config->pipeline->ask.items[i].name,
					   plan->config->pipeline->ask.items[i].name));
	for (size_t i = 0; i < plan->steps.count; i++)
		if (plan->steps.items[i].open && plan->steps.items[i].selected)
			text_list_add(plan->arena, &plan->open,
				      arena_format(plan->arena, "%s.%s: known at deploy",
						   plan->steps.items[i].stage,
						   plan->steps.items[i].name));
}
