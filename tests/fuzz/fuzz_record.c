/* What lies in the state store may be anybody's: records, a lease's work. */
#include <stdint.h>
#include <stdlib.h>

#include "run/past.h"
#include "state/lease.h"
#include "state/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A record that was read is written so that it is read again, to the same. */
static void round_trip(struct arena *arena, const struct record *record)
{
	struct record again;
	struct error err = {0};
	json_t *json = record_to_json(record), *same;
	if (record_from_json(arena, json, &again, &err) < 0)
		abort();
	same = record_to_json(&again);
	if (!json_equal(json, same))
		abort();
	json_decref(same);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	json_t *json = json_loadb((const char *)bytes, length, 0, NULL);
	struct record record;
	struct error err = {0};
	if (!json)
		return 0;
	if (record_from_json(&arena, json, &record, &err) == 0)
		round_trip(&arena, &record);
	else if (!*err.message)
		abort();
	for (int phase = LEASE_BEFORE; phase <= LEASE_DEFERRED; phase++)
		json_decref(run_past_stopped(run_past_from_work(&arena, json, phase)));
	json_decref(json);
	return 0;
}
