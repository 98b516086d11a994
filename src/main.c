/* The command table and the flags that every command takes; nothing else. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "commands/command.h"
#include "proc/child.h"
#include "proc/interrupt.h"
#include "sound/sound.h"

/* Which command argv means: the first word that is no flag, else deploy. The index behind it, or
 * -1. */
static int choose_command(struct arena *arena, int argc, char *const *argv,
			  const struct command **command, struct error *err)
{
	struct options ignored = { 0 };
	struct text_list names = { 0 };
	const char *near;
	int used = options_parse(arena, command_deploy.options, argc, argv, true, &ignored, err);

	*command = &command_deploy;
	if (used < 0 || used == argc || ignored.has_rest)
		return used;
	*command = command_find(argv[used]);
	if (*command)
		return used;
	for (size_t i = 0; command_at(i); i++)
		if (!command_at(i)->hidden)
			vec_push(arena, &names, command_at(i)->name);
	error_set(err, "unknown command '%s'", argv[used]);
	near = text_nearest(argv[used], names.items, names.count);
	if (near)
		error_hint(err, "did you mean 'shipit %s'?", near);
	else
		error_hint(err, "'shipit help' lists all commands");
	return error_code(err, EXIT_USAGE);
}

static int check_arguments(const struct command *command, const struct options *options,
			   struct error *err)
{
	int count = (int)options->arguments.count;

	if (count < command->arguments_least)
		error_set(err, "'shipit %s' needs %s", command->name, command->arguments);
	else if (command->arguments_most >= 0 && count > command->arguments_most)
		error_set(err, "'shipit %s' does not know what to do with '%s'", command->name,
			  options->arguments.items[command->arguments_most]);
	else
		return 0;
	error_hint(err, "see 'shipit help %s'", command->name);
	return error_code(err, EXIT_USAGE);
}

/* Fills the call from the flags. */
static int prepare_call(struct call *call, struct error *err)
{
	const char *directory = options_value(&call->options, "directory");
	const char *color = options_value(&call->options, "color");
	char folder[4096];

	if (color && color_when_parse(color, &call->color) < 0) {
		error_set(err, "--color takes auto, always or never, not '%s'", color);
		return error_code(err, EXIT_USAGE);
	}
	if (directory && chdir(directory) < 0) {
		error_set_errno(err, errno, "cannot go to the folder '%s' of -C", directory);
		return error_code(err, EXIT_USAGE);
	}
	if (!getcwd(folder, sizeof(folder))) {
		error_set_errno(err, errno, "cannot find out the current folder");
		return error_code(err, EXIT_USAGE);
	}
	call->folder = arena_string(call->arena, folder);
	call->config = options_value(&call->options, "config");
	if (!call->config)
		call->config = getenv("SHIPIT_CONFIG");
	if (call->config && !*call->config)
		call->config = NULL;
	call->env = options_value(&call->options, "env");
	call->json = options_has(&call->options, "json");
	call->yes = options_has(&call->options, "yes");
	call->quiet = options_has(&call->options, "quiet");
	call->verbose = options_has(&call->options, "verbose");
	return 0;
}

static int run(struct call *call, int argc, char **argv, struct error *err)
{
	const struct command *command;
	int at = choose_command(call->arena, argc, argv, &command, err);

	if (at < 0)
		return -1;
	if (options_parse(call->arena, command->options, at, argv, false, &call->options, err) < 0)
		return -1;
	if (at < argc && options_parse(call->arena, command->options, argc - at - 1, argv + at + 1,
				       false, &call->options, err) < 0)
		return -1;
	if (options_has(&call->options, "help")) {
		call->options.arguments = (struct text_list){ 0 };
		if (at < argc)
			vec_push(call->arena, &call->options.arguments, command->name);
		return command_help.run(call, err);
	}
	if (check_arguments(command, &call->options, err) < 0 || prepare_call(call, err) < 0)
		return -1;
	return command->run(call, err);
}

int main(int argc, char **argv)
{
	struct arena arena = ARENA_INIT;
	struct call call = { .arena = &arena, .clock = &clock_system };
	struct error err = { 0 };
	int code;

	if (argc > 1 && strcmp(argv[1], SOUND_COMMAND) == 0)
		return sound_child_main(argc - 2, argv + 2);
	signal(SIGPIPE, SIG_IGN);
	interrupt_watch();
	code = run(&call, argc - 1, argv + 1, &err);
	if (interrupt_signal()) {
		child_stop_strays(CHILD_GRACE);
		fputs("shipit: interrupted: nothing was run\n", stderr);
		code = 128 + interrupt_signal();
	} else if (code < 0) {
		if (err.message[0])
			call_print_error(&call, &err);
		code = err.exit_code ? err.exit_code : EXIT_FAILED;
	}
	if (fflush(stdout) != 0 && errno != EPIPE && code == 0)
		code = EXIT_FAILED;
	arena_release(&arena);
	return code;
}
