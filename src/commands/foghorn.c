/* shipit foghorn: the sound on its own, and the hidden command that plays in a child. */
#include <unistd.h>

#include "base/file.h"
#include "commands/command.h"
#include "proc/loop.h"
#include "sound/sound.h"

struct foghorn {
	struct loop *loop;
	struct sound_player *player;
	const char *problem;
	int signal;
};

static void on_done(void *context, const char *problem)
{
	struct foghorn *foghorn = context;

	foghorn->problem = problem;
	foghorn->player = NULL;
	loop_stop(foghorn->loop);
}

static void on_signal(void *context, int number)
{
	struct foghorn *foghorn = context;

	foghorn->signal = number;
	loop_stop(foghorn->loop);
}

static int play(struct call *call, struct foghorn *foghorn, const char *file, struct error *err)
{
	foghorn->loop = loop_new(err);
	if (!foghorn->loop)
		return -1;
	if (loop_on_signal(foghorn->loop, on_signal, foghorn, err)) {
		loop_free(foghorn->loop);
		return -1;
	}
	foghorn->player = sound_start(foghorn->loop, file, on_done, foghorn, err);
	if (!foghorn->player) {
		foghorn->problem = "its player cannot be started";
		error_clear(err);
	} else {
		loop_run(foghorn->loop);
	}
	sound_stop(foghorn->player);
	loop_free(foghorn->loop);
	if (foghorn->signal)
		return 128 + foghorn->signal;
	if (foghorn->problem) {
		call_note(call, "(no sound: %s)", foghorn->problem);
		if (isatty(STDERR_FILENO))
			fputc('\a', stderr);
	}
	return EXIT_DONE;
}

static int run_foghorn(struct call *call, struct error *err)
{
	const char *name =
		call->options.arguments.count ? call->options.arguments.items[0] : "foghorn";
	const char *folders[] = {path_join(call->arena, call->folder, "sounds"), call->folder,
				 NULL};
	struct foghorn foghorn = {0};
	bool silent;
	const char *file = sound_find(call->arena, name, folders, &silent, err);

	if (silent)
		return EXIT_DONE;
	if (!file)
		return error_code(err, EXIT_USAGE);
	return play(call, &foghorn, file, err);
}

const struct command command_foghorn = {
	.name = "foghorn",
	.arguments = "[SOUND]",
	.summary = "sound the foghorn, or another sound",
	.details = "SOUND is a built-in name, a file in sounds/, or a WAV, FLAC or OGG file. "
		   "SHIPIT_AUDIO_DRIVER and SHIPIT_AUDIO_FILE choose libao's driver and its file.",
	.run = run_foghorn,
	.arguments_most = 1,
};

static int run_sound(struct call *call, struct error *err)
{
	char *file = arena_string(call->arena, call->options.arguments.items[0]);

	(void)err;
	return sound_child_main(1, &file);
}

const struct command command_sound = {
	.name = SOUND_COMMAND,
	.arguments = "FILE",
	.summary = "play a file (shipit starts itself with this)",
	.run = run_sound,
	.arguments_least = 1,
	.arguments_most = 1,
	.hidden = true,
};
