/* Whether somebody is there by Slack (users.getPresence): the weaker twin of a beacon.
 * https://docs.slack.dev/reference/methods/users.getPresence */
#pragma once
#include <stdbool.h>

#include "base/error.h"

struct redactor;

struct presence_question {
	const char *endpoint; /* in place of https://slack.com; or NULL */
	const char *token;    /* with the scope users:read */
	const char *user;     /* "U024BE7LH" */
	const struct redactor *redactor;
};

/* Waits, at most 5 s. 0; -1 with err when Slack does not tell. */
int presence_ask(const struct presence_question *question, bool *there,
		 struct error *err) MUST_USE;
