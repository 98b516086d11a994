/* shipit status: what is live in each environment, since when, by whom, how far behind. */
#include "base/text.h"
#include "commands/listing.h"
#include "commands/halted_note.h"
#include "commands/session_people.h"
#include "git/repository.h"

static const struct option_row rows[] = {
	LISTING_OFFLINE,
	{NULL, 0, NULL, NULL, 0},
};

/* One environment as the store knows it. */
struct environment_status {
	const struct environment_config *config;
	struct record_list records;  /* the newest one, or none */
	const struct record *newest; /* or NULL */
	const char *branch;          /* that it is measured against, or NULL */
	int64_t behind;              /* commits; -1 unknown */
	struct lock_facts lock;
	struct halted halted;
	struct beacon_list online;
};

/* A glob names no branch: the default branch is what an environment is measured against then. */
static const char *measured_branch(const struct session *session,
				   const struct environment_config *config)
{
	if (config->branch && !strchr(config->branch, '*') && !strchr(config->branch, '?'))
		return config->branch;
	return session->default_branch;
}

static int status_read(struct session *session, const struct environment_config *config,
		       struct environment_status *status, struct error *err)
{
	char tip[COMMIT_TEXT];
	*status = (struct environment_status){.config = config, .behind = -1};
	if (record_list_read(session->store, session->arena, config->name, 1, &status->records,
			     err) < 0)
		return -1;
	if (status->records.records.count)
		status->newest = &status->records.records.items[0];
	if (lock_read(session, config->name, &status->lock, err) < 0 ||
	    halted_now(session, config->name, &status->lock, &status->halted, err) < 0)
		return -1;
	status->branch = measured_branch(session, config);
	if (status->newest && status->newest->live && status->branch &&
	    repository_has_commit(session->repository, status->newest->live) &&
	    repository_remote_tip(session->repository, session->config->remote, status->branch,
				  tip) == 1)
		status->behind = repository_count(session->repository, status->newest->live, tip);
	return session_online(session, config->name, status->newest ? status->newest->live : NULL,
			      &status->online, err);
}

static json_t *online_json(const struct beacon_list *online)
{
	json_t *names = json_array();
	for (size_t i = 0; i < online->list.count; i++)
		json_array_append_new(names, json_string(online->list.items[i].name));
	return names;
}

static json_t *status_json(const struct environment_status *status)
{
	const struct record *newest = status->newest;
	const json_t *owed = newest ? json_object_get(newest->json, "owed") : NULL;
	bool live = newest && newest->live;
	char since[32];
	json_t *behind = status->behind >= 0 ? json_integer(status->behind) : json_null();
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o*, s:o, s:o}", "name",
			 status->config->name, "commit", live ? newest->live : NULL, "since",
			 live && newest->live_at ? time_format(since, newest->live_at) : NULL,
			 "deployer", live ? newest->live_by : NULL, "id",
			 live ? newest->live_id : NULL, "behind", behind, "maintenance",
			 halted_status_json(&status->halted), "lock", lock_json(&status->lock),
			 "waiting", lock_waiting_json(&status->lock), "online",
			 online_json(&status->online), "owed",
			 owed ? json_deep_copy(owed) : json_array());
}

static void add_behind(struct listing *listing, const struct environment_status *status)
{
	if (status->behind < 0)
		return;
	if (status->behind == 0)
		buffer_add_text(&listing->out, ", up to date with ");
	else
		buffer_add_format(&listing->out, ", %lld commit%s behind ",
				  (long long)status->behind, status->behind == 1 ? "" : "s");
	listing_add_name(listing, status->branch);
}

static void add_owed(struct listing *listing, const struct record *newest, size_t columns)
{
	for (size_t i = 0; i < newest->owed.count; i++) {
		const struct record_owed *owed = &newest->owed.items[i];
		buffer_add_format(&listing->out, "%*s  owed: ", (int)columns, "");
		listing_add_name(listing, owed->kind);
		buffer_add_char(&listing->out, ' ');
		listing_add_name(listing, owed->name);
		buffer_add_text(&listing->out, " since ");
		listing_add_name(listing, owed->since);
		if (owed->reason) {
			buffer_add_text(&listing->out, " (");
			listing_add_name(listing, owed->reason);
			buffer_add_char(&listing->out, ')');
		}
		buffer_add_char(&listing->out, '\n');
	}
}

/* The sentence holds other people's words. */
static void add_lock(struct listing *listing, const struct environment_status *status,
		     struct arena *arena, size_t columns, int64_t now)
{
	struct lock_facts lock = status->lock;
	enum lock_obstacle obstacle = lock_obstacle(&lock);

	if (lock.leased && obstacle == LOCK_FREE)
		obstacle = LOCK_INTERRUPTED;
	if (obstacle == LOCK_FREE || obstacle == LOCK_QUEUE)
		return;
	buffer_add_format(&listing->out, "%*s  ", (int)columns, "");
	listing_add_name(listing, lock_sentence(arena, &lock, obstacle, now));
	buffer_add_char(&listing->out, '\n');
	if (!lock.held || obstacle == LOCK_HOLD)
		return;
	buffer_add_format(&listing->out, "%*s  ", (int)columns, "");
	listing_add_name(listing, lock_sentence(arena, &lock, LOCK_HOLD, now));
	buffer_add_char(&listing->out, '\n');
}

static void add_waiting(struct listing *listing, const struct lock_facts *lock,
			struct arena *arena, size_t columns, int64_t now)
{
	const struct text_list waiting = lock_waiting(arena, lock, now);

	for (size_t i = 0; i < waiting.count; i++) {
		buffer_add_format(&listing->out, "%*s  waiting: ", (int)columns, "");
		listing_add_name(listing, waiting.items[i]);
		buffer_add_char(&listing->out, '\n');
	}
}

static void add_online(struct listing *listing, const struct beacon_list *online, size_t columns)
{
	for (size_t i = 0; i < online->list.count; i++) {
		buffer_add_format(&listing->out, "%*s  online: ", (int)columns, "");
		listing_add_name(listing, online->list.items[i].name);
		buffer_add_text(&listing->out, " until ");
		listing_add_time(listing, online->list.items[i].until);
		buffer_add_char(&listing->out, '\n');
	}
}

static void status_text(struct listing *listing, const struct environment_status *status,
			struct arena *arena, size_t columns, int64_t now)
{
	const struct record *newest = status->newest;
	buffer_add_text(&listing->out, style(listing->color, STYLE_BOLD));
	listing_add_column(listing, status->config->name, columns);
	buffer_add_text(&listing->out, style(listing->color, STYLE_NONE));
	buffer_add_text(&listing->out, "  ");
	if (newest && newest->live) {
		listing_add_commit(listing, newest->live);
		buffer_add_text(&listing->out, " since ");
		listing_add_time(listing, newest->live_at);
		buffer_add_text(&listing->out, " (");
		listing_add_ago(listing, newest->live_at, now);
		buffer_add_text(&listing->out, ") by ");
		listing_add_name(listing, newest->live_by);
		add_behind(listing, status);
	} else {
		buffer_add_text(&listing->out, "nothing was deployed here yet");
	}
	buffer_add_char(&listing->out, '\n');
	add_lock(listing, status, arena, columns, now);
	add_waiting(listing, &status->lock, arena, columns, now);
	if (status->halted.halts) {
		buffer_add_format(&listing->out, "%*s  ", (int)columns, "");
		halted_text(listing, arena, &status->halted, now);
	}
	add_online(listing, &status->online, columns);
	if (!newest)
		return;
	if (!text_equal(newest->status, "ok")) {
		buffer_add_format(&listing->out, "%*s  last: ", (int)columns, "");
		listing_add_name(listing, newest->id);
		buffer_add_char(&listing->out, ' ');
		listing_add_status(listing, newest->status, 0);
		if (newest->reason)
			buffer_add_text(&listing->out, ": ");
		if (newest->reason)
			listing_add_name(listing, newest->reason);
		buffer_add_char(&listing->out, '\n');
	}
	add_owed(listing, newest, columns);
}

static int print_all(struct session *session, struct environment_status *all, size_t count,
		     struct error *err)
{
	size_t columns = 0;
	if (session->call->json) {
		json_t *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, status_json(&all[i]));
		return call_print_json(json_pack("{s:o}", "environments", list), err);
	}
	struct listing listing;
	listing_init(&listing, session->call);
	for (size_t i = 0; i < count; i++) {
		size_t width = text_columns(all[i].config->name, strlen(all[i].config->name));
		columns = width > columns ? width : columns;
	}
	for (size_t i = 0; i < count; i++)
		status_text(&listing, &all[i], session->arena, columns,
			    clock_now(session->call->clock));
	listing_note_age(session);
	return listing_end(&listing, err);
}

static int status_all(struct session *session, struct error *err)
{
	const struct config *config = session->config;
	size_t count = 0;
	struct environment_status *all =
		arena_array(session->arena, config->environments.count, sizeof(*all));
	int result = 0;
	for (size_t i = 0; i < config->environments.count && result == 0; i++) {
		const struct environment_config *environment = &config->environments.items[i];
		if (session->call->env && !text_equal(session->call->env, environment->name))
			continue;
		result = status_read(session, environment, &all[count++], err);
	}
	if (result == 0)
		result = print_all(session, all, count, err);
	for (size_t i = 0; i < count; i++)
		record_list_release(&all[i].records);
	for (size_t i = 0; i < count; i++) {
		lock_release(&all[i].lock);
		halted_release(&all[i].halted);
	}
	return result;
}

static int run_status(struct call *call, struct error *err)
{
	struct session session = {0};
	const struct session_options options = {
		.offline = options_has(&call->options, "offline"),
		.every_environment = true,
		.with_branches = true,
	};
	int result = session_open(&session, call, &options, err);
	if (result == 0)
		result = status_all(&session, err);
	session_close(&session);
	return result;
}

const struct command command_status = {
	.name = "status",
	.summary = "what is live in each environment, since when, by whom, how far behind",
	.details =
		"With -e one environment only. Owed is what earlier deploys left undone; `shipit "
		"task` does it.",
	.options = rows,
	.run = run_status,
};
