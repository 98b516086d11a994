/* Words, addresses and texts that go to APIs and come from them. */
#include "base/text.h"
#include "crypto/redact.h"
#include "services/outside.h"

enum { LOOKED_THROUGH = 8 };

void outside_host(const char *url, struct buffer *out)
{
	const char *start = strstr(url, "://");
	const char *host = start ? start + 3 : url;
	size_t length = strcspn(host, "/?#");
	const char *user = memchr(host, '@', length);

	if (start)
		buffer_add(out, url, (size_t)(host - url));
	if (user) {
		length -= (size_t)(user + 1 - host);
		host = user + 1;
	}
	buffer_add(out, host, length);
}

static const char *words_in(const json_t *value, int depth)
{
	static const char *const keys[] = {"message", "error_description",
					   "detail",  "error",
					   "errors",  "title",
					   "msg",     "reason",
					   "id"};

	if (json_is_string(value))
		return *json_string_value(value) ? json_string_value(value) : NULL;
	if (depth == LOOKED_THROUGH || (!json_is_array(value) && !json_is_object(value)))
		return NULL;
	if (json_is_array(value))
		return words_in(json_array_get(value, 0), depth + 1);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *words = words_in(json_object_get(value, keys[i]), depth + 1);
		if (words)
			return words;
	}
	/* {"name": ["This field is required."]}: a field's own complaint. */
	if (depth == 0 && json_object_size(value) == 1)
		return words_in(json_object_iter_value(json_object_iter((json_t *)value)),
				depth + 1);
	return NULL;
}

const char *outside_words(const json_t *body)
{
	return json_is_object(body) || json_is_array(body) ? words_in(body, 0) : NULL;
}

static void clean_points(const char *cursor, const char *end, struct buffer *out)
{
	while (cursor < end) {
		const char *start = cursor;
		uint32_t point = text_next(&cursor, end);
		if (point == 0xfffd && cursor == start + 1)
			buffer_add_text(out, "\xef\xbf\xbd");
		else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
			 point == 0x2029)
			buffer_add_char(out, ' ');
		else
			buffer_add(out, start, (size_t)(cursor - start));
	}
}

void outside_clean(const struct redactor *redactor, const char *url, const char *shown, char *text,
		   size_t size)
{
	struct buffer plain, hidden, clean;
	size_t length = strlen(url);

	buffer_init(&plain, SIZE_MAX / 2);
	buffer_init(&hidden, SIZE_MAX / 2);
	buffer_init(&clean, size - 1);
	for (const char *cursor = text; *cursor;) {
		if (!length || strncmp(cursor, url, length)) {
			buffer_add_char(&plain, *cursor++);
			continue;
		}
		if (shown)
			buffer_add_text(&plain, shown);
		else
			outside_host(url, &plain);
		cursor += length;
	}
	redact_text(redactor, plain.data, plain.length, &hidden);
	clean_points(hidden.data, hidden.data + hidden.length, &clean);
	memcpy(text, clean.data, clean.length + 1);
	buffer_release(&plain);
	buffer_release(&hidden);
	buffer_release(&clean);
}

void outside_url(struct buffer *out, const char *base, const char *path)
{
	size_t length = strlen(base);

	while (length && base[length - 1] == '/')
		length--;
	buffer_add(out, base, length);
	buffer_add_text(out, path);
}

void outside_encode(struct buffer *out, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++)
		if (strchr(plain, *text))
			buffer_add_char(out, *text);
		else
			buffer_add_format(out, "%%%02X", (unsigned char)*text);
}

json_t *outside_text(const char *text, size_t maximum)
{
	struct buffer out;

	if (!text)
		return json_null();
	buffer_init(&out, maximum ? maximum : SIZE_MAX / 2);
	const char *cursor = text, *end = text + strlen(text);
	while (cursor < end && !out.overflowed) {
		const char *start = cursor;
		uint32_t point = text_next(&cursor, end);
		if (point == 0xfffd && cursor == start + 1)
			buffer_add_text(&out, "\xef\xbf\xbd");
		else
			buffer_add(&out, start, (size_t)(cursor - start));
	}
	json_t *string = json_stringn(out.data, out.length);
	buffer_release(&out);
	return string;
}
