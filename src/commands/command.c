/* The table of commands, and what they share when they speak. */
#include "commands/command.h"

#include <errno.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "ui/filter.h"

static const struct command *const order[] = {
	&command_deploy, &command_rollback, &command_plan, &command_resume, &command_recover,
	&command_check, &command_task, &command_exec, &command_stop, &command_lock,
	&command_unlock, &command_maintenance,
	&command_status, &command_history, &command_show, &command_logs, &command_assets,
	&command_smoke, &command_mark, &command_announce,
	&command_foghorn, &command_sound, &command_online,
	&command_approve, &command_keygen, &command_secrets,
	&command_schema, &command_completion, &command_help, &command_version,
};

const struct command *command_at(size_t index)
{
	return index < sizeof(order) / sizeof(*order) ? order[index] : NULL;
}

const struct command *command_find(const char *name)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static int stdout_failed(struct error *err)
{
	if (errno == EPIPE)
		return 1;
	return error_set_errno(err, errno, "cannot write to standard output");
}

int stdout_write(const char *bytes, size_t length, struct error *err)
{
	return terminal_write(STDOUT_FILENO, bytes, length) < 0 ? stdout_failed(err) : 0;
}

int call_print_json(json_t *value, struct error *err)
{
	int result = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	if (result < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
		result = stdout_failed(err) < 0 ? -1 : 0;
	json_decref(value);
	return result;
}

/* A line on standard error, folded where somebody looks at it. */
static void say(struct buffer *line)
{
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 1 << 20);
	buffer_add_char(line, '\n');
	text_fold(&out, line->data, line->length, terminal_columns(STDERR_FILENO));
	terminal_write(STDERR_FILENO, out.data, out.length);
	buffer_clear(line);
}

/* Names and texts of others may be in it: they cannot write to the terminal as they like. */
static void add_clean(struct buffer *line, const char *text)
{
	filter_text(line, text, strlen(text), FILTER_GITHUB | FILTER_BUILDKITE);
}

void call_print_error(const struct call *call, const struct error *err)
{
	bool color = terminal_color(STDERR_FILENO, call->color);
	struct buffer line CLEANUP(buffer_release);

	buffer_init(&line, 1 << 16);
	add_clean(&line, err->file);
	if (err->file[0] && err->line > 0)
		buffer_add_format(&line, ":%d:%d", err->line, err->column > 0 ? err->column : 1);
	buffer_add_format(&line, "%s%sshipit:%s ", err->file[0] ? ": " : "",
			  style(color, STYLE_RED), style(color, STYLE_NONE));
	add_clean(&line, err->message);
	say(&line);
	if (!err->hint[0])
		return;
	buffer_add_text(&line, "  ");
	add_clean(&line, err->hint);
	say(&line);
}

void call_note(const struct call *call, const char *format, ...)
{
	struct buffer text CLEANUP(buffer_release), line CLEANUP(buffer_release);
	va_list args;

	buffer_init(&text, 1 << 20);
	buffer_init(&line, 1 << 20);
	if (call->quiet)
		return;
	va_start(args, format);
	buffer_add_vformat(&text, format, args);
	va_end(args);
	if (text.length)
		add_clean(&line, text.data);
	say(&line);
}
