/* What hosts are sent of a release: archives that hold only what a host does not have yet. */
#pragma once
#include "steps/release_tree.h"

/* What some hosts have already: an earlier release, as they told of it. */
struct release_base {
	const char *commit;   /* whose tree it is; NULL: it was made of a folder */
	const char *digest;   /* of the list of its files */
	const char *listed;   /* that list itself, when it was made of a folder */
	const char *missing;  /* paths of it that are not as they were sent, a line each */
	const char *archive;  /* the file to make */
	bool usable;          /* the archive leaves out what is there; else it holds everything */
	int64_t sent, size;   /* files in the archive, its bytes */
};

struct release_pack {
	const struct release_tree *tree;
	struct release_base *bases;
	size_t count;
	char digest[65]; /* of the list of all its files */
	int64_t files;   /* in the release, besides REVISION and release.json */
};

/* Makes all archives. Blocks, on any thread. */
int release_pack(struct release_pack *pack, struct error *err) MUST_USE;

/* In archives, besides the files: what of an earlier release does not go along, a path a line,
 * sorted; and the list of files, where it cannot be made again of a commit. */
#define RELEASE_DROPPED ".shipit-dropped"
#define RELEASE_LIST ".shipit-files"
