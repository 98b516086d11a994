/* Exchanges with APIs: how often, how long, and what a failure means. */
#include "services/outside.h"
#include "base/text.h"
#include "crypto/redact.h"

enum {
	TIMEOUT = 5000,
	WITHIN = 30000,
	RETRIES = 8,
	BODY_MAXIMUM = 1 << 20,
	WORDS_MAXIMUM = 300,
	HEADERS_MAXIMUM = 32,
};

struct outside_call {
	const struct outside_api *api;
	const struct redactor *redactor;
	char *what, *url;
	struct http_transfer *transfer;
	void (*done)(void *context, const struct outside_answer *answer);
	void *context;
};

/* What holds for every API, whatever it is. */
static const struct outside_error common[] = {
	{400, NULL, "it takes the request for malformed",
	 "check the values in deploy.yml; its own words are above"},
	{401, NULL, "it does not know the key or token",
	 "check that the secret is the right one and was not revoked"},
	{403, NULL, "the key or token may not do that",
	 "give it the right that the service asks for, or use another one"},
	{404, NULL, "it knows nothing of that name",
	 "check the names and the endpoint in deploy.yml"},
	{409, NULL, "it is in conflict with what is there already",
	 "look there: it may have been told before"},
	{413, NULL, "the request is too large for it", "send less"},
	{422, NULL, "it does not accept a value",
	 "check the values in deploy.yml; its own words are above"},
	{429, NULL, "too many requests, and it did not take one in time",
	 "send fewer, or ask the service for a higher limit"},
	{0, NULL, NULL, NULL},
};

static bool row_fits(const struct outside_error *row, int status, const char *words)
{
	return (!row->status || row->status == status) &&
	       (!row->code || (words && text_starts_with(words, row->code)));
}

static const struct outside_error *row_find(const struct outside_error *rows, int status,
					    const char *words)
{
	for (; rows && rows->why; rows++)
		if (row_fits(rows, status, words))
			return rows;
	return NULL;
}

/* ---- the verdict ---- */

static void clean(const struct outside_call *call, struct error *err)
{
	outside_clean(call->redactor, call->url, NULL, err->message, sizeof(err->message));
	outside_clean(call->redactor, call->url, NULL, err->hint, sizeof(err->hint));
}

static void fail_unreached(const struct outside_call *call, const struct http_response *response,
			   struct error *failure)
{
	const char *name = call->api->name;

	*failure = response->failure;
	error_wrap(failure, "%s did not take %s", name, call->what);
	if (failure->hint[0])
		return;
	if (response->timed_out)
		error_hint(failure, "look at the status page of %s", name);
	else
		error_hint(failure,
			   "check the address, and what stands between this machine and "
			   "%s (proxy, firewall)",
			   name);
}

static void fail_redirected(const struct outside_call *call, const struct http_response *response,
			    struct error *failure)
{
	struct buffer host;
	size_t length;
	const char *location = http_header_find(response, "location", &length);
	char *to = location ? strndup(location, length) : NULL;

	buffer_init(&host, WORDS_MAXIMUM);
	if (to && strstr(to, "://"))
		outside_host(to, &host);
	error_set(failure,
		  "%s did not take %s: it answers with a redirect (%d)%s%s, which is "
		  "not followed",
		  call->api->name, call->what, response->status, host.length ? " to " : "",
		  host.data);
	error_hint(failure, "what the request holds is for this host alone: write the address "
			    "that it leads to as the endpoint, if that is right");
	buffer_release(&host);
	free(to);
}

static void fail_refused(const struct outside_call *call, int status, const char *words,
			 struct error *failure)
{
	const char *name = call->api->name;
	const struct outside_error *row = row_find(call->api->errors, status, words);
	int shown = words ? (int)text_fit(words, strlen(words), WORDS_MAXIMUM) : 0;

	if (!row && status / 100 != 5)
		row = row_find(common, status, words);
	if (row)
		error_set(failure, "%s did not take %s: %s", name, call->what, row->why);
	else if (status / 100 == 5)
		error_set(failure, "%s did not take %s: something is wrong on its side", name,
			  call->what);
	else if (status / 100 == 2 && !words)
		error_set(failure, "%s did not take %s: its answer cannot be understood", name,
			  call->what);
	else
		error_set(failure, "%s did not take %s", name, call->what);
	struct error said = *failure;
	error_set(failure, shown ? "%s (%d: %.*s)" : "%s (%d%.*s)", said.message, status, shown,
		  shown ? words : "");
	if (row)
		error_hint(failure, "%s", row->todo);
	else if (status / 100 == 5)
		error_hint(failure, "look at the status page of %s; nothing here is wrong", name);
	else
		error_hint(failure,
			   "check the endpoint in deploy.yml: is it %s that answers "
			   "there?",
			   name);
}

/* A sign-in page, a proxy's, the site's own: no API answers like this. */
static bool is_page(const struct http_response *response)
{
	size_t length;
	const char *type = http_header_find(response, "content-type", &length);

	return type && length >= 9 && !strncasecmp(type, "text/html", 9);
}

static void fail_page(const struct outside_call *call, int status, struct error *failure)
{
	const char *name = call->api->name;

	error_set(failure, "%s did not take %s: what came back (%d) is no answer of its API", name,
		  call->what, status);
	error_hint(failure,
		   "check the endpoint in deploy.yml, and whether a proxy or a sign-in page is "
		   "in between");
}

static void judge(const struct outside_call *call, const struct http_response *response,
		  json_t *json, struct outside_answer *answer)
{
	const struct outside_api *api = call->api;
	const char *words = NULL;
	int status = response->status;

	*answer = (struct outside_answer){
		.status = status,
		.json = json,
		.body = response->body.data,
		.body_length = response->body.length,
		.response = response,
	};
	if (status / 100 == 2) {
		answer->ok = (api->any_body || !is_page(response)) &&
			     (!api->accepts || api->accepts(json, &words));
		if (answer->ok)
			return;
	} else {
		words = outside_words(json);
	}
	answer->outage = !status || status == 408 || status == 429 || status / 100 == 5;
	if (!status)
		fail_unreached(call, response, &answer->failure);
	else if (status / 100 == 3)
		fail_redirected(call, response, &answer->failure);
	else if (status / 100 == 2 && !json)
		fail_page(call, status, &answer->failure);
	else
		fail_refused(call, status, words, &answer->failure);
	clean(call, &answer->failure);
}

static json_t *body_parse(const struct http_response *response)
{
	json_error_t problem;

	if (!response->status || !response->body.length)
		return NULL;
	return json_loadb(response->body.data, response->body.length, JSON_DECODE_ANY, &problem);
}

/* ---- the exchange ---- */

static void http_request_fill(const struct outside_request *request, struct http_request *to,
			      struct http_header *headers, char *text)
{
	int64_t within = request->within ? request->within : WITHIN;
	int64_t timeout = request->timeout ? request->timeout : TIMEOUT;
	bool typed = !text;

	if (timeout > within)
		timeout = within;
	for (size_t i = 0; i < request->header_count; i++)
		headers[i] = request->headers[i];
	*to = (struct http_request){
		.url = request->url,
		.method = request->method,
		.headers = headers,
		.header_count = request->header_count,
		.body = text ? text : request->body,
		.body_length = text ? strlen(text) : request->body_length,
		.timeout = timeout,
		.connect_timeout = timeout,
		.maximum_body = request->maximum_body ? request->maximum_body : BODY_MAXIMUM,
		.retries = request->once ? 0 : RETRIES,
		.repeatable = request->repeatable,
		.redirects = request->redirects,
		.retry_within = within > timeout ? within - timeout : 1,
	};
	for (size_t i = 0; i < request->header_count; i++)
		typed |= !strcasecmp(headers[i].name, "content-type");
	if (!typed)
		headers[to->header_count++] =
			(struct http_header){"Content-Type", "application/json"};
}

static int prepare(const struct outside_request *request, struct http_request *to,
		   struct http_header *headers, char **text, struct error *err)
{
	*text = NULL;
	if (request->header_count >= HEADERS_MAXIMUM)
		return error_set(err, "a request to %s has more than %d headers",
				 request->api->name, HEADERS_MAXIMUM - 1);
	if (request->json) {
		*text = json_dumps(request->json, JSON_COMPACT | JSON_ENCODE_ANY);
		if (!*text)
			abort();
	}
	http_request_fill(request, to, headers, *text);
	return 0;
}

static struct outside_call *call_new(const struct outside_request *request)
{
	struct outside_call *call = calloc(1, sizeof(*call));

	if (!call)
		abort();
	call->api = request->api;
	call->redactor = request->redactor;
	call->what = strdup(request->what);
	call->url = strdup(request->url);
	if (!call->what || !call->url)
		abort();
	return call;
}

static void call_free(struct outside_call *call)
{
	free(call->what);
	free(call->url);
	free(call);
}

static void ended(void *context, const struct http_response *response)
{
	struct outside_call *call = context;
	struct outside_answer answer;
	json_t *json = body_parse(response);

	judge(call, response, json, &answer);
	call->done(call->context, &answer);
	json_decref(json);
	call_free(call);
}

static int unmade(const struct outside_call *call, struct error *err)
{
	error_wrap(err, "%s cannot be told of %s", call->api->name, call->what);
	clean(call, err);
	return -1;
}

struct outside_call *outside_start(struct http *http, const struct outside_request *request,
				   void (*done)(void *context, const struct outside_answer *answer),
				   void *context, struct error *err)
{
	struct outside_call *call = call_new(request);
	struct http_header headers[HEADERS_MAXIMUM];
	struct http_request made;
	char *text;

	call->done = done;
	call->context = context;
	if (!prepare(request, &made, headers, &text, err))
		call->transfer = http_start(http, &made, ended, call, err);
	free(text);
	if (call->transfer)
		return call;
	unmade(call, err);
	call_free(call);
	return NULL;
}

void outside_cancel(struct outside_call *call)
{
	http_cancel(call->transfer);
	call_free(call);
}

int outside_ask(const struct outside_request *request, struct outside_answer *answer,
		struct error *err)
{
	struct outside_call *call = call_new(request);
	struct http_response *response = calloc(1, sizeof(*response));
	struct http_header headers[HEADERS_MAXIMUM];
	struct http_request made;
	char *text;

	if (!response)
		abort();
	buffer_init(&response->body, 1);
	buffer_init(&response->headers, 1);
	if (prepare(request, &made, headers, &text, err) ||
	    http_fetch(&made, response, &response->failure))
		response->status = 0;
	judge(call, response, body_parse(response), answer);
	if (!answer->ok)
		*err = answer->failure;
	free(text);
	call_free(call);
	return answer->ok ? 0 : -1;
}

void outside_answer_release(struct outside_answer *answer)
{
	struct http_response *response = (struct http_response *)answer->response;

	json_decref((json_t *)answer->json);
	if (response)
		http_response_release(response);
	free(response);
	*answer = (struct outside_answer){0};
}
