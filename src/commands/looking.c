/* What a plan cannot know without running a command from the repository's files. */
#include "base/text.h"
#include "commands/session_internal.h"
#include "config/expand.h"
#include "proc/child.h"

enum { TIMEOUT = 60000, MAXIMUM = 1 << 20 };

const char *looking_command_secret(const struct session *session, const char *text)
{
	struct text_list names = { 0 };
	struct error ignored = { 0 };

	if (!session->options.looking ||
	    expand_names(session->arena, text, &names, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		const struct secret_config *secret =
			config_secret(session->config, names.items[i]);

		if (!config_var(session->config, names.items[i]) && secret &&
		    secret->command.place.line)
			return names.items[i];
	}
	return NULL;
}

static const char *const *arguments_of(struct arena *arena, const struct node *command)
{
	struct text_list list = { 0 };

	if (command->type == NODE_LIST) {
		for (size_t i = 0; i < command->count; i++)
			vec_push(arena, &list, command->items[i]->text);
	} else {
		vec_push(arena, &list, "sh");
		vec_push(arena, &list, "-euc");
		vec_push(arena, &list, command->text);
	}
	vec_push(arena, &list, NULL);
	return list.items;
}

/* "worker1, worker2", or why nobody can tell. */
static const char *ask_hosts(const struct session *session, const struct node *command)
{
	struct arena *arena = session->arena;
	struct child_result result CLEANUP(child_result_release) = { 0 };
	struct text_list lines, hosts = { 0 };
	struct error err = { 0 };
	const struct child_options options = {
		.arguments = arguments_of(arena, command),
		.directory = session->root,
		.timeout = TIMEOUT,
		.output_maximum = MAXIMUM,
	};

	if (child_run_ok(&options, &result, &err) < 0)
		return arena_string(arena, err.message);
	lines = text_split(arena, result.output.data, '\n');
	for (size_t i = 0; i < lines.count; i++)
		if (*lines.items[i])
			text_list_add(arena, &hosts, lines.items[i]);
	return hosts.count ? text_join(arena, &hosts, ", ") : "none";
}

void looking_hosts(struct session *session)
{
	const struct node *groups = session->config->hosts;

	for (size_t i = 0; groups && groups->type == NODE_MAP && i < groups->count; i++) {
		const struct node *command = node_get(groups->entries[i].value, "from");

		if (!command)
			continue;
		text_list_add(session->arena, &session->facts.open,
			      arena_format(session->arena, "hosts.%s: %s",
					   groups->entries[i].key->text,
					   session->options.run_commands
						   ? ask_hosts(session, command)
						   : "known at deploy (plan --run-commands asks)"));
	}
}
