/* shipit assets sync|prune|list|status: what a pipeline's assets steps do, on its own. */
#include <assert.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/assets_print.h"
#include "commands/holding.h"
#include "commands/session_internal.h"
#include "commands/session_secrets.h"
#include "git/repository.h"
#include "proc/loop.h"

enum { PROGRESS = 250 }; /* ms */

struct assets_call {
	struct call *call;
	struct session *session;
	struct loop *loop;
	struct assets_places places;
	struct assets_place *now; /* the one under way */
	struct assets *assets;
	int64_t begun;
	int signal;
	bool drawn; /* a line of progress is on the terminal */
};

/* ---- what to do ---- */

static const char *value_get(void *context, const char *name)
{
	struct session *session = context;
	const char *value = config_var(session->config, name);
	struct error ignored = {0};

	return value ? value : session_secret(session, name, &ignored);
}

static bool is_wanted(const struct step_config *step, enum assets_act act)
{
	if (text_equal(step->kind, "assets_sync"))
		return true;
	return act != ASSETS_SYNC && text_equal(step->kind, "assets_prune");
}

/* A place that several steps name is pruned and looked at once; assets_prune knows best how. */
static struct assets_place *same_place(struct assets_places *places, const char *to)
{
	for (size_t i = 0; i < places->list.count; i++)
		if (text_equal(places->list.items[i].options.to, to))
			return &places->list.items[i];
	return NULL;
}

static int apply_flags(const struct call *call, struct assets_options *options, struct error *err)
{
	const char *limit = options_value(&call->options, "max-delete");
	const char *older = options_value(&call->options, "older-than");

	options->dry_run = options_has(&call->options, "dry-run");
	options->verify = options_has(&call->options, "verify");
	options->may_skip = true;
	if (options_has(&call->options, "unlisted"))
		options->older_than = (int64_t)7 * 24 * 3600 * 1000;
	if (older && duration_parse(older, &options->older_than, err) < 0)
		return error_code(err, EXIT_USAGE);
	return limit ? assets_limit_parse(limit, &options->limit, err) : 0;
}

static int add_step(struct assets_call *self, const char *stage, const struct step_config *step,
		    struct error *err)
{
	struct session *session = self->session;
	enum assets_act act = self->places.act;
	const struct expand_lookup values = {.get = value_get, .context = session};
	const struct assets_source source = {
		.config = session->config,
		.step = step,
		.values = &values,
		.root = session->root,
		.directory = path_join(session->arena, session->root, step->dir ? step->dir : "."),
	};
	struct assets_place place = {
		.step = arena_format(session->arena, "%s.%s", stage, step->name),
	};
	struct assets_place *other;

	if (!is_wanted(step, act))
		return 0;
	place.options.act = act;
	if (assets_of_step(session->arena, &source, &place.options, err) < 0)
		return error_wrap(err, "%s", place.step);
	place.options.loop = self->loop;
	place.options.id = self->places.id;
	place.options.now = clock_now(self->call->clock);
	place.options.with_items = self->places.lists;
	if (apply_flags(self->call, &place.options, err) < 0)
		return -1;
	other = act == ASSETS_SYNC ? NULL : same_place(&self->places, place.options.to);
	if (!other)
		vec_push(session->arena, &self->places.list, place);
	else if (text_equal(step->kind, "assets_prune"))
		*other = place;
	return 0;
}

static int add_steps(struct assets_call *self, struct error *err)
{
	const struct pipeline *pipeline = self->session->config->pipeline;

	for (size_t i = 0; i < pipeline->stages.count; i++) {
		const struct stage_config *stage = &pipeline->stages.items[i];

		for (size_t s = 0; s < stage->steps.count; s++)
			if (add_step(self, stage->name, &stage->steps.items[s], err) < 0)
				return -1;
	}
	for (size_t i = 0; i < pipeline->tasks.count; i++)
		if (add_step(self, "tasks", &pipeline->tasks.items[i].step, err) < 0)
			return -1;
	if (self->places.list.count)
		return 0;
	error_set(err, "the pipeline of %s has no step assets_sync", self->session->config->env);
	error_hint(err, "write one: - assets_sync: {from: dist, to: \"s3://BUCKET/PREFIX\"}");
	return error_code(err, EXIT_USAGE);
}

/* ---- doing it ---- */

static void draw(struct assets_call *self, const char *text)
{
	if (self->drawn)
		fputs("\r\033[K", stderr);
	self->drawn = *text;
	fputs(text, stderr);
	fflush(stderr);
}

static void tick(void *context)
{
	struct assets_call *self = context;
	struct arena arena = ARENA_INIT;
	const char *words =
		assets_progress_words(&arena, self->assets, clock_monotonic() - self->begun);

	if (words)
		draw(self, words);
	arena_release(&arena);
}

static void done(void *context, struct assets_result *result)
{
	struct assets_call *self = context;

	self->now->result = result;
	loop_stop(self->loop);
}

static void on_signal(void *context, int number)
{
	struct assets_call *self = context;

	self->signal = number == SIGINT ? SIGINT : SIGTERM;
	if (self->assets)
		assets_stop(self->assets);
}

static int run_place(struct assets_call *self, struct assets_place *place, struct error *err)
{
	struct loop_timer *timer = NULL;

	self->now = place;
	self->begun = clock_monotonic();
	self->assets = assets_start(&place->options, done, self, err);
	if (!self->assets)
		return -1;
	if (isatty(STDERR_FILENO) && !self->call->quiet)
		timer = loop_timer_start(self->loop, PROGRESS, PROGRESS, tick, self);
	while (!place->result && loop_run(self->loop) == 0)
		;
	assert(place->result);
	loop_timer_stop(timer);
	draw(self, "");
	self->assets = NULL;
	for (size_t i = 0; i < place->result->notes.count; i++)
		call_note(self->call, "%s", place->result->notes.items[i]);
	if (place->result->ok)
		return 0;
	*err = place->result->failure;
	return error_wrap(err, "%s", place->step);
}

/* The first failure ends it; what was done before is told all the same. */
static int run_places(struct assets_call *self, struct error *err)
{
	int result = loop_on_signal(self->loop, on_signal, self, err);
	int code = EXIT_DONE;
	struct error ignored = {0};

	for (size_t i = 0; result == 0 && i < self->places.list.count; i++)
		result = run_place(self, &self->places.list.items[i], err);
	if (loop_on_signal(self->loop, NULL, NULL, &ignored) < 0)
		call_note(self->call, "%s", ignored.message);
	if (assets_print(self->call, self->session, &self->places, result < 0 ? err : NULL,
			 &ignored) < 0) {
		*err = ignored;
		return -1;
	}
	if (self->signal)
		code = 128 + self->signal;
	return result < 0 && !self->signal ? -1 : code;
}

/* What changes a place does so under the environment's lease, as a deploy does. */
static int under_lease(struct assets_call *self, struct error *err)
{
	struct holding holding = {0};
	const struct holding_options options = {
		.command = "assets",
		.reason = self->places.act == ASSETS_SYNC ? "assets sync" : "assets prune",
		.past_hold = self->places.act == ASSETS_PRUNE,
	};
	int result = -1;

	if (holding_take(self->session, &options, &holding, err) == 0)
		result = run_places(self, err);
	holding_end(&holding);
	return result;
}

static int run(struct assets_call *self, struct error *err)
{
	bool changes =
		self->places.act != ASSETS_SURVEY && !options_has(&self->call->options, "dry-run");
	int result = -1;

	self->loop = loop_new(err);
	if (self->loop && add_steps(self, err) == 0)
		result = changes ? under_lease(self, err) : run_places(self, err);
	if (self->loop)
		loop_free(self->loop);
	return result;
}

static const char *make_id(struct session *session, struct error *err)
{
	struct head head;
	char stamp[32];

	if (repository_head(session->repository, session->arena, &head, err) < 0)
		return NULL;
	return arena_format(session->arena, "%s-%.7s",
			    time_stamp(stamp, clock_now(session->call->clock)), head.id);
}

static int find_act(const char *word, struct assets_places *places, struct error *err)
{
	static const struct {
		const char *word;
		enum assets_act act;
	} acts[] = {{"sync", ASSETS_SYNC},
		    {"prune", ASSETS_PRUNE},
		    {"list", ASSETS_SURVEY},
		    {"status", ASSETS_SURVEY}};

	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		if (strcmp(word, acts[i].word) != 0)
			continue;
		places->act = acts[i].act;
		places->lists = text_equal(word, "list");
		return 0;
	}
	error_set(err, "shipit assets takes sync, prune, list or status, not '%s'", word);
	return error_code(err, EXIT_USAGE);
}

static int check_flags(const struct call *call, enum assets_act act, struct error *err)
{
	static const struct {
		const char *flag;
		enum assets_act act;
		const char *word;
	} rows[] = {{"verify", ASSETS_SYNC, "sync"},
		    {"unlisted", ASSETS_PRUNE, "prune"},
		    {"older-than", ASSETS_PRUNE, "prune"},
		    {"max-delete", ASSETS_PRUNE, "prune"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (act == rows[i].act || !options_has(&call->options, rows[i].flag))
			continue;
		error_set(err, "--%s belongs to shipit assets %s", rows[i].flag, rows[i].word);
		return error_code(err, EXIT_USAGE);
	}
	if (options_has(&call->options, "older-than") && !options_has(&call->options, "unlisted")) {
		error_set(err,
			  "--older-than belongs to --unlisted: what a manifest knows goes when "
			  "it is dead, never by its age");
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

static int run_assets(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	const struct session_options options = {0};
	struct config_source source;
	struct assets_call self = {.call = call, .session = &session};

	if (find_act(call->options.arguments.items[0], &self.places, err) < 0 ||
	    check_flags(call, self.places.act, err) < 0 ||
	    session_open(&session, call, &options, err) < 0)
		return -1;
	/* The folders are those of the working tree, and so is what is said about them; where the
	 * state is, the remote says. */
	source = config_source_folder(session.root);
	session.config = session_load(&session, &source, false, err);
	self.places.id = session.config ? make_id(&session, err) : NULL;
	return self.places.id ? run(&self, err) : -1;
}

static const struct option_row rows[] = {
	{"dry-run", 'n', NULL, "tell what would be done, and do nothing", 0},
	{"verify", 0, NULL, "sync: go by what is there, and repair what differs", 0},
	{"unlisted", 0, NULL, "prune: also what no manifest knows", 0},
	{"older-than", 0, "TIME", "prune --unlisted: from this age (default 7d)", 0},
	{"max-delete", 0, "N|%", "prune: refuse to remove more (default 50%)", 0},
	{0},
};

const struct command command_assets = {
	.name = "assets",
	.arguments = "sync|prune|list|status",
	.summary = "what the pipeline's assets_sync and assets_prune steps do, on its own",
	.details = "sync sends the working tree's folders, both halves, and makes them live; prune "
		   "removes what is dead; list tells of each object, status of each release, what "
		   "becomes of it and what the next prune would free.",
	.options = rows,
	.run = run_assets,
	.arguments_least = 1,
	.arguments_most = 1,
};
