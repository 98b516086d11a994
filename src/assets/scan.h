/* What lies in a folder, and what is in it: a walk, then hashes by several threads, with a memory
 * of the last time so that what did not change is not read. */
#pragma once
#include <stdatomic.h>

#include "assets/rules.h"

struct scan_options {
	const char *folder; /* absolute */
	const char *cache;  /* a file that remembers hashes; NULL: none */
	const struct asset_rules *rules;
	const atomic_bool *stopped;
};

struct scan_result {
	struct asset_table assets; /* by key; headers are not set yet */
	size_t read;               /* files whose content was read */
};

/* Links are followed. What cannot be sent (dangling or circular links, FIFOs, sockets, what is not
 * readable, names that are no UTF-8) is an error that names it, unless it is excluded; what is
 * excluded is not touched. An empty or missing folder is an error too. Keys are the arena's; the
 * table is the caller's to release. Blocks. */
int scan_folder(struct arena *arena, const struct scan_options *options, struct scan_result *result,
		struct error *err) MUST_USE;
/* The SHA-256 of a whole file, which must not change meanwhile. *size is what was read. */
int scan_hash_file(const char *path, unsigned char hash[HASH_SIZE], int64_t *size,
		   struct error *err) MUST_USE;
