/* secrets.sealed.yml: one sealed value a line, in the order of their names, so that changes and
 * merges read like those of any list:
 *   NAME: {to: [ann, ci], sealed: "..."}
 * The file is written whole; its comments are shipit's own. */
#pragma once
#include "config/diagnostics.h"
#include "crypto/seal.h"

#define SEALED_FILE "secrets.sealed.yml"
#define SEALED_FILE_MAXIMUM ((size_t)8 << 20)

struct sealed_entry {
	struct sealed_value value;
	struct place place; /* of the name; line 0: not from a file */
};
struct sealed_file {
	VEC(struct sealed_entry) entries; /* by name */
};

/* Of that name in messages. bytes must live as long as the arena. -1 with diagnostics. Whether the
 * values are whole is not looked at. */
int sealed_file_parse(struct diagnostics *diagnostics, const char *name, const char *bytes,
		      size_t length, struct sealed_file *file) MUST_USE;
/* NULL: there is none of that name. */
const struct sealed_entry *sealed_file_find(const struct sealed_file *file, const char *name);
/* Adds it, or in the place of the one with its name. */
void sealed_file_put(struct arena *arena, struct sealed_file *file,
		     const struct sealed_value *value);
void sealed_file_write(const struct sealed_file *file, struct buffer *out);
