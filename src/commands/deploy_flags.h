/* The flags that change what a deploy does; plan and deploy share them. */
#pragma once
#include "commands/session.h"

#define DEPLOY_CHOICE_OPTIONS \
	{ "ref", 0, "REF", "deploy this commit, branch or tag", 0 }, \
	{ "from", 0, "COMMIT", "pretend that this commit is live", 0 }, \
	{ "redeploy", 0, NULL, "the live commit once more, with everything selected", 0 }, \
	{ "only", 0, "STAGE,...", "of the stages before go-live, only these", OPTION_REPEATS }, \
	{ "skip", 0, "STEP,...", "leave steps out; they are owed then", OPTION_REPEATS }, \
	{ "task", 0, "NAME", "run this task, whatever changed", OPTION_REPEATS }, \
	{ "no-task", 0, "NAME", "leave this task out; it is owed then", OPTION_REPEATS }, \
	{ "override", 0, "GUARD", "go on although this guard refuses", OPTION_REPEATS }, \
	{ "reason", 0, "TEXT", "why, for --override", 0 }, \
	{ "maintenance", 0, "WHEN", "on, off or auto", 0 }, \
	{ "offline", 0, NULL, "contact nobody: use the state that was last seen", 0 }

/* Reads them; -1 (EXIT_USAGE) when they do not fit together. */
int deploy_flags_read(struct call *call, struct session_options *target, struct plan_flags *flags,
		      struct error *err) MUST_USE;

/* commands/plan.c: the plan for a person on stderr. */
void plan_print(const struct call *call, const struct plan *plan);
/* ... on stdout, as text or with --json. The exit code, or -1. */
int plan_show(struct call *call, const struct plan *plan, struct error *err);
