/* Writes a tar.gz: POSIX's ustar, with pax headers for what does not fit into it. */
#pragma once
#include <stdint.h>

#include "base/buffer.h"

struct tarball;

struct tarball_member {
	const char *path; /* relative, never with ".." */
	const char *link; /* what a symbolic link points to; NULL: a file */
	bool executable;
	int64_t time; /* seconds since 1970 */
	const void *bytes;
	size_t length;
};

/* level: zlib's, 1 (fast) to 9. */
struct tarball *tarball_new(const char *path, int level, struct error *err) MUST_USE;
int tarball_add(struct tarball *tarball, const struct tarball_member *member,
		struct error *err) MUST_USE;
/* Ends the file; size is what it holds then. Frees it, whatever comes of it. */
int tarball_finish(struct tarball *tarball, int64_t *size, struct error *err) MUST_USE;
/* Frees it, the file half-written. NULL is allowed. */
void tarball_free(struct tarball *tarball);
