// Computed objects, those that were put, and what S3 says of them.
#include <ctype.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "million_store.h"

#define KEPT_MAX 4096

// An object that somebody put.
struct kept {
	char *key, etag[33];
	struct text body;
};

static struct {
	long count;
	char prefix[KEY_MAX / 2];
	unsigned char *dead;        // a bit for each computed object
	struct kept kept[KEPT_MAX]; // sorted by key
	size_t kept_count;
} store;

int store_open(long count, const char *prefix)
{
	store.count = count;
	snprintf(store.prefix, sizeof store.prefix, "%s", prefix);
	store.dead = calloc((size_t)count / 8 + 1, 1);
	return store.dead ? 0 : -1;
}

static void text_reserve(struct text *text, size_t more)
{
	if (text->length + more + 1 <= text->size)
		return;
	text->size = (text->length + more + 1) * 2;
	text->data = realloc(text->data, text->size);
	if (!text->data)
		abort();
}

void text_add(struct text *text, const void *data, size_t length)
{
	text_reserve(text, length);
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
	va_list arguments;
	text_reserve(text, 4096);
	va_start(arguments, format);
	text->length += (size_t)vsnprintf(text->data + text->length, 4096, format, arguments);
	va_end(arguments);
}

static void object_key(long i, char key[static KEY_MAX])
{
	unsigned mixed = (unsigned)i * 2654435761u;
	snprintf(key, KEY_MAX, "%s%02lx/chunk-%07ld.%08x.js", store.prefix, i * 256 / store.count,
		 i, mixed);
}

// The first computed object whose key is not below this one.
static long object_from(const char *key)
{
	long low = 0, high = store.count;
	char found[KEY_MAX];
	while (low < high) {
		long middle = low + (high - low) / 2;
		object_key(middle, found);
		if (strcmp(found, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool object_is(long i, const char *key)
{
	char found[KEY_MAX];
	if (i >= store.count || store.dead[i / 8] & (1 << (i % 8)))
		return false;
	object_key(i, found);
	return strcmp(found, key) == 0;
}

static size_t kept_from(const char *key)
{
	size_t i = 0;
	while (i < store.kept_count && strcmp(store.kept[i].key, key) < 0)
		i++;
	return i;
}

static struct kept *kept_find(const char *key)
{
	size_t i = kept_from(key);
	return i < store.kept_count && strcmp(store.kept[i].key, key) == 0 ? &store.kept[i] : NULL;
}

static void kept_put(const char *key, const struct text *body)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	struct kept *kept = kept_find(key);
	if (!kept) {
		size_t i = kept_from(key);
		if (store.kept_count == KEPT_MAX)
			abort();
		memmove(&store.kept[i + 1], &store.kept[i],
			(store.kept_count++ - i) * sizeof store.kept[0]);
		kept = &store.kept[i];
		*kept = (struct kept){.key = strdup(key)};
	}
	kept->body.length = 0;
	text_add(&kept->body, body->data ? body->data : "", body->length);
	EVP_Digest(body->data ? body->data : "", body->length, digest, &length, EVP_md5(), NULL);
	for (unsigned i = 0; i < 16; i++)
		snprintf(kept->etag + i * 2, 3, "%02x", digest[i]);
}

static void key_delete(const char *key)
{
	struct kept *kept = kept_find(key);
	long i = object_from(key);
	if (object_is(i, key))
		store.dead[i / 8] |= (unsigned char)(1 << (i % 8));
	if (!kept)
		return;
	free(kept->key);
	free(kept->body.data);
	memmove(kept, kept + 1, (size_t)(&store.kept[--store.kept_count] - kept) * sizeof *kept);
}

void percent_decode(char *text)
{
	char *out = text;
	for (; *text; text++) {
		unsigned value;
		if (*text == '%' && sscanf(text + 1, "%2x", &value) == 1) {
			*out++ = (char)value;
			text += 2;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static bool query_get(const char *query, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);
	value[0] = '\0';
	for (const char *at = query; at; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, name, length) == 0 &&
		    (at[length] == '=' || !at[length] || at[length] == '&')) {
			const char *start = at + length + (at[length] == '=');
			snprintf(value, size, "%.*s", (int)strcspn(start, "&"), start);
			percent_decode(value);
			return true;
		}
	}
	return false;
}

static void encode_key(struct text *out, const char *key)
{
	for (; *key; key++) {
		if (isalnum((unsigned char)*key) || strchr("-_.~/", *key))
			text_add(out, key, 1);
		else
			text_print(out, "%%%02X", (unsigned char)*key);
	}
}

// One row of a list; etag NULL: a computed object's.
static void list_row(struct text *out, const char *key, const char *etag, size_t length)
{
	unsigned mixed = (unsigned)strlen(key);
	for (const char *c = key; *c; c++)
		mixed = mixed * 16777619u ^ (unsigned char)*c;
	text_print(out, "<Contents><Key>");
	encode_key(out, key);
	text_print(out, "</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified><ETag>&quot;");
	if (etag)
		text_print(out, "%s", etag);
	else
		text_print(out, "%08x%08x%08x%08x", mixed, mixed * 3, mixed * 5, mixed * 7);
	text_print(out,
		   "&quot;</ETag><Size>%zu</Size><StorageClass>STANDARD</StorageClass></Contents>",
		   length);
}

// The next key behind `after` (or not below it), of either kind; false at the end.
static bool key_next(const char *from, bool behind, char key[static KEY_MAX], struct kept **kept)
{
	long i = object_from(from);
	size_t k = kept_from(from);
	if (behind && i < store.count) {
		object_key(i, key);
		i += strcmp(key, from) == 0;
	}
	while (i < store.count && store.dead[i / 8] & (1 << (i % 8)))
		i += i % 8 == 0 && store.dead[i / 8] == 255 ? 8 : 1;
	if (behind && k < store.kept_count && strcmp(store.kept[k].key, from) == 0)
		k++;
	if (i < store.count)
		object_key(i, key);
	*kept = NULL;
	if (k < store.kept_count && (i >= store.count || strcmp(store.kept[k].key, key) <= 0)) {
		*kept = &store.kept[k];
		snprintf(key, KEY_MAX, "%s", store.kept[k].key);
		return true;
	}
	return i < store.count;
}

struct page {
	char prefix[KEY_MAX], delimiter[8], from[KEY_MAX];
	long limit, rows;
	bool behind;
};

// Adds a key's row, or its folder's, and moves on behind it; false: the key is behind the prefix.
static bool page_add(struct page *page, struct text *out, const char *key, const struct kept *kept)
{
	size_t length = strlen(page->prefix);
	if (strncmp(key, page->prefix, length) != 0)
		return strcmp(key, page->prefix) < 0;
	const char *cut = page->delimiter[0] ? strstr(key + length, page->delimiter) : NULL;
	page->behind = true;
	page->rows++;
	if (!cut) {
		list_row(out, key, kept ? kept->etag : NULL,
			 kept ? kept->body.length : 1000 + strlen(key));
		snprintf(page->from, sizeof page->from, "%s", key);
		return true;
	}
	text_print(out, "<CommonPrefixes><Prefix>");
	char folder[KEY_MAX];
	snprintf(folder, sizeof folder, "%.*s", (int)(cut - key + 1), key);
	encode_key(out, folder);
	text_print(out, "</Prefix></CommonPrefixes>");
	snprintf(page->from, sizeof page->from, "%.*s\xff", (int)(cut - key + 1), key);
	return true;
}

static int answer_list(const struct request *request, struct text *out)
{
	struct page page = {.behind = true, .limit = 1000};
	struct kept *kept = NULL;
	char key[KEY_MAX], text[KEY_MAX];
	bool more = false;
	query_get(request->query, "prefix", page.prefix, sizeof page.prefix);
	query_get(request->query, "delimiter", page.delimiter, sizeof page.delimiter);
	if (query_get(request->query, "max-keys", text, sizeof text) && atol(text) < 1000)
		page.limit = atol(text);
	// The token is an encoded key, opaque to who sends it back.
	if (query_get(request->query, "continuation-token", page.from, sizeof page.from))
		percent_decode(page.from);
	else
		query_get(request->query, "start-after", page.from, sizeof page.from);
	if (strcmp(page.from, page.prefix) < 0) {
		snprintf(page.from, sizeof page.from, "%s", page.prefix);
		page.behind = false;
	}
	text_print(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
			"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</"
			"EncodingType>");
	while (key_next(page.from, page.behind, key, &kept) &&
	       strncmp(key, page.prefix, strlen(page.prefix)) == 0) {
		if (page.rows == page.limit) {
			more = true;
			break;
		}
		page_add(&page, out, key, kept);
	}
	text_print(out, "<KeyCount>%ld</KeyCount><IsTruncated>%s</IsTruncated>", page.rows,
		   more ? "true" : "false");
	if (more) {
		text_print(out, "<NextContinuationToken>");
		encode_key(out, page.from);
		text_print(out, "</NextContinuationToken>");
	}
	text_print(out, "</ListBucketResult>");
	return 200;
}

static int answer_error(struct text *out, int status, const char *code)
{
	out->length = 0;
	text_print(out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
		   "<Message>%s</Message></Error>",
		   code, code);
	return status;
}

static int answer_deletes(const struct request *request, struct text *out)
{
	const char *at = request->body.data ? request->body.data : "";
	char key[KEY_MAX];
	while ((at = strstr(at, "<Key>"))) {
		snprintf(key, sizeof key, "%.*s", (int)strcspn(at + 5, "<"), at + 5);
		key_delete(key);
		at += 5;
	}
	text_print(out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult></DeleteResult>");
	return 200;
}

static int answer_put(const struct request *request, struct text *out, char etag[static 33])
{
	struct kept *old = kept_find(request->key);
	if (request->if_none_match[0] &&
	    (old || object_is(object_from(request->key), request->key)))
		return answer_error(out, 412, "PreconditionFailed");
	if (request->if_match[0] && (!old || !strstr(request->if_match, old->etag)))
		return answer_error(out, old ? 412 : 404, old ? "PreconditionFailed" : "NoSuchKey");
	kept_put(request->key, &request->body);
	snprintf(etag, 33, "%s", kept_find(request->key)->etag);
	return 200;
}

static int answer_get(const struct request *request, struct text *out, char etag[static 33])
{
	struct kept *kept = kept_find(request->key);
	if (kept) {
		text_add(out, kept->body.data, kept->body.length);
		snprintf(etag, 33, "%s", kept->etag);
		return 200;
	}
	if (!object_is(object_from(request->key), request->key))
		return answer_error(out, 404, "NoSuchKey");
	text_print(out, "// %s\n", request->key);
	return 200;
}

int store_answer(const struct request *request, struct text *out, char etag[static 33])
{
	char value[KEY_MAX];
	bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
	if (!request->key[0] && get)
		return query_get(request->query, "list-type", value, sizeof value)
			       ? answer_list(request, out)
			       : 200;
	if (strcmp(request->method, "POST") == 0 &&
	    query_get(request->query, "delete", value, sizeof value))
		return answer_deletes(request, out);
	if (strcmp(request->method, "DELETE") == 0) {
		key_delete(request->key);
		return 204;
	}
	if (strcmp(request->method, "PUT") == 0)
		return request->key[0] ? answer_put(request, out, etag) : 200;
	return get ? answer_get(request, out, etag) : answer_error(out, 405, "MethodNotAllowed");
}
