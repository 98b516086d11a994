/* What the files of the first half share. */
#pragma once
#include "assets/job_internal.h"

struct prepare {
	struct job *job;
	struct asset_table assets;
	struct manifest_head head;
	struct manifest live;
	bool has_live;
	bool adopts; /* nothing is known of what lies there */
	bool looks;  /* goes by what is there */
	const char *manifest_path;
	struct index_release release;
	size_t next; /* while sending */
	struct buffer path;
	unsigned char manifest_hash[HASH_SIZE];
	int64_t manifest_size;
};

struct asset_headers *prepare_headers(struct prepare *self, const struct asset *asset);
/* Marks what is missing, different or has other headers. kind: 0, or ASSET_OBJECT for the stored
 * contents. */
int prepare_look(struct prepare *self, uint32_t kind, struct error *err) MUST_USE;
