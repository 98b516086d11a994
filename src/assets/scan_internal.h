/* What the files of scanning share. */
#pragma once
#include <sys/stat.h>

#include "assets/scan.h"

struct file_stamp { /* the same: the same content */
	uint64_t device, inode;
	int64_t size, modified, changed; /* the times in ns */
};
struct scanned {
	const char *key;
	struct file_stamp stamp;
	unsigned char hash[HASH_SIZE];
	bool known;
};
struct scan {
	struct arena *arena;
	const struct scan_options *options;
	struct scanned *files;
	size_t count, capacity;
};

struct file_stamp stamp_of(const struct stat *status);
bool stamps_equal(const struct file_stamp *one, const struct file_stamp *other);
/* Fills in what the cache knows; what cannot be read or is damaged knows nothing. Both lists are
 * sorted by key. */
void hash_cache_read(const char *path, struct scanned *files, size_t count);
/* Remembers all of them but those that changed so lately (`begun`: wall clock in ns, before the
 * first was read) that one more change might not show in their times. Failing is no matter. */
void hash_cache_write(const char *path, const struct scanned *files, size_t count, int64_t begun);
/* Reads and hashes what is not known yet; *read is how many files that was. */
int scan_hash(struct scan *scan, size_t *read, struct error *err) MUST_USE;
