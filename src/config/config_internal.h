/* What the files of config's loading share. */
#pragma once
#include "base/map.h"
#include "config/config.h"

struct loader {
	struct arena *arena;
	const struct config_options *options;
	struct diagnostics *diagnostics;
	struct config *config;
	struct schema schema;
	const struct node *root;	/* deploy.yml */
	const struct node *pipeline;	/* its root, or NULL */
	const char *env;		/* the environment whose variables count now */
	const struct node *vars;
	struct map tasks;		/* name -> the node of its key */
};

/* Reads and parses a file of the source (or an absolute path); adds it to config->files. NULL with
 * diagnostics or err; err->message stays empty when there is no such file. */
const struct node *loader_parse(struct loader *loader, const char *path, struct error *err);

void deploy_config_read(struct loader *loader);
/* The environment's node with what stands outside below it: "smoke", "guards" ... */
const struct node *deploy_overlay(struct loader *loader, const struct node *environment,
				  const char *name);
/* What the tables of maintenance cannot say: keys that go together. node may be NULL. */
void maintenance_config_check(struct loader *loader, const struct node *node);
void maintenance_config_read(struct loader *loader, const struct node *node,
			     struct maintenance_config *maintenance);
/* Times and zones of guards that mean nothing; node may be NULL. */
void guards_config_check(struct loader *loader, const struct node *node);
void guards_config_read(struct loader *loader, const struct node *node);
void roster_config_read(struct loader *loader);
int pipeline_config_load(struct loader *loader, struct error *err);

/* Readers of single values, all validated before. */
struct command_text read_command(struct arena *arena, const struct node *node);
struct variables read_variables(struct arena *arena, const struct node *node);
struct pattern_texts read_patterns(struct arena *arena, const struct node *node,
				   const char *folder);
