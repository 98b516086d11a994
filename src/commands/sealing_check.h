/* shipit check: whether secrets.sealed.yml is whole, and fits deploy.yml and its roster. */
#pragma once
#include "commands/session.h"

/* Adds what it finds to the session's diagnostics, and to checked the file, if there is one. Needs
 * no key: only who opens a value knows that it is right. */
void sealing_check(struct session *session, struct config *config, struct text_list *checked);
