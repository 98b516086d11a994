/* One request as a curl handle, and its answer as an http_response. */
#include <ctype.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "net/curl_internal.h"
#include "proc/interrupt.h"

enum {
	DEFAULT_TIMEOUT = 30000,
	DEFAULT_CONNECT_TIMEOUT = 10000,
	DEFAULT_BODY = 8 << 20,
	DEFAULT_RETRY_DELAY = 500,
	DEFAULT_RETRY_WITHIN = 60000,
	HEADERS_MAXIMUM = 256 << 10,
};

static size_t body_arrived(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;

	return buffer_add(&exchange->response.body, bytes, size * count) ? 0 : size * count;
}

/* Keeps the lines of the last answer: a redirect or a "100 Continue" begins anew. */
static size_t header_arrived(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	struct buffer *headers = &exchange->response.headers;
	size_t length = size * count, start = headers->length;

	if (length >= 5 && !memcmp(bytes, "HTTP/", 5)) {
		buffer_clear(headers);
		return length;
	}
	while (length && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	if (!length)
		return size * count;
	buffer_add(headers, bytes, length);
	buffer_add_char(headers, '\n');
	for (size_t i = start; i < headers->length && headers->data[i] != ':'; i++)
		headers->data[i] = (char)tolower((unsigned char)headers->data[i]);
	return size * count;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 && *text != '\t')
			return true;
	return false;
}

static int headers_add(struct exchange *exchange, const struct http_request *request,
		       struct error *err)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];
		if (has_control(header->name) || has_control(header->value) ||
		    strchr(header->name, ':'))
			return error_set(err,
					 "the header '%s' of the request to %s holds a line "
					 "break or another control character",
					 header->name, request->url);
		struct buffer line;
		buffer_init(&line, HEADERS_MAXIMUM);
		/* "Name;" is curl's way to send a header without a value. */
		buffer_add_format(&line, *header->value ? "%s: %s" : "%s;%s", header->name,
				  header->value);
		exchange->headers = exchange->api->slist_append(exchange->headers, line.data);
		buffer_release(&line);
	}
	exchange->headers = exchange->api->slist_append(exchange->headers, "Expect:");
	return 0;
}

void exchange_set_method(struct exchange *exchange, bool get)
{
	const struct curl_api *curl = exchange->api;
	CURL *easy = exchange->easy;
	const char *method = get ? "GET" : exchange->method;

	curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	curl->easy_setopt(easy, CURLOPT_NOBODY, 0L);
	curl->easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	if (exchange->body && !get) {
		curl->easy_setopt(easy, CURLOPT_POST, 1L);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				  (curl_off_t)exchange->body_length);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body);
		curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	} else if (!strcmp(method, "HEAD")) {
		curl->easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(method, "GET")) {
		curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	}
}

static void set_options(struct exchange *exchange, const struct http_request *request)
{
	const struct curl_api *curl = exchange->api;
	CURL *easy = exchange->easy;
	int64_t connect =
		request->connect_timeout ? request->connect_timeout : DEFAULT_CONNECT_TIMEOUT;

	curl->easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->words);
	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_arrived);
	curl->easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
	curl->easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
	curl->easy_setopt(easy, CURLOPT_USERAGENT, "shipit");
	curl->easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl->easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
	curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	if (request->direct)
		curl->easy_setopt(easy, CURLOPT_PROXY, "");
#if LIBCURL_VERSION_NUM >= 0x075500
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A cancelled request does not wait for a name server. */
	curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

void exchange_aim(struct exchange *exchange, const char *url, int64_t timeout)
{
	const struct curl_api *curl = exchange->api;
	struct http_response *response = &exchange->response;

	curl->easy_setopt(exchange->easy, CURLOPT_URL, url);
	curl->easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, (long)(timeout > 1 ? timeout : 1));
	exchange->words[0] = '\0';
	buffer_clear(&response->body);
	buffer_clear(&response->headers);
	error_clear(&response->failure);
	response->status = 0;
	response->timed_out = false;
	response->retry_after = -1;
}

/* A try from the first URL on, after so many ms. */
static void begin_try(struct exchange *exchange, int64_t delay)
{
	exchange->started = clock_monotonic() + delay;
	exchange->sent = false;
	exchange->redirects_left = exchange->redirects;
	exchange->response.tries++;
	exchange_set_method(exchange, false);
	exchange_aim(exchange, exchange->url, exchange->timeout);
}

int exchange_init(struct exchange *exchange, const struct curl_api *api,
		  const struct http_request *request, struct error *err)
{
	*exchange = (struct exchange){
		.api = api,
		.begun = clock_monotonic(),
		.timeout = request->timeout ? request->timeout : DEFAULT_TIMEOUT,
		.retries = request->retries,
		.retry_delay = request->retry_delay ? request->retry_delay : DEFAULT_RETRY_DELAY,
		.retry_within =
			request->retry_within ? request->retry_within : DEFAULT_RETRY_WITHIN,
		.redirects = request->redirects,
		.repeatable = request_is_repeatable(request),
		.has_credentials = request_has_credentials(request),
	};
	if (strncmp(request->url, "http://", 7) && strncmp(request->url, "https://", 8))
		return error_set(err, "'%s' is not an http:// or https:// URL", request->url);
	if (has_control(request->url) || strchr(request->url, ' '))
		return error_set(err, "the URL '%s' holds a blank or a control character",
				 request->url);
	buffer_init(&exchange->response.body,
		    request->maximum_body ? request->maximum_body : DEFAULT_BODY);
	buffer_init(&exchange->response.headers, HEADERS_MAXIMUM);
	exchange->easy = api->easy_init();
	exchange->url = strdup(request->url);
	exchange->method = strdup(request_method(request));
	if (request->body) {
		exchange->body_length = request->body_length;
		exchange->body = malloc(request->body_length + 1);
		if (exchange->body)
			memcpy(exchange->body, request->body, request->body_length);
	}
	if (!exchange->easy || !exchange->url || !exchange->method ||
	    (request->body && !exchange->body))
		abort();
	if (headers_add(exchange, request, err)) {
		exchange_release(exchange);
		return -1;
	}
	set_options(exchange, request);
	begin_try(exchange, 0);
	return 0;
}

static void describe_failure(struct exchange *exchange, CURLcode code)
{
	struct http_response *response = &exchange->response;
	struct error *failure = &response->failure;
	char text[32];
	const char *words = *exchange->words ? exchange->words : exchange->api->easy_strerror(code);

	if (code == CURLE_OPERATION_TIMEDOUT) {
		response->timed_out = true;
		error_set(failure, "%s gave no whole answer within %s", exchange->url,
			  duration_format(text, response->duration));
	} else if (response->body.overflowed) {
		error_set(failure, "the answer of %s is larger than %s", exchange->url,
			  size_format(text, (int64_t)response->body.maximum));
	} else {
		error_set(failure, "cannot get %s: %s", exchange->url, words);
	}
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		error_hint(failure, "check the host's name and this machine's network");
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		error_hint(failure, "the certificate is not valid for this host: renew it, or "
				    "install the authority that issued it on this machine");
}

int64_t exchange_finish(struct exchange *exchange, CURLcode code)
{
	struct http_response *response = &exchange->response;
	long status = 0, sent = 0;
	int64_t delay;

	response->duration = clock_monotonic() - exchange->started;
	exchange->api->easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &sent);
	exchange->sent = exchange->sent || sent > 0;
	if (code == CURLE_OK) {
		exchange->api->easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
		response->status = (int)status;
		exchange_read_retry_after(exchange);
		if (exchange_redirect(exchange))
			return 0;
	} else {
		describe_failure(exchange, code);
	}
	delay = exchange_retry(exchange, code);
	if (delay >= 0)
		begin_try(exchange, delay);
	return delay;
}

void exchange_release(struct exchange *exchange)
{
	if (exchange->easy)
		exchange->api->easy_cleanup(exchange->easy);
	exchange->api->slist_free_all(exchange->headers);
	http_response_release(&exchange->response);
	free(exchange->url);
	free(exchange->method);
	free(exchange->body);
	*exchange = (struct exchange){0};
}

static void wait_for(int64_t milliseconds)
{
	struct timespec left = {.tv_sec = milliseconds / 1000,
				.tv_nsec = milliseconds % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR && !interrupt_signal())
		;
}

/* curl asks this once a second at least. */
static int on_progress(void *context, curl_off_t whole, curl_off_t now, curl_off_t up_whole,
		       curl_off_t up_now)
{
	(void)context;
	(void)whole;
	(void)now;
	(void)up_whole;
	(void)up_now;
	return interrupt_signal();
}

int http_fetch(const struct http_request *request, struct http_response *response,
	       struct error *err)
{
	const struct curl_api *api = curl_load(err);
	struct exchange exchange;
	int64_t delay;

	if (!api || exchange_init(&exchange, api, request, err))
		return -1;
	api->easy_setopt(exchange.easy, CURLOPT_NOPROGRESS, 0L);
	api->easy_setopt(exchange.easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	do {
		delay = exchange_finish(&exchange, api->easy_perform(exchange.easy));
		if (delay > 0)
			wait_for(delay);
	} while (delay >= 0);
	if (!exchange.response.status) {
		*err = exchange.response.failure;
		exchange_release(&exchange);
		return -1;
	}
	*response = exchange.response;
	buffer_init(&exchange.response.body, 1);
	buffer_init(&exchange.response.headers, 1);
	exchange_release(&exchange);
	return 0;
}

void http_response_release(struct http_response *response)
{
	buffer_release(&response->body);
	buffer_release(&response->headers);
}

const char *http_header_find(const struct http_response *response, const char *name, size_t *length)
{
	size_t name_length = strlen(name);

	for (const char *line = response->headers.data; *line;) {
		const char *end = strchr(line, '\n');
		if (!end)
			return NULL;
		if (!strncasecmp(line, name, name_length) && line[name_length] == ':') {
			const char *value = line + name_length + 1;
			while (*value == ' ' || *value == '\t')
				value++;
			*length = (size_t)(end - value);
			return value;
		}
		line = end + 1;
	}
	return NULL;
}

int http_url_join(struct buffer *out, const char *base, const char *path, struct error *err)
{
	if (strstr(path, "://"))
		return buffer_add_text(out, path);
	if (!base || !*base)
		return error_set(err, "'%s' is a path, and the environment has no url", path);
	size_t length = strlen(base);
	while (length && base[length - 1] == '/')
		length--;
	buffer_add(out, base, length);
	if (*path != '/')
		buffer_add_char(out, '/');
	if (buffer_add_text(out, path))
		return error_set(err, "the URL of '%s' is too long", path);
	return 0;
}
