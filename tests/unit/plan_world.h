/* A plan out of a deploy.yml, a list of changed files and the text of one. Include it once. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "git/change.h"
#include "git/pattern.h"
#include "plan/plan.h"

struct world {
	struct arena arena;
	struct config *config, *live;
	struct diagnostics diagnostics;
	struct change change;
	struct record_list records;
	struct plan_input input;
	const char *deploy, *text;	/* the files; text: that of each changed one */
	struct line_span added;
	size_t reads;
};

static int read_source(void *context, const char *path, struct buffer *out, struct error *err)
{
	const struct world *world = context;

	(void)err;
	if (!strcmp(path, "deploy.yml"))
		buffer_add_text(out, world->deploy);
	else if (!strcmp(path, "pipelines/p.yml"))
		buffer_add_text(out, "stages: {live: {go_live: true, steps: [{sound: "
		 "foghorn}]}}\n");
	else
		return 0;
	return 1;
}

static int list_source(void *context, struct arena *arena, const char *name,
		       struct text_list *paths, struct error *err)
{
	(void)context;
	(void)arena;
	(void)name;
	(void)paths;
	(void)err;
	return 0;
}

/* deploy.yml with these lines behind what each needs. */
static struct config *load(struct world *world, const char *rest)
{
	struct config_source source = {read_source, list_source, world, "a test"};
	size_t count;
	const struct step_kind_keys *kinds = step_kind_rows(&world->arena, &count);
	struct config_options options = {.source = &source, .path = "deploy.yml", .kinds = kinds,
					 .kind_count = count, .check_pattern = pattern_check};
	struct error err = {0};
	struct config *config;

	world->deploy = arena_format(&world->arena, "app: shop\npipeline: p\n%s%s",
				     strstr(rest, "environments:") ? ""
								   : "environments: "
								    "{production: {}}\n",
				     rest);
	config = config_load(&world->arena, &options, &world->diagnostics, &err);
	if (!config)
		fail_msg("%s: %s", world->deploy, err.message);
	return config;
}

static int read_file(void *context, const struct changed_file *file, struct changed_text *text,
		     struct error *err)
{
	struct world *world = context;

	(void)file;
	(void)err;
	world->reads++;
	*text = (struct changed_text){0};
	if (!world->text)
		return 0;
	text->text = world->text;
	text->length = strlen(world->text);
	vec_push(&world->arena, &text->added, world->added);
	return 0;
}

static void set_change(struct world *world, const char *paths)
{
	struct text_list list = text_split(&world->arena, paths, ' ');

	world->change.files.count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct changed_file file = {.path = list.items[i], .status = 'M'};

		vec_push(&world->arena, &world->change.files, file);
	}
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	diagnostics_init(&world->diagnostics, &world->arena);
	world->added = (struct line_span){1, 1000};
	world->change.lines_known = true;
	world->input = (struct plan_input){
		.change = &world->change, .records = &world->records,
		.commit = "2222222222222222222222222222222222222222",
		.previous = "1111111111111111111111111111111111111111",
		.facts = {.branch_allowed = true, .behind = -1},
		.read_file = read_file, .context = world};
	set_change(world, "README");
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	arena_release(&world->arena);
	free(world);
	return 0;
}

static struct plan *make(struct world *world, const char *rest)
{
	struct error err = {0};
	struct plan *plan;

	world->config = load(world, rest);
	world->input.config = world->config;
	plan = plan_new(&world->arena, &world->input, &world->diagnostics, &err);
	assert_string_equal(err.message, "");
	assert_non_null(plan);
	return plan;
}
