/* Kind http: one request, with what is expected of the answer. */
#include "base/clock.h"
#include "base/text.h"
#include "services/probe.h"
#include "steps/kinds_internal.h"
#include "steps/request_step.h"

enum { TIMEOUT = 60000, RETRIES = 2, REDIRECTS = 5, SHOWN = 2000 };

struct running {
	struct request_step step;
	struct smoke_check expect;
	const char *method, *shown;
};

/* What a log reader wants to see of an answer that was not the expected one. */
static void show_body(struct running *running, const struct http_response *response)
{
	const struct buffer *body = &response->body;
	size_t length = text_fit(body->data, body->length, SHOWN);

	if (length)
		request_step_say(&running->step, "%.*s%s", (int)length, body->data,
				 length < body->length ? " ..." : "");
}

static const char *method_of(const struct object *object)
{
	if (object_has(object, "method"))
		return object_text(object, "method");
	return object_has(object, "json") || object_has(object, "body") ? "POST" : "GET";
}

static void ended(void *context, const struct probe_answer *answer)
{
	struct running *running = context;
	const struct http_response *response = answer->response;
	char took[32];

	if (response->status)
		request_step_say(&running->step, "%s %s: status %d after %s", running->method,
				 running->shown, response->status,
				 duration_format(took, response->duration));
	if (!answer->ok)
		show_body(running, response);
	request_step_end(&running->step, answer->ok, answer->reason);
}

/* The body; *json must be freed when the request was started. */
static int fill_body(struct running *running, struct http_request *to, char **json,
		     struct error *err)
{
	const struct object *object = &running->step.request->step->object;
	const struct node *node = node_get(object->node, "json");
	const char *body = object_text(object, "body");

	if (node) {
		json_t *value = template_json(&running->step.template, node, err);
		if (!value)
			return -1;
		to->body = *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		json_decref(value);
	} else if (body) {
		to->body = template_text(&running->step.template, body, err);
	}
	if ((node || body) && !to->body)
		return -1;
	to->body_length = to->body ? strlen(to->body) : 0;
	return 0;
}

static bool names_header(const struct http_header *headers, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(headers[i].name, name))
			return true;
	return false;
}

static int begin(struct running *running, struct http_request *to, char **json, struct error *err)
{
	struct request_step *step = &running->step;
	const struct object *object = &step->request->step->object;
	const struct probe_options options = {
		.request = to,
		.shown = running->shown,
		.expect = &running->expect,
		.redactor = step->request->services->redactor,
	};
	struct http_header *headers;

	to->url = request_step_url(step, running->shown, err);
	if (!to->url ||
	    template_headers(&step->template, node_get(object->node, "headers"), &headers,
			     &to->header_count, err) ||
	    fill_body(running, to, json, err))
		return -1;
	if (*json && !names_header(headers, to->header_count, "content-type"))
		headers[to->header_count++] =
			(struct http_header){"Content-Type", "application/json"};
	to->headers = headers;
	return probe_start(step->http, &options, ended, running, err) ? 0 : -1;
}

void *http_step_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const struct object *object = &request->step->object;
	const struct object expect = object_child(object, "expect");
	char *json = NULL;

	running->expect = expect_config_read(request->arena, &expect);
	running->method = method_of(object);
	running->shown = object_text(object, "url");
	if (request_step_open(&running->step, request, 1, err))
		return NULL;
	int wanted = running->expect.status;
	struct http_request to = {
		.method = running->method,
		.timeout = request_step_timeout(&running->step, TIMEOUT),
		/* An answer that is expected is no reason to ask again, or elsewhere. */
		.retries = wanted >= 400 ? 0 : RETRIES,
		.redirects = wanted / 100 == 3 ? 0 : REDIRECTS,
	};
	int result = begin(running, &to, &json, err);
	free(json);
	if (!result)
		return running;
	http_free(running->step.http);
	return NULL;
}

void http_step_stop(void *context)
{
	struct running *running = context;

	request_step_end(&running->step, false, "it was stopped before the answer came");
}

bool http_step_is_harmless(const struct step_config *step)
{
	const char *method = method_of(&step->object);

	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

void http_step_describe(const struct step_config *step, struct buffer *out)
{
	buffer_add_format(out, "%s %s", method_of(&step->object),
			  object_text(&step->object, "url"));
}

void http_step_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	const struct object *object = &step->object;
	const struct node *body = node_get(object->node, "body");

	if (!body || !object_has(object, "json"))
		return;
	diagnostics_add(diagnostics, body->place, "'body' and 'json' exclude each other");
	diagnostics_hint(diagnostics, "a request has one body");
}
