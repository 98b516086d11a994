/* What a deploy stands on before it runs: what its folder says of it, its checkout, its sound. */
#pragma once
#include "commands/session.h"
#include "run/event.h"
#include "state/deploys.h"

struct deploy_note {
	const char *command;		/* "deploy", "rollback", "task" */
	const struct variables *answers; /* may be NULL */
	const char *rollback;		/* as in struct start */
	bool locks;
};
/* start.json (start.h): from now on the deploy can be resumed. */
int deploy_note_start(const struct session *session, const struct plan *plan,
		      const struct deploy_folder *folder, const struct deploy_note *note,
		      struct error *err) MUST_USE;
int deploy_write_plan(const struct plan *plan, const struct deploy_folder *folder,
		      struct error *err) MUST_USE;
/* The checkout, made ready and claimed for the deploy of that ID; a rollback has one of its own.
 * NULL with err. */
const char *deploy_checkout(struct session *session, const struct plan *plan, const char *id,
			    struct error *err) MUST_USE;
/* The checkout in which that deploy ran, when nobody used it since; else NULL. */
const char *deploy_kept_checkout(struct session *session, const struct plan *plan, const char *id);
/* The reader of events that the flags choose; NULL with err. */
struct event_sink *deploy_open_ui(const struct session *session, struct error *err);
/* The file of the foghorn; NULL: there is to be none, or it is not found, which is said. */
const char *deploy_sound(struct session *session, const char *root);
