/* The pipeline and the deploy.tasks.yml files as structs. */
#include "config/config_internal.h"

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"

/* Where a folder that is written in a file starts. */
struct home {
	const char *folder; /* of the file: "" or "api" */
	const char *dir;    /* of the stage, from the root */
};

static const char *read_dir(struct loader *loader, const struct node *node, const char *from)
{
	const char *text = node && node->text ? node->text : ".";
	const char *dir;

	if (text_starts_with(text, "//")) {
		from = "";
		text += 2;
	}
	dir = path_normal(loader->arena, path_join(loader->arena, from, text));
	if (node && (text[0] == '/' || strcmp(dir, "..") == 0 || text_starts_with(dir, "../"))) {
		diagnostics_add(loader->diagnostics, node->place, "'dir: %s' leaves the repository",
				node->text);
		diagnostics_hint(loader->diagnostics, "write a folder inside it");
		return ".";
	}
	return dir;
}

/* What cannot be run is found out before anything runs. */
static void refuse_kind(struct loader *loader, struct place place, const char *name)
{
	struct text_list able = {0};

	for (size_t i = 0; i < loader->schema.kind_count; i++)
		if (!(loader->schema.kinds[i].row.flags & KEY_LATER))
			text_list_add(loader->arena, &able, loader->schema.kinds[i].row.name);
	diagnostics_add(loader->diagnostics, place,
			"this version of shipit cannot run a step of kind '%s'", name);
	diagnostics_hint(loader->diagnostics, "it runs: %s",
			 text_join(loader->arena, &able, ", "));
}

static void read_kind(struct loader *loader, const struct node *node, const struct key *keys,
		      struct step_config *step)
{
	for (size_t i = 0; i < node->count; i++) {
		const char *name = node->entries[i].key->text;

		if (schema_row(keys, name))
			continue;
		for (size_t j = 0; j < loader->schema.kind_count; j++) {
			const struct step_kind_keys *kind = &loader->schema.kinds[j];

			if (strcmp(kind->row.name, name) != 0)
				continue;
			step->kind = kind->row.name;
			step->keys = kind;
			step->arguments = node->entries[i].value;
			step->object = (struct object){step->arguments, kind->row.keys};
			step->later = kind->row.flags & KEY_LATER;
			if (step->later)
				refuse_kind(loader, node->entries[i].key->place, name);
		}
	}
}

static void check_secrets(struct loader *loader, const struct node *node)
{
	bool list = node && node->type == NODE_LIST;

	for (size_t i = 0; node && node->type != NODE_NULL && i < (list ? node->count : 1); i++) {
		const struct node *item = list ? node->items[i] : node;
		const struct node *known = node_get(loader->root, "secrets");
		struct text_list names = {0};
		const char *nearest;

		if (node_get(known, item->text))
			continue;
		diagnostics_add(loader->diagnostics, item->place, "unknown secret '%s'",
				item->text);
		for (size_t j = 0; known && j < known->count; j++)
			text_list_add(loader->arena, &names, known->entries[j].key->text);
		nearest = text_nearest(item->text, names.items, names.count);
		if (nearest)
			diagnostics_hint(loader->diagnostics, "did you mean '%s'?", nearest);
		else
			diagnostics_hint(loader->diagnostics, "add it to secrets in deploy.yml");
	}
}

static struct step_config read_step(struct loader *loader, const struct node *node,
				    const struct key *row, struct home home)
{
	struct arena *arena = loader->arena;
	struct object object = {node, row->keys};
	const struct node *rollback = node_get(node, "rollback");
	struct step_config step = {
		.name = object_text(&object, "name"),
		.dir = read_dir(loader, node_get(node, "dir"), home.dir),
		.env = read_variables(arena, node_get(node, "env")),
		.secrets = object_texts(arena, &object, "secrets"),
		.timeout = object_duration(&object, "timeout"),
		.idle_timeout = object_duration(&object, "idle_timeout"),
		.retries = (int)object_integer(&object, "retries"),
		.if_changed = read_patterns(arena, node_get(node, "if_changed"), home.folder),
		.uses = object_texts(arena, &object, "uses"),
		.undo = read_command(arena, node_get(node, "undo")),
		.irreversible = object_bool(&object, "irreversible"),
		.idempotent = object_bool(&object, "idempotent"),
		.always = object_bool(&object, "always"),
		.allow_failure = object_bool(&object, "allow_failure"),
		.interactive = object_bool(&object, "interactive"),
		.early = object_bool(&object, "early"),
		.deferred = object_bool(&object, "deferred"),
		.explain = object_text(&object, "explain"),
		.node = node,
		.place = node->place,
	};

	step.named = step.name != NULL;
	step.rollback_skip = rollback && rollback->text && strcmp(rollback->text, "skip") == 0;
	if (!step.rollback_skip)
		step.rollback = read_command(arena, rollback);
	check_secrets(loader, node_get(node, "secrets"));
	read_kind(loader, node, row->keys, &step);
	if (step.kind && strcmp(step.kind, "run") == 0)
		step.run = read_command(arena, step.arguments);
	if (step.kind && step.arguments->type == NODE_MAP) {
		step.run = read_command(arena, node_get(step.arguments, "run"));
		step.check = read_command(arena, node_get(step.arguments, "check"));
	}
	if (step.kind && strcmp(step.kind, "publish") == 0)
		step.publish = step.arguments->text;
	return step;
}

/* Names are unique in a stage: written ones must be, others get "run", "run-2" ... */
static void name_steps(struct loader *loader, struct step_config *steps, size_t count)
{
	struct map taken = MAP_INIT, counts = MAP_INIT;

	for (size_t i = 0; i < count; i++) {
		struct step_config *before;

		if (!steps[i].named)
			continue;
		before = map_set_text(&taken, steps[i].name, &steps[i]);
		if (!before)
			continue;
		diagnostics_add(loader->diagnostics, steps[i].place,
				"two steps of one stage are named '%s'", steps[i].name);
		diagnostics_hint(loader->diagnostics, "the first one is in line %d",
				 before->place.line);
	}
	for (size_t i = 0; i < count; i++) {
		uintptr_t number;

		if (steps[i].named || !steps[i].kind)
			continue;
		number = (uintptr_t)map_get_text(&counts, steps[i].kind);
		do {
			number++;
			steps[i].name = number == 1 ? steps[i].kind
						    : arena_format(loader->arena, "%s-%zu",
								   steps[i].kind, (size_t)number);
		} while (map_get_text(&taken, steps[i].name));
		map_set_text(&taken, steps[i].name, &steps[i]);
		map_set_text(&counts, steps[i].kind, (void *)number);
	}
	map_release(&taken);
	map_release(&counts);
}

static struct stage_config read_stage(struct loader *loader, const struct node_entry *entry,
				      const struct key *row)
{
	const struct node *node = entry->value;
	const struct node *steps = node_get(node, "steps");
	struct object object = {node, row->keys};
	struct stage_config stage = {
		.name = entry->key->text,
		.needs = object_texts(loader->arena, &object, "needs"),
		.if_changed = read_patterns(loader->arena, node_get(node, "if_changed"), ""),
		.go_live = object_bool(&object, "go_live"),
		.parallel = object_bool(&object, "parallel"),
		.env = read_variables(loader->arena, node_get(node, "env")),
		.dir = read_dir(loader, node_get(node, "dir"), ""),
		.node = node,
		.place = entry->key->place,
	};
	const struct key *step_row = schema_row(row->keys, "steps")->each;

	for (size_t i = 0; i < steps->count; i++) {
		struct step_config step =
			read_step(loader, steps->items[i], step_row, (struct home){"", stage.dir});

		vec_push(loader->arena, &stage.steps, step);
	}
	name_steps(loader, stage.steps.items, stage.steps.count);
	return stage;
}

static void add_task(struct loader *loader, const struct node_entry *entry, const char *folder)
{
	struct pipeline *pipeline = loader->config->pipeline;
	const struct key *row = schema_row(tasks_file.keys, "tasks")->each;
	struct task_config task = {.folder = folder, .file = entry->key->place.file};

	const struct node *other = map_get_text(&loader->tasks, entry->key->text);

	if (other) {
		diagnostics_add(loader->diagnostics, entry->key->place,
				"the task '%s' is also in %s, line %d", entry->key->text,
				other->place.file, other->place.line);
		diagnostics_hint(loader->diagnostics, "give one of them another name");
		return;
	}
	map_set_text(&loader->tasks, entry->key->text, entry->key);
	task.step = read_step(loader, entry->value, row, (struct home){folder, folder});
	task.step.name = entry->key->text;
	task.step.named = true;
	task.step.place = entry->key->place;
	vec_push(loader->arena, &pipeline->tasks, task);
}

static void read_tasks(struct loader *loader, const struct node *tasks, const char *folder)
{
	for (size_t i = 0; tasks && i < tasks->count; i++)
		if (!text_starts_with(tasks->entries[i].key->text, "x-"))
			add_task(loader, &tasks->entries[i], folder);
}

static void read_ask(struct loader *loader, const struct node *ask)
{
	const struct key *row = schema_row(pipeline_file.keys, "ask")->each;

	for (size_t i = 0; ask && i < ask->count; i++) {
		const struct node *node = ask->entries[i].value;
		struct object object = {node, row->keys};
		struct ask_config it = {
			.name = ask->entries[i].key->text,
			.prompt = node->type == NODE_TEXT ? node->text
							  : object_text(&object, "prompt"),
			.fallback = object_text(&object, "default"),
			.match = object_text(&object, "match"),
			.choices = object_texts(loader->arena, &object, "choices"),
			.place = ask->entries[i].key->place,
		};

		vec_push(loader->arena, &loader->config->pipeline->ask, it);
	}
}

static void read_pipeline(struct loader *loader, const struct node *root)
{
	struct pipeline *pipeline = loader->config->pipeline;
	const struct node *stages = node_get(root, "stages");
	const struct node *on_failure = node_get(root, "on_failure");
	const struct key *row = schema_row(pipeline_file.keys, "stages")->each;
	struct object object = {root, pipeline_file.keys};

	for (size_t i = 0; i < stages->count; i++) {
		struct stage_config stage;

		if (text_starts_with(stages->entries[i].key->text, "x-"))
			continue;
		stage = read_stage(loader, &stages->entries[i], row);
		vec_push(loader->arena, &pipeline->stages, stage);
	}
	read_tasks(loader, node_get(root, "tasks"), "");
	row = schema_row(pipeline_file.keys, "on_failure")->each;
	for (size_t i = 0; on_failure && i < on_failure->count; i++) {
		struct step_config step =
			read_step(loader, on_failure->items[i], row, (struct home){"", "."});

		vec_push(loader->arena, &pipeline->on_failure, step);
	}
	name_steps(loader, pipeline->on_failure.items, pipeline->on_failure.count);
	read_ask(loader, node_get(root, "ask"));
	pipeline->deadline = object_duration(&object, "deadline");
}

static int load_task_files(struct loader *loader, struct error *err)
{
	const struct config_source *source = loader->options->source;
	struct text_list paths = {0};

	if (!source->list)
		return 0;
	if (source->list(source->context, loader->arena, "deploy.tasks.yml", &paths, err) < 0)
		return -1;
	for (size_t i = 0; i < paths.count; i++) {
		const char *folder = path_folder(loader->arena, paths.items[i]);
		const struct node *root;

		error_clear(err);
		root = loader_parse(loader, paths.items[i], err);
		if (!root && err->message[0])
			return -1;
		if (root && schema_check(&loader->schema, &tasks_file, root, "") == 0)
			read_tasks(loader, node_get(root, "tasks"),
				   strcmp(folder, ".") == 0 ? "" : folder);
	}
	return 0;
}

/* Beside deploy.yml first, then among the built-in ones. */
static const struct node *find_pipeline(struct loader *loader, const struct node *name,
					struct error *err)
{
	struct arena *arena = loader->arena;
	bool is_path = strchr(name->text, '/') || text_ends_with(name->text, ".yml") ||
		       text_ends_with(name->text, ".yaml");
	const char *file =
		is_path ? name->text : arena_format(arena, "pipelines/%s.yml", name->text);
	const char *path = path_normal(arena, path_join(arena, loader->config->folder, file));
	const char *built_in;
	size_t errors = loader->diagnostics->errors;
	const struct node *root = NULL;

	if (!text_starts_with(path, "../"))
		root = loader_parse(loader, path, err);
	if (root || err->message[0] || loader->diagnostics->errors > errors)
		return root;
	built_in = is_path ? NULL : data_path(arena, file);
	if (built_in)
		return loader_parse(loader, built_in, err);
	diagnostics_add(loader->diagnostics, name->place, "unknown pipeline '%s'", name->text);
	diagnostics_hint(loader->diagnostics, "%s is not in %s%s", path,
			 loader->options->source->description,
			 is_path ? "" : ", and no built-in one has this name");
	return NULL;
}

int pipeline_config_load(struct loader *loader, struct error *err)
{
	const struct node *name = node_get(loader->root, "pipeline");
	const struct node *root;

	if (!name || !name->text || !*name->text)
		return 0;
	root = find_pipeline(loader, name, err);
	if (!root)
		return err->message[0] ? -1 : 0;
	loader->pipeline = root;
	loader->config->pipeline = arena_new(loader->arena, struct pipeline);
	loader->config->pipeline->file = root->place.file;
	if (schema_check(&loader->schema, &pipeline_file, root, "") == 0)
		read_pipeline(loader, root);
	return load_task_files(loader, err);
}
