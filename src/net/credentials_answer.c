/* What all places share: secrets that are wiped, answers in JSON, keys that cannot be right. */
#include <ctype.h>
#include <errno.h>

#include "base/file.h"
#include "crypto/key.h"
#include "net/credentials_internal.h"

enum { SECRET_MAXIMUM = 1 << 16 };

char *secret_copy(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		abort();
	return copy;
}

void secret_free(char *text)
{
	if (text)
		memory_wipe(text, strlen(text));
	free(text);
}

char *secret_file(const char *path, struct error *err)
{
	struct buffer bytes;
	char *text;

	buffer_init(&bytes, SECRET_MAXIMUM);
	int result = file_read(path, &bytes, err);
	while (bytes.length && strchr("\r\n", bytes.data[bytes.length - 1]))
		bytes.data[--bytes.length] = '\0';
	if (!result && !bytes.length)
		result = error_set(err, "%s is empty", path);
	if (!result)
		return buffer_take(&bytes, NULL);
	text = buffer_take(&bytes, NULL);
	secret_free(text);
	return NULL;
}

/* ---- HTTP ---- */

void secret_response_release(struct http_response *response)
{
	memory_wipe(response->body.data, response->body.length);
	http_response_release(response);
}

int secret_fetch(const struct http_request *request, struct http_response *response,
		 struct error *err)
{
	struct buffer message;
	const char *url, *host = strstr(request->url, "://");

	if (!http_fetch(request, response, err))
		return 0;
	url = strstr(err->message, request->url);
	if (!url || !host)
		return -1;
	host += 3;
	buffer_init(&message, sizeof(err->message));
	buffer_add(&message, err->message, (size_t)(url - err->message));
	buffer_add(&message, request->url, (size_t)(host - request->url) + strcspn(host, "/?#"));
	buffer_add_text(&message, url + strlen(request->url));
	snprintf(err->message, sizeof(err->message), "%s", message.data);
	buffer_release(&message);
	return -1;
}

/* ---- JSON ---- */

int expiry_parse(const char *text, int64_t *milliseconds, struct error *err)
{
	char copy[64];
	size_t length = strlen(text);

	snprintf(copy, sizeof(copy), "%s", text);
	if (length < sizeof(copy) && text_ends_with(copy, "UTC"))
		memcpy(copy + length - 3, "Z", 2);
	return time_parse(copy, milliseconds, err);
}

/* The text moves out: what the library holds of it is overwritten. */
static char *take_text(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);
	char *copy = text && *text ? secret_copy(text) : NULL;

	if (copy)
		memory_wipe((void *)(uintptr_t)text, json_string_length(value));
	return copy;
}

int credentials_from_json(json_t *object, const struct key_names *names, struct credentials *out,
			  struct error *err)
{
	const json_t *expires = json_object_get(object, names->expires);

	out->access_key = take_text(object, names->access_key);
	out->secret_key = take_text(object, names->secret_key);
	out->token = take_text(object, names->token);
	if (!out->access_key || !out->secret_key)
		return error_set(err, "the answer has no %s",
				 out->access_key ? names->secret_key : names->access_key);
	if (json_is_integer(expires))
		out->expires = json_integer_value(expires);
	else if (json_is_string(expires) &&
		 expiry_parse(json_string_value(expires), &out->expires, err))
		return error_wrap(err, "%s", names->expires);
	return 0;
}

/* ---- the last look ---- */

/* It goes into a header. */
static bool is_word(const char *text)
{
	for (; text && *text; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

/* What signs is never sent, and other stores than Amazon's let their users choose it. */
static bool is_secret(const char *text)
{
	size_t length = strlen(text);

	for (const char *byte = text; *byte; byte++)
		if (iscntrl((unsigned char)*byte))
			return false;
	return *text != ' ' && text[length - 1] != ' ';
}

int credentials_check(const struct search *search, const struct credentials *found,
		      struct error *err)
{
	const char *what = !is_word(found->access_key)     ? "the access key"
			   : !is_secret(found->secret_key) ? "the secret key"
			   : !is_word(found->token)        ? "the session token"
							   : NULL;
	char when[32];

	if (what) {
		error_set(err,
			  "%s of %s holds a blank, a line break or another character that no "
			  "key has",
			  what, found->source);
		return error_hint(err, "Perhaps it was copied with what stood beside it.");
	}
	if (found->expires && found->expires <= clock_now(search->clock)) {
		error_set(err, "the credentials of %s are over since %s", found->source,
			  time_format(when, found->expires));
		return error_hint(err, "%s", found->renew);
	}
	return 0;
}
