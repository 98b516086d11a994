/* Whose key it is, and what its owner may do. */
#include "people/roster.h"

void roster_read(struct arena *arena, const struct config *config, struct roster *roster)
{
	*roster = (struct roster){0};
	for (size_t i = 0; config && i < config->roster.count; i++) {
		const struct person_config *written = &config->roster.items[i];
		struct roster_person person = {.name = written->name, .role = written->role,
					       .slack = written->slack};
		struct error ignored = {0};
		if (!written->key)
			continue;
		roster->has_keys = true;
		if (public_key_parse(written->key, &person.key, &ignored) == 0)
			vec_push(arena, &roster->people, person);
	}
}

const struct roster_person *roster_find(const struct roster *roster, const struct public_key *key)
{
	for (size_t i = 0; i < roster->people.count; i++)
		if (public_key_equal(&roster->people.items[i].key, key))
			return &roster->people.items[i];
	return NULL;
}

const struct roster_person *roster_find_id(const struct roster *roster,
					   const unsigned char id[KEY_ID_SIZE])
{
	for (size_t i = 0; i < roster->people.count; i++)
		if (memcmp(roster->people.items[i].key.id, id, KEY_ID_SIZE) == 0)
			return &roster->people.items[i];
	return NULL;
}

bool rosters_have_keys(const struct rosters *rosters)
{
	return rosters->live.has_keys || rosters->target.has_keys;
}

static enum plan_role role_in(const struct roster *roster, const struct public_key *key,
			      const char **name)
{
	static const enum plan_role roles[] = {
		[ROLE_TRAINEE] = PLAN_TRAINEE,
		[ROLE_MACHINE] = PLAN_MACHINE,
		[ROLE_TRAINED] = PLAN_TRAINED,
	};
	const struct roster_person *person = key ? roster_find(roster, key) : NULL;
	if (person)
		*name = person->name;
	if (!roster->has_keys)
		return PLAN_TRAINED;
	return person ? roles[person->role] : PLAN_UNKNOWN;
}

enum plan_role rosters_role(const struct rosters *rosters, const struct public_key *key,
			    const char **name)
{
	const char *owner = NULL;
	enum plan_role target = role_in(&rosters->target, key, &owner);
	enum plan_role live = role_in(&rosters->live, key, &owner);
	if (name)
		*name = owner;
	return live < target ? live : target;
}

const char *role_name(enum plan_role role)
{
	static const char *const names[] = {
		[PLAN_UNKNOWN] = "unknown",
		[PLAN_TRAINEE] = "trainee",
		[PLAN_MACHINE] = "machine",
		[PLAN_TRAINED] = "trained",
	};
	return names[role];
}
