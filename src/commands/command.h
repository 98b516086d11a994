/* A command: a row of the table in command.c. */
#pragma once
#include <jansson.h>

#include "base/clock.h"
#include "commands/options.h"
#include "ui/terminal.h"

/* What a command is called with. */
struct call {
	struct arena *arena;		/* lives as long as the command */
	struct options options;		/* global flags and the command's own */
	const struct clock *clock;
	const char *folder;		/* where shipit was started (-C applied), absolute */
	const char *config;		/* --config or SHIPIT_CONFIG, or NULL */
	const char *env;		/* -e, or NULL: the first environment */
	bool json, yes, quiet, verbose;
	enum color_when color;
};

struct command {
	const char *name;
	const char *arguments;		/* for help: "[ID]", "-- CMD"; or NULL */
	const char *summary;		/* one line */
	const char *details;		/* more, or NULL */
	const struct option_row *options;	/* its own; may be NULL */
	/* The exit code, or -1 with err: main prints it and exits with err->exit_code (1 when it is
	 * 0). A command that has printed its own account of a failure returns the code. */
	int (*run)(struct call *call, struct error *err);
	int arguments_least, arguments_most;	/* most -1: any number */
	bool hidden;
};

/* All commands, in the order of help; NULL behind the last. */
const struct command *command_at(size_t index);
const struct command *command_find(const char *name);

extern const struct command command_deploy, command_rollback, command_plan, command_resume,
	command_recover, command_task, command_exec, command_check,
	command_schema, command_status, command_history, command_show, command_logs, command_assets,
	command_smoke, command_mark, command_announce,
	command_foghorn, command_sound, command_stop, command_lock, command_unlock,
	command_maintenance, command_online, command_approve, command_keygen, command_secrets,
	command_completion, command_help, command_version;

/* Writes to standard output. 0; 1 when its reader has gone, which is no failure (`shipit help |
 * head`): more need not be printed; -1 when it cannot be written. */
int stdout_write(const char *bytes, size_t length, struct error *err) MUST_USE;
/* Writes the value as one JSON text with a newline to stdout and drops the reference. */
int call_print_json(json_t *value, struct error *err);
/* "shipit: MESSAGE" and the hint, to stderr, with colour where it is wanted. */
void call_print_error(const struct call *call, const struct error *err);
/* A note for the person on stderr; nothing with -q. */
void call_note(const struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);
/* Help on a key of the files; commands/schema.c or check.c has it. Answers how many were found. */
size_t help_keys(const char *words, struct buffer *out);
