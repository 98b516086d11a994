/* Secrets as a session needs them: sealed ones are the newest on the remote's default branch. */
#pragma once
#include "commands/session.h"

/* The value, in the session's arena; NULL with err (services/secrets.h). A sealed one may make the
 * person be asked for the passphrase of the key. */
const char *session_secret(struct session *session, const char *name, struct error *err);
/* Whether deploy.yml has a sealed one: then the remote's branches are needed. */
bool session_has_sealed(const struct session *session);
/* secrets.sealed.yml from the root, or absolute as deploy.yml's path is. */
const char *session_sealed_path(const struct session *session);
/* The tip of the remote's default branch: 1; 0 when nobody knows of one. */
int session_default_tip(const struct session *session, char tip[]);
void session_secrets_close(struct session *session);
