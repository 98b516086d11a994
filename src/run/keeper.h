/* Keeps a lease while a command runs: renews it on a thread of its own, tells the loop when it was
 * lost or when `shipit stop` asked for the end, and says before each step that touches production
 * whether it still holds. Every function takes a NULL keeper (a command that was called under
 * another's lease has none) as one that always holds. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "state/lease.h"

struct keeper;
struct loop;

struct keeper_options {
	struct store *store;	/* from now on only between keeper_borrow and keeper_return */
	const char *env;
	struct lease *lease;	/* taken; the keeper's from now on, its arena must outlive it */
	int64_t taken;		/* machine_clock when the taking began */
};
/* NULL with err: no thread could be started, the lease is as it was. */
struct keeper *keeper_start(const struct keeper_options *options, struct error *err) MUST_USE;
/* Ends the thread. The lease is freed unless it was lost, handed over or freed already. 0, or -1
 * when the store could not be reached: it stays until somebody recovers it. */
int keeper_end(struct keeper *keeper, struct error *err) MUST_USE;
/* Ends the thread and leaves the lease in the store: somebody must `recover`. */
void keeper_leave(struct keeper *keeper);

const char *keeper_token(const struct keeper *keeper); /* NULL without a keeper */
/* The store, with no renewal under way until keeper_return; the calling thread's alone meanwhile.
 * Not to be nested. NULL without a keeper. */
struct store *keeper_borrow(struct keeper *keeper);
void keeper_return(struct keeper *keeper);

/* Says what is true from now on, and that it is in the store, before production is touched: one
 * round trip that also shows that nobody took the lease. work (borrowed, NULL: as it was) is what
 * `recover` on another machine needs. -1 with err (EXIT_REFUSED when it was lost): do not go on. */
int keeper_set(struct keeper *keeper, enum lease_phase phase, const json_t *work,
	       struct error *err) MUST_USE;
/* The same without waiting: the thread writes it soon (at once when work is given, or the commit
 * went live), several notes at once. */
void keeper_note(struct keeper *keeper, enum lease_phase phase, const json_t *work);
/* Whether the lease holds for certain, to be asked before every step from maintenance on. No round
 * trip while the last renewal is young enough, else one. -1: start nothing more. What was halted is
 * started again all the same, for that harms nobody. */
int keeper_verify(struct keeper *keeper, struct error *err) MUST_USE;

/* A change that ends the lease (or, with phase >= 0, notes it) together with others in one
 * store_write, between keeper_borrow and keeper_return. False when there is nothing to change: no
 * keeper, or the lease was lost. Of change, value is the caller's to drop. */
bool keeper_change(struct keeper *keeper, int phase, struct store_change *change);
/* That write was done. */
void keeper_changed(struct keeper *keeper, const struct store_change *change);
/* ... or was not, for somebody was quicker, and the store was fetched anew: the lease is looked at
 * again, and keeper_change may be asked once more. */
void keeper_look_again(struct keeper *keeper);

enum keeper_news {
	KEEPER_STOP, /* somebody asked for the end: as the first SIGTERM */
	KEEPER_LOST, /* somebody else has the lease, or it was ended */
};
/* text: a sentence for the person, borrowed for the call. On the loop's thread, each once. */
typedef void keeper_news_fn(void *context, enum keeper_news news, const char *text);
/* call NULL: no more. */
int keeper_listen(struct keeper *keeper, struct loop *loop, keeper_news_fn *call, void *context,
		  struct error *err) MUST_USE;
