/* Kind sound: plays a sound; never fails. */
#include "base/file.h"
#include "proc/loop.h"
#include "sound/sound.h"
#include "steps/kinds_internal.h"

struct running {
	const struct step_request *request;
	struct sound_player *player;
	struct loop_timer *timer;	/* the end comes from the loop, also when nothing plays */
	const char *reason;
};

static void end(void *context)
{
	struct running *running = context;
	const struct step_request *request = running->request;
	struct step_outcome outcome = {.ok = true, .exit = {.code = -1},
				       .reason = running->reason};
	loop_timer_stop(running->timer);
	running->timer = NULL;
	request->done(request->context, &outcome);
}

static void end_soon(struct running *running)
{
	if (!running->timer)
		running->timer = loop_timer_start(running->request->loop, 0, 0, end, running);
}

static void played(void *context, const char *problem)
{
	struct running *running = context;
	running->player = NULL;
	if (problem)
		running->reason = arena_string(running->request->arena, problem);
	end_soon(running);
}

void *sound_step_start(const struct step_request *request, struct error *err)
{
	bool silent = false;
	struct running *running = arena_new(request->arena, struct running);
	const char *folders[] = {path_join(request->arena, request->root, "sounds"),
				 data_path(request->arena, "sounds"), NULL};
	const char *file = sound_find(request->arena, request->step->arguments->text, folders,
				      &silent, err);
	running->request = request;
	if (file)
		running->player = sound_start(request->loop, file, played, running, err);
	if (!running->player) {
		running->reason = silent ? NULL : arena_string(request->arena, err->message);
		end_soon(running);
	}
	return running;
}

void sound_step_stop(void *context)
{
	struct running *running = context;
	sound_stop(running->player);
	running->player = NULL;
	end_soon(running);
}

void sound_describe(const struct step_config *step, struct buffer *out)
{
	buffer_add_format(out, "plays %s", step->arguments->text ? step->arguments->text : "");
}
