/* Which release a rollback makes live again: the chain of records knows what was live when. */
#pragma once
#include "state/record.h"

struct release_choice {
	/* The deploy that made the release: its ID names what was kept. */
	const struct record *release;
	/* So many of the newest records lie between its last time of being live and now. */
	size_t passed;
};

/* id NULL: the release that was live before the one that is, of another commit; after a rollback
 * that is one further back. Else the deploy (or rollback) of that ID or unique beginning, which
 * must have gone live. The choice points into the list. -1 with err: EXIT_USAGE for an ID that is
 * none, EXIT_FAILED when there is nothing to go back to. */
int release_choose(const struct record_list *list, const char *id, struct release_choice *choice,
		   struct error *err) MUST_USE;
/* What was live by the records when `index` newer ones had not been written: its deploy's record,
 * or NULL when nothing was or the record is gone. */
const struct record *release_live(const struct record_list *list, size_t index);

/* For record_follow: the stages, artefacts and outputs of what is live, from what was live before
 * (from, may be NULL) and, when it went live, from what the record itself says was made now. */
void release_carry(struct arena *arena, struct record *record, const struct record *from,
		   bool went_live, const struct text_list *stages);
