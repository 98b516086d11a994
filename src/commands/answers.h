/* The values that a pipeline asks for (its key `ask`). */
#pragma once
#include "commands/session.h"
#include "ui/prompt.h"

#define ANSWERS_OPTION \
	{ "set", 0, "NAME=VALUE", "answer a question of the pipeline's 'ask'", OPTION_REPEATS }

/* A question that this flag answers without a terminal. */
struct prompt answers_prompt(const struct call *call, const char *flag);
/* Each --set answers one of the pipeline's questions, else EXIT_USAGE. */
int answers_check(const struct call *call, const struct pipeline *pipeline,
		  struct error *err) MUST_USE;
/* Adds an answer to each question: by --set, by its default (when `defaults`: nobody is asked where
 * there is one), else asked for. */
int answers_read(struct session *session, bool defaults, struct variables *answers,
		 struct error *err) MUST_USE;
