/* Pings of a dead-man switch. */
#include "services/heartbeat.h"
#include "crypto/hash.h"

enum { URL_MAXIMUM = 8192, WITHIN = 10000 };

static const struct outside_error errors[] = {
	{404, NULL, "there is no such check",
	 "copy the ping URL from the check's page; a deleted check has none"},
	{0, NULL, NULL, NULL},
};

static const struct outside_api api = {.name = "the dead-man switch", .errors = errors};

void heartbeat_url(struct buffer *out, const char *url, enum heartbeat heartbeat, const char *id)
{
	static const char *const ends[] = {
		[HEARTBEAT_START] = "/start",
		[HEARTBEAT_SUCCESS] = "",
		[HEARTBEAT_FAILURE] = "/fail",
	};
	size_t path = strcspn(url, "?#"), length = path;
	char hex[HASH_HEX_SIZE];

	while (length && url[length - 1] == '/')
		length--;
	buffer_add(out, url, length);
	buffer_add_text(out, ends[heartbeat]);
	hash_bytes_hex(id, strlen(id), hex);
	if (url[path] == '?')
		buffer_add(out, url + path, strcspn(url + path, "#"));
	buffer_add_format(out, "%crid=%.8s-%.4s-4%.3s-8%.3s-%.12s", url[path] == '?' ? '&' : '?',
			  hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

struct outside_call *heartbeat_start(struct http *http, const char *url, enum heartbeat heartbeat,
				     const char *id, const struct redactor *redactor,
				     void (*done)(void *context,
						  const struct outside_answer *answer),
				     void *context, struct error *err)
{
	struct outside_call *call;
	struct buffer address;

	buffer_init(&address, URL_MAXIMUM);
	heartbeat_url(&address, url, heartbeat, id);
	const struct outside_request request = {
		.api = &api,
		.what = "the ping",
		.url = address.data,
		.repeatable = true,
		.within = WITHIN,
		.redirects = 3,
		.redactor = redactor,
	};
	call = outside_start(http, &request, done, context, err);
	buffer_release(&address);
	return call;
}
