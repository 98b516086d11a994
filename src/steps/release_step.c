/* What a release step's keys say. */
#include "steps/release_step.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "steps/rollout.h"

const char *release_step_to(const struct step_request *request, struct error *err)
{
	const char *to = object_text(&request->step->object, "to");
	const char *path = expand_text(request->arena, to, &request->services->values, err);
	bool hosts = rollout_has_hosts(request->step);

	if (path && hosts && text_starts_with(path, "~/"))
		path += 2;
	if (path && *path != '/' && !hosts) {
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

int release_step_read(const struct step_request *request, struct release_step *step,
		      struct error *err)
{
	struct arena *arena = request->arena;
	const struct object *object = &request->step->object;
	const char *from = object_text(object, "from");
	struct text_list exclude = object_texts(arena, object, "exclude");
	struct text_list shared = object_texts(arena, object, "shared");
	struct pattern_texts patterns = {.folder = ""};

	for (size_t i = 0; i < exclude.count; i++)
		vec_push(arena, &patterns.list,
			 ((struct pattern_text){exclude.items[i], request->step->place}));
	if (pattern_list_compile(arena, &patterns, &step->exclude, err) < 0)
		return -1;
	for (size_t i = 0; i < shared.count; i++) {
		const char *path = path_normal(arena, shared.items[i]);

		if (*path == '/' || strcmp(path, ".") == 0 || strncmp(path, "..", 2) == 0)
			return error_set(err, "shared: '%s' is no path below the release",
					 shared.items[i]);
		text_list_add(arena, &step->shared, path);
	}
	step->keep = object_integer(object, "keep");
	step->link = object_bool(object, "link");
	step->tree = (struct release_tree){
		.to = release_step_to(request, err),
		.id = request->release,
		.commit = request->commit,
		.root = request->root,
		.from = from ? path_join(arena, request->directory, from) : NULL,
		.exclude = &step->exclude,
		.shared = &step->shared,
		.stopped = &step->stopped,
	};
	if (!step->tree.to)
		return -1;
	step->tree.description = description(request);
	return 0;
}
