/* What hosts tell of the releases that they have. */
#pragma once
#include "services/fleet.h"
#include "steps/release_pack.h"

struct release_told {
	bool whole;       /* the release is there already */
	const char *base; /* ID of what is live there; NULL: nothing that could be used */
	struct release_base facts;
	size_t group; /* which of the bases it is */
};
/* What script_probe printed. */
void release_told_read(struct arena *arena, const struct buffer *output,
		       struct release_told *told);

/* The different bases among hosts, each with the number of its hosts. */
struct release_bases {
	struct release_base *items;
	size_t *hosts;
	size_t count;
};
/* Of the hosts that go along and lack the release; sets their groups. */
void release_bases_gather(struct arena *arena, const struct fleet_hosts *hosts,
			  struct release_told *told, struct release_bases *bases);
