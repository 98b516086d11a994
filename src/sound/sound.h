/* Sounds: found by name, decoded by libsndfile, played through libao, in a child of our own. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct loop;
struct sound_player;

/* The hidden first argument with which shipit plays a file in a child: `shipit __sound FILE`. */
#define SOUND_COMMAND "__sound"

/* The file of a sound: a team's or a built-in name ("foghorn"), or a path to a WAV, FLAC or OGG
 * file. `folders` (NULL-terminated, may be NULL) are looked through in order: the team's sounds/,
 * the deploy.yml's own folder; then the sounds that ship with shipit. NULL and err when there
 * is none; *silent for "none". */
const char *sound_find(struct arena *arena, const char *name, const char *const *folders,
		       bool *silent, struct error *err);

/* Starts a child of ours that plays the file and returns at once. done (may be NULL) comes from the
 * loop: problem is NULL when it was played, else a few words ("no sound device"). NULL when the
 * child cannot be started. A sound never fails anything: ignore err if you like. */
struct sound_player *sound_start(struct loop *loop, const char *file,
				 void (*done)(void *context, const char *problem), void *context,
				 struct error *err);
/* Cuts the sound off; done will not be called. The player is freed. NULL is allowed. */
void sound_stop(struct sound_player *player);

/* Lets it play to its end while we go on or end; done will not be called. The player is freed. */
void sound_leave(struct sound_player *player);

/* What the child runs: `argv` behind SOUND_COMMAND. Loads the libraries, plays, and answers the
 * exit code of the process: 0 played, 1 the file cannot be read, 3 no sound device,
 * 4 no sound library.
 * SHIPIT_AUDIO_DRIVER and SHIPIT_AUDIO_FILE choose libao's driver and the file it writes. */
int sound_child_main(int argc, char **argv);
