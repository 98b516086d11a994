/* The journal: every event of a deploy, on disk before what it announces happens. */
#pragma once
#include "run/event.h"

struct loop;
struct journal;

/* A reader of events that appends each as a line to the file at once (created when missing). */
struct journal *journal_open(const char *path, struct error *err) MUST_USE;
/* The sink to add to a hub; belongs to the journal. */
struct event_sink *journal_sink(struct journal *journal);
/* 0, or -1 with err when something could not be written or synced since it was opened. */
int journal_check(const struct journal *journal, struct error *err) MUST_USE;
/* Calls done (from the loop) when everything written so far is on the disk, or failed to get there
 * (journal_check tells). Syncs run on another thread, one for all who wait. */
void journal_sync(struct journal *journal, struct loop *loop, void (*done)(void *context),
		  void *context);
/* Nothing may wait for a sync any more. NULL is allowed. */
void journal_close(struct journal *journal);

/* Calls read for each event, oldest first, until it returns non-zero, which is returned. A torn last
 * line (a killed writer) is skipped; other lines that are no events are counted in *bad. Texts of an
 * event live as long as the call. */
int journal_read(const char *bytes, size_t length, size_t *bad,
		 int (*read)(void *context, const struct event *event), void *context);
