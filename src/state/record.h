/* A deploy's record: what the chain of the state store is made of, and what it says is live. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct secret_key;
struct store;
struct store_change;

/* What was selected and did not end well; every later plan selects it until it is done. */
struct record_owed {
	const char *kind;   /* "task", "stage" or "step" */
	const char *name;   /* "STAGE.STEP" for a step */
	const char *since;  /* ID of the deploy that owes it */
	const char *reason; /* "failed", "--skip", "--no-task", "interrupted", ... */
};

/* How long a step took; for estimates. stage is "tasks" for a task, "smoke" for the smoke test. */
struct record_duration {
	const char *stage, *step;
	int64_t milliseconds;
};

/* The commit with which a stage last went live. */
struct record_stage {
	const char *stage, *commit;
};

/* Where what a release is made of is kept, so that it can be made live again without building. */
struct record_artefact {
	const char *step;    /* "STAGE.STEP" that prepared it */
	const char *release; /* ID of the deploy that did */
	const char *kind;    /* of the step */
	const char *place;   /* in words of the kind: "web1:/srv/shop/releases/ID" */
};

/* A variable that a stage handed on (SHIPIT_OUTPUT) to the stages behind it. */
struct record_output {
	const char *stage, *name, *value;
};

/* Texts are NULL when they are not known. */
struct record {
	const char *id, *app, *env;
	const char *kind;     /* "deploy", "rollback", "task", "recover", "forget", or "deferred":
				 * what came of a deploy's deferred steps, under the deploy's ID */
	const char *commit;   /* what was deployed */
	const char *previous; /* what was live before; NULL on the first */
	const char *live;     /* what is live after it; NULL while nothing ever was */
	const char *branch, *deployer, *host;
	int64_t started, finished; /* ms since 1970 */
	int64_t live_at; /* when `live` went live, ms; 0 unknown; carried on as live_by is */
	const char *live_by, *live_id; /* by whom and by which deploy it went live */
	const char *status;            /* as in deploy.finished */
	int exit_code;
	const char *plan;   /* the digest */
	const char *reason; /* the first cause of a failure, or the text of a hand-made change */
	VEC(struct record_owed) owed; /* all that is owed after this record */
	VEC(struct record_duration) durations;
	VEC(struct record_stage) stages; /* all stages that ever went live */
	VEC(struct record_artefact) artefacts;	/* of what is live, by step */
	VEC(struct record_output) outputs;	/* of what is live: of stages before go-live */
	struct text_list irreversible;	/* STAGE.STEP: started here, a rollback must not pass */
	struct text_list remarks;	/* what went not quite well, a sentence each */
	const char *release; /* of a rollback: ID of the deploy whose release is live again */
	/* Its record, whose stages, artefacts and outputs count again; never stored. */
	const struct record *restored;
	json_t *verdicts; /* guards as in the plan, borrowed by record_to_json; may be NULL */
	json_t *approvals; /* that it used up, as they were signed; borrowed; may be NULL */
	/* The version that it was made behind (record_follow sets it; "" none); NULL: any. */
	const char *follows;
	const struct secret_key *key; /* signs it when it is appended; NULL: it is not signed */
	const char *version; /* in the store; NULL when it was not read from there */
	const json_t *json;  /* what it was read from (kept alive by record_list); may be NULL */
};

/* A new reference. Keys are those of `history --json`. */
json_t *record_to_json(const struct record *record);
/* Texts are copied to the arena; unknown keys are ignored, so that newer records can be read. */
int record_from_json(struct arena *arena, const json_t *json, struct record *record,
		     struct error *err) MUST_USE;
/* For a record that follows newest (NULL: none): live, live_at, live_by, live_id, stages, artefacts
 * and outputs are carried on; when went_live, they become those of this record, for the given
 * stages too. A rollback that went live carries on what `restored` says in place of newest. */
void record_follow(struct arena *arena, struct record *record, const struct record *newest,
		   bool went_live, const struct text_list *stages);

/* Records of an environment, newest first. */
struct record_list {
	VEC(struct record) records;
};

/* At most limit (0: all) of the store's chain, after store_fetch. The JSON values live until
 * record_list_release. */
int record_list_read(struct store *store, struct arena *arena, const char *env, size_t limit,
		     struct record_list *list, struct error *err) MUST_USE;
void record_list_release(struct record_list *list);
enum { RECORD_ENV_FLAG = 80 };
/* " -e ENV" of its records, for what a person is told to type; "" when there are none. */
const char *record_env_flag(const struct record_list *list, char text[RECORD_ENV_FLAG]);
/* The record of that ID (a unique beginning is enough), or NULL with an error that tells apart
 * "none" and "several". A deploy's own record, not the one of its deferred steps behind it. */
const struct record *record_list_find(const struct record_list *list, const char *id,
				      struct error *err);

/* Appends; when somebody was quicker (the tip is not what it follows), fetches and puts it behind
 * his, carrying his live state on unless this record went live itself, and what he owes. Signed
 * with record->key, the version that it follows with it. record is updated. 0 or -1. */
int record_append(struct store *store, struct arena *arena, struct record *record, bool went_live,
		  struct error *err) MUST_USE;

/* Entries that go into the store together with a record, or not at all. */
#define RECORD_COMPANY_MAXIMUM 4
struct record_company {
	/* Fills changes (room for the maximum) before each try and answers how many; their values
	 * are dropped here. */
	size_t (*changes)(void *context, struct store_change *changes);
	/* How it went (0, 1 as store_write; after a 1 the store was fetched anew). May be NULL. */
	void (*written)(void *context, const struct store_change *changes, size_t count,
			int written);
	void *context;
};
/* record_append with company (NULL: without). */
int record_append_with(struct store *store, struct arena *arena, struct record *record,
		       bool went_live, const struct record_company *company,
		       struct error *err) MUST_USE;
