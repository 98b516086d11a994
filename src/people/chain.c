/* Judging records: their order, their signatures, whose they are. */
#include "people/chain.h"

#include <assert.h>

#include "base/text.h"
#include "state/signed.h"

/* What the record is held against. */
struct chain_rules {
	struct roster roster;
	bool protected_;
	const char *missing; /* a commit that is not here, so that nobody can say; or NULL */
};

/* True when that commit's roster settles it. */
static bool rules_of(struct arena *arena, const struct chain_view *view, const char *commit,
		     struct chain_rules *rules)
{
	bool missing = false;
	const struct config *config =
		commit ? view->config_at(view->context, commit, &missing) : NULL;
	if (missing)
		rules->missing = commit;
	if (!config)
		return missing;
	roster_read(arena, config, &rules->roster);
	rules->protected_ = config->protected_;
	return rules->roster.has_keys;
}

static struct chain_rules rules_find(struct arena *arena, const struct chain_view *view,
				     const struct record *record, const struct record *older)
{
	struct chain_rules rules = {0};
	if (!older || !rules_of(arena, view, older->live, &rules))
		rules_of(arena, view, record->commit, &rules);
	return rules;
}

/* Whether the app had that name in the record's own commit or the one that was live before it. */
static bool was_called(const struct chain_view *view, const struct record *record,
		       const struct record *older)
{
	const char *const commits[] = {record->commit, older ? older->live : NULL};
	for (size_t i = 0; record->app && i < 2; i++) {
		bool missing;
		const struct config *config =
			commits[i] ? view->config_at(view->context, commits[i], &missing) : NULL;
		if (config && text_equal(config->app, record->app))
			return true;
	}
	return false;
}

static const char *check_place(struct arena *arena, const struct chain_view *view,
			       const struct record *record, const struct record *older,
			       const char **former)
{
	bool renamed = !text_equal(record->app, view->app) && was_called(view, record, older);
	if (renamed)
		*former = record->app;
	if ((!renamed && !text_equal(record->app, view->app)) ||
	    !text_equal(record->env, view->env))
		return arena_format(arena, "it is a record of %s in %s",
				    record->env ? record->env : "nowhere",
				    record->app ? record->app : "no app");
	if (!record->follows || text_equal(record->follows, older ? older->version : ""))
		return NULL;
	if (!older)
		return "it was written behind another record, which is gone";
	return arena_format(arena,
			    "it was written behind another record than %s, which was changed, or "
			    "something between the two is missing",
			    older->id);
}

static const char *check_signature(struct arena *arena, const struct record *record,
				   const struct chain_rules *rules, const char **signer)
{
	unsigned char id[KEY_ID_SIZE];
	char text[KEY_ID_TEXT_SIZE];
	struct error problem = {0};
	const struct roster_person *person;
	if (rules->missing)
		return arena_format(arena,
				    "its roster is in commit %.12s, which is not in this "
				    "repository: nobody can say", rules->missing);
	if (!rules->roster.has_keys)
		return NULL;
	if (!signed_by(record->json, id))
		return rules->protected_ ? "it is not signed, though the roster has keys" : NULL;
	person = roster_find_id(&rules->roster, id);
	if (!person)
		return rules->protected_
			       ? arena_format(arena, "it is signed by the key %s, which was not in "
						     "the roster", key_id_format(id, text))
			       : NULL;
	if (signed_check(record->json, SIGNED_RECORD, &person->key, &problem) < 0)
		return arena_string(arena, problem.message);
	*signer = person->name;
	return NULL;
}

void chain_judge(struct arena *arena, const struct chain_view *view,
		 const struct record_list *records, size_t index,
		 struct chain_judgement *judgement)
{
	const struct record *record = &records->records.items[index];
	const struct record *older =
		index + 1 < records->records.count ? &records->records.items[index + 1] : NULL;
	assert(record && index < records->records.count);
	const struct chain_rules rules = rules_find(arena, view, record, older);
	*judgement = (struct chain_judgement){0};
	judgement->problem = check_signature(arena, record, &rules, &judgement->signer);
	if (!judgement->problem)
		judgement->problem =
			check_place(arena, view, record, older, &judgement->former);
}
