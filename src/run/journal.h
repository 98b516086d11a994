/* The journal: every event of a deploy, on disk before what it announces happens. */
#pragma once
#include "run/event.h"

struct loop;
struct journal;

/* A reader of events that appends each as a line to the file (created when missing; a torn last
 * line is ended first): at once, or while the hub gathers by journal_flush, which the runner calls
 * before each act and each wait. */
struct journal *journal_open(const char *path, struct error *err) MUST_USE;
/* Writes what was held back while the hub gathers; journal_sync does it too. */
void journal_flush(struct journal *journal);
/* The sink to add to a hub; belongs to the journal. */
struct event_sink *journal_sink(struct journal *journal);
/* 0, or -1 with err when something could not be written or synced since it was opened. */
int journal_check(const struct journal *journal, struct error *err) MUST_USE;
/* Calls done (from the loop) when everything written so far is on the disk, or failed to get there
 * (journal_check tells). Syncs run on another thread, one for all who wait. */
void journal_sync(struct journal *journal, struct loop *loop, void (*done)(void *context),
		  void *context);
/* Takes what the end of a deploy needs on this disk, before production is touched, so that logs
 * which fill it cannot swallow the record. -1: there is no room. journal_give_back frees it. */
int journal_reserve(struct journal *journal, struct error *err) MUST_USE;
void journal_give_back(struct journal *journal);
/* Nothing may wait for a sync any more. NULL is allowed. */
void journal_close(struct journal *journal);

/* Calls read for each event, oldest first, until it returns non-zero, which is returned. A torn
 * last line (a killed writer) is skipped, unless only its end is missing; other lines that are no
 * events are counted in *bad. Texts of an event live as long as the call. */
int journal_read(const char *bytes, size_t length, size_t *bad,
		 int (*read)(void *context, const struct event *event), void *context);
