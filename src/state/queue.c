/* The queue: tickets to and from JSON, and who of them is gone. */
#include "state/queue.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "proc/child.h"
#include "proc/machine.h"
#include "state/sighting.h"

static const struct json_row texts[] = {
	{"token", offsetof(struct ticket, token)},
	{"holder", offsetof(struct ticket, holder)},
	{"host", offsetof(struct ticket, host)},
	{"machine", offsetof(struct ticket, machine)},
	{"beat", offsetof(struct ticket, beat)},
};
static const struct json_row numbers[] = {
	{"pid", offsetof(struct ticket, pid)},
	{"pid_started", offsetof(struct ticket, pid_started)},
	{"since", offsetof(struct ticket, since)},
	{"length", offsetof(struct ticket, length)},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char **text_at(const struct ticket *ticket, size_t offset)
{
	return (const char **)(uintptr_t)((const char *)ticket + offset);
}

static int64_t *number_at(const struct ticket *ticket, size_t offset)
{
	return (int64_t *)(uintptr_t)((const char *)ticket + offset);
}

static struct ticket ticket_parse(struct arena *arena, const json_t *json)
{
	struct ticket ticket = {0};
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = json_text_get(arena, json, texts[i].key);
		*text_at(&ticket, texts[i].offset) = text ? text : "";
	}
	for (size_t i = 0; i < COUNT(numbers); i++)
		*number_at(&ticket, numbers[i].offset) =
			json_integer_value(json_object_get(json, numbers[i].key));
	return ticket;
}

/* Its process was here and is gone, or it stood still for too long. */
static bool is_gone(const struct ticket *ticket, struct arena *arena, const char *env,
		    const char *common_dir, const char *machine)
{
	if (!*ticket->token || ticket->length <= 0)
		return true;
	if (*machine && strcmp(ticket->machine, machine) == 0)
		return !process_runs(ticket->pid, ticket->pid_started);
	return sighting_age(common_dir, env, arena_format(arena, "queue-%s", ticket->token),
			    ticket->beat) >= ticket->length;
}

int queue_read(struct store *store, struct arena *arena, const char *env, const char *common_dir,
	       struct queue *queue, struct error *err)
{
	char machine[MACHINE_NAME];
	json_t *value, *item;
	size_t i;
	*queue = (struct queue){0};
	if (store_get(store, env, QUEUE_ENTRY, &value, queue->version, err) < 0) {
		if (!*queue->version)
			return error_wrap(err, "cannot read who waits for '%s'", env);
		error_clear(err);
		queue->changed = true; /* damaged: who waits adds himself again */
	}
	machine_name(machine);
	json_array_foreach(json_object_get(value, "tickets"), i, item)
	{
		struct ticket ticket = ticket_parse(arena, item);
		if (is_gone(&ticket, arena, env, common_dir, machine))
			queue->changed = true;
		else
			vec_push(arena, &queue->tickets, ticket);
	}
	json_decref(value);
	return 0;
}

int queue_place(const struct queue *queue, const char *token)
{
	for (size_t i = 0; i < queue->tickets.count; i++)
		if (strcmp(queue->tickets.items[i].token, token) == 0)
			return (int)i;
	return -1;
}

void queue_set(struct queue *queue, struct arena *arena, const struct ticket *ticket)
{
	char beat[17];
	int place = queue_place(queue, ticket->token);
	if (place < 0) {
		vec_push(arena, &queue->tickets, *ticket);
		place = (int)queue->tickets.count - 1;
	}
	random_hex(beat, sizeof(beat));
	queue->tickets.items[place].beat = arena_string(arena, beat);
	queue->changed = true;
}

void queue_drop(struct queue *queue, const char *token)
{
	int place = queue_place(queue, token);
	if (place < 0)
		return;
	queue->tickets.count--;
	for (size_t i = (size_t)place; i < queue->tickets.count; i++)
		queue->tickets.items[i] = queue->tickets.items[i + 1];
	queue->changed = true;
}

struct store_change queue_change(const struct queue *queue)
{
	json_t *list = json_array();
	struct store_change change = {.name = QUEUE_ENTRY, .expected = queue->version};
	for (size_t i = 0; i < queue->tickets.count; i++) {
		const struct ticket *ticket = &queue->tickets.items[i];
		json_t *item = json_object();
		json_texts_set(item, texts, COUNT(texts), ticket);
		for (size_t n = 0; n < COUNT(numbers); n++)
			json_object_set_new(item, numbers[n].key,
					    json_integer(*number_at(ticket, numbers[n].offset)));
		json_array_append_new(list, item);
	}
	if (queue->tickets.count)
		change.value = json_pack("{s:O}", "tickets", list);
	json_decref(list);
	return change;
}
