/* Kind release: a tree beside the earlier ones, and a link that is switched to it. */
#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "proc/loop.h"
#include "proc/machine.h"
#include "steps/check.h"
#include "steps/kinds_internal.h"
#include "steps/release_tree.h"

enum release_act { ACT_MAKE, ACT_SWITCH, ACT_MAKE_AND_SWITCH, ACT_SWITCH_BACK, ACT_PRUNE };

/* The work is done on another thread, with nothing but what stands in here. */
struct running {
	const struct step_request *request;
	enum release_act act;
	struct release_tree tree;
	struct pattern_list exclude;
	struct text_list shared;
	const char *deploy; /* ID */
	int64_t keep, files, bytes, removed;
	atomic_bool stopped;
	struct error err;
	int result;
	struct step_check *check;
};

static const char *find_to(const struct step_request *request, struct error *err)
{
	const char *to = object_text(&request->step->object, "to");
	const char *path = expand_text(request->arena, to, &request->services->values, err);

	if (path && *path != '/') {
		error_set(err, "release: 'to' is '%s', which is no absolute path", path);
		error_code(err, EXIT_USAGE);
		return NULL;
	}
	return path ? path_normal(request->arena, path) : NULL;
}

static char *description(const struct step_request *request)
{
	json_t *hashes = json_object();
	json_t *json;
	char *text, *copy;
	char now[32];

	for (size_t i = 0; request->fingerprints && i < request->fingerprints->list.count; i++)
		json_object_set_new(hashes, request->fingerprints->list.items[i].name,
				    json_string(request->fingerprints->list.items[i].value));
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", request->id, "app",
			 request->config->app, "env", request->config->env, "commit",
			 request->commit, "made", time_format(now, clock_now(&clock_system)),
			 "fingerprints", hashes);
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	copy = arena_format(request->arena, "%s\n", text ? text : "{}");
	free(text);
	return copy;
}

static int fill_tree(struct running *running, struct error *err)
{
	const struct step_request *request = running->request;
	const struct object *object = &request->step->object;
	const char *from = object_text(object, "from");
	struct text_list exclude = object_texts(request->arena, object, "exclude");
	struct pattern_texts patterns = {.folder = ""};

	for (size_t i = 0; i < exclude.count; i++)
		vec_push(request->arena, &patterns.list,
			 ((struct pattern_text){exclude.items[i], request->step->place}));
	if (pattern_list_compile(request->arena, &patterns, &running->exclude, err) < 0)
		return -1;
	running->shared = object_texts(request->arena, object, "shared");
	running->keep = object_integer(object, "keep");
	running->deploy = request->id;
	running->tree = (struct release_tree){
		.to = find_to(request, err),
		.id = request->release,
		.commit = request->commit,
		.root = request->root,
		.from = from ? path_join(request->arena, request->directory, from) : NULL,
		.exclude = &running->exclude,
		.shared = &running->shared,
		.stopped = &running->stopped,
	};
	if (!running->tree.to)
		return -1;
	running->tree.description = description(request);
	return 0;
}

static void work(void *context)
{
	struct running *running = context;
	const struct release_tree *tree = &running->tree;
	struct error *err = &running->err;

	if (running->act == ACT_MAKE || running->act == ACT_MAKE_AND_SWITCH)
		running->result = release_tree_make(tree, &running->files, &running->bytes, err);
	if (running->result == 0 &&
	    (running->act == ACT_SWITCH || running->act == ACT_MAKE_AND_SWITCH))
		running->result = release_tree_switch(tree->to, tree->id, running->deploy, err);
	if (running->act == ACT_SWITCH_BACK)
		running->result =
			release_tree_switch_back(tree->to, tree->id, running->deploy, err);
	if (running->act == ACT_PRUNE)
		running->result =
			release_tree_prune(tree->to, running->keep, &running->removed, err);
}

static const char *place(const struct running *running)
{
	char host[MACHINE_HOST];

	return arena_format(running->request->arena, "%s:%s/releases/%s", machine_host(host),
			    running->tree.to, running->tree.id);
}

static void say(const struct running *running)
{
	static const char *const words[] = {
		[ACT_MAKE] = "made",
		[ACT_SWITCH] = "current is",
		[ACT_MAKE_AND_SWITCH] = "current is",
		[ACT_SWITCH_BACK] = "current is no longer",
		[ACT_PRUNE] = "pruned below",
	};
	const struct step_request *request = running->request;
	const char *text;

	if (running->act == ACT_PRUNE)
		text = arena_format(request->arena, "%lld old releases removed\n",
				    (long long)running->removed);
	else
		text = arena_format(request->arena, "%s %s/releases/%s%s\n", words[running->act],
				    running->tree.to, running->tree.id,
				    running->files ? arena_format(request->arena, ", %lld files",
								  (long long)running->files)
						   : "");
	request->output(request->context, CHILD_STDOUT, text, strlen(text));
}

static void end(struct running *running, const char *failure)
{
	const struct step_request *request = running->request;
	bool made = running->act == ACT_MAKE || running->act == ACT_MAKE_AND_SWITCH;
	struct step_outcome outcome = {
		.ok = !failure,
		.exit = {.code = -1},
		.reason = failure,
		.place = made && !failure ? place(running) : NULL,
	};

	request->done(request->context, &outcome);
}

static void checked(void *context, const char *failure)
{
	struct running *running = context;

	running->check = NULL;
	end(running, failure);
}

static void worked(void *context)
{
	struct running *running = context;
	bool switched = running->act == ACT_SWITCH || running->act == ACT_MAKE_AND_SWITCH;
	struct error err = {0};

	if (running->result < 0) {
		end(running, arena_string(running->request->arena, running->err.message));
		return;
	}
	say(running);
	if (!switched || !running->request->step->check.place.line) {
		end(running, NULL);
		return;
	}
	running->check = step_check_start(running->request, checked, running, &err);
	if (!running->check)
		end(running, arena_string(running->request->arena, err.message));
}

static void *start(const struct step_request *request, enum release_act act, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);

	running->request = request;
	running->act = act;
	if (fill_tree(running, err) < 0 || loop_work(request->loop, work, worked, running, err) < 0)
		return NULL;
	return running;
}

void *release_start(const struct step_request *request, struct error *err)
{
	static const enum release_act acts[] = {
		[STEP_WHOLE] = ACT_MAKE_AND_SWITCH,
		[STEP_PREPARE] = ACT_MAKE,
		[STEP_PUBLISH] = ACT_SWITCH,
	};

	return start(request, acts[request->half], err);
}

void *release_undo(const struct step_request *request, struct error *err)
{
	return start(request, ACT_SWITCH_BACK, err);
}

void *release_prune(const struct step_request *request, struct error *err)
{
	return start(request, ACT_PRUNE, err);
}

void release_stop(void *context)
{
	struct running *running = context;

	atomic_store(&running->stopped, true);
	if (running->check)
		step_check_stop(running->check);
}

bool release_kept(const struct step_request *request, const char *kept_at, struct error *err)
{
	const char *to = find_to(request, err);

	if (!to)
		return false;
	if (release_tree_whole(to, request->release))
		return true;
	error_set(err, "%s/releases/%s is not here%s%s", to, request->release,
		  kept_at ? "; it was kept at " : "", kept_at ? kept_at : "");
	return false;
}

void release_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	static const char *const later[] = {"hosts", "batch", "user", "options"};
	const char *to = object_text(&step->object, "to");

	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++) {
		if (!object_has(&step->object, later[i]))
			continue;
		diagnostics_add(
			diagnostics, step->place,
			"this version of shipit cannot release to hosts: '%s' is not acted on",
			later[i]);
		diagnostics_hint(diagnostics, "without it the release is made on this machine");
	}
	if (!to || *to == '/' || text_starts_with(to, "${"))
		return;
	diagnostics_add(diagnostics, step->place,
			"release: 'to' must be an absolute path, not '%s'", to);
}

void release_describe(const struct step_config *step, struct buffer *out)
{
	const char *from = object_text(&step->object, "from");

	buffer_add_format(out, "%s to %s", from ? from : "the commit's tree",
			  object_text(&step->object, "to"));
}
