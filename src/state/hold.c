/* The hold: its entry to and from JSON. */
#include "state/hold.h"

#include "base/clock.h"
#include "base/text.h"

static const char *text_get(struct arena *arena, const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? arena_string(arena, text) : NULL;
}

static int time_get(const json_t *json, const char *key, int64_t *time, struct error *err)
{
	const char *text = json_string_value(json_object_get(json, key));
	*time = 0;
	return text ? time_parse(text, time, err) : 0;
}

int hold_read(struct store *store, struct arena *arena, const char *env, int64_t now,
	      struct hold *hold, struct error *err)
{
	json_t *value;
	*hold = (struct hold){0};
	if (store_get(store, env, HOLD_ENTRY, &value, hold->version, err) < 0)
		return error_wrap(err, "cannot read whether '%s' is locked", env);
	if (!value)
		return 0;
	hold->by = text_get(arena, value, "by");
	hold->host = text_get(arena, value, "host");
	hold->reason = text_get(arena, value, "reason");
	hold->id = text_get(arena, value, "id");
	int status = time_get(value, "since", &hold->since, err);
	if (status == 0)
		status = time_get(value, "until", &hold->until, err);
	json_decref(value);
	if (status < 0)
		return error_wrap(err, "cannot read whether '%s' is locked", env);
	return !hold->until || now < hold->until;
}

static void set_text(json_t *json, const char *key, const char *text)
{
	if (text && text_is_utf8(text, strlen(text), NULL))
		json_object_set_new(json, key, json_string(text));
}

json_t *hold_to_json(const struct hold *hold)
{
	json_t *json = json_object();
	char time[32];
	set_text(json, "by", hold->by);
	set_text(json, "host", hold->host);
	set_text(json, "reason", hold->reason);
	set_text(json, "id", hold->id);
	set_text(json, "since", time_format(time, hold->since));
	if (hold->until)
		set_text(json, "until", time_format(time, hold->until));
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
