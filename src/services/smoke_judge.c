/* Compares a page with what its check expects. */
#include "base/clock.h"
#include "services/json_path.h"
#include "services/smoke_internal.h"

enum { SHORTEST_COMMIT = 7, SHOWN = 80 };

static bool status_fits(const struct smoke_check *check, const struct http_response *response,
			struct buffer *reason)
{
	size_t length;
	const char *location;

	if (response->status == check->status)
		return true;
	buffer_add_format(reason, "status %d instead of %d", response->status, check->status);
	location = http_header_find(response, "location", &length);
	if (location && response->status / 100 == 3)
		buffer_add_format(reason, ", a redirect to %.*s",
				  (int)(length < 200 ? length : 200), location);
	return false;
}

static bool holds(const struct buffer *body, const char *text)
{
	size_t length = strlen(text);

	return !length || memmem(body->data, body->length, text, length);
}

static bool body_fits(const struct smoke_check *check, const struct http_response *response,
		      struct buffer *reason)
{
	for (size_t i = 0; i < check->contains.count; i++)
		if (!holds(&response->body, check->contains.items[i])) {
			buffer_add_format(reason, "the page does not contain \"%.200s\"",
					  check->contains.items[i]);
			return false;
		}
	for (size_t i = 0; i < check->absent.count; i++)
		if (holds(&response->body, check->absent.items[i])) {
			buffer_add_format(reason, "the page contains \"%.200s\"",
					  check->absent.items[i]);
			return false;
		}
	return true;
}

static bool contains_caseless(const char *text, size_t length, const char *wanted)
{
	size_t wanted_length = strlen(wanted);

	for (size_t i = 0; i + wanted_length <= length; i++)
		if (!strncasecmp(text + i, wanted, wanted_length))
			return true;
	return false;
}

static bool headers_fit(const struct smoke_check *check, const struct http_response *response,
			struct buffer *reason)
{
	for (size_t i = 0; i < check->header.list.count; i++) {
		const struct variable *header = &check->header.list.items[i];
		size_t length = 0;
		const char *value = http_header_find(response, header->name, &length);
		if (!value) {
			buffer_add_format(reason, "the answer has no header %s", header->name);
			return false;
		}
		if (!contains_caseless(value, length, header->value)) {
			buffer_add_format(reason, "the header %s is \"%.*s\" instead of \"%.200s\"",
					  header->name, (int)(length < 200 ? length : 200), value,
					  header->value);
			return false;
		}
	}
	return true;
}

static bool value_fits(const struct smoke_json *wanted, const json_t *root, struct buffer *reason)
{
	const json_t *value = json_path_find(root, wanted->path);
	struct buffer shown;

	if (value && json_equals_node(value, wanted->expected))
		return true;
	if (!value) {
		buffer_add_format(reason, "the JSON has no %s", wanted->path);
		return false;
	}
	buffer_init(&shown, SHOWN);
	json_value_text(value, &shown);
	buffer_add_format(reason, "%s is %s instead of %s", wanted->path, shown.data,
			  wanted->expected->type == NODE_NULL ? "null" : wanted->expected->text);
	buffer_release(&shown);
	return false;
}

static bool json_fits(const struct smoke_check *check, const struct http_response *response,
		      struct buffer *reason)
{
	json_error_t problem;
	bool fits = true;

	if (!check->json.count)
		return true;
	json_t *root = json_loadb(response->body.data, response->body.length,
				  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);
	if (!root) {
		buffer_add_format(reason, "the answer is not JSON: %s", problem.text);
		return false;
	}
	for (size_t i = 0; fits && i < check->json.count; i++)
		fits = value_fits(&check->json.items[i], root, reason);
	json_decref(root);
	return fits;
}

/* Data, pictures and redirects need not show the commit; everything else is a page. */
static bool is_page(const struct http_response *response)
{
	static const char *const data[] = {"json",   "javascript", "text/css", "image/",  "font/",
					   "audio/", "video/",     "/xml",     "text/csv"};
	size_t length;
	const char *type = http_header_find(response, "content-type", &length);

	if (response->status / 100 == 3 || response->status == 204)
		return false;
	for (size_t i = 0; type && i < sizeof(data) / sizeof(*data); i++)
		if (contains_caseless(type, length, data[i]))
			return false;
	return true;
}

static bool commit_fits(const struct smoke_expectation *expectation,
			const struct http_response *response, bool *showed, struct buffer *reason)
{
	const struct buffer *body = &response->body;
	struct regex_span spans[2];
	struct error err = {0};

	if (!expectation->commit_match || !expectation->commit || !expectation->check->commit)
		return true;
	int found =
		regex_match(expectation->commit_match, body->data, body->length, spans, 2, &err);
	if (found < 0) {
		buffer_add_format(reason, "looking for the commit failed: %s", err.message);
		return false;
	}
	if (!found) {
		if (!is_page(response))
			return true;
		buffer_add_format(reason, "the page shows no commit (%.10s is live)",
				  expectation->commit);
		return false;
	}
	struct regex_span span = spans[1].start == SIZE_MAX ? spans[0] : spans[1];
	size_t length = span.end - span.start;
	if (length >= SHORTEST_COMMIT && length <= strlen(expectation->commit) &&
	    !strncasecmp(body->data + span.start, expectation->commit, length)) {
		*showed = true;
		return true;
	}
	buffer_add_format(reason, "the page shows commit %.*s instead of %.10s",
			  (int)(length < 64 ? length : 64), body->data + span.start,
			  expectation->commit);
	return false;
}

static bool time_fits(const struct smoke_check *check, const struct http_response *response,
		      struct buffer *reason)
{
	char took[32], allowed[32];

	if (check->max < 0 || response->duration <= check->max)
		return true;
	buffer_add_format(reason, "the answer took %s, more than %s",
			  duration_format(took, response->duration),
			  duration_format(allowed, check->max));
	return false;
}

bool smoke_judge(const struct smoke_expectation *expectation, const struct http_response *response,
		 bool *showed_commit, struct buffer *reason)
{
	const struct smoke_check *check = expectation->check;

	if (!response->status) {
		buffer_add_text(reason, response->failure.message);
		return false;
	}
	return status_fits(check, response, reason) && body_fits(check, response, reason) &&
	       headers_fit(check, response, reason) && json_fits(check, response, reason) &&
	       commit_fits(expectation, response, showed_commit, reason) &&
	       time_fits(check, response, reason);
}
