/* All patterns are looked for at once. None is shorter than the window, so wherever one stands, one
 * of the places that are a stride apart holds four bytes of its beginning: where such places hold
 * none that any pattern begins with, nothing is. The places do not depend on each other, which lets
 * the processor look at several at a time. */
#include "crypto/redact.h"

#include <jansson.h>
#include <sodium.h>
#include <stdint.h>

#include "base/text.h"

enum {
	BUCKETS = 256,
	PAIRS = 65536,
	VALUE_MAXIMUM = 1 << 20,
	HELD_MAXIMUM = 64 << 20,
	WINDOW_MAXIMUM = 32,
	LINE_LEAST = 2 * REDACT_MINIMUM,	/* of what is taken out for itself */
	GRAM = 4,	/* bytes that are looked up at once */
	GRAM_BITS = 16,	/* of their hash: the table stays near the processor */
};

struct pattern {
	char *bytes;
	size_t length;
	struct pattern *next;
};

struct redactor {
	struct pattern *buckets[BUCKETS];
	uint8_t pairs[PAIRS / 8];	/* the first two bytes of some pattern */
	bool firsts[256];
	size_t window;			/* no pattern is shorter */
	bool grams[1 << GRAM_BITS];	/* hashed: stands in some pattern's window */
	size_t count;
};

static unsigned pair_of(const char *bytes)
{
	return (unsigned)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
}

static unsigned bucket_of(unsigned pair)
{
	return (pair >> 8) * 31 % BUCKETS ^ (pair & 255);
}

struct redactor *redactor_new(void)
{
	struct redactor *redactor = calloc(1, sizeof(*redactor));
	if (!redactor)
		abort();
	redactor->window = WINDOW_MAXIMUM;
	return redactor;
}

void redactor_free(struct redactor *redactor)
{
	for (size_t i = 0; redactor && i < BUCKETS; i++)
		for (struct pattern *next, *at = redactor->buckets[i]; at; at = next) {
			next = at->next;
			sodium_memzero(at->bytes, at->length);
			free(at->bytes);
			free(at);
		}
	free(redactor);
}

bool redactor_empty(const struct redactor *redactor)
{
	return !redactor || !redactor->count;
}

static uint32_t gram_at(const char *bytes)
{
	uint32_t gram;
	memcpy(&gram, bytes, GRAM);
	return (gram * UINT32_C(0x9E3779B1)) >> (32 - GRAM_BITS);
}

static void add_grams(struct redactor *redactor, const struct pattern *pattern)
{
	for (size_t at = 0; at + GRAM <= redactor->window; at++)
		redactor->grams[gram_at(pattern->bytes + at)] = true;
}

static void narrow_window(struct redactor *redactor, size_t window)
{
	redactor->window = window;
	memset(redactor->grams, 0, sizeof(redactor->grams));
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct pattern *at = redactor->buckets[i]; at; at = at->next)
			add_grams(redactor, at);
}

static void add_pattern(struct redactor *redactor, const char *bytes, size_t length)
{
	if (length < REDACT_MINIMUM)
		return;
	unsigned pair = pair_of(bytes), bucket = bucket_of(pair);
	for (const struct pattern *at = redactor->buckets[bucket]; at; at = at->next)
		if (at->length == length && !memcmp(at->bytes, bytes, length))
			return;
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	char *copy = malloc(length);
	if (!pattern || !copy)
		abort();
	memcpy(copy, bytes, length);
	*pattern = (struct pattern){copy, length, redactor->buckets[bucket]};
	redactor->buckets[bucket] = pattern;
	redactor->pairs[pair / 8] |= (uint8_t)(1u << pair % 8);
	redactor->firsts[(unsigned char)bytes[0]] = true;
	if (length < redactor->window)
		narrow_window(redactor, length);
	else
		add_grams(redactor, pattern);
	redactor->count++;
}

static bool is_kept(unsigned char byte, const char *also)
{
	bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
	return letter || (byte >= '0' && byte <= '9') || (byte && strchr("-._~", byte)) ||
	       (byte && strchr(also, byte));
}

/* Programs differ in what they encode, and in the case of its digits. */
static void add_percent(struct redactor *redactor, const char *value)
{
	static const char *const kept[] = {"", "/", "!'()*", "!#$&'()*+,/:;=?@"};
	static const char *const digits[] = {"0123456789ABCDEF", "0123456789abcdef"};
	struct buffer text;
	buffer_init(&text, (size_t)3 * VALUE_MAXIMUM);
	for (size_t i = 0; i < 4 * sizeof(kept) / sizeof(*kept); i++) {
		bool plus = i % 2;
		buffer_clear(&text);
		for (const char *at = value; *at; at++) {
			unsigned char byte = (unsigned char)*at;
			if (byte == ' ' && plus)
				buffer_add_char(&text, '+');
			else if (is_kept(byte, kept[i / 4]))
				buffer_add_char(&text, *at);
			else
				buffer_add_format(&text, "%%%c%c", digits[i / 2 % 2][byte >> 4],
						  digits[i / 2 % 2][byte & 15]);
		}
		add_pattern(redactor, text.data, text.length);
	}
	buffer_release(&text);
}

/* Long ones are often written in lines of 76 or 64 characters. A last line of a few is left: it
 * would slow the search down, and take out what is no secret. */
static void add_wrapped(struct redactor *redactor, const char *text, size_t length)
{
	for (size_t width = 64; width <= 76; width += 12)
		for (size_t at = 0; length > width && at < length; at += width) {
			size_t part = length - at < width ? length - at : width;
			if (part >= LINE_LEAST)
				add_pattern(redactor, text + at, part);
		}
}

/* As it stands in the base64 of a longer text, at each of the three offsets; the characters that
 * also hold bits of its neighbours are left out. */
static void add_base64(struct redactor *redactor, const char *value, int variant)
{
	static const size_t before[] = {0, 2, 3};
	size_t length = strlen(value), size = sodium_base64_encoded_len(length + 2, variant);
	unsigned char *bytes = calloc(1, length + 2);
	char *text = malloc(size);
	if (!bytes || !text)
		abort();
	for (size_t offset = 0; offset < 3; offset++) {
		memset(bytes, 0, 2);
		memcpy(bytes + offset, value, length);
		sodium_bin2base64(text, size, bytes, offset + length, variant);
		size_t end = strlen(text);
		if ((offset + length) % 3)
			end--;
		if (end > before[offset])
			add_pattern(redactor, text + before[offset], end - before[offset]);
		if (!offset)
			add_wrapped(redactor, text, end);
	}
	free(bytes);
	free(text);
}

static void add_quoted(struct redactor *redactor, const char *value)
{
	struct buffer text;
	json_t *string = json_string(value);
	for (size_t flags = 0; string && flags < 2; flags++) {
		char *json = json_dumps(string, JSON_ENCODE_ANY | (flags ? JSON_ENSURE_ASCII : 0));
		if (json)
			add_pattern(redactor, json + 1, strlen(json) - 2);
		free(json);
	}
	json_decref(string);
	buffer_init(&text, (size_t)5 * VALUE_MAXIMUM);
	text_quote_shell(&text, value);
	add_pattern(redactor, text.data, text.length);
	buffer_release(&text);
}

static void add_forms(struct redactor *redactor, const char *value)
{
	add_pattern(redactor, value, strlen(value));
	add_percent(redactor, value);
	add_base64(redactor, value, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	add_base64(redactor, value, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	add_quoted(redactor, value);
}

bool redactor_add(struct redactor *redactor, const char *value)
{
	size_t length = strlen(value);
	if (length < REDACT_MINIMUM || length > VALUE_MAXIMUM)
		return false;
	add_forms(redactor, value);
	for (const char *line = value; strchr(value, '\n') && *line;) {
		size_t width = strcspn(line, "\r\n");
		char *copy = strndup(line, width);
		if (!copy)
			abort();
		if (width >= LINE_LEAST) /* not each "}" of JSON */
			add_forms(redactor, copy);
		free(copy);
		line += width;
		line += strspn(line, "\r\n");
	}
	return true;
}

/* The length of the longest pattern that begins here; *partial: one may, if more comes. */
static size_t match(const struct redactor *redactor, const char *bytes, size_t length,
		    bool *partial)
{
	size_t longest = 0;
	*partial = false;
	if (length < 2) {
		*partial = redactor->firsts[(unsigned char)*bytes];
		return 0;
	}
	unsigned pair = pair_of(bytes);
	if (!(redactor->pairs[pair / 8] >> pair % 8 & 1))
		return 0;
	for (const struct pattern *at = redactor->buckets[bucket_of(pair)]; at; at = at->next) {
		size_t part = at->length < length ? at->length : length;
		if (memcmp(at->bytes, bytes, part))
			continue;
		if (part < at->length)
			*partial = true;
		else if (part > longest)
			longest = part;
	}
	return longest;
}

/* An int: four of them are or'ed, for one branch instead of four. */
static int may_hold(const bool *grams, const char *place)
{
	return grams[gram_at(place)];
}

/* The next place at which a pattern may begin. */
static size_t skip(const struct redactor *redactor, const char *bytes, size_t at, size_t length)
{
	const size_t stride = redactor->window - GRAM + 1;
	const bool *grams = redactor->grams;
	for (; length - at >= redactor->window + 3 * stride; at += 4 * stride) {
		const char *place = bytes + at + stride - 1;
		if (may_hold(grams, place) | may_hold(grams, place + stride) |
		    may_hold(grams, place + 2 * stride) | may_hold(grams, place + 3 * stride))
			break;
	}
	while (length - at >= redactor->window && !may_hold(grams, bytes + at + stride - 1))
		at += stride;
	return at;
}

/* Adds what is certain; the rest begins at the result. *covered bytes at the start belong to a
 * secret whose stars were written. */
static size_t scan(const struct redactor *redactor, const char *bytes, size_t length, bool last,
		   size_t *covered, struct buffer *out)
{
	size_t end = *covered, i = 0;
	size_t plain = end;	/* from here on nothing was added yet */
	for (; i < length; i++) {
		bool partial;
		i = skip(redactor, bytes, i, length);
		size_t found = match(redactor, bytes + i, length - i, &partial);
		if (partial && !last)
			break;
		if (!found || i + found <= end)
			continue;
		if (i >= end) {
			buffer_add(out, bytes + plain, i - plain);
			buffer_add_text(out, "***");
		}
		end = plain = i + found;
	}
	if (plain < i)
		buffer_add(out, bytes + plain, i - plain);
	*covered = end > i ? end - i : 0;
	return i;
}

void redact_text(const struct redactor *redactor, const char *bytes, size_t length,
		 struct buffer *out)
{
	size_t covered = 0;
	if (redactor_empty(redactor))
		buffer_add(out, bytes, length);
	else
		scan(redactor, bytes, length, true, &covered, out);
}

size_t redact_passes(const struct redactor *redactor, const struct redact_stream *stream,
		     const char *bytes, size_t length)
{
	size_t at = 0;
	if (stream->held.length || stream->covered)
		return 0;
	for (; at < length; at++) {
		bool partial;
		at = skip(redactor, bytes, at, length);
		if (match(redactor, bytes + at, length - at, &partial) || partial)
			break;
	}
	return at;
}

void redact_piece(const struct redactor *redactor, struct redact_stream *stream, const char *bytes,
		  size_t length, struct buffer *out)
{
	if (!stream->begun)
		buffer_init(&stream->held, HELD_MAXIMUM);
	stream->begun = true;
	bool joined = stream->held.length;
	if (joined) {
		buffer_add(&stream->held, bytes, length);
		bytes = stream->held.data;
		length = stream->held.length;
	}
	size_t done = scan(redactor, bytes, length, false, &stream->covered, out);
	if (joined)
		buffer_consume(&stream->held, done);
	else if (done < length)
		buffer_add(&stream->held, bytes + done, length - done);
}

void redact_end(const struct redactor *redactor, struct redact_stream *stream, struct buffer *out)
{
	if (!stream->begun)
		return;
	if (out && stream->held.length)
		scan(redactor, stream->held.data, stream->held.length, true, &stream->covered, out);
	buffer_release(&stream->held);
	*stream = (struct redact_stream){0};
}
