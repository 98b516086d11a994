/* Honeycomb: a marker with a beginning and an end. */
#include "services/markers_internal.h"

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the key, or the key may not make markers",
	 "markers.honeycomb.key must be a configuration key with the permission Manage Markers"},
	{403, NULL, "the key may not make markers",
	 "give the configuration key the permission Manage Markers"},
	{404, NULL, "it knows no such dataset in the key's environment",
	 "markers.honeycomb.dataset is the dataset's slug, or __all__"},
	{0, NULL, NULL, NULL},
};

static const struct outside_api api = {.name = "Honeycomb", .errors = errors};

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const struct service_deploy *deploy = context->deploy;
	struct buffer path;

	(void)index;
	(void)err;
	buffer_init(&path, 4096);
	buffer_add_text(&path, "/1/markers/");
	outside_encode(&path, object_text(&context->object, "dataset"));
	request->url = marker_url(context, "https://api.honeycomb.io", path.data);
	buffer_release(&path);
	marker_header(request, "X-Honeycomb-Team", object_text(&context->object, "key"));
	request->json = json_object();
	marker_set(request->json, "message", marker_title(context), 0);
	marker_set(request->json, "type", deploy->rollback ? "rollback" : "deploy", 0);
	marker_set(request->json, "url", deploy->url, 0);
	json_object_set_new(request->json, "start_time", json_integer(deploy->started / 1000));
	json_object_set_new(request->json, "end_time", json_integer(deploy->ended / 1000));
	return 0;
}

const struct marker_kind marker_honeycomb = {
	.name = "honeycomb", .requests = 1, .api = &api, .build = build};
