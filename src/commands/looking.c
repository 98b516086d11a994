/* What a plan cannot know without running a command from the repository's files. */
#include "base/text.h"
#include "commands/session_internal.h"
#include "config/expand.h"
#include "services/hosts.h"

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

/* "worker1, worker2", or why nobody can tell. */
static const char *ask_hosts(const struct session *session, const struct node *command)
{
	struct text_list hosts = { 0 };
	struct error err = { 0 };

	if (hosts_ask(session->arena, command, session->root, NULL, &hosts, &err) < 0)
		return arena_string(session->arena, err.message);
	return hosts.count ? text_join(session->arena, &hosts, ", ") : "none";
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
