/* Finds sounds and starts the child that plays them. */
#include "sound/sound.h"
#include "base/file.h"
#include "proc/child.h"

struct sound_player {
	struct child *child;
	void (*done)(void *context, const char *problem);
	void *context;
};

/* The name as it is, or with the ending of a format that we can decode. */
static const char *sound_in(struct arena *arena, const char *folder, const char *name)
{
	static const char *const endings[] = {"", ".ogg", ".flac", ".wav"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		const char *file = arena_format(arena, "%s%s", name, endings[i]);
		const char *path =
			folder ? path_join(arena, folder, file)
			       : data_path(arena, arena_format(arena, "sounds/%s", file));
		if (path && file_exists(path) && !folder_exists(path))
			return path;
	}
	return NULL;
}

const char *sound_find(struct arena *arena, const char *name, const char *const *folders,
		       bool *silent, struct error *err)
{
	const char *path;

	*silent = !strcmp(name, "none");
	if (*silent)
		return NULL;
	for (; folders && *folders; folders++) {
		path = sound_in(arena, *folders, name);
		if (path)
			return path_absolute(arena, path, err);
	}
	path = *name == '/' ? sound_in(arena, "", name) : sound_in(arena, NULL, name);
	if (path)
		return path_absolute(arena, path, err);
	error_set(err, "there is no sound '%s'", name);
	error_hint(err, "name a WAV, FLAC or OGG file, 'foghorn', or 'none'");
	return NULL;
}

static void played(void *context, const struct child_exit *ended)
{
	struct sound_player *player = context;
	const char *problem = NULL;

	if (ended->code == 1)
		problem = "the sound file cannot be read";
	else if (ended->code == 4)
		problem = "libao or libsndfile is not installed";
	else if (ended->code != 0)
		problem = "no sound device";
	if (player->done)
		player->done(player->context, problem);
	free(player);
}

struct sound_player *sound_start(struct loop *loop, const char *file,
				 void (*done)(void *context, const char *problem), void *context,
				 struct error *err)
{
	struct sound_player *player = NULL;
	struct arena arena = ARENA_INIT;
	const char *program = program_path(&arena, err);

	if (program) {
		const char *const arguments[] = {program, SOUND_COMMAND, file, NULL};
		const struct child_options options = {
			.arguments = arguments,
			.done = played,
			.grace = 200,
		};
		player = calloc(1, sizeof(*player));
		if (!player)
			abort();
		player->done = done;
		player->context = context;
		struct child_options own = options;
		own.context = player;
		player->child = child_start(loop, &own, err);
		if (!player->child) {
			free(player);
			player = NULL;
		}
	}
	arena_release(&arena);
	return player;
}

/* The child reports its end to us later still; the player is freed there. */
void sound_stop(struct sound_player *player)
{
	if (!player)
		return;
	player->done = NULL;
	child_stop(player->child);
}

void sound_leave(struct sound_player *player)
{
	if (!player)
		return;
	child_leave(player->child);
	free(player);
}
