/* deploy.yml's nodes as structs. */
#include "config/config_internal.h"

#include "base/text.h"

const struct node *deploy_overlay(struct loader *loader, const struct node *environment,
				  const char *name)
{
	return node_overlay(loader->arena, node_get(loader->root, name),
			    node_get(environment, name));
}

static void read_environments(struct loader *loader)
{
	const struct node *all = node_get(loader->root, "environments");
	const struct key *row = schema_row(deploy_file.keys, "environments");

	for (size_t i = 0; i < all->count; i++) {
		const struct node_entry *entry = &all->entries[i];
		struct object object = {entry->value, row->each->keys};
		struct environment_config environment = {
			.name = entry->key->text,
			.branch = object_text(&object, "branch"),
			.url = object_text(&object, "url"),
			.protected_ = object_has(&object, "protected")
					      ? object_bool(&object, "protected")
					      : strcmp(entry->key->text, "production") == 0,
			.place = entry->key->place,
		};

		if (!text_starts_with(environment.name, "x-"))
			vec_push(loader->arena, &loader->config->environments, environment);
	}
}

static struct text_list sealed_roles(struct arena *arena, const struct key *row,
				     const struct node *node)
{
	const struct object secret = {node, row->each->keys};
	const struct object sealed = object_child(&secret, "sealed");

	return object_texts(arena, &sealed, "for");
}

static void read_secrets(struct loader *loader)
{
	const struct node *all = node_get(loader->root, "secrets");
	const struct key *row = schema_row(deploy_file.keys, "secrets");

	for (size_t i = 0; all && i < all->count; i++) {
		const struct node *node = all->entries[i].value;
		const struct node *env = node_get(node, "env");
		struct secret_config secret = {
			.name = all->entries[i].key->text,
			.env = env ? env->text : NULL,
			.command = read_command(loader->arena, node_get(node, "command")),
			.sealed = node->type != NODE_MAP || node_entry(node, "sealed"),
			.place = all->entries[i].key->place,
		};

		if (node_get(node, "sealed"))
			secret.roles = sealed_roles(loader->arena, row, node);
		vec_push(loader->arena, &loader->config->secrets, secret);
	}
}

static void read_fingerprints(struct loader *loader)
{
	const struct node *all = node_get(loader->root, "fingerprints");

	for (size_t i = 0; all && i < all->count; i++) {
		struct fingerprint_config fingerprint = {
			.name = all->entries[i].key->text,
			.patterns = read_patterns(loader->arena, all->entries[i].value, ""),
		};

		vec_push(loader->arena, &loader->config->fingerprints, fingerprint);
	}
}

static const char *get_var(void *context, const char *name)
{
	const struct node *value = node_get(context, name);

	return value ? value->text : NULL;
}

/* The address with the environment's own variables; a secret has no place in it. */
static const char *read_url(struct loader *loader, const struct node *environment)
{
	const struct node *url = node_get(environment, "url");
	const struct node *vars = node_get(environment, "vars");
	struct expand_lookup lookup = {get_var, (void *)(uintptr_t)vars};
	struct error err;
	char *expanded;

	if (!url || url->type == NODE_NULL)
		return NULL;
	expanded = expand_text(loader->arena, url->text, &lookup, &err);
	if (!expanded) {
		diagnostics_add(loader->diagnostics, url->place, "%s", err.message);
		diagnostics_hint(loader->diagnostics,
				 "an environment's url takes its vars, and no secrets");
	}
	return expanded;
}

static void read_environment(struct loader *loader, const struct node *node)
{
	struct config *config = loader->config;
	const struct key *row = schema_row(deploy_file.keys, "environments")->each;
	struct object object = {node, row->keys};
	struct object live = object_child(&object, "live_commit");
	struct object sounds = {deploy_overlay(loader, node, "sounds"),
				schema_row(row->keys, "sounds")->keys};

	config->environment = node;
	config->url = read_url(loader, node);
	config->vars = read_variables(loader->arena, node_get(node, "vars"));
	config->live_commit = (struct live_commit_config){
		.url = object_text(&live, "url"),
		.match = object_text(&live, "match"),
		.header = object_text(&live, "header"),
		.json = object_text(&live, "json"),
		.timeout = object_duration(&live, "timeout"),
	};
	if (live.node)
		config->live_commit.place = live.node->place;
	smoke_config_read(loader->arena, deploy_overlay(loader, node, "smoke"), &config->smoke);
	guards_config_read(loader, deploy_overlay(loader, node, "guards"));
	config->sound_go_live = object_text(&sounds, "go_live");
	config->sound_success = object_text(&sounds, "success");
	config->sound_failure = object_text(&sounds, "failure");
	maintenance_config_read(loader, deploy_overlay(loader, node, "maintenance"),
				&config->maintenance);
	config->markers = deploy_overlay(loader, node, "markers");
	config->notify = deploy_overlay(loader, node, "notify");
	const struct node *changes = node_get(config->notify, "config_changes");
	config->config_changes = read_patterns(loader->arena, node_get(changes, "if_changed"), "");
	config->hosts = deploy_overlay(loader, node, "hosts");
}

void deploy_config_read(struct loader *loader)
{
	struct config *config = loader->config;
	struct object object = {loader->root, deploy_file.keys};
	struct object keep = object_child(&object, "keep");
	const char *clean = object_text(&object, "clean");

	config->app = object_text(&object, "app");
	config->remote = object_text(&object, "remote");
	config->state = object_text(&object, "state");
	config->workspace = strcmp(object_text(&object, "workspace"), "here") == 0
				    ? WORKSPACE_HERE
				    : WORKSPACE_WORKTREE;
	config->clean_written = clean != NULL;
	config->clean_all = clean && strcmp(clean, "all") == 0;
	config->lease = object_duration(&object, "lease");
	config->keep_deploys = (int)object_integer(&keep, "deploys");
	config->keep_days = (int)object_integer(&keep, "days");
	read_environments(loader);
	read_secrets(loader);
	roster_config_read(loader);
	read_fingerprints(loader);
	for (size_t i = 0; i < config->environments.count; i++) {
		const struct environment_config *environment = &config->environments.items[i];

		if (strcmp(environment->name, loader->env) != 0)
			continue;
		config->env = environment->name;
		config->branch = environment->branch;
		config->protected_ = environment->protected_;
		read_environment(loader, node_get(node_get(loader->root, "environments"),
						  environment->name));
	}
}

const char *config_var(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->vars.list.count; i++)
		if (strcmp(config->vars.list.items[i].name, name) == 0)
			return config->vars.list.items[i].value;
	return NULL;
}

const struct secret_config *config_secret(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->secrets.count; i++)
		if (strcmp(config->secrets.items[i].name, name) == 0)
			return &config->secrets.items[i];
	return NULL;
}
