/* Kinds assets_sync (two halves) and assets_prune. */
#include "steps/assets.h"

#include "base/clock.h"
#include "base/text.h"
#include "proc/loop.h"
#include "run/event.h"
#include "steps/kinds_internal.h"

enum { PROGRESS = 1000 }; /* ms */

struct running {
	const struct step_request *request;
	struct assets_options options;
	struct assets *assets;
	struct loop_timer *timer;
	int64_t begun;
	bool told;
};

static void say(const struct running *running, const char *text)
{
	const struct step_request *request = running->request;
	const char *line = arena_format(request->arena, "%s\n", text);

	request->output(request->context, CHILD_STDOUT, line, strlen(line));
}

static void tell_progress(struct running *running, const char *text)
{
	struct event event = {.type = EVENT_WAITING, .exit_code = -1, .text = text};

	if (running->request->events)
		event_emit(running->request->events, &event);
	running->told = *text;
}

static void tick(void *context)
{
	struct running *running = context;
	struct arena arena = ARENA_INIT;
	const char *words =
		assets_progress_words(&arena, running->assets, clock_monotonic() - running->begun);

	if (words)
		tell_progress(running, arena_format(&arena, "assets: %s", words));
	arena_release(&arena);
}

static void done(void *context, struct assets_result *result)
{
	struct running *running = context;
	const struct step_request *request = running->request;
	const struct assets_options *options = &running->options;
	struct step_outcome outcome = {.ok = result->ok, .exit = {.code = -1}};
	bool made = options->act == ASSETS_PREPARE || options->act == ASSETS_SYNC;

	loop_timer_stop(running->timer);
	if (running->told)
		tell_progress(running, "");
	for (size_t i = 0; i < result->notes.count; i++)
		say(running, result->notes.items[i]);
	if (!result->ok) {
		outcome.reason = arena_string(request->arena, result->failure.message);
		if (result->failure.hint[0])
			say(running, result->failure.hint);
	} else if (options->act == ASSETS_PUBLISH) {
		outcome.reason = arena_format(request->arena, "release %s is live in %s",
					      options->id, options->to);
	} else {
		outcome.reason = assets_words(request->arena, options, result);
	}
	if (result->ok)
		say(running, outcome.reason);
	outcome.place = made && result->ok ? options->to : NULL;
	request->done(request->context, &outcome);
}

static int fill(const struct step_request *request, enum assets_act act,
		struct assets_options *options, struct error *err)
{
	const struct assets_source source = {
		.config = request->config,
		.step = request->step,
		.values = &request->services->values,
		.root = request->root,
		.directory = request->directory,
	};

	options->loop = request->loop;
	options->act = act;
	options->id = request->release;
	return assets_of_step(request->arena, &source, options, err);
}

static void *start(const struct step_request *request, enum assets_act act, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);

	running->request = request;
	running->begun = clock_monotonic();
	if (fill(request, act, &running->options, err) < 0)
		return NULL;
	running->assets = assets_start(&running->options, done, running, err);
	if (!running->assets)
		return NULL;
	running->timer = loop_timer_start(request->loop, PROGRESS, PROGRESS, tick, running);
	return running;
}

void *assets_sync_start(const struct step_request *request, struct error *err)
{
	static const enum assets_act acts[] = {
		[STEP_WHOLE] = ASSETS_SYNC,
		[STEP_PREPARE] = ASSETS_PREPARE,
		[STEP_PUBLISH] = ASSETS_PUBLISH,
	};

	return start(request, acts[request->half], err);
}

void *assets_sync_undo(const struct step_request *request, struct error *err)
{
	return start(request, ASSETS_UNDO, err);
}

void *assets_prune_start(const struct step_request *request, struct error *err)
{
	return start(request, ASSETS_PRUNE, err);
}

void assets_stop_step(void *context)
{
	struct running *running = context;

	assets_stop(running->assets);
}

struct kept {
	struct loop *loop;
	struct assets_result *result;
};

static void looked(void *context, struct assets_result *result)
{
	struct kept *kept = context;

	kept->result = result;
	loop_stop(kept->loop);
}

bool assets_sync_kept(const struct step_request *request, const char *place, struct error *err)
{
	struct assets_options *options = arena_new(request->arena, struct assets_options);
	struct kept kept = {.loop = loop_new(err)};
	bool found = false;

	if (!kept.loop)
		return false;
	if (fill(request, ASSETS_KEPT, options, err) == 0) {
		options->loop = kept.loop;
		if (assets_start(options, looked, &kept, err))
			loop_run(kept.loop);
	}
	if (kept.result)
		found = kept.result->ok;
	if (kept.result && !found)
		error_set(err, "%s%s%s%s", kept.result->failure.message, place ? " (kept at " : "",
			  place ? place : "", place ? ")" : "");
	loop_free(kept.loop);
	return found;
}

static void check_place(const struct step_config *step, struct diagnostics *diagnostics)
{
	const char *to = object_text(&step->object, "to");

	if (!to || text_starts_with(to, "file:") || text_starts_with(to, "s3://") ||
	    text_starts_with(to, "${"))
		return;
	diagnostics_add(diagnostics, step->place,
			"%s: 'to' must be s3://BUCKET/PREFIX or file:DIR, not '%s'", step->kind,
			to);
}

void assets_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	struct arena arena = ARENA_INIT;
	struct asset_rules rules;
	struct error err = {0};

	check_place(step, diagnostics);
	if (asset_rules_read(&arena, &step->object, step->place, &rules, &err) < 0)
		diagnostics_add(diagnostics, step->place, "%s", err.message);
	arena_release(&arena);
}

void assets_sync_describe(const struct step_config *step, struct buffer *out)
{
	buffer_add_format(out, "%s to %s", object_text(&step->object, "from"),
			  object_text(&step->object, "to"));
}

void assets_prune_describe(const struct step_config *step, struct buffer *out)
{
	buffer_add_format(out, "dead assets of %s", object_text(&step->object, "to"));
}
