/* Any other service: the request that deploy.yml writes. */
#include "services/markers_internal.h"

static const struct outside_api api = {.name = "the service of markers.http", .any_body = true};

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const struct node *json = node_get(context->object.node, "json");
	const struct template filling = {.arena = context->arena, .values = context->values};

	(void)index;
	request->url = object_text(&context->object, "url");
	request->method = object_text(&context->object, "method");
	marker_headers(context, request);
	if (!json)
		return 0;
	request->json = template_json(&filling, json, err);
	return request->json ? 0 : -1;
}

const struct marker_kind marker_http = {.name = "http", .requests = 1, .api = &api, .build = build};
