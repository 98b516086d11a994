/* A deploy that was interrupted: its lease is in the store still, and its process is gone. What
 * every command says of it, and what resume and recover begin with. */
#pragma once
#include "commands/lock_facts.h"
#include "commands/start.h"
#include "run/past.h"

struct interrupted {
	const char *id;		/* NULL: what died was no deploy, or had none yet */
	const char *env, *command;
	struct lock_facts lock;	/* leased: it is what was found; else it failed, and freed it */
	struct deploy_folder folder;	/* path NULL: it is not on this machine */
	struct start start;
	struct run_past *past;
	const struct record *record; /* of its verdict, when that was stored; else NULL */
	struct interrupted *rollback; /* that it had begun itself, under its lease; else NULL */
};

/* What was interrupted in that environment, by what was fetched last: 1, 0 nothing, -1. To be
 * released when it is 1. */
int interrupted_find(struct session *session, const char *env, struct interrupted *found,
		     struct error *err) MUST_USE;
/* What is known of a deploy by its folder on this machine, however it ended. */
int interrupted_open(struct session *session, const struct deploy_folder *folder,
		     struct interrupted *found, struct error *err) MUST_USE;
void interrupted_release(struct interrupted *found);
/* Says on stderr what was interrupted, where, and what may be half done, when there is something;
 * what goes wrong with looking is told there too. */
void interrupted_notice(struct session *session);
/* 0, or -1 with EXIT_REFUSED: a new deploy must wait for `resume` or `recover`. */
int interrupted_refuse(struct session *session, struct error *err) MUST_USE;
/* Waits for what it left running in production, stops what it left running before that; says so.
 * -1 with err when a signal ended the waiting. */
int interrupted_end_survivors(const struct interrupted *found, const struct call *call,
			      struct error *err) MUST_USE;
