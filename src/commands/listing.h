/* What status, history, show and logs share: records as text for a person. */
#pragma once
#include "commands/session.h"
#include "state/deploys.h"

#define LISTING_OFFLINE \
	{ \
		"offline", 0, NULL, "use what was last seen; contact nobody", 0 \
	}

/* Collects what is printed, harmless on a terminal whatever names people gave to things. */
struct listing {
	struct buffer out;
	bool color;
};
void listing_init(struct listing *listing, const struct call *call);
/* Names, reasons, branches: other people's text, made harmless. NULL adds "-". */
void listing_add_name(struct listing *listing, const char *text);
/* The same, filled with blanks up to so many columns. */
void listing_add_column(struct listing *listing, const char *text, size_t columns);
void listing_add_styled(struct listing *listing, enum style style, const char *text);
/* "2026-11-23 14:22" in the local zone, "-" for 0. */
void listing_add_time(struct listing *listing, int64_t milliseconds);
/* "3h ago" */
void listing_add_ago(struct listing *listing, int64_t milliseconds, int64_t now);
/* The first 7 digits, "-" for NULL. */
void listing_add_commit(struct listing *listing, const char *commit);
void listing_add_status(struct listing *listing, const char *status, size_t columns);
/* Writes what was added, whole lines, as stdout_write does; more may follow. */
int listing_flush(struct listing *listing, struct error *err) MUST_USE;
/* Writes it to stdout and releases it; the exit code, or -1 when stdout cannot be written. */
int listing_end(struct listing *listing, struct error *err);

/* Says on stderr how old the state is, when it is not of now. */
void listing_note_age(const struct session *session);
/* The record as `--json` shows it: what the chain holds, without what is ours alone. */
json_t *listing_record_json(const struct record *record);
/* The record with that ID in the chosen environment, else in the others; from is to be released.
 * NULL with err. */
const struct record *listing_find(struct session *session, const char *id, struct record_list *from,
				  struct error *err);
