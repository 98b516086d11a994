/* The chain of records as proof: who signed what, behind whom it stands, and by which roster. */
#pragma once
#include "people/roster.h"
#include "state/record.h"

struct chain_view {
	const char *app, *env;
	/* deploy.yml of a commit; NULL: it cannot be had, *missing: for the commit is not here. */
	const struct config *(*config_at)(void *context, const char *commit, bool *missing);
	void *context;
};

struct chain_judgement {
	const char *signer;  /* a name of the roster; NULL: not signed by anybody known */
	const char *problem; /* why it does not fit, a sentence without its stop; or NULL */
	const char *former;  /* the app's name then, when it was renamed since; or NULL */
};
/* Judges the record at index; older ones are behind it in the list. What counts is the roster of
 * the release that was live before it, so that a stranger's record cannot bring a roster of its
 * own; for the first one, that of its own commit. In protected environments whose roster has keys a
 * record must be signed by one of them; whatever is signed must fit, and so must the order. Another
 * app's record fits only when deploy.yml, as it was then, gives the app that name. */
void chain_judge(struct arena *arena, const struct chain_view *view,
		 const struct record_list *records, size_t index,
		 struct chain_judgement *judgement);
