/* What the secrets commands share: secrets.sealed.yml and the roster as they lie in the working
 * tree, to be committed together. */
#pragma once
#include "commands/session.h"
#include "crypto/sealed_file.h"
#include "people/identity.h"
#include "people/roster.h"

struct sealing {
	struct session session;
	struct roster roster;
	const char *shown;	/* the file as messages call it */
	const char *path;	/* ... and where it is */
	bool present;
	struct sealed_file file;
	struct identity identity;
	bool identity_opened;
};

/* deploy.yml, its roster and the file; asks nobody and contacts nobody. Needs no key. */
int sealing_open(struct sealing *sealing, struct call *call, struct error *err) MUST_USE;
void sealing_close(struct sealing *sealing);
/* The file once more, for it may have been changed while somebody typed. */
int sealing_read(struct sealing *sealing, struct error *err) MUST_USE;
/* Who may open that secret, by deploy.yml. One that deploy.yml does not name: those of the roster
 * who can already, and when it is new, all. -1 (EXIT_USAGE) when the roster has no keys, or none of
 * those roles. */
int sealing_audience(struct sealing *sealing, const char *name, struct seal_recipients *to,
		     struct error *err) MUST_USE;
/* Adds the value (to be wiped), with one's own key. EXIT_USAGE: there is none of that name. */
int sealing_value(struct sealing *sealing, const char *name, struct buffer *value,
		  struct error *err) MUST_USE;
/* Seals the value to its audience and writes the file; says to whom, and what to do next. */
int sealing_put(struct sealing *sealing, const char *name, const struct buffer *value,
		struct error *err) MUST_USE;
int sealing_write(struct sealing *sealing, struct error *err) MUST_USE;
/* Whether a value can be sealed under that name; EXIT_USAGE when it is none, or deploy.yml reads it
 * from elsewhere. The name is not shown when it may hold a value. */
int sealing_check_name(const struct sealing *sealing, const char *name,
		       struct error *err) MUST_USE;
/* NULL, or a sentence: the default branch has another file than the one here. */
const char *sealing_difference(struct sealing *sealing);

/* The commands behind `shipit secrets`; what is behind the word stands in names. */
int secrets_edit(struct sealing *sealing, const struct text_list *names, struct error *err);
int secrets_rotate(struct sealing *sealing, const struct text_list *names, struct error *err);
int secrets_list(struct sealing *sealing, const struct text_list *names, struct error *err);
/* A list of texts; NULL: an empty one. The caller owns it. */
json_t *names_to_json(const struct text_list *names);
