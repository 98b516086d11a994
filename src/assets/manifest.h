/* What a release of assets holds, as a file beside them: docs/assets.md has the format. Written
 * whole, read as a stream, so that a million keys need no memory. */
#pragma once
#include <stdio.h>

#include "assets/asset.h"
#include "base/buffer.h"

#define MANIFEST_VERSION 1

struct manifest_head {
	const char *id;               /* of the deploy that made it */
	const char *app, *env, *from; /* whose release: `from` is the folder in the repository */
	int64_t made;                 /* ms */
	struct asset_headers_list headers;
};

/* Writes the sorted table to a file; *digest is the file's SHA-256. */
int manifest_write(const char *path, const struct manifest_head *head,
		   const struct asset_table *assets, char digest[HASH_HEX_SIZE],
		   struct error *err) MUST_USE;

struct manifest {
	FILE *file;
	struct manifest_head head;
	int64_t count, bytes; /* of its objects, as its end says */
	long first;           /* where its objects begin */
	struct buffer line;
	char key[ASSET_KEY_MAXIMUM + 1], last[ASSET_KEY_MAXIMUM + 1];
	unsigned char original[HASH_SIZE];
};
/* 0; 1 with err: it is damaged or from a newer version of shipit, and is not to be trusted; -1: it
 * cannot be read. digest: the file's SHA-256 where that is known, else its own checksum counts.
 * Call manifest_close in any case. The head lives in the arena. */
int manifest_open(struct arena *arena, const char *path, const char *digest,
		  struct manifest *manifest, struct error *err) MUST_USE;
/* 1 with the next object, by key (texts last until the next call); 0 at the end; -1 damaged. */
int manifest_next(struct manifest *manifest, struct asset *asset, struct error *err) MUST_USE;
int manifest_rewind(struct manifest *manifest, struct error *err) MUST_USE;
void manifest_close(struct manifest *manifest);
