/* What a release holds: a commit's tree as git checks it out, or a folder as it is. */
#pragma once
#include "steps/release_tree.h"

/* Fills the empty folder `into`; *files and *bytes are what it holds then. */
int release_fill(const struct release_tree *tree, const char *into, int64_t *files, int64_t *bytes,
		 struct error *err) MUST_USE;
