/* Reads the secrets that deploy.yml names: from a variable, or from a command's output. */
#pragma once
#include "base/arena.h"
#include "config/config.h"

/* The value, in the arena; NULL with err that names the secret, never its value. directory is where
 * a secret's command runs. Waits for that command, at most a minute; its prompts reach the
 * terminal. */
const char *secret_read(struct arena *arena, const struct config *config, const char *directory,
			const char *name, struct error *err);
