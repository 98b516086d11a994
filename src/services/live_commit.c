/* One GET, one regular expression: the commit that production says it runs. */
#include <ctype.h>

#include "base/regex.h"
#include "net/http.h"
#include "services/json_path.h"
#include "services/live_commit.h"

enum { TIMEOUT = 10000, URL_MAXIMUM = 8192, TEXT_MAXIMUM = 8 << 20, REDIRECTS = 5 };

/* The part of the answer in which the commit stands. */
static int text_choose(const struct live_commit_request *request, const char *url,
		       const struct http_response *response, struct buffer *text, struct error *err)
{
	if (request->header) {
		size_t length;
		const char *value = http_header_find(response, request->header, &length);
		if (!value)
			return error_set(err, "%s answers without the header %s", url,
					 request->header);
		return buffer_add(text, value, length);
	}
	if (!request->json)
		return buffer_add(text, response->body.data, response->body.length);
	json_error_t problem;
	json_t *root =
		json_loadb(response->body.data, response->body.length, JSON_DECODE_ANY, &problem);
	if (!root)
		return error_set(err, "%s does not answer with JSON: %s", url, problem.text);
	const json_t *value = json_path_find(root, request->json);
	if (value)
		json_value_text(value, text);
	json_decref(root);
	return value ? 0 : error_set(err, "the JSON of %s has no %s", url, request->json);
}

static int commit_extract(const char *pattern, const char *url, const struct buffer *text,
			  char commit[65], struct error *err)
{
	struct regex *regex CLEANUP(regex_cleanup) =
		regex_new(pattern ? pattern : "\\b([0-9a-fA-F]{7,64})\\b", REGEX_PLAIN, err);
	struct regex_span spans[2];

	if (!regex)
		return error_wrap(err, "live_commit.match");
	int found = regex_match(regex, text->data, text->length, spans, 2, err);
	if (found < 0)
		return error_wrap(err, "live_commit.match");
	if (!found) {
		error_set(err, "%s answers, but nothing there matches live_commit.match", url);
		return error_hint(err, "try: curl -sS '%s'", url);
	}
	struct regex_span span = spans[1].start == SIZE_MAX ? spans[0] : spans[1];
	size_t length = span.end - span.start;
	if (length < 7 || length > 64)
		return error_set(err, "what %s shows as its commit has %zu characters, not 7 to 64",
				 url, length);
	for (size_t i = 0; i < length; i++) {
		unsigned char digit = (unsigned char)text->data[span.start + i];
		if (!isxdigit(digit))
			return error_set(err, "what %s shows as its commit, '%.*s', is none", url,
					 (int)length, text->data + span.start);
		commit[i] = (char)tolower(digit);
	}
	commit[length] = '\0';
	return 0;
}

int live_commit_ask(const struct live_commit_request *request, char commit[65], struct error *err)
{
	struct buffer url, text;
	struct http_response response = {0};
	int result = -1;

	buffer_init(&url, URL_MAXIMUM);
	buffer_init(&text, TEXT_MAXIMUM);
	if (http_url_join(&url, request->base, request->url, err))
		goto end;
	const struct http_request get = {
		.url = url.data,
		.redirects = REDIRECTS,
		.timeout = request->timeout > 0 ? request->timeout : TIMEOUT,
	};
	if (http_fetch(&get, &response, err))
		goto end;
	if (response.status != 200)
		error_set(err, "%s answers with status %d", url.data, response.status);
	else if (!text_choose(request, url.data, &response, &text, err))
		result = commit_extract(request->match, url.data, &text, commit, err);
	http_response_release(&response);
end:
	buffer_release(&url);
	buffer_release(&text);
	return result ? error_wrap(err, "cannot ask production for its commit") : 0;
}
