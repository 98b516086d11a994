/* deploy.yml, its pipeline and the deploy.tasks.yml files, read once, validated whole, as structs.
 * Everything lives in the caller's arena and is never changed afterwards. */
#pragma once
#include "config/expand.h"
#include "config/schema.h"

/* Where files are read from: a commit, or a folder. Paths are relative to the repository's root,
 * with "/", without "." and "..". */
struct config_source {
	/* 1: read (added to out); 0: there is none; -1: cannot be read. */
	int (*read)(void *context, const char *path, struct buffer *out, struct error *err);
	/* Adds the paths of all files of that name ("deploy.tasks.yml"), in any folder, sorted. */
	int (*list)(void *context, struct arena *arena, const char *name, struct text_list *paths,
		    struct error *err);
	void *context;
	const char *description;	/* "commit 9f8e7d6", "the working tree" */
};
/* A folder on disk; root must live as long as the source. list() leaves out .git, node_modules. */
struct config_source config_source_folder(const char *root);

/* A pattern stays a text here; git/pattern.h understands it. */
struct pattern_text {
	const char *text;
	struct place place;
};
struct pattern_texts {
	VEC(struct pattern_text) list;	/* empty: no if_changed was written */
	/* Where the patterns start: "" is the root, "api" (deploy.tasks.yml). A pattern that begins
	 * with "//" starts at the root all the same. */
	const char *folder;
};

struct command_text {
	const char *shell;	/* for sh -eu -c; NULL when it is a list of arguments */
	struct text_list arguments;
	struct place place;	/* line 0: no command at all */
};

struct variable {
	const char *name, *value;
};
struct variables {
	VEC(struct variable) list;
};

struct step_config {
	const char *name;	/* unique in its stage; default: the kind, "run-2" */
	bool named;		/* the name was written */
	const char *kind;	/* "run" */
	const struct step_kind_keys *keys;
	const struct node *arguments;	/* what stands behind the kind's key */
	/* the same with the kind's table: object_text (&step->object, "url") */
	struct object object;
	struct command_text run;	/* kind run, and `run` of other kinds */
	struct command_text check;	/* kinds that roll out: behind each batch */
	const char *dir;	/* from the repository's root ("." or "frontend"); never absolute */
	struct variables env;
	struct text_list secrets;	/* names */
	int64_t timeout, idle_timeout;	/* ms; -1: not written. 0: none */
	int retries;
	struct pattern_texts if_changed;
	struct text_list uses;	/* "STAGE.STEP" */
	struct command_text undo, rollback;
	bool rollback_skip;
	bool irreversible, idempotent, always, allow_failure, interactive, early;
	bool deferred;		/* tasks only */
	const char *explain;
	const char *publish;	/* kind publish: "STAGE.STEP" */
	bool later;		/* a kind that this version cannot run */
	const struct node *node;	/* the whole step, for digests (node_write) */
	struct place place;
};

struct stage_config {
	const char *name;
	VEC(struct step_config) steps;
	struct text_list needs;
	struct pattern_texts if_changed;
	bool go_live, parallel;
	struct variables env;	/* the steps' own env is not merged into it */
	const char *dir;	/* already in the steps' dir */
	const struct node *node;
	struct place place;
};

struct task_config {		/* a step with a name and a place of its own */
	struct step_config step;
	const char *folder;	/* "" for the pipeline's, "api/category" for a deploy.tasks.yml's */
	const char *file;
};

struct ask_config {
	const char *name, *prompt, *fallback, *match;	/* all but name may be NULL */
	struct text_list choices;
	struct place place;
};

struct pipeline {
	const char *file;
	VEC(struct stage_config) stages;	/* as written */
	VEC(struct task_config) tasks;		/* the pipeline's, then by file */
	VEC(struct step_config) on_failure;
	VEC(struct ask_config) ask;
	int64_t deadline;	/* ms; -1: none */
};

enum smoke_on_fail { SMOKE_ROLLBACK, SMOKE_STOP, SMOKE_ASK };

struct smoke_json {
	const char *path;	/* "status" or "checks.db.ok" or "items.0" */
	const struct node *expected;	/* a scalar */
};
struct smoke_check {
	const char *name;	/* written, or "GET /api", or the command */
	/* a URL, or a path below the environment's url; expands. NULL: run */
	const char *get;
	struct command_text run;
	const char *dir;
	struct variables env;
	struct text_list secrets;
	int status;		/* default 200 */
	struct text_list contains, absent;
	struct variables header;	/* of the answer: each must contain the value */
	struct variables request;	/* sent with the request; expands */
	VEC(struct smoke_json) json;
	int64_t max;		/* ms; -1: any. How long the answer may take */
	int64_t timeout;	/* ms; of one attempt */
	bool follow;		/* redirects are followed (default); else they are an answer */
	bool commit;		/* smoke.commit holds for this page (default) */
	struct place place;
};
struct smoke_config {
	bool present;
	int64_t within;		/* ms */
	int parallel;
	/* NULL: no commit is looked for; of: a stage or NULL */
	const char *commit_match, *commit_of;
	VEC(struct smoke_check) checks;
	enum smoke_on_fail on_fail;
	const struct node *node;
	struct place place;
};

enum maintenance_when { MAINTENANCE_AUTO, MAINTENANCE_NEVER, MAINTENANCE_ALWAYS };

struct maintenance_need {	/* one alternative of needed_if; all in it must hold */
	struct pattern_texts changed;	/* empty: any file */
	const char *adds;	/* a regular expression on added lines, or NULL */
	struct place place;
};
struct halt_config {
	const char *name;
	const char *kind;	/* "run", "systemd", or one that this version cannot run */
	struct command_text stop, start, running_if;	/* kind run */
	struct text_list units;	/* kind systemd */
	int64_t timeout;	/* ms */
	struct place place;
};
struct maintenance_config {
	bool present;
	enum maintenance_when when;
	struct text_list hot_tables;
	VEC(struct maintenance_need) needed_if;
	struct command_text page_on, page_off;
	bool page_heroku;
	VEC(struct halt_config) halts;	/* in the order in which they are stopped */
	bool together;		/* all at once instead */
	bool hold;		/* if_undo_fails: hold */
	const struct node *node;
	struct place place;
};

struct live_commit_config {
	const char *url, *match, *header;	/* url NULL: not asked for; expands */
	const char *json;
	int64_t timeout;
	struct place place;
};

struct secret_config {
	const char *name;
	const char *env;	/* a variable of shipit's own environment, or */
	struct command_text command;	/* its output, or */
	bool sealed;
	struct text_list roles;	/* sealed for these alone ("trained"); none: for everybody */
	struct place place;
};

struct fingerprint_config {
	const char *name;
	struct pattern_texts patterns;
};

struct zone;		/* base/zone.h */

/* Times on a wall clock of that zone: a week's minutes from Monday 00:00, `to` not included. */
struct friday_config {
	bool present;
	const char *from_text, *to_text, *timezone;
	int from, to;		/* 0..10080; to < from: over the end of the week */
	int refuse;		/* 0 low, 1 medium, 2 high: risk is refused from here up */
	const struct zone *zone;	/* NULL: this system has no database of time zones */
	struct place place;
};
struct freeze_config {
	const char *from_text, *to_text, *reason, *timezone;	/* reason may be NULL */
	/* Seconds since 1970 as a clock on the wall shows them, or UTC's; `to` is not included: a
	 * day that is written there is frozen whole. */
	int64_t from, to;
	bool from_utc, to_utc;	/* written with a zone of its own ("...Z", "+01:00") */
	const struct zone *zone;	/* NULL as above */
	struct place place;
};

struct guards_config {
	int64_t size_warn, size_refuse;	/* lines; -1: never */
	struct pattern_texts size_ignore, risky_high, risky_medium;
	struct friday_config friday;
	VEC(struct freeze_config) freezes;
	int64_t approvals;		/* co-signatures that the environment needs */
	const struct node *node;	/* the whole of it, for the guards of later parts */
};

enum role { ROLE_TRAINEE, ROLE_MACHINE, ROLE_TRAINED };

struct person_config {		/* one of roster: */
	const char *name;
	enum role role;
	const char *key;	/* the public key as written, or NULL: proves nothing */
	const char *slack;	/* the member's ID in Slack, or NULL */
	struct place place;
};

enum workspace { WORKSPACE_WORKTREE, WORKSPACE_HERE };

struct environment_config {	/* one of environments:, before overlays; for lists and status */
	const char *name;
	/* branch NULL: the remote's default branch; url as written */
	const char *branch, *url;
	bool protected_;
	struct place place;
};

struct config_file {		/* each file that was read */
	const char *path;	/* from the root; absolute for a built-in one */
	const char *bytes;
	size_t length;
};

struct config_note {		/* something that this version reads and does not act on */
	const char *key;	/* "maintenance.halts" */
	struct place place;
};

struct config {
	const char *file;	/* deploy.yml's path, as asked for */
	const char *folder;	/* its folder from the root: "" or "ops" */
	const char *app;
	const char *pipeline_name;
	const char *remote;	/* "origin" */
	const char *state;	/* "git", "git+branch", "file:DIR", "s3://..." */
	enum workspace workspace;
	bool clean_all, clean_written;
	int64_t lease;		/* ms */
	int keep_deploys, keep_days;
	VEC(struct environment_config) environments;
	VEC(struct secret_config) secrets;
	VEC(struct fingerprint_config) fingerprints;

	/* Of the chosen environment, overlays applied: */
	const char *env, *branch, *url;		/* branch, url may be NULL; url is expanded */
	bool protected_;
	struct variables vars;
	struct live_commit_config live_commit;
	struct smoke_config smoke;
	struct guards_config guards;
	const char *sound_go_live, *sound_success, *sound_failure;	/* name, file, or "none" */
	struct maintenance_config maintenance;
	const struct node *markers, *notify, *hosts;	/* or NULL */
	struct pattern_texts config_changes;	/* of notify: empty: none */
	VEC(struct person_config) roster;
	const struct node *environment;	/* the environment's own node */

	struct pipeline *pipeline;	/* NULL when it was not asked for */
	VEC(struct config_file) files;
	VEC(struct config_note) notes;
	struct arena *arena;
};

struct config_options {
	const struct config_source *source;
	const char *path;	/* deploy.yml from the root; absolute: read from disk as it is */
	const char *env;	/* NULL: the first one */
	/* what can be run; the others of spec 5 are added */
	const struct step_kind_keys *kinds;
	size_t kind_count;
	int (*check_pattern)(const char *pattern, struct error *err);	/* may be NULL */
	/* Whether a text of the roster is a public key; what is none is warned of. May be NULL. */
	int (*check_key)(const char *text, struct error *err);
	bool without_pipeline;	/* deploy.yml alone (state, remote, guards of another commit) */
	bool every_environment;	/* check also those that were not chosen */
};

/* NULL with err (EXIT_USAGE) and, for what is wrong inside the files, all of it in diagnostics:
 * print that with diagnostics_write in place of err when diagnostics->errors is not 0. No
 * deploy.yml at path: err says so and err->exit_code is EXIT_USAGE too. */
struct config *config_load(struct arena *arena, const struct config_options *options,
			   struct diagnostics *diagnostics, struct error *err) MUST_USE;
/* Checks one more file of the source (a pipeline that deploy.yml does not name, a playbook) against
 * its table; 0, or -1 with diagnostics or err. */
int config_check_file(struct arena *arena, const struct config_options *options,
		      const struct key *row, const char *path, struct diagnostics *diagnostics,
		      struct error *err) MUST_USE;
/* The kinds of options with all others of spec 5 behind them. */
const struct step_kind_keys *config_all_kinds(struct arena *arena,
					      const struct config_options *options,
					      size_t *count);
/* Reads a validated expect: of a request (NULL: none) as a check that gets nothing; status 0: any
 * of 200 to 299. */
struct smoke_check expect_config_read(struct arena *arena, const struct object *object);
/* Reads a validated smoke: (deploy.yml's, or a step's) into its struct. */
void smoke_config_read(struct arena *arena, const struct node *node, struct smoke_config *smoke);
/* deploy.yml upward from folder to root (both absolute): its path from the root, or NULL. */
char *config_find(struct arena *arena, const char *root, const char *folder, struct error *err);
/* One value of the chosen environment: a var, or NULL. Secrets are the caller's to read. */
const char *config_var(const struct config *config, const char *name);
const struct secret_config *config_secret(const struct config *config, const char *name);
