/* Single values of the files as structs. */
#include "config/config_internal.h"

#include "base/text.h"

struct command_text read_command(struct arena *arena, const struct node *node)
{
	struct command_text command = {0};

	if (!node || node->type == NODE_NULL)
		return command;
	command.place = node->place;
	if (node->type != NODE_LIST) {
		command.shell = node->text;
		return command;
	}
	for (size_t i = 0; i < node->count; i++)
		text_list_add(arena, &command.arguments, node->items[i]->text);
	return command;
}

struct variables read_variables(struct arena *arena, const struct node *node)
{
	struct variables variables = {0};

	for (size_t i = 0; node && node->type == NODE_MAP && i < node->count; i++) {
		struct variable variable = {node->entries[i].key->text,
					    node->entries[i].value->text};

		if (variable.value)
			vec_push(arena, &variables.list, variable);
	}
	return variables;
}

struct pattern_texts read_patterns(struct arena *arena, const struct node *node, const char *folder)
{
	struct pattern_texts patterns = {.folder = folder};
	bool list = node && node->type == NODE_LIST;

	for (size_t i = 0; node && i < (list ? node->count : 1); i++) {
		const struct node *item = list ? node->items[i] : node;
		struct pattern_text pattern = {item->text, item->place};

		if (item->type == NODE_TEXT)
			vec_push(arena, &patterns.list, pattern);
	}
	return patterns;
}

static void read_json(struct arena *arena, const struct node *json, struct smoke_check *check)
{
	for (size_t i = 0; json && i < json->count; i++) {
		struct smoke_json value = {json->entries[i].key->text, json->entries[i].value};

		vec_push(arena, &check->json, value);
	}
}

struct smoke_check expect_config_read(struct arena *arena, const struct object *object)
{
	struct smoke_check check = {
		.status = (int)object_integer(object, "status"),
		.contains = object_texts(arena, object, "contains"),
		.max = -1,
		.timeout = -1,
	};

	read_json(arena, node_get(object->node, "json"), &check);
	return check;
}

static struct smoke_check read_check(struct arena *arena, const struct node *node,
				     const struct key *keys)
{
	struct object object = {node, keys};
	struct smoke_check check = {
		.name = object_text(&object, "name"),
		.get = object_text(&object, "get"),
		.run = read_command(arena, node_get(node, "run")),
		.dir = object_text(&object, "dir"),
		.env = read_variables(arena, node_get(node, "env")),
		.secrets = object_texts(arena, &object, "secrets"),
		.status = (int)object_integer(&object, "status"),
		.contains = object_texts(arena, &object, "contains"),
		.absent = object_texts(arena, &object, "absent"),
		.header = read_variables(arena, node_get(node, "header")),
		.request = read_variables(arena, node_get(node, "request")),
		.max = object_duration(&object, "max"),
		.timeout = object_duration(&object, "timeout"),
		.follow = strcmp(object_text(&object, "redirects"), "follow") == 0,
		.commit = object_bool(&object, "commit"),
		.place = node->place,
	};

	read_json(arena, node_get(node, "json"), &check);
	if (!check.dir)
		check.dir = ".";
	if (!check.name && check.get)
		check.name = arena_format(arena, "GET %s", check.get);
	else if (!check.name)
		check.name = check.run.shell ? check.run.shell
					     : text_join(arena, &check.run.arguments, " ");
	return check;
}

void smoke_config_read(struct arena *arena, const struct node *node, struct smoke_config *smoke)
{
	const struct key *row = schema_row(deploy_file.keys, "smoke");
	struct object object = {node, row->keys};
	struct object commit = object_child(&object, "commit");
	const struct node *checks = node_get(node, "checks");
	const char *on_fail = object_text(&object, "on_fail");

	*smoke = (struct smoke_config){
		.present = node && node->type == NODE_MAP,
		.within = object_duration(&object, "within"),
		.parallel = (int)object_integer(&object, "parallel"),
		.commit_match = object_text(&commit, "match"),
		.commit_of = object_text(&commit, "of"),
		.node = node,
	};
	if (node)
		smoke->place = node->place;
	smoke->on_fail = strcmp(on_fail, "stop") == 0  ? SMOKE_STOP
			 : strcmp(on_fail, "ask") == 0 ? SMOKE_ASK
						       : SMOKE_ROLLBACK;
	for (size_t i = 0; checks && checks->type == NODE_LIST && i < checks->count; i++) {
		struct smoke_check check = read_check(arena, checks->items[i],
						      schema_row(row->keys, "checks")->each->keys);

		vec_push(arena, &smoke->checks, check);
	}
}
