/* The hold: its entry to and from JSON. */
#include "state/hold.h"

#include "base/clock.h"
#include "base/json.h"

static int time_get(const json_t *json, const char *key, int64_t *time, struct error *err)
{
	const char *text = json_string_value(json_object_get(json, key));
	*time = 0;
	return text ? time_parse(text, time, err) : 0;
}

/* What cannot be read must not let anybody pass: it ends by force only. */
static int hold_damaged(struct hold *hold, struct arena *arena, struct error *err)
{
	hold->by = NULL;
	hold->since = hold->until = 0;
	hold->reason = arena_format(arena, "its entry is damaged (%s)", err->message);
	error_clear(err);
	return 1;
}

int hold_read(struct store *store, struct arena *arena, const char *env, int64_t now,
	      struct hold *hold, struct error *err)
{
	json_t *value;
	*hold = (struct hold){0};
	if (store_get(store, env, HOLD_ENTRY, &value, hold->version, err) < 0)
		return *hold->version ? hold_damaged(hold, arena, err)
				      : error_wrap(err, "cannot read whether '%s' is locked", env);
	if (!value)
		return 0;
	hold->by = json_text_get(arena, value, "by");
	hold->host = json_text_get(arena, value, "host");
	hold->reason = json_text_get(arena, value, "reason");
	hold->id = json_text_get(arena, value, "id");
	int status = time_get(value, "since", &hold->since, err);
	if (status == 0)
		status = time_get(value, "until", &hold->until, err);
	json_decref(value);
	if (status < 0)
		return hold_damaged(hold, arena, err);
	return !hold->until || now < hold->until;
}

json_t *hold_to_json(const struct hold *hold)
{
	json_t *json = json_object();
	char time[32];
	json_text_set(json, "by", hold->by);
	json_text_set(json, "host", hold->host);
	json_text_set(json, "reason", hold->reason);
	json_text_set(json, "id", hold->id);
	json_text_set(json, "since", time_format(time, hold->since));
	if (hold->until)
		json_text_set(json, "until", time_format(time, hold->until));
	return json;
}

int hold_put(struct store *store, const char *env, struct hold *hold, struct error *err)
{
	json_t *json = hold_to_json(hold);
	struct store_change change = {HOLD_ENTRY, json, hold->version, ""};
	int status = store_write(store, env, &change, 1, err);
	json_decref(json);
	if (status == 0)
		memcpy(hold->version, change.version, sizeof(hold->version));
	return status;
}
