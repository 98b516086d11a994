/* What a file's name tells of how it is served. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct name_type {
	const char *type;     /* "text/css; charset=utf-8"; NULL: nobody knows */
	const char *encoding; /* "br" or "gzip" for app.js.br and app.js.gz; else NULL */
	bool compresses;      /* worth compressing: text, fonts without compression of their own */
};
/* By the extension; case does not count. */
struct name_type name_type_of(const char *key);
/* Whether the file's name holds a hash of its content, as bundlers write it (app.3f2a9b1c.js,
 * index-BkX3a9_Z.js, chunk-ABC2DEFG.js). In doubt it does not: then it is only cached less. */
bool name_is_hashed(const char *key);

enum name_hash { NAME_PLAIN, NAME_MAYBE, NAME_HASHED };
/* NAME_MAYBE: what may be a hash by chance lacks what a sure one has. *family, where it is not
 * plain: the same for files of one folder that are named alike; 0: none. */
enum name_hash name_hash_of(const char *key, uint64_t *family);

/* The files of a release: where most of a family have hashes, the others of it have too. */
struct name_census;
struct name_census *name_census_new(void);
void name_census_free(struct name_census *census); /* NULL is allowed */
void name_census_add(struct name_census *census, const char *key);
bool name_census_is_hashed(const struct name_census *census, const char *key);
