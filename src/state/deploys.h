/* The records of deploys that were started on this machine:
 * <git common dir>/shipit/deploys/<ID>/ {plan.json, events.ndjson, record.json, logs/}. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct deploy_folder {
	const char *id;
	const char *path;   /* absolute, no slash at the end */
	const char *start;  /* PATH/start.json: who runs it, and what its plan is made of */
	const char *plan;   /* PATH/plan.json */
	const char *events; /* PATH/events.ndjson */
	const char *record; /* PATH/record.json: written when the deploy has ended */
	const char *logs;   /* PATH/logs */
};

struct record_list;

struct deploy_name {
	const char *commit;
	int64_t now; /* ms */
	/* Of the environment: a clone does not know what another one deployed this very second. May
	 * be NULL. */
	const struct record_list *records;
};
/* The ID of a record that has no folder (unlock, forget): one that none of name->records has. */
char *record_id_new(struct arena *arena, const struct deploy_name *name);
/* Makes the folder of a new deploy, with logs/ in it: the ID is YYYYMMDD-HHMMSS-<7 digits of the
 * commit>, with -2, -3 ... when there is such a folder or record. */
int deploy_folder_create(struct arena *arena, const char *common_dir,
			 const struct deploy_name *name, struct deploy_folder *folder,
			 struct error *err) MUST_USE;
/* The paths of an existing one; id may be a unique beginning, NULL is the newest. Error (exit
 * code 2) when there is none on this machine. */
int deploy_folder_find(struct arena *arena, const char *common_dir, const char *id,
		       struct deploy_folder *folder, struct error *err) MUST_USE;
/* The folder of that very ID, made when it is not on this machine. */
int deploy_folder_open(struct arena *arena, const char *common_dir, const char *id,
		       struct deploy_folder *folder, struct error *err) MUST_USE;
/* PATH/logs/<stage>.<step>.log; what a file name cannot hold is written %XX. */
const char *deploy_log_path(struct arena *arena, const struct deploy_folder *folder,
			    const char *stage, const char *step);

struct deploy_list {
	VEC(struct deploy_folder) folders; /* newest first by ID */
};
int deploy_list_read(struct arena *arena, const char *common_dir, struct deploy_list *list,
		     struct error *err) MUST_USE;
/* Whether its verdict is known: record.json is there, or deploy.finished in its events. */
bool deploy_folder_finished(const struct deploy_folder *folder);

struct deploy_keep {
	int deploys, days; /* what is within either is kept */
};
/* Removes what is beyond keep; never an unfinished deploy. Failing to remove one is no error;
 * *removed (may be NULL) is their number. */
int deploy_list_prune(struct arena *arena, const char *common_dir, struct deploy_keep keep,
		      int64_t now, size_t *removed, struct error *err) MUST_USE;
