/* Dead-man switches: told that something began, went well or failed, and alarmed by silence. As
 * healthchecks.io documents it: URL/start, URL, URL/fail, ?rid= for what belongs together. */
#pragma once
#include "services/outside.h"

enum heartbeat { HEARTBEAT_START, HEARTBEAT_SUCCESS, HEARTBEAT_FAILURE };

/* Adds the address for it; id (a deploy's) becomes the rid that its pings share. */
void heartbeat_url(struct buffer *out, const char *url, enum heartbeat heartbeat, const char *id);
/* As outside_start. */
struct outside_call *heartbeat_start(struct http *http, const char *url, enum heartbeat heartbeat,
				     const char *id, const struct redactor *redactor,
				     void (*done)(void *context,
						  const struct outside_answer *answer),
				     void *context, struct error *err);
