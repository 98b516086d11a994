/* What a host's shell is told: values only as quoted words, the command's life tied to ours. */
#include "base/text.h"
#include "config/config.h"
#include "services/ssh.h"

/* What is left of a command that was asked to end is killed so many seconds later. */
#define GRACE "10"

static void add_variable(struct buffer *out, const char *entry)
{
	const char *equals = strchr(entry, '=');

	if (!equals)
		return;
	buffer_add_text(out, "export ");
	buffer_add(out, entry, (size_t)(equals - entry) + 1);
	text_quote_shell(out, equals + 1);
	buffer_add_char(out, '\n');
}

static void add_command(struct buffer *out, const struct command_text *command)
{
	if (command->shell) {
		buffer_add_text(out, "/bin/sh -eu -c ");
		text_quote_shell(out, command->shell);
	}
	for (size_t i = 0; i < command->arguments.count; i++) {
		if (i)
			buffer_add_char(out, ' ');
		text_quote_shell(out, command->arguments.items[i]);
	}
}

/* The command leads a session where setsid is known, so that its children can be ended with it.
 * Whoever watches must hold neither stdout nor stderr open, or the connection waits for him. */
void ssh_script(struct buffer *out, const char *const *variables,
		const struct command_text *command)
{
	for (; variables && *variables; variables++)
		add_variable(out, *variables);
	buffer_add_text(out, "exec 3<&0\nif command -v setsid >/dev/null 2>&1; then\nsetsid ");
	add_command(out, command);
	buffer_add_text(out, " </dev/null 3<&- &\ngroup=-$!\nelse\n");
	add_command(out, command);
	buffer_add_text(out, " </dev/null 3<&- &\ngroup=$!\nfi\n"
			     "command=$!\n"
			     "(while read -r line; do :; done <&3\n"
			     "kill -TERM \"$group\" || kill -TERM \"$command\"\n"
			     "sleep " GRACE "\n"
			     "kill -KILL \"$group\") >/dev/null 2>&1 &\n"
			     "watch=$!\n"
			     "wait \"$command\"\n"
			     "code=$?\n"
			     "kill \"$watch\" >/dev/null 2>&1\n"
			     "exit \"$code\"\n");
}
