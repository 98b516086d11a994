/* What stays halted: its entry to and from JSON. */
#include "state/halted.h"

#include "base/clock.h"
#include "base/json.h"

void halted_release(struct halted *halted)
{
	json_decref(halted->halts);
	halted->halts = NULL;
}

int halted_read(struct store *store, struct arena *arena, const char *env, struct halted *halted,
		struct error *err)
{
	json_t *value;
	const char *since;
	*halted = (struct halted){0};
	if (store_get(store, env, HALTED_ENTRY, &value, halted->version, err) < 0)
		return error_wrap(err, "cannot read what is halted in '%s'", env);
	if (!value)
		return 0;
	halted->by = json_text_get(arena, value, "by");
	halted->host = json_text_get(arena, value, "host");
	halted->reason = json_text_get(arena, value, "reason");
	halted->id = json_text_get(arena, value, "id");
	halted->together = json_is_true(json_object_get(value, "together"));
	since = json_string_value(json_object_get(value, "since"));
	halted->halts = json_incref(json_object_get(value, "halts"));
	int status = since ? time_parse(since, &halted->since, err) : 0;
	json_decref(value);
	if (status == 0 && json_is_array(halted->halts))
		return 1;
	halted_release(halted);
	if (status == 0)
		error_set(err, "the entry '%s' holds no list of halts", HALTED_ENTRY);
	return error_wrap(err, "cannot read what is halted in '%s'", env);
}

const char *halted_names(struct arena *arena, const struct halted *halted)
{
	struct text_list names = {0};
	const json_t *halt;
	size_t i;
	json_array_foreach(halted->halts, i, halt)
	{
		const char *name = json_text_get(arena, halt, "halt");
		if (name)
			text_list_add(arena, &names, name);
	}
	return text_join(arena, &names, ", ");
}

static bool has(const json_t *list, const json_t *halt)
{
	const json_t *other;
	size_t i;
	json_array_foreach(list, i, other)
	{
		if (json_equal(json_object_get(other, "halt"), json_object_get(halt, "halt")))
			return true;
	}
	return false;
}

void halted_add(struct halted *halted, const json_t *list)
{
	json_t *all = halted->halts ? json_copy(halted->halts) : json_array();
	json_t *halt;
	size_t i;
	json_array_foreach((json_t *)(uintptr_t)list, i, halt)
	{
		if (!has(all, halt))
			json_array_append(all, halt);
	}
	json_decref(halted->halts);
	halted->halts = all;
}

struct store_change halted_change(const struct halted *halted)
{
	struct store_change change = {.name = HALTED_ENTRY, .expected = halted->version};
	char time[32];
	if (!json_array_size(halted->halts))
		return change;
	change.value = json_object();
	json_text_set(change.value, "by", halted->by);
	json_text_set(change.value, "host", halted->host);
	json_text_set(change.value, "reason", halted->reason);
	json_text_set(change.value, "id", halted->id);
	json_text_set(change.value, "since", time_format(time, halted->since));
	json_object_set_new(change.value, "together", json_boolean(halted->together));
	json_object_set(change.value, "halts", halted->halts);
	return change;
}

int halted_put(struct store *store, const char *env, struct halted *halted, struct error *err)
{
	struct store_change change = halted_change(halted);
	int status = !change.value && !*halted->version
			     ? 0 : store_write(store, env, &change, 1, err);
	json_decref(change.value);
	if (status == 0)
		memcpy(halted->version, change.version, sizeof(halted->version));
	return status;
}
