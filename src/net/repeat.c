/* Doing a request again: where a redirect may lead, and what is safe to try once more. */
#include <strings.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "net/curl_internal.h"

enum { DELAY_MAXIMUM = 20000 };

const char *request_method(const struct http_request *request)
{
	if (request->method)
		return request->method;
	return request->body ? "POST" : "GET";
}

bool request_is_repeatable(const struct http_request *request)
{
	const char *method = request_method(request);

	return request->repeatable || (strcmp(method, "POST") && strcmp(method, "PATCH"));
}

static bool is_harmless(const char *header)
{
	static const char *const names[] = {
		"accept", "accept-encoding", "accept-language", "cache-control", "content-type",
		"if-modified-since", "if-none-match", "pragma", "range", "user-agent",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(header, names[i]))
			return true;
	return false;
}

bool request_has_credentials(const struct http_request *request)
{
	const char *host = strstr(request->url, "://") + 3;

	if (request->body || memchr(host, '@', strcspn(host, "/?#")))
		return true;
	for (size_t i = 0; i < request->header_count; i++)
		if (!is_harmless(request->headers[i].name))
			return true;
	return false;
}

/* ---- redirects ---- */

static bool parts_equal(const struct curl_api *curl, CURLU *one, CURLU *other, CURLUPart part)
{
	char *a = NULL, *b = NULL;
	bool equal = curl->url_get(one, part, &a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		     curl->url_get(other, part, &b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		     !strcasecmp(a, b);

	curl->free(a);
	curl->free(b);
	return equal;
}

/* The same scheme, host and port; or from http to https of the same host, on their own ports. */
static bool same_host(const struct curl_api *curl, const char *from, const char *to)
{
	CURLU *one = curl->url(), *other = curl->url();
	bool same = one && other && curl->url_set(one, CURLUPART_URL, from, 0) == CURLUE_OK &&
		    curl->url_set(other, CURLUPART_URL, to, 0) == CURLUE_OK &&
		    parts_equal(curl, one, other, CURLUPART_HOST);

	if (same && !strncmp(from, "http://", 7) && !strncmp(to, "https://", 8))
		same = curl->url_set(one, CURLUPART_SCHEME, "https", 0) == CURLUE_OK;
	same = same && parts_equal(curl, one, other, CURLUPART_SCHEME) &&
	       parts_equal(curl, one, other, CURLUPART_PORT);
	curl->url_cleanup(one);
	curl->url_cleanup(other);
	return same;
}

static int fail(struct exchange *exchange)
{
	exchange->response.status = 0;
	return 0;
}

static bool is_redirect(int status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

int exchange_redirect(struct exchange *exchange)
{
	const struct curl_api *curl = exchange->api;
	struct error *failure = &exchange->response.failure;
	int status = exchange->response.status;
	char *to = NULL, *copy;

	if (!exchange->redirects || !is_redirect(status))
		return 0;
	curl->easy_getinfo(exchange->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return 0;
	if (exchange->redirects_left-- == 0) {
		error_set(failure, "%s leads to more than %d redirects", exchange->url,
			  exchange->redirects);
		return fail(exchange);
	}
	if (exchange->has_credentials && !same_host(curl, exchange->url, to)) {
		error_set(failure, "%s redirects to another host, %s", exchange->url, to);
		error_hint(failure, "what the request holds is for this host alone: write the "
				    "address that it leads to, if that is right");
		return fail(exchange);
	}
	copy = strdup(to);
	if (!copy)
		abort();
	if ((status == 303 && strcmp(exchange->method, "HEAD")) ||
	    (status < 303 && !strcmp(exchange->method, "POST")))
		exchange_set_method(exchange, true);
	exchange_aim(exchange, copy, exchange->started + exchange->timeout - clock_monotonic());
	free(copy);
	return 1;
}

/* ---- another try ---- */

void exchange_read_retry_after(struct exchange *exchange)
{
	struct http_response *response = &exchange->response;
	size_t length, dated;
	const char *value = http_header_find(response, "retry-after", &length);
	const char *date = http_header_find(response, "date", &dated);
	char text[64];
	time_t then, now;

	if (!value || length >= sizeof(text))
		return;
	memcpy(text, value, length);
	text[length] = '\0';
	if (length && strspn(text, "0123456789") == length) {
		response->retry_after = length < 9 ? strtoll(text, NULL, 10) * 1000 : INT64_MAX;
		return;
	}
	then = exchange->api->getdate(text, NULL);
	if (then < 0)
		return;
	/* By the server's own clock, where it tells the time. */
	now = (time_t)(clock_now(&clock_system) / 1000);
	if (date && dated < sizeof(text)) {
		memcpy(text, date, dated);
		text[dated] = '\0';
		if (exchange->api->getdate(text, NULL) >= 0)
			now = exchange->api->getdate(text, NULL);
	}
	response->retry_after = then > now ? (int64_t)(then - now) * 1000 : 0;
}

/* What another try may help against. */
static bool may_pass(CURLcode code)
{
	static const CURLcode codes[] = {
		CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
		CURLE_OPERATION_TIMEDOUT, CURLE_SSL_CONNECT_ERROR, CURLE_GOT_NOTHING,
		CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
		CURLE_HTTP2_STREAM,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (code == codes[i])
			return true;
	return false;
}

static bool asks_for_patience(int status)
{
	return status == 408 || status == 425 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

static bool may_try_again(const struct exchange *exchange, CURLcode code)
{
	int status = exchange->response.status;

	if (code != CURLE_OK)
		return may_pass(code) && (exchange->repeatable || !exchange->sent);
	/* Not even looked at by the server, whatever it was. */
	if (status == 429)
		return true;
	return exchange->repeatable && asks_for_patience(status);
}

/* Between half and all of the delay, so that many who failed together do not come back together. */
static int64_t backoff(const struct exchange *exchange)
{
	int64_t delay = exchange->retry_delay;

	for (int i = 1; i < exchange->response.tries && delay < DELAY_MAXIMUM; i++)
		delay *= 2;
	if (delay > DELAY_MAXIMUM)
		delay = DELAY_MAXIMUM;
	return delay - (int64_t)random_below((uint32_t)(delay / 2 + 1));
}

int64_t exchange_retry(struct exchange *exchange, CURLcode code)
{
	int64_t asked = exchange->response.retry_after;
	int64_t left = exchange->begun + exchange->retry_within - clock_monotonic();
	int64_t delay;

	if (exchange->response.tries > exchange->retries || !may_try_again(exchange, code))
		return -1;
	delay = asked >= 0 ? asked : backoff(exchange);
	return delay <= left ? delay : -1;
}
