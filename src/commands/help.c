/* shipit help: the commands, one of them, or a key of the files; all from the tables. */
#include <unistd.h>

#include "base/text.h"
#include "commands/command.h"

static void add_option(struct buffer *out, const struct option_row *row)
{
	char flag[80];
	const char *open = row->flags & OPTION_OPTIONAL ? "[=" : " ";
	const char *close = row->flags & OPTION_OPTIONAL ? "]" : "";

	snprintf(flag, sizeof(flag), "%s%c%s--%s%s%s%s", row->letter ? "-" : " ",
		 row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
		 row->value ? open : "", row->value ? row->value : "", row->value ? close : "");
	buffer_add_format(out, "  %-28s  %s\n", flag, row->help);
}

/* A row to show: later parts' flags and hidden ones are not. */
static bool is_shown(const struct option_row *row)
{
	return !(row->flags & (OPTION_HIDDEN | OPTION_LATER));
}

static bool has_options(const struct option_row *rows)
{
	while (rows && rows->name && !is_shown(rows))
		rows++;
	return rows && rows->name;
}

static void add_options(struct buffer *out, const char *title, const struct option_row *rows)
{
	if (!has_options(rows))
		return;
	buffer_add_format(out, "\n%s\n", title);
	for (; rows->name; rows++)
		if (is_shown(rows))
			add_option(out, rows);
}

static void help_command(const struct command *command, struct buffer *out)
{
	buffer_add_format(out, "shipit %s%s%s%s\n  %s\n", command->name,
			  has_options(command->options) ? " [FLAGS]" : "",
			  command->arguments ? " " : "",
			  command->arguments ? command->arguments : "", command->summary);
	if (command->details)
		buffer_add_format(out, "\n%s\n", command->details);
	add_options(out, "Flags:", command->options);
	add_options(out, "Everywhere:", options_global);
}

static void help_all(struct buffer *out)
{
	const struct command *command;

	buffer_add_text(
		out,
		"shipit [-C DIR] [--config FILE] [-e ENV] [COMMAND] [FLAGS]\n"
		"  Deploys what changed, and nothing else. Without a command it deploys, after\n"
		"  showing the plan.\n\nCommands:\n");
	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (!command->hidden)
			buffer_add_format(out, "  %-12s  %s\n", command->name, command->summary);
	add_options(out, "Everywhere:", options_global);
	buffer_add_text(out,
			"\n'shipit help COMMAND' tells more, 'shipit help KEY' explains a key of "
			"the files\n(shipit help smoke.within).\n");
}

static int run_help(struct call *call, struct error *err)
{
	const char *words = call->options.arguments.count ? call->options.arguments.items[0] : NULL;
	const struct command *command = words ? command_find(words) : NULL;
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 1 << 20);
	if (!words)
		help_all(&out);
	else if (command)
		help_command(command, &out);
	if (words && help_keys(words, &out) == 0 && !command) {
		error_set(err, "there is no command and no key '%s'", words);
		if (!err->hint[0])
			error_hint(err, "'shipit help' lists the commands");
		return error_code(err, EXIT_USAGE);
	}
	return stdout_write(out.data, out.length, err) < 0 ? -1 : EXIT_DONE;
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND|KEY]",
	.summary = "explain a command, or a key of the files",
	.run = run_help,
	.arguments_most = 1,
};
