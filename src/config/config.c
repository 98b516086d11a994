/* Loading: deploy.yml, then the environment's overlays, then the pipeline and the tasks. */
#include "config/config_internal.h"

#include <errno.h>

#include "base/file.h"
#include "base/text.h"

static struct config_file *find_file(struct config *config, const char *path)
{
	for (size_t i = 0; i < config->files.count; i++)
		if (strcmp(config->files.items[i].path, path) == 0)
			return &config->files.items[i];
	return NULL;
}

static int read_bytes(struct loader *loader, const char *path, struct buffer *bytes,
		      struct error *err)
{
	const struct config_source *source = loader->options->source;

	if (path[0] != '/')
		return source->read(source->context, path, bytes, err);
	if (file_read(path, bytes, err) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

const struct node *loader_parse(struct loader *loader, const char *path, struct error *err)
{
	struct config_file file = {.path = arena_string(loader->arena, path)};
	struct buffer bytes;
	int found;

	error_clear(err);
	buffer_init(&bytes, NODE_FILE_MAXIMUM + 1);
	found = read_bytes(loader, path, &bytes, err);
	if (found > 0 && !find_file(loader->config, path)) {
		file.bytes = arena_bytes(loader->arena, bytes.data, bytes.length);
		file.length = bytes.length;
		vec_push(loader->arena, &loader->config->files, file);
	}
	buffer_release(&bytes);
	if (found > 0)
		return node_parse(loader->diagnostics, file.path, file.bytes, file.length);
	if (found < 0 || err->message[0]) {
		if (!err->message[0])
			error_set(err, "cannot read %s", path);
		error_code(err, EXIT_USAGE);
	} else {
		error_clear(err);
	}
	return NULL;
}

const struct step_kind_keys *config_all_kinds(struct arena *arena,
					      const struct config_options *options, size_t *result)
{
	struct step_kind_keys *kinds =
		arena_array(arena, options->kind_count + step_kinds_known_count, sizeof(*kinds));
	size_t count = 0;

	for (size_t i = 0; i < options->kind_count; i++) {
		kinds[count] = options->kinds[i];
		kinds[count++].row.flags &= ~(unsigned)KEY_LATER;
	}
	for (size_t i = 0; i < step_kinds_known_count; i++) {
		bool there = false;

		for (size_t j = 0; j < options->kind_count; j++)
			there |= strcmp(kinds[j].row.name, step_kinds_known[i].row.name) == 0;
		if (!there)
			kinds[count++] = step_kinds_known[i];
	}
	*result = count;
	return kinds;
}

static void note_later(void *context, const char *path, struct place place)
{
	struct loader *loader = context;
	struct config_note note = {arena_string(loader->arena, path), place};

	for (size_t i = 0; i < loader->config->notes.count; i++) {
		const struct place *other = &loader->config->notes.items[i].place;

		if (other->line == place.line && other->column == place.column &&
		    text_equal(other->file, place.file))
			return;
	}
	vec_push(loader->arena, &loader->config->notes, note);
}

static bool known_elsewhere(const struct loader *loader, const char *name)
{
	const struct node *all = node_get(loader->root, "environments");

	for (size_t i = 0; i < all->count; i++)
		if (node_entry(node_get(all->entries[i].value, "vars"), name))
			return true;
	return false;
}

static void check_variable(void *context, const char *name, struct place place)
{
	struct loader *loader = context;
	const struct node *sources[] = {loader->vars, node_get(loader->root, "secrets"),
					node_get(loader->pipeline, "ask")};
	struct text_list known = {0};
	const char *nearest;

	for (size_t i = 0; i < 3; i++) {
		if (node_entry(sources[i], name))
			return;
		for (size_t j = 0;
		     sources[i] && sources[i]->type == NODE_MAP && j < sources[i]->count; j++)
			text_list_add(loader->arena, &known, sources[i]->entries[j].key->text);
	}
	if (known_elsewhere(loader, name))
		diagnostics_add(loader->diagnostics, place,
				"unknown variable '${%s}' in the environment '%s'", name,
				loader->env);
	else
		diagnostics_add(loader->diagnostics, place, "unknown variable '${%s}'", name);
	nearest = text_nearest(name, known.items, known.count);
	if (nearest)
		diagnostics_hint(loader->diagnostics, "did you mean '${%s}'?", nearest);
	else
		diagnostics_hint(loader->diagnostics, "add it to the environment's vars or to "
						      "secrets; write $${ for a literal ${");
}

/* What an environment comes to when its overlays are applied must be whole, and its variables
 * known. */
static void check_environment(struct loader *loader, const char *name)
{
	const struct node *all = node_get(loader->root, "environments");
	const struct node *node = node_get(all, name);
	const struct key *row = schema_row(deploy_file.keys, "environments")->each;
	struct schema quiet = loader->schema;

	loader->env = name;
	loader->vars = node_get(node, "vars");
	quiet.variable = check_variable;
	if (node && node->type == NODE_MAP)
		schema_check(&quiet, row, node,
			     arena_format(loader->arena, "environments.%s", name));
	for (const struct key *key = deploy_file.keys; key->name; key++) {
		const struct node *merged;

		if (!(key->flags & KEY_OVERLAY))
			continue;
		merged = deploy_overlay(loader, node, key->name);
		if (merged)
			schema_check(&quiet, key, merged, key->name);
	}
	maintenance_config_check(loader, deploy_overlay(loader, node, "maintenance"));
	guards_config_check(loader, deploy_overlay(loader, node, "guards"));
}

static int choose_environment(struct loader *loader, struct error *err)
{
	const struct node *all = node_get(loader->root, "environments");
	const char *wanted = loader->options->env;
	struct text_list names = {0};
	const char *nearest;

	for (size_t i = 0; i < all->count; i++)
		if (!text_starts_with(all->entries[i].key->text, "x-"))
			text_list_add(loader->arena, &names, all->entries[i].key->text);
	if (!wanted && names.count > 0)
		wanted = names.items[0];
	if (wanted && text_list_has(&names, wanted)) {
		loader->env = wanted;
		return 0;
	}
	if (!wanted)
		error_set(err, "%s names no environment", loader->config->file);
	else
		error_set(err, "unknown environment '%s'", wanted);
	nearest = wanted ? text_nearest(wanted, names.items, names.count) : NULL;
	if (nearest)
		error_hint(err, "did you mean '%s'?", nearest);
	else
		error_hint(err, "%s has: %s", loader->config->file,
			   text_join(loader->arena, &names, ", "));
	return error_code(err, EXIT_USAGE);
}

static void check_environments(struct loader *loader)
{
	const struct node *all = node_get(loader->root, "environments");
	const char *chosen = loader->env;

	for (size_t i = 0; loader->options->every_environment && i < all->count; i++)
		if (strcmp(all->entries[i].key->text, chosen) != 0 &&
		    !text_starts_with(all->entries[i].key->text, "x-"))
			check_environment(loader, all->entries[i].key->text);
	check_environment(loader, chosen);
}

/* The pipeline's variables in the environments that were not chosen. */
static void check_pipeline_elsewhere(struct loader *loader)
{
	const struct node *all = node_get(loader->root, "environments");
	const char *chosen = loader->env;

	for (size_t i = 0; loader->options->every_environment && loader->pipeline && i < all->count;
	     i++) {
		if (text_starts_with(all->entries[i].key->text, "x-"))
			continue;
		loader->env = all->entries[i].key->text;
		loader->vars = node_get(all->entries[i].value, "vars");
		schema_check(&loader->schema, &pipeline_file, loader->pipeline, "");
	}
	loader->env = chosen;
}

static int load_deploy_file(struct loader *loader, struct error *err)
{
	const struct config_options *options = loader->options;

	loader->root = loader_parse(loader, options->path, err);
	if (!loader->root && err->message[0])
		return -1;
	if (!loader->root && loader->diagnostics->errors)
		return diagnostics_result(loader->diagnostics, err);
	if (!loader->root) {
		error_set(err, "there is no %s in %s", options->path, options->source->description);
		error_hint(err, "write one: the app, its pipeline, its environments (shipit help "
				"app)");
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

static int load(struct loader *loader, struct error *err)
{
	bool valid;

	if (load_deploy_file(loader, err) < 0)
		return -1;
	valid = schema_check(&loader->schema, &deploy_file, loader->root, "") == 0;
	if (valid) {
		if (choose_environment(loader, err) < 0)
			return -1;
		check_environments(loader);
		deploy_config_read(loader);
		loader->schema.variable = check_variable;
	}
	loader->config->pipeline_name =
		object_text(&(struct object){loader->root, deploy_file.keys}, "pipeline");
	if (!loader->options->without_pipeline && pipeline_config_load(loader, err) < 0)
		return -1;
	if (valid)
		check_pipeline_elsewhere(loader);
	return diagnostics_result(loader->diagnostics, err);
}

struct config *config_load(struct arena *arena, const struct config_options *options,
			   struct diagnostics *diagnostics, struct error *err)
{
	struct config *config = arena_new(arena, struct config);
	struct loader loader = {
		.arena = arena,
		.options = options,
		.diagnostics = diagnostics,
		.config = config,
		.schema = {.diagnostics = diagnostics,
			   .check_pattern = options->check_pattern,
			   .later = note_later},
	};
	const char *folder = path_folder(arena, options->path);
	int result;

	error_clear(err);
	loader.schema.context = &loader;
	loader.schema.kinds = config_all_kinds(arena, options, &loader.schema.kind_count);
	config->arena = arena;
	config->file = options->path;
	config->folder = strcmp(folder, ".") == 0 ? "" : folder;
	result = load(&loader, err);
	map_release(&loader.tasks);
	if (result < 0) {
		if (!err->exit_code)
			error_code(err, EXIT_USAGE);
		return NULL;
	}
	return config;
}

int config_check_file(struct arena *arena, const struct config_options *options,
		      const struct key *row, const char *path, struct diagnostics *diagnostics,
		      struct error *err)
{
	struct config config = {.arena = arena};
	struct loader loader = {
		.arena = arena,
		.options = options,
		.diagnostics = diagnostics,
		.config = &config,
		.schema = {.diagnostics = diagnostics, .check_pattern = options->check_pattern},
	};
	const struct node *root;

	error_clear(err);
	loader.schema.kinds = config_all_kinds(arena, options, &loader.schema.kind_count);
	root = loader_parse(&loader, path, err);
	return root ? schema_check(&loader.schema, row, root, "") : -1;
}

char *config_find(struct arena *arena, const char *root, const char *folder, struct error *err)
{
	const char *base = path_normal(arena, root);
	size_t length = strlen(base);
	const char *here = path_normal(arena, folder);

	while (text_starts_with(here, base) && (here[length] == '/' || here[length] == '\0')) {
		const char *below = here + length;
		char *path = path_join(arena, *below == '/' ? below + 1 : "", "deploy.yml");

		if (file_exists(path_join(arena, base, path)))
			return path;
		if (*below == '\0')
			break;
		here = path_folder(arena, here);
	}
	error_set(err, "there is no deploy.yml in %s or a folder above it", folder);
	error_hint(err, "write one: the app, its pipeline, its environments (shipit help app); "
			"--config FILE names one elsewhere");
	error_code(err, EXIT_USAGE);
	return NULL;
}
