/* Sends the markers, all at once, and tells how each ended. */
#include "base/clock.h"
#include "base/text.h"
#include "config/keys.h"
#include "services/markers_internal.h"

enum { TIMEOUT = 5000, WITHIN = 30000, LEAST = 1000, URL_MAXIMUM = 4096 };

static const struct marker_kind *const kinds[] = {
	&marker_newrelic,  &marker_datadog, &marker_sentry, &marker_honeycomb, &marker_grafana,
	&marker_appsignal, &marker_rollbar, &marker_otlp,   &marker_http,
};

struct marker {
	struct markers *markers;
	const struct marker_kind *kind;
	const char *name;
	const struct node *node; /* with ${NAME} replaced; NULL: problem says why */
	struct error problem;
	struct outside_call *call; /* under way */
	size_t index;              /* of its request */
	int64_t begun;
};

struct markers {
	struct arena *arena;
	const struct redactor *redactor;
	const struct trace_spans *spans;
	const struct text_list *known;
	VEC(struct marker) list;
	struct http *http;
	const struct service_deploy *deploy;
	struct fill_values values;
	void (*told)(void *context, const char *name, const struct error *failure);
	void *context;
};

const struct outside_api *markers_api(size_t index, const char **name)
{
	if (index >= sizeof(kinds) / sizeof(*kinds))
		return NULL;
	*name = kinds[index]->name;
	return kinds[index]->api;
}

static const struct marker_kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

/* "datadog", the second one "datadog-2". */
static const char *name_of(struct markers *markers, const struct marker_kind *kind)
{
	size_t count = 1;

	for (size_t i = 0; i < markers->list.count; i++)
		count += markers->list.items[i].kind == kind;
	return count == 1 ? kind->name : arena_format(markers->arena, "%s-%zu", kind->name, count);
}

static void add(struct markers *markers, const struct node *node,
		const struct expand_lookup *lookup)
{
	const struct template template = {.arena = markers->arena, .lookup = lookup};

	for (size_t i = 0; i < node->count; i++) {
		const struct marker_kind *kind = kind_find(node->entries[i].key->text);
		struct marker marker = {.markers = markers, .kind = kind};
		if (!kind)
			continue;
		marker.name = name_of(markers, kind);
		marker.node = template_expand(&template, schema_row(marker_keys, kind->name),
					      node->entries[i].value, &marker.problem);
		vec_push(markers->arena, &markers->list, marker);
	}
}

struct markers *markers_new(const struct markers_options *options)
{
	struct markers *markers = arena_new(options->arena, struct markers);
	const struct node *node = options->node;

	markers->arena = options->arena;
	markers->redactor = options->redactor;
	markers->spans = options->spans;
	markers->known = options->told;
	if (node && node->type == NODE_MAP)
		add(markers, node, options->lookup);
	for (size_t i = 0; node && node->type == NODE_LIST && i < node->count; i++)
		add(markers, node->items[i], options->lookup);
	return markers;
}

static bool is_turn(const struct marker *marker, enum marker_turn turn)
{
	const struct text_list *known = marker->markers->known;

	return marker->kind->turn == turn && !(known && text_list_has(known, marker->name));
}

size_t markers_turn_count(const struct markers *markers, enum marker_turn turn)
{
	size_t count = 0;

	for (size_t i = 0; i < markers->list.count; i++)
		count += is_turn(&markers->list.items[i], turn);
	return count;
}

/* ---- sending ---- */

static void request_next(struct marker *marker);

static void tell(struct marker *marker, const struct error *failure)
{
	struct markers *markers = marker->markers;

	markers->told(markers->context, marker->name, failure);
}

static void answered(void *context, const struct outside_answer *answer)
{
	struct marker *marker = context;

	marker->call = NULL;
	if (!answer->ok)
		tell(marker, &answer->failure);
	else if (++marker->index < marker->kind->requests)
		request_next(marker);
	else
		tell(marker, NULL);
}

static int request_start(struct marker *marker, struct error *err)
{
	const struct markers *markers = marker->markers;
	const struct marker_context context = {
		.arena = markers->arena,
		.object = {marker->node, schema_row(marker_keys, marker->kind->name)->keys},
		.deploy = markers->deploy,
		.values = &markers->values,
		.spans = markers->spans,
	};
	int64_t left = marker->begun + WITHIN - clock_monotonic();
	struct marker_request made = {0};
	int result = marker->kind->build(&context, marker->index, &made, err);
	const struct outside_request request = {
		.api = marker->kind->api,
		.what = marker->kind->turn == MARKER_END ? "the trace" : "the deploy",
		.url = made.url,
		.method = made.method,
		.headers = made.headers ? made.headers : made.own,
		.header_count = made.header_count,
		.json = made.json,
		.repeatable = true, /* two marks are better than none */
		.timeout = TIMEOUT,
		.within = left > LEAST ? left : LEAST,
		.redactor = markers->redactor,
	};

	if (!result)
		marker->call = outside_start(markers->http, &request, answered, marker, err);
	json_decref(made.json);
	return marker->call ? 0 : -1;
}

static void request_next(struct marker *marker)
{
	struct error err = {0};

	if (request_start(marker, &err))
		tell(marker, &err);
}

void markers_send(struct markers *markers, enum marker_turn turn, struct http *http,
		    const struct service_deploy *deploy,
		    void (*told)(void *context, const char *name, const struct error *failure),
		    void *context)
{
	markers->http = http;
	markers->deploy = deploy;
	markers->told = told;
	markers->context = context;
	markers->values = (struct fill_values){
		.app = deploy->app,
		.env = deploy->env,
		.commit = deploy->commit,
		.previous = deploy->previous,
		.branch = deploy->branch,
		.deployer = deploy->deployer,
		.id = deploy->id,
		.url = deploy->url,
		.status = deploy->status,
	};
	for (size_t i = 0; i < markers->list.count; i++) {
		struct marker *marker = &markers->list.items[i];
		if (!is_turn(marker, turn))
			continue;
		marker->index = 0;
		marker->begun = clock_monotonic();
		if (marker->node)
			request_next(marker);
		else
			tell(marker, &marker->problem);
	}
}

void markers_under_way(const struct markers *markers, struct buffer *names)
{
	for (size_t i = 0; i < markers->list.count; i++)
		if (markers->list.items[i].call)
			buffer_add_format(names, "%s%s", names->length ? ", " : "",
					  markers->list.items[i].name);
}

void markers_cancel(struct markers *markers)
{
	for (size_t i = 0; i < markers->list.count; i++) {
		if (markers->list.items[i].call)
			outside_cancel(markers->list.items[i].call);
		markers->list.items[i].call = NULL;
	}
}

/* ---- what vendors' builders share ---- */

const char *marker_url(const struct marker_context *context, const char *fallback, const char *path)
{
	const char *endpoint = object_text(&context->object, "endpoint");
	struct buffer url;

	buffer_init(&url, URL_MAXIMUM);
	outside_url(&url, endpoint ? endpoint : fallback, path);
	const char *copy = arena_string(context->arena, url.data);
	buffer_release(&url);
	return copy;
}

void marker_header(struct marker_request *request, const char *name, const char *value)
{
	if (value && request->header_count < MARKER_HEADERS)
		request->own[request->header_count++] = (struct http_header){name, value};
}

void marker_headers(const struct marker_context *context, struct marker_request *request)
{
	const struct node *headers = node_get(context->object.node, "headers");
	size_t count = headers ? headers->count : 0;
	struct http_header *list = arena_array(context->arena, count + 1, sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = (struct http_header){headers->entries[i].key->text,
					       headers->entries[i].value->text};
	request->headers = list;
	request->header_count = count;
}

void marker_bearer(const struct marker_context *context, struct marker_request *request)
{
	marker_header(
		request, "Authorization",
		arena_format(context->arena, "Bearer %s", object_text(&context->object, "token")));
}

const char *marker_title(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;

	return arena_format(context->arena,
			    deploy->rollback ? "%s was rolled back to %.7s in %s%s%s"
					     : "%s %.7s is live in %s%s%s",
			    deploy->app, deploy->commit, deploy->env,
			    deploy->deployer ? ", by " : "",
			    deploy->deployer ? deploy->deployer : "");
}

const char *marker_changelog(const struct marker_context *context, size_t maximum)
{
	const struct service_deploy *deploy = context->deploy;
	struct buffer text;

	buffer_init(&text, maximum);
	for (size_t i = 0; i < deploy->commits.count && !text.overflowed; i++)
		buffer_add_format(&text, "%s%.7s %s", i ? "\n" : "", deploy->commits.items[i].id,
				  deploy->commits.items[i].subject);
	const char *copy = arena_string(context->arena, text.data);
	buffer_release(&text);
	return copy;
}

void marker_set(json_t *object, const char *name, const char *value, size_t maximum)
{
	if (value && *value)
		json_object_set_new(object, name, outside_text(value, maximum));
}

void marker_set_time(json_t *object, const char *name, int64_t time)
{
	char text[32];

	json_object_set_new(object, name, json_string(time_format(text, time)));
}
