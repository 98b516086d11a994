/* Maintenance by hand, for `recover`. */
#pragma once
#include "commands/session.h"

/* The journal of a `maintenance on` or `off` of that environment on this machine; there is one
 * while it runs, and when it died. */
char *maintenance_journal(const struct session *session, const char *env) MUST_USE;
/* Starts again what one that died had stopped, as `maintenance off` does. The exit code, or -1. */
int maintenance_recover(struct session *session, struct error *err);
