/* OTLP: the deploy as a trace, to a collector. */
#include <ctype.h>

#include "base/text.h"
#include "services/markers_internal.h"
#include "services/trace.h"

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the key",
	 "check markers.otlp.headers, or OTEL_EXPORTER_OTLP_HEADERS"},
	{403, NULL, "the key may not write traces",
	 "check markers.otlp.headers, or OTEL_EXPORTER_OTLP_HEADERS"},
	{404, NULL, "nothing takes OTLP over HTTP there",
	 "markers.otlp.endpoint is the base (port 4318 as a rule, not 4317), without /v1/traces"},
	{415, NULL, "it does not take OTLP as JSON",
	 "send it through an OpenTelemetry collector, which does"},
	{200, NULL, "it dropped spans", "its own words are above; the collector's log says more"},
	{0, NULL, NULL, NULL},
};

/* A partial success with rejected spans is none. */
static bool accepts(const json_t *body, const char **words)
{
	const json_t *partial = json_object_get(body, "partialSuccess");
	const json_t *rejected = json_object_get(partial, "rejectedSpans");
	const char *text = json_string_value(rejected);

	*words = json_string_value(json_object_get(partial, "errorMessage"));
	return !json_integer_value(rejected) && (!text || !strcmp(text, "0"));
}

static const struct outside_api api = {
	.name = "the OTLP collector", .errors = errors, .accepts = accepts};

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* OTEL_EXPORTER_OTLP_TRACES_X, else OTEL_EXPORTER_OTLP_X. */
static const char *choose(const char *special, const char *general)
{
	const char *value = variable(special);

	return value ? value : variable(general);
}

static void percent_decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		unsigned value = 0;
		if (*text == '%' && isxdigit((unsigned char)text[1]) &&
		    isxdigit((unsigned char)text[2]) && sscanf(text + 1, "%2x", &value) == 1) {
			*to++ = (char)value;
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* key1=value1,key2=value2, percent-encoded. */
static void headers_from_variable(const struct marker_context *context,
				  struct marker_request *request)
{
	const char *text =
		choose("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS");
	struct text_list pairs = text_split(context->arena, text ? text : "", ',');
	struct http_header *list = arena_array(context->arena, pairs.count + 1, sizeof(*list));

	for (size_t i = 0; i < pairs.count; i++) {
		char *pair = arena_string(context->arena, pairs.items[i]);
		char *equals = strchr(pair, '=');
		if (!equals)
			continue;
		*equals = '\0';
		percent_decode(equals + 1);
		list[request->header_count++] = (struct http_header){pair, equals + 1};
	}
	request->headers = list;
}

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const char *base = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
	const char *whole = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
	bool written = object_has(&context->object, "endpoint");

	(void)index;
	if (!written && !whole && !base) {
		error_set(err, "the OTLP collector was not told of the deploy: nobody says where "
			       "it is");
		return error_hint(err, "write markers.otlp.endpoint, or set "
				       "OTEL_EXPORTER_OTLP_ENDPOINT");
	}
	/* Some write the whole of it. */
	if (written && text_ends_with(object_text(&context->object, "endpoint"), "/v1/traces"))
		whole = object_text(&context->object, "endpoint");
	request->url = !written && whole ? whole : marker_url(context, base, "/v1/traces");
	if (object_has(&context->object, "headers"))
		marker_headers(context, request);
	else
		headers_from_variable(context, request);
	if (!context->spans)
		return error_set(err, "there is no trace of a deploy here");
	request->json = trace_spans_json(context->spans, variable("OTEL_SERVICE_NAME"));
	return 0;
}

const struct marker_kind marker_otlp = {
	.name = "otlp", .turn = MARKER_END, .requests = 1, .api = &api, .build = build};
