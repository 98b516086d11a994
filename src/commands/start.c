/* Writes and reads start.json. */
#include "commands/start.h"

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "proc/child.h"
#include "proc/machine.h"

enum { START_MAXIMUM = 16 << 20 };

/* Rows for the texts and lists that are written as they are. */
static const struct json_row texts[] = {
	{ "env", offsetof(struct start, env) },
	{ "command", offsetof(struct start, command) },
	{ "deployer", offsetof(struct start, deployer) },
	{ "host", offsetof(struct start, host) },
	{ "commit", offsetof(struct start, commit) },
	{ "previous", offsetof(struct start, previous) },
	{ "recorded", offsetof(struct start, recorded) },
	{ "from", offsetof(struct start, from) },
	{ "claimed", offsetof(struct start, claimed) },
	{ "branch", offsetof(struct start, branch) },
	{ "release", offsetof(struct start, release) },
	{ "rollback", offsetof(struct start, rollback) },
	{ "machine", offsetof(struct start, machine) },
	{ "maintenance", offsetof(struct start, flags.maintenance) },
	{ "reason", offsetof(struct start, flags.override_reason) },
};
static const struct json_row lists[] = {
	{ "only", offsetof(struct start, flags.only) },
	{ "skip", offsetof(struct start, flags.skip) },
	{ "task", offsetof(struct start, flags.task) },
	{ "no_task", offsetof(struct start, flags.no_task) },
	{ "override", offsetof(struct start, flags.override) },
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct text_list *list_at(struct start *start, size_t offset)
{
	return (struct text_list *)(uintptr_t)((char *)start + offset);
}

/* JSON holds UTF-8 only: what is not is lost, and the digest will tell. */
static json_t *start_json(struct start *start)
{
	json_t *json = json_object(), *answers = json_object();

	json_texts_set(json, texts, COUNT(texts), start);
	for (size_t i = 0; i < COUNT(lists); i++)
		json_list_set(json, lists[i].key, list_at(start, lists[i].offset));
	for (size_t i = 0; i < start->answers.list.count; i++)
		json_object_set_new(answers, start->answers.list.items[i].name,
				    json_string(start->answers.list.items[i].value));
	json_object_set_new(json, "answers", answers);
	json_object_set_new(json, "build", json_boolean(start->build));
	json_object_set_new(json, "locks", json_boolean(start->locks));
	json_object_set_new(json, "redeploy", json_boolean(start->flags.redeploy));
	json_object_set_new(json, "pid", json_integer(start->pid));
	json_object_set_new(json, "pid_started", json_integer(start->pid_started));
	return json;
}

int start_write(const struct deploy_folder *folder, struct start *start, struct error *err)
{
	char machine[MACHINE_NAME], host[MACHINE_HOST];
	json_t *json;
	char *text;
	int result;

	start->host = machine_host(host);
	start->machine = machine_name(machine);
	start->pid = getpid();
	start->pid_started = process_start_time(start->pid);
	json = start_json(start);
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	start->host = start->machine = NULL;
	if (!text)
		return error_set(err, "cannot write '%s' as JSON", folder->start);
	result = file_write(folder->start, text, strlen(text), 0600, err);
	free(text);
	return result;
}

static void read_values(struct arena *arena, json_t *json, struct start *start)
{
	const char *name;
	json_t *value;

	json_texts_get(arena, json, texts, COUNT(texts), start);
	for (size_t i = 0; i < COUNT(lists); i++)
		json_list_get(arena, json, lists[i].key, list_at(start, lists[i].offset));
	json_object_foreach(json_object_get(json, "answers"), name, value)
		if (json_is_string(value))
			vec_push(arena, &start->answers.list,
				 ((struct variable){
					 arena_string(arena, name),
					 arena_string(arena, json_string_value(value)) }));
	start->build = json_is_true(json_object_get(json, "build"));
	start->locks = json_is_true(json_object_get(json, "locks"));
	start->flags.redeploy = json_is_true(json_object_get(json, "redeploy"));
	start->pid = json_integer_value(json_object_get(json, "pid"));
	start->pid_started = json_integer_value(json_object_get(json, "pid_started"));
}

int start_read(struct arena *arena, const struct deploy_folder *folder, struct start *start,
	       struct error *err)
{
	struct buffer bytes CLEANUP(buffer_release);
	json_error_t problem;
	json_t *json;

	*start = (struct start){ 0 };
	buffer_init(&bytes, START_MAXIMUM);
	if (!file_exists(folder->start))
		return 0;
	if (file_read(folder->start, &bytes, err) < 0)
		return -1;
	json = json_loadb(bytes.data, bytes.length, 0, &problem);
	if (!json_is_object(json)) {
		json_decref(json);
		return error_set(err, "'%s' is no JSON object: %s", folder->start, problem.text);
	}
	read_values(arena, json, start);
	json_decref(json);
	return 1;
}

int start_note_rollback(struct arena *arena, const struct deploy_folder *folder, const char *id,
			struct error *err)
{
	struct start start;

	if (start_read(arena, folder, &start, err) < 0)
		return -1;
	start.rollback = id;
	return start_write(folder, &start, err);
}

bool start_runs(const struct start *start)
{
	char machine[MACHINE_NAME];

	if (!text_equal(start->machine, machine_name(machine)))
		return false;
	return process_runs(start->pid, start->pid_started);
}
