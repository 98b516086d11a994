/* What a person should know before it starts. */
#include "base/text.h"
#include "git/change.h"
#include "plan/plan_internal.h"

static void note(struct plan *plan, const char *text)
{
	text_list_add(plan->arena, &plan->notes, text);
}

static void note_facts(struct plan *plan, const struct plan_facts *facts)
{
	struct arena *arena = plan->arena;

	for (size_t i = 0; i < facts->notes.count; i++)
		note(plan, facts->notes.items[i]);
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
				  change->commits_incomplete ? "only the newest "
				  : change->commit_count == 1 ? "the " : "all ",
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
			note(plan, arena_format(arena,
						"commit %.7s asks for the task '%s', which "
						"does not exist",
						change->tasks.items[i].commit,
						change->tasks.items[i].value));
	note_incomplete(plan, change);
}

static void note_owed(struct plan *plan)
{
	for (size_t i = 0; i < plan->owed.count; i++) {
		const struct record_owed *owed = &plan->owed.items[i];

		if (!plan_owed_exists(plan, owed))
			note(plan,
			     arena_format(plan->arena,
					  "the %s '%s' is owed since %s and no "
					  "longer exists: shipit -e %s task --forget %s "
					  "--reason TEXT",
					  owed->kind, owed->name, owed->since, plan->env,
					  owed->name));
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
	struct arena *arena = plan->arena;

	for (size_t i = 0; i < plan->config->notes.count; i++) {
		const struct config_note *later = &plan->config->notes.items[i];

		if (is_elsewhere(plan, later->key))
			continue;
		note(plan,
		     arena_format(arena, "%s (%s:%d) is not acted on by this version", later->key,
				  later->place.file ? later->place.file : "?", later->place.line));
	}
}

/* Only what runs is stopped, and only looking tells that. */
static void add_halts(struct plan *plan)
{
	const struct maintenance_config *maintenance = &plan->config->maintenance;

	for (size_t i = 0; plan->maintenance && i < maintenance->halts.count; i++) {
		const struct halt_config *halt = &maintenance->halts.items[i];

		text_list_add(plan->arena, &plan->open,
			      arena_format(plan->arena, "halt %s: whether it runs, and so is "
					   "stopped: known at deploy (%s)", halt->name,
					   halt->units.count ? "systemctl tells" : "running_if"));
	}
}

void notes_gather(struct plan *plan, const struct plan_input *input)
{
	note_facts(plan, &input->facts);
	note_change(plan, input->change);
	note_owed(plan);
	rollback_note(plan);
	note_later(plan);
	for (size_t i = 0; i < input->facts.open.count; i++)
		text_list_add(plan->arena, &plan->open, input->facts.open.items[i]);
	for (size_t i = 0; i < plan->config->pipeline->ask.count; i++)
		text_list_add(plan->arena, &plan->open,
			      arena_format(plan->arena,
					   "%s is asked for at the start "
					   "(or --set %s=VALUE)",
					   plan->config->pipeline->ask.items[i].name,
					   plan->config->pipeline->ask.items[i].name));
	for (size_t i = 0; i < plan->steps.count; i++)
		if (plan->steps.items[i].open && plan->steps.items[i].selected)
			text_list_add(plan->arena, &plan->open,
				      arena_format(plan->arena,
						   "%s.%s: whether there is anything to do is "
						   "known at deploy",
						   plan->steps.items[i].stage,
						   plan->steps.items[i].name));
	add_halts(plan);
}
