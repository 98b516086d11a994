/* What a file's name tells of how it is served. */
#pragma once
#include <stdbool.h>

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
