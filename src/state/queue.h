/* The queue of those who wait for an environment's lease (entry "queue"), first come first served.
 * Each keeps his ticket alive; one that stands still for its length, or whose process is gone, is
 * dropped by the others. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/store.h"

#define QUEUE_ENTRY "queue"

struct ticket {
	const char *token, *holder, *host, *machine, *beat;
	int64_t pid, pid_started, since, length; /* as in struct lease */
};
struct queue {
	VEC(struct ticket) tickets; /* who still waits, first come first */
	bool changed; /* somebody was dropped: worth writing */
	char version[STORE_VERSION_SIZE];
};

/* After store_fetch: the queue without those who are gone (sighting.h below common_dir). */
int queue_read(struct store *store, struct arena *arena, const char *env, const char *common_dir,
	       struct queue *queue, struct error *err) MUST_USE;
/* The place of a ticket, from 0; -1 when it is not there. */
int queue_place(const struct queue *queue, const char *token);
/* Adds it behind the others, or shows that it still waits; in memory only. */
void queue_set(struct queue *queue, struct arena *arena, const struct ticket *ticket);
void queue_drop(struct queue *queue, const char *token);
/* What puts the queue into the store, to be written alone or together with a lease. value is the
 * caller's to drop (NULL: nobody waits, the entry goes). */
struct store_change queue_change(const struct queue *queue);
