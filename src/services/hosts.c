/* Groups of hosts: written in deploy.yml, or listed by a command. */
#include "services/hosts.h"

#include "base/map.h"
#include "base/text.h"
#include "config/node.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "services/ssh.h"

enum { TIMEOUT = 60000, OUTPUT_MAXIMUM = 1 << 20 };

struct hosts {
	struct arena arena;
	const struct node *groups;
	struct ssh *ssh;
	struct map listed;   /* group -> struct text_list of what its command said */
	struct map left_out; /* host -> reason */
};

struct search {
	struct hosts *hosts;
	struct hosts_query query;
	struct arena listed; /* what commands say, until it is the deploy's */
	VEC(struct listing { const char *group; struct text_list found; }) listings;
	struct error err;
	int result;
};

struct hosts *hosts_new(const struct node *groups)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	if (!hosts)
		abort();
	hosts->groups = groups;
	return hosts;
}

void hosts_free(struct hosts *hosts)
{
	if (!hosts)
		return;
	ssh_free(hosts->ssh);
	map_release(&hosts->listed);
	map_release(&hosts->left_out);
	arena_release(&hosts->arena);
	free(hosts);
}

struct ssh *hosts_ssh(struct hosts *hosts, struct error *err)
{
	if (!hosts->ssh)
		hosts->ssh = ssh_new(err);
	return hosts->ssh;
}

static void add_host(struct arena *arena, struct text_list *found, const char *host)
{
	if (!text_list_has(found, host))
		text_list_add(arena, found, host);
}

static const char *const *arguments_of(struct arena *arena, const struct node *command)
{
	struct text_list list = {0};

	if (command->type == NODE_LIST) {
		for (size_t i = 0; i < command->count; i++)
			text_list_add(arena, &list, command->items[i]->text);
	} else {
		text_list_add(arena, &list, "/bin/sh");
		text_list_add(arena, &list, "-euc");
		text_list_add(arena, &list, command->text);
	}
	text_list_add(arena, &list, NULL);
	return list.items;
}

int hosts_ask(struct arena *arena, const struct node *command, const char *directory,
	      const char *const *environment, struct text_list *found, struct error *err)
{
	struct child_result result CLEANUP(child_result_release) = {0};
	const struct child_options options = {
		.arguments = arguments_of(arena, command),
		.directory = directory,
		.environment = environment,
		.timeout = TIMEOUT,
		.output_maximum = OUTPUT_MAXIMUM,
	};
	struct text_list lines;

	if (child_run_ok(&options, &result, err) < 0)
		return -1;
	lines = text_split(arena, arena_string(arena, result.output.data), '\n');
	for (size_t i = 0; i < lines.count; i++) {
		if (*lines.items[i] == '#')
			continue;
		if (ssh_check_host(lines.items[i], err) < 0)
			return -1;
		add_host(arena, found, lines.items[i]);
	}
	return 0;
}

static const struct node *command_of(const struct hosts *hosts, const char *name)
{
	return node_get(node_get(hosts->groups, name), "from");
}

/* On another thread: touches nothing but the search. */
static void ask_commands(void *context)
{
	struct search *search = context;
	const struct hosts_query *query = &search->query;

	for (size_t i = 0; i < query->names->count && search->result == 0; i++) {
		const char *name = query->names->items[i];
		const struct node *command = command_of(search->hosts, name);
		struct listing listing = {.group = name};

		if (!command || map_get_text(&search->hosts->listed, name))
			continue;
		search->result = hosts_ask(&search->listed, command, query->directory,
					   query->environment, &listing.found, &search->err);
		if (search->result < 0)
			error_wrap(&search->err, "the hosts of the group '%s' are not known", name);
		vec_push(&search->listed, &search->listings, listing);
	}
}

static void keep_listings(struct search *search)
{
	struct hosts *hosts = search->hosts;

	for (size_t i = 0; i < search->listings.count && search->result == 0; i++) {
		const struct listing *listing = &search->listings.items[i];
		struct text_list *kept = arena_new(&hosts->arena, struct text_list);

		for (size_t h = 0; h < listing->found.count; h++)
			text_list_add(&hosts->arena, kept,
				      arena_string(&hosts->arena, listing->found.items[h]));
		map_set_text(&hosts->listed, listing->group, kept);
	}
	arena_release(&search->listed);
}

static int gather(struct search *search, struct text_list *found, struct error *err)
{
	const struct hosts_query *query = &search->query;
	struct arena *arena = query->arena;

	keep_listings(search);
	if (search->result < 0) {
		*err = search->err;
		return -1;
	}
	for (size_t i = 0; i < query->names->count; i++) {
		const char *name = query->names->items[i];
		const struct node *group = node_get(search->hosts->groups, name);
		const struct text_list *listed = map_get_text(&search->hosts->listed, name);

		for (size_t h = 0; listed && h < listed->count; h++)
			add_host(arena, found, listed->items[h]);
		for (size_t h = 0; group && group->type == NODE_LIST && h < group->count; h++)
			add_host(arena, found, group->items[h]->text);
		if (!group || group->type == NODE_TEXT)
			add_host(arena, found, group ? group->text : name);
	}
	for (size_t i = 0; i < found->count; i++)
		if (ssh_check_host(found->items[i], err) < 0)
			return -1;
	return found->count ? 0
			    : error_set(err, "there is no host in '%s'",
					text_join(arena, query->names, ", "));
}

static void asked(void *context)
{
	struct search *search = context;
	struct text_list found = {0};
	struct error err = {0};
	bool known = gather(search, &found, &err) == 0;

	search->query.done(search->query.context, known ? &found : NULL,
			   known ? NULL : arena_string(search->query.arena, err.message));
}

int hosts_find(struct hosts *hosts, const struct hosts_query *query, struct error *err)
{
	struct search *search = arena_new(query->arena, struct search);

	search->hosts = hosts;
	search->query = *query;
	return loop_work(query->loop, ask_commands, asked, search, err);
}

int hosts_find_now(struct hosts *hosts, const struct hosts_query *query, struct text_list *found,
		   struct error *err)
{
	struct search search = {.hosts = hosts, .query = *query};

	ask_commands(&search);
	return gather(&search, found, err);
}

void hosts_leave_out(struct hosts *hosts, const char *host, const char *reason)
{
	if (!map_get_text(&hosts->left_out, host))
		map_set_text(&hosts->left_out, host, arena_string(&hosts->arena, reason));
}

const char *hosts_left_out(const struct hosts *hosts, const char *host)
{
	return map_get_text(&hosts->left_out, host);
}
