/* Lighting, dousing and looking for beacons. */
#include "people/beacon.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/text.h"
#include "state/signed.h"
#include "state/store.h"

#define TRIES 5

static const char *entry_name(const struct public_key *key, char name[64])
{
	char id[KEY_ID_TEXT_SIZE];
	key_id_format(key->id, id);
	for (char *at = id; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	snprintf(name, 64, "beacon-%s", id);
	return name;
}

/* Puts the entry, or drops it (value NULL), whatever is there: it is nobody's but ours. */
static int entry_write(const struct beacon_place *place, const char *name, json_t *value,
		       struct error *err)
{
	const struct store_fetch fetch = {.env = place->env};
	int result = 1;
	for (int try = 0; try < TRIES && result == 1; try++) {
		char version[STORE_VERSION_SIZE];
		json_t *there = NULL;
		if (try > 0 && store_fetch(place->store, &fetch, err) < 0)
			return -1;
		if (store_get(place->store, place->env, name, &there, version, err) < 0 &&
		    !*version)
			return -1;
		json_decref(there);
		if (!value && !*version)
			return 0;
		struct store_change change = {name, value, version, ""};
		result = store_write(place->store, place->env, &change, 1, err);
	}
	return result == 1 ? error_set(err, "others changed '%s' meanwhile", name) : result;
}

int beacon_put(const struct beacon_place *place, const struct beacon *beacon,
	       const struct secret_key *key, struct error *err)
{
	char since[32], until[32], name[64], text[KEY_TEXT_SIZE];
	const struct public_key *public_key = secret_key_public(key);
	json_t *value = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "app", place->app, "env",
				  place->env, "name", beacon->name, "key",
				  public_key_format(public_key, text), "since",
				  time_format(since, beacon->since), "until",
				  time_format(until, beacon->until));
	int result = value ? signed_make(value, SIGNED_BEACON, key, err)
			   : error_set(err, "a name is not valid text (UTF-8)");
	if (result == 0)
		result = entry_write(place, entry_name(public_key, name), value, err);
	json_decref(value);
	return result;
}

int beacon_drop(const struct beacon_place *place, const struct public_key *key, struct error *err)
{
	char name[64];
	return entry_write(place, entry_name(key, name), NULL, err);
}

static const char *member(const json_t *value, const char *name)
{
	const char *text = json_string_value(json_object_get(value, name));
	return text ? text : "";
}

bool beacon_counts(const json_t *value, const struct beacon_place *place,
		   const struct public_key *key, int64_t now, struct beacon *beacon)
{
	struct error ignored = {0};
	return strcmp(member(value, "app"), place->app) == 0 &&
	       strcmp(member(value, "env"), place->env) == 0 &&
	       time_parse(member(value, "since"), &beacon->since, &ignored) == 0 &&
	       time_parse(member(value, "until"), &beacon->until, &ignored) == 0 &&
	       beacon->since <= now + BEACON_TOLERANCE && beacon->until > now &&
	       beacon->until - beacon->since <= BEACON_LONGEST &&
	       signed_check(value, SIGNED_BEACON, key, &ignored) == 0;
}

static bool has_beacon(const struct beacon_list *online, const struct public_key *key)
{
	for (size_t i = 0; i < online->list.count; i++)
		if (public_key_equal(&online->list.items[i].key, key))
			return true;
	return false;
}

static void read_people(struct arena *arena, const struct beacon_place *place,
			const struct roster *roster, int64_t now, struct beacon_list *online)
{
	for (size_t i = 0; i < roster->people.count; i++) {
		const struct roster_person *person = &roster->people.items[i];
		struct beacon beacon = {.name = person->name, .key = person->key};
		char version[STORE_VERSION_SIZE], name[64];
		struct error ignored = {0};
		json_t *value = NULL;
		if (has_beacon(online, &person->key) ||
		    store_get(place->store, place->env, entry_name(&person->key, name), &value,
			      version, &ignored) < 0)
			continue;
		if (value && beacon_counts(value, place, &person->key, now, &beacon))
			vec_push(arena, &online->list, beacon);
		json_decref(value);
	}
}

void beacons_read(struct arena *arena, const struct beacon_place *place,
		  const struct rosters *rosters, int64_t now, struct beacon_list *online)
{
	*online = (struct beacon_list){0};
	read_people(arena, place, &rosters->live, now, online);
	read_people(arena, place, &rosters->target, now, online);
}
