/* shipit completion: scripts for bash, zsh and fish, out of the tables of commands and flags. */
#include <unistd.h>

#include "base/text.h"
#include "commands/command.h"

static bool shown(const struct option_row *row)
{
	return !(row->flags & (OPTION_HIDDEN | OPTION_LATER));
}

static void add_flags(struct buffer *out, const struct option_row *rows)
{
	for (; rows && rows->name; rows++)
		if (shown(rows))
			buffer_add_format(out, " --%s", rows->name);
}

static void add_commands(struct buffer *out)
{
	for (size_t i = 0; command_at(i); i++)
		if (!command_at(i)->hidden)
			buffer_add_format(out, " %s", command_at(i)->name);
}

static void write_bash(struct buffer *out)
{
	buffer_add_text(out, "# bash completion for shipit\n_shipit() {\n"
			"\tlocal word=${COMP_WORDS[COMP_CWORD]} command= flags i\n"
			"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			"\t\tcase ${COMP_WORDS[i]} in\n\t\t-*) ;;\n"
			"\t\t*) command=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n"
			"\tcase $command in\n");
	for (size_t i = 0; command_at(i); i++) {
		buffer_add_format(out, "\t%s) flags='", command_at(i)->name);
		add_flags(out, command_at(i)->options);
		buffer_add_text(out, "' ;;\n");
	}
	buffer_add_text(out, "\t*) flags='");
	add_flags(out, command_find("deploy")->options);
	buffer_add_text(out, "' ;;\n\tesac\n\tif [[ $word == -* ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W \"$flags");
	add_flags(out, options_global);
	buffer_add_text(out, "\" -- \"$word\")\n\telif [[ -z $command ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W '");
	add_commands(out);
	buffer_add_text(out, "' -- \"$word\")\n\tfi\n}\ncomplete -o default -F _shipit shipit\n");
}

/* Single-quoted for zsh and fish. */
static void add_quoted(struct buffer *out, const char *text)
{
	buffer_add_char(out, '\'');
	for (; *text; text++)
		buffer_add_text(out, *text == '\'' ? "'\\''" : (char[]){ *text, '\0' });
	buffer_add_char(out, '\'');
}

static void write_zsh(struct buffer *out)
{
	buffer_add_text(out, "#compdef shipit\n# zsh completion for shipit\n_shipit() {\n"
			"\tlocal -a commands\n\tcommands=(\n");
	for (size_t i = 0; command_at(i); i++) {
		char line[256];

		if (command_at(i)->hidden)
			continue;
		snprintf(line, sizeof(line), "%s:%s", command_at(i)->name, command_at(i)->summary);
		buffer_add_text(out, "\t\t");
		add_quoted(out, line);
		buffer_add_char(out, '\n');
	}
	buffer_add_text(out, "\t)\n\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
			"\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase $words[2] in\n");
	for (size_t i = 0; command_at(i); i++) {
		buffer_add_format(out, "\t%s) compadd --", command_at(i)->name);
		add_flags(out, command_at(i)->options);
		add_flags(out, options_global);
		buffer_add_text(out, " ;;\n");
	}
	buffer_add_text(out, "\tesac\n}\n_shipit \"$@\"\n");
}

static void fish_options(struct buffer *out, const char *condition, const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		if (!shown(rows))
			continue;
		buffer_add_format(out, "complete -c shipit -f%s -l %s", condition, rows->name);
		if (rows->letter)
			buffer_add_format(out, " -s %c", rows->letter);
		if (rows->value && !(rows->flags & OPTION_OPTIONAL))
			buffer_add_text(out, " -r");
		buffer_add_text(out, " -d ");
		add_quoted(out, rows->help);
		buffer_add_char(out, '\n');
	}
}

static void write_fish(struct buffer *out)
{
	buffer_add_text(out, "# fish completion for shipit\n");
	for (size_t i = 0; command_at(i); i++) {
		const struct command *command = command_at(i);
		char condition[128];

		if (command->hidden)
			continue;
		buffer_add_format(out, "complete -c shipit -f -n __fish_use_subcommand -a %s -d ",
				  command->name);
		add_quoted(out, command->summary);
		buffer_add_char(out, '\n');
		snprintf(condition, sizeof(condition), " -n '__fish_seen_subcommand_from %s'",
			 command->name);
		fish_options(out, condition, command->options);
	}
	fish_options(out, "", options_global);
}

static int run_completion(struct call *call, struct error *err)
{
	const char *shell = call->options.arguments.items[0];
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 1 << 20);
	if (strcmp(shell, "bash") == 0) {
		write_bash(&out);
	} else if (strcmp(shell, "zsh") == 0) {
		write_zsh(&out);
	} else if (strcmp(shell, "fish") == 0) {
		write_fish(&out);
	} else {
		error_set(err, "there is no completion for the shell '%s'", shell);
		error_hint(err, "bash, zsh or fish");
		return error_code(err, EXIT_USAGE);
	}
	return stdout_write(out.data, out.length, err) < 0 ? -1 : EXIT_DONE;
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "SHELL",
	.summary = "print the completion for bash, zsh or fish",
	.run = run_completion,
	.arguments_least = 1,
	.arguments_most = 1,
};
