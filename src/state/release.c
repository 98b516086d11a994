/* Releases among the records. */
#include "state/release.h"

#include "base/text.h"

/* What only notes something may have a deploy's ID: that of a deferred step has it always. */
static bool is_note(const struct record *record)
{
	return text_equal(record->kind, "deferred") || text_equal(record->kind, "unlock") ||
	       text_equal(record->kind, "forget") || text_equal(record->kind, "announce");
}

static const struct record *find(const struct record_list *list, const char *id)
{
	for (size_t i = 0; id && i < list->records.count; i++)
		if (text_equal(list->records.items[i].id, id) && !is_note(&list->records.items[i]))
			return &list->records.items[i];
	return NULL;
}

/* A rollback (and what was recovered) is the release of an earlier deploy. */
static const struct record *made_by(const struct record_list *list, const struct record *record)
{
	return record && record->release ? find(list, record->release) : record;
}

const struct record *release_live(const struct record_list *list, size_t index)
{
	if (index >= list->records.count)
		return NULL;
	return made_by(list, find(list, list->records.items[index].live_id));
}

static int find_previous(const struct record_list *list, struct release_choice *choice,
			 struct error *err)
{
	const struct record *now = release_live(list, 0);
	char flag[RECORD_ENV_FLAG];
	size_t from = now ? (size_t)(now - list->records.items) : 0;

	for (size_t i = from + 1; i < list->records.count; i++) {
		const struct record *before = release_live(list, i);

		if (!before || text_equal(before->commit, list->records.items[0].live))
			continue;
		choice->release = before;
		return 0;
	}
	error_set(err, "there is no release before %s to go back to", now ? now->id : "this one");
	record_env_flag(list, flag);
	error_hint(err, "'shipit%s history' lists what was deployed; 'shipit%s deploy --ref "
			"COMMIT' builds and deploys any commit", flag, flag);
	return error_code(err, EXIT_FAILED);
}

static int find_named(const struct record_list *list, const char *id, struct release_choice *choice,
		      struct error *err)
{
	const struct record *named = record_list_find(list, id, err);
	char flag[RECORD_ENV_FLAG];

	if (!named)
		return -1;
	if (text_equal(named->live_id, named->id))
		choice->release = made_by(list, named);
	if (choice->release)
		return 0;
	error_set(err, "%s did not make anything live: it cannot be rolled back to", named->id);
	error_hint(err, "'shipit%s history' lists what was deployed", record_env_flag(list, flag));
	return error_code(err, EXIT_USAGE);
}

int release_choose(const struct record_list *list, const char *id, struct release_choice *choice,
		   struct error *err)
{
	int result;

	*choice = (struct release_choice){0};
	if (!list->records.count || !list->records.items[0].live) {
		error_set(err, "nothing is live yet: there is nothing to roll back");
		return error_code(err, EXIT_FAILED);
	}
	result = id ? find_named(list, id, choice, err) : find_previous(list, choice, err);
	while (result == 0 && choice->passed < list->records.count &&
	       !text_equal(list->records.items[choice->passed].live, choice->release->commit))
		choice->passed++;
	return result;
}

static void artefact_set(struct arena *arena, struct record *record,
			 const struct record_artefact *artefact)
{
	for (size_t i = 0; i < record->artefacts.count; i++)
		if (strcmp(record->artefacts.items[i].step, artefact->step) == 0) {
			record->artefacts.items[i] = *artefact;
			return;
		}
	vec_push(arena, &record->artefacts, *artefact);
}

/* Stage "" is what was asked at the start: each deploy has its own. */
static bool has_stage(const struct text_list *stages, const char *stage)
{
	return !*stage || (stages && text_list_has(stages, stage));
}

void release_carry(struct arena *arena, struct record *record, const struct record *from,
		   bool went_live, const struct text_list *stages)
{
	struct record made = *record;
	record->stages.items = NULL;
	record->stages.count = record->stages.capacity = 0;
	record->artefacts.items = NULL;
	record->artefacts.count = record->artefacts.capacity = 0;
	record->outputs.items = NULL;
	record->outputs.count = record->outputs.capacity = 0;
	for (size_t i = 0; from && i < from->stages.count; i++)
		vec_push(arena, &record->stages, from->stages.items[i]);
	for (size_t i = 0; from && i < from->artefacts.count; i++)
		vec_push(arena, &record->artefacts, from->artefacts.items[i]);
	for (size_t i = 0; from && i < from->outputs.count; i++)
		if (!went_live ||
		    (record->restored && !has_stage(stages, from->outputs.items[i].stage)))
			vec_push(arena, &record->outputs, from->outputs.items[i]);
	for (size_t i = 0; went_live && i < made.artefacts.count; i++)
		if (text_equal(made.artefacts.items[i].release, record->id))
			artefact_set(arena, record, &made.artefacts.items[i]);
	for (size_t i = 0; went_live && i < made.outputs.count; i++)
		if (has_stage(stages, made.outputs.items[i].stage))
			vec_push(arena, &record->outputs, made.outputs.items[i]);
}
