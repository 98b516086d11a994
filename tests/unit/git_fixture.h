/* Throw-away repositories for the tests of src/git, made with the real git. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above before it. */
#include <cmocka.h>

#include "base/file.h"
#include "proc/child.h"

static inline void expect_ok(int status, const struct error *err)
{
	if (status < 0)
		fail_msg("%s (%s)", err->message, err->hint);
}

/* Runs a script in the folder, with a git that is nobody's in particular; returns its output. */
static inline char *run_script(struct arena *arena, const char *folder, const char *script)
{
	struct error err = {0};
	struct child_result result;
	const char *whole = arena_format(arena, "set -eu\nexport GIT_CONFIG_GLOBAL=/dev/null "
		"GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com "
		"GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com\n%s", script);
	struct child_options options = {
		.arguments = (const char *[]) {"sh", "-c", whole, NULL},
		.directory = folder,
	};

	expect_ok(child_run(&options, &result, &err), &err);
	if (result.exit.code)
		fail_msg("script failed: %s\n%s", script, result.errors.data);
	char *output = arena_bytes(arena, result.output.data, result.output.length);

	child_result_release(&result);
	return output;
}

static inline char *make_folder(struct arena *arena)
{
	struct error err = {0};
	char *folder = folder_temporary(arena, &err);

	expect_ok(folder ? 0 : -1, &err);
	return folder;
}

static inline void remove_folder(const char *folder)
{
	struct error err = {0};

	expect_ok(tree_remove(folder, &err), &err);
}
