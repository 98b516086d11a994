/* Grafana: an annotation over a span of time. */
#include "services/markers_internal.h"

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the token",
	 "markers.grafana.token must be a service account's token (it begins with glsa_)"},
	{403, NULL, "the token may not make annotations",
	 "give its service account the role Editor, or the permission annotations:create"},
	{404, NULL, "there is no Grafana at that address",
	 "markers.grafana.endpoint is Grafana's root, with its sub-path if it has one"},
	{0, NULL, NULL, NULL},
};

static const struct outside_api api = {.name = "Grafana", .errors = errors};

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const struct service_deploy *deploy = context->deploy;
	struct text_list tags = object_texts(context->arena, &context->object, "tags");
	json_t *list = json_array();

	(void)index;
	(void)err;
	for (size_t i = 0; i < tags.count; i++)
		json_array_append_new(
			list,
			outside_text(fill_text(context->arena, tags.items[i], context->values), 0));
	if (!tags.count)
		json_array_append_new(list, json_string("deploy"));
	if (deploy->rollback)
		json_array_append_new(list, json_string("rollback"));
	request->url = marker_url(context, "", "/api/annotations");
	marker_bearer(context, request);
	request->json = json_object();
	marker_set(request->json, "text", marker_title(context), 0);
	json_object_set_new(request->json, "tags", list);
	json_object_set_new(request->json, "time", json_integer(deploy->started));
	json_object_set_new(request->json, "timeEnd", json_integer(deploy->ended));
	return 0;
}

const struct marker_kind marker_grafana = {
	.name = "grafana", .requests = 1, .api = &api, .build = build};
