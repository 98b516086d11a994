/* The lease of an environment (entry "lease"): held by a running deploy from before its first step
 * to its last deferred one, so that no two run at once. Its body says all that somebody else needs
 * to know, or to put right what its holder left behind. No clocks of two machines are compared. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/store.h"

#define LEASE_ENTRY "lease"
#define LEASE_VARIABLE "SHIPIT_LEASE" /* the tokens of leases that our parents hold */

enum lease_phase {
	LEASE_BEFORE, /* production is as it was */
	LEASE_MAINTENANCE, /* something may be halted */
	LEASE_GO_LIVE, /* something of the go-live stage may have been done or undone */
	LEASE_BEHIND, /* the commit is live */
	LEASE_SMOKE,
	LEASE_TASKS,
	LEASE_DEFERRED, /* the verdict is in the records */
};
/* "before", "maintenance", "go_live", "behind", "smoke", "tasks", "deferred" */
const char *lease_phase_name(enum lease_phase phase);

/* Texts are NULL when they are not known; all live as long as the arena that it was read into. */
struct lease {
	const char *damaged; /* why its entry is no lease: nothing else is known; NULL: it is one */
	const char *token;   /* the same through all renewals */
	const char *id;      /* of the deploy; NULL before it has one */
	const char *command; /* "deploy", "rollback", "recover", "task", "maintenance" ... */
	const char *holder, *host;
	const char *machine;        /* as machine_name */
	int64_t pid, pid_started;   /* on that machine */
	int64_t since;              /* ms, by the holder's clock: to be shown only */
	int64_t length;             /* ms */
	enum lease_phase phase;     /* one that this version does not know counts as go_live */
	const char *commit, *previous;
	const char *reason;         /* why it is held, in words for a person; may be NULL */
	const char *stop_by, *stop_reason; /* stop_by set: `shipit stop` asked it to end */
	const json_t *work;         /* what run/ noted for `recover`; borrowed from body; or NULL */
	json_t *body;               /* a reference */
	char version[STORE_VERSION_SIZE];
};
void lease_release(struct lease *lease); /* drops body; fine on a zeroed one */

/* After store_fetch: 1 and *lease when there is one (a damaged one too), 0 when not, -1 when the
 * store cannot be read. */
int lease_read(struct store *store, struct arena *arena, const char *env, struct lease *lease,
	       struct error *err) MUST_USE;

enum lease_state {
	LEASE_MINE, /* held by a command that started us: ours without taking it */
	LEASE_HELD, /* its holder may live: hands off */
	LEASE_DEAD, /* its process ran on this machine and is gone */
	LEASE_EXPIRED, /* it stood still for its whole length under our eyes */
	LEASE_DAMAGED, /* torn or forged: nobody can say who holds it, and nobody can renew it */
};

/* What a contender knows. */
struct lease_view {
	const char *tokens;  /* the value of LEASE_VARIABLE, or NULL */
	const char *machine; /* machine_name here; "" unknown */
	bool (*runs)(int64_t pid, int64_t started); /* process_runs */
	int64_t seen_for; /* ms for which we have seen this very version, on machine_clock */
};
/* Pure. */
enum lease_state lease_judge(const struct lease *lease, const struct lease_view *view);
/* The same with what this process and this clone know (sighting.h): call it after each fetch. An
 * empty common_dir remembers nothing. */
enum lease_state lease_look(const struct lease *lease, const char *env, const char *common_dir);
/* Whether `deploy` may take over what it left behind: nothing of production was touched, and it
 * died elsewhere. Else `resume` or `recover` come first. */
bool lease_may_be_overtaken(const struct lease *lease, enum lease_state state);

struct lease_request {
	const char *env, *command, *id, *holder, *commit, *previous, *reason;
	int64_t since;  /* the wall clock, ms */
	int64_t length; /* config's `lease`, ms */
	const struct lease *over; /* the one that is taken over, as it was read; NULL: none */
	enum lease_phase phase;
	const json_t *work; /* borrowed; what `recover` takes on from the one it takes over */
	/* Written with it, or not at all; their versions are filled in. */
	struct store_change *also;
	size_t also_count;
};
/* 0 and *lease is ours; 1 somebody was quicker (fetch, look, decide again); -1 failed. Judges
 * nothing: the caller has. One round trip. */
int lease_take(struct store *store, struct arena *arena, const struct lease_request *request,
	       struct lease *lease, struct error *err) MUST_USE;

/* What a renewal changes; each member NULL or -1: as it is. */
struct lease_news {
	int phase; /* enum lease_phase, or -1 */
	const json_t *work;
};
#define LEASE_NEWS_INIT {.phase = -1}

enum lease_kept { LEASE_KEPT, LEASE_STOP_ASKED, LEASE_LOST };
/* Writes it anew under its token. 0 with *kept: when it was changed meanwhile, it is looked at:
 * with our token it is renewed all the same (LEASE_STOP_ASKED as long as somebody asks for that),
 * else it is lost and *lease says who has it (token NULL: nobody). -1: the store could not be
 * reached; nothing is known. */
int lease_renew(struct store *store, struct arena *arena, const char *env, struct lease *lease,
		const struct lease_news *news, enum lease_kept *kept, struct error *err) MUST_USE;
/* Ends it. 0, also when it is no longer ours; -1 when the store could not be reached. */
int lease_free(struct store *store, struct arena *arena, const char *env, struct lease *lease,
	       struct error *err) MUST_USE;
/* Asks its holder to end. 0; 1 when the lease is gone or is another's by now; -1. */
int lease_stop(struct store *store, struct arena *arena, const char *env, const struct lease *lease,
	       const char *by, const char *reason, struct error *err) MUST_USE;
/* The body that a renewal would write, for a store_change that goes out with others; a new
 * reference. */
json_t *lease_body(const struct lease *lease, const struct lease_news *news);
/* A store_change has put body (taken) as the lease's. */
void lease_set_body(struct lease *lease, struct arena *arena, json_t *body, const char *version);

/* LEASE_VARIABLE for the children of who holds the token: ours in front of our parents'. */
char *lease_variable(struct arena *arena, const char *token);
