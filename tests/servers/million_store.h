// What million_s3 holds, apart from how it is asked.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define KEY_MAX 1100

// A growing text; its bytes end with a NUL.
struct text {
	char *data;
	size_t length, size;
};

struct request {
	char method[16], target[4096], key[KEY_MAX], query[4096];
	char if_match[64], if_none_match[64];
	struct text body;
	bool closing;
};

void text_add(struct text *text, const void *data, size_t length);
__attribute__((format(printf, 2, 3))) void text_print(struct text *text, const char *format, ...);
void percent_decode(char *text);
// Objects are computed from their number; -1: out of memory.
int store_open(long count, const char *prefix);
// The status, its body in `out`, the object's ETag (or "") in `etag`. One caller at a time.
int store_answer(const struct request *request, struct text *out, char etag[static 33]);
