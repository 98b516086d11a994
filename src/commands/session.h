/* What commands stand on: the repository, the config of the right commit, the state store, the
 * commit that is live, the change. Each command opens as much of it as it needs. */
#pragma once
#include "commands/command.h"
#include "config/config.h"
#include "plan/plan.h"
#include "state/record.h"
#include "state/release.h"
#include "state/store.h"

struct repository;
struct change;
struct session_people;
struct session_secrets;
struct start;

#define SESSION_RECORDS 24	/* that each command reads: estimates look at 20 */
#define SESSION_HISTORY 200

struct session_options {
	const char *ref;	/* --ref; NULL: the rules of spec 1 */
	const char *branch;	/* with ref: the branch that it was chosen by before; else NULL */
	const char *from;	/* --from: pretend that this is live */
	bool redeploy;		/* the commit that is live, if any is */
	bool rollback;		/* the commit of an earlier release, whatever `workspace` says */
	const char *release;	/* ... its ID; NULL: the one before what is live */
	bool offline;
	bool with_pipeline;	/* session_open: deploy.yml's pipeline is read too */
	bool without_store;	/* SESSION_CONFIG: only the files */
	bool every_environment;	/* check, status: validate and fetch all */
	bool with_branches;	/* a fetch brings the remote's branches too, whatever the store */
	bool looking;		/* plan: no command from the repository's files is run */
	bool run_commands;	/* ... but for those that name hosts; never a secret's */
	bool quick;		/* leave out looking for uncommitted files where that takes long */
	bool working_tree;	/* the config is read from the working tree, no commit is chosen */
	/* resume, recover: the plan of this deploy is made again, as if nothing had happened since.
	 * NULL: a new one. */
	const struct start *again;
	const char *again_id;
	bool unwarned;		/* says nothing of a deploy that was interrupted */
};

/* A deploy.yml of some commit. */
struct session_config {
	struct config_file file;
	const struct config *config;
};

struct session {
	struct call *call;
	struct arena *arena;
	struct repository *repository;
	const char *root;	/* of the working tree, absolute */
	const char *common_dir;	/* git's common folder, absolute */
	struct diagnostics diagnostics;
	struct config *config;
	const char *config_path;	/* deploy.yml from the root, or absolute */
	struct store *store;

	/* session_open_target: */
	const char *commit;	/* whole hash of what would be deployed */
	const char *branch;	/* of it; NULL when detached and unknown */
	const char *deployer;	/* SHIPIT_DEPLOYER, git's user.email, or the login name */
	const char *default_branch;	/* of the remote; NULL when there is none */
	bool has_remote;
	struct record_list records;	/* newest first; of a rollback as many as history has */
	struct record_list history;	/* empty: nobody has asked for it yet */
	const char *live;	/* whole hash, or NULL: nothing is live */
	const char *claimed;	/* the live commit as production itself says, or NULL */
	bool asked_production;
	/* deploy.yml of the release that is live by the records (never of --from): its guards count
	 * too. NULL: nothing is live, it has none, or it says the same. */
	struct config *live_config;
	struct release_choice release;	/* with options.rollback */
	const char *everything_reason;	/* when there is no change to go by */
	struct change *change;
	struct plan_facts facts;
	VEC(struct session_config) configs;	/* of other commits, as they were asked for */
	struct session_people *people;	/* session_people.h; NULL: not asked for yet */
	struct session_secrets *secrets;	/* session_secrets.h; NULL: none was sealed */
	struct variables fingerprints;	/* of the target: NAME -> 16 hex digits */
	struct session_options options;
	struct plan_flags flags; /* of the last session_plan */
	bool said_working_tree;
	size_t warnings_told;	/* of the store's */
};

/* Opens the repository, finds and reads the config of the working tree (for commands that look at
 * state: status, history, show, logs, task, exec ...), opens and fetches the store unless told
 * otherwise, and reads the records of the chosen environment. What is wrong with the files is
 * printed; err then has EXIT_USAGE and an empty message. */
int session_open(struct session *session, struct call *call, const struct session_options *options,
		 struct error *err) MUST_USE;
/* The repository alone. */
int session_open_repository(struct session *session, struct call *call,
			    struct error *err) MUST_USE;
/* The store that session->config names, without fetching. */
int session_open_store(struct session *session, struct error *err) MUST_USE;
/* Everything: chooses the commit, reads its config, finds out what is live and what changed. */
int session_open_target(struct session *session, struct call *call,
			const struct session_options *options, struct error *err) MUST_USE;
/* Whether what is checked out is the commit, where `workspace: here` runs what is checked out; an
 * error (EXIT_USAGE) when not. Behind session_open_target. */
int session_check_here(struct session *session, struct error *err) MUST_USE;
/* Fetches once more: the store's entries, records and the remote's branches are those of now. */
int session_refresh(struct session *session, struct error *err) MUST_USE;
/* More records than a plan needs (SESSION_HISTORY), newest first, read when first asked for: each
 * one costs time. NULL with err. */
const struct record_list *session_history(struct session *session, struct error *err);
void session_close(struct session *session);
/* The plan of an opened target. */
struct plan *session_plan(struct session *session, const struct plan_flags *flags, int64_t now,
			  struct error *err) MUST_USE;
