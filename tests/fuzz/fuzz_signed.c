/* Records, beacons, requests and approvals as anybody with the right to push may leave them: read
 * by the rooms that trust none of them. Nothing here is signed by the key of the roster, so nothing
 * may count. */
#include <jansson.h>
#include <stdint.h>

#include "people/approval.h"
#include "people/beacon.h"
#include "people/chain.h"
#include "state/signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char roster_key[] = "RWRBtefiG+3ieRSZMZfKYlAGGnJtfzKQqqEycH6SBta244qC8AgYp1EO";

static struct config config_with_roster(struct arena *arena)
{
	struct config config = {.app = "shop", .env = "production", .protected_ = true};
	struct person_config ann = {.name = "ann", .role = ROLE_TRAINED, .key = roster_key};
	vec_push(arena, &config.roster, ann);
	return config;
}

static const struct config *config_at(void *context, const char *commit, bool *missing)
{
	*missing = commit[0] == 'x';
	return *missing ? NULL : context;
}

static void judge(struct arena *arena, struct config *config, const json_t *value)
{
	const struct chain_view view = {"shop", "production", config_at, config};
	struct chain_judgement judgement;
	struct record_list list = {0};
	struct record record;
	struct error err = {0};
	if (record_from_json(arena, value, &record, &err) < 0) {
		if (!*err.message)
			abort();
		return;
	}
	record.version = "1";
	vec_push(arena, &list.records, record);
	vec_push(arena, &list.records, record);
	chain_judge(arena, &view, &list, 0, &judgement);
	if (judgement.signer || (record.live && record.live[0] != 'x' && !judgement.problem))
		abort();
	list.records.count = 1;
	chain_judge(arena, &view, &list, 0, &judgement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct config config = config_with_roster(&arena);
	json_t *value = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	const struct beacon_place place = {NULL, "shop", "production"};
	struct rosters rosters = {0};
	struct beacon beacon = {0};
	struct approval approval = {.entry = "approval-a-b", .value = value};
	unsigned char id[KEY_ID_SIZE];
	struct error err = {0};
	roster_read(&arena, &config, &rosters.live);
	const struct approval_view view = {.app = "shop", .env = "production", .digest = "d",
					   .rosters = &rosters, .now = 1};
	const struct roster_person *ann = &rosters.live.people.items[0];
	if (value) {
		judge(&arena, &config, value);
		signed_by(value, id);
		if (signed_check(value, SIGNED_RECORD, &ann->key, &err) == 0 ||
		    beacon_counts(value, &place, &ann->key, 1, &beacon) ||
		    approval_counts(&view, &approval))
			abort();
	}
	json_decref(value);
	return 0;
}
