/* AppSignal: a deploy marker by the push API, whose key stands in the address. */
#include "services/markers_internal.h"

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the key",
	 "markers.appsignal.key is the organization's push API key"},
	{403, NULL, "it does not know the key",
	 "markers.appsignal.key is the organization's push API key"},
	{404, NULL, "it knows no such app in that environment",
	 "markers.appsignal.app is the app's name as its config has it"},
	{0, NULL, NULL, NULL},
};

static const struct outside_api api = {.name = "AppSignal", .errors = errors};

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const struct service_deploy *deploy = context->deploy;
	const char *user = deploy->deployer ? deploy->deployer : "shipit";
	struct buffer path;

	(void)index;
	(void)err;
	buffer_init(&path, 4096);
	buffer_add_text(&path, "/1/markers?api_key=");
	outside_encode(&path, object_text(&context->object, "key"));
	buffer_add_text(&path, "&name=");
	outside_encode(&path, object_text(&context->object, "app"));
	buffer_add_text(&path, "&environment=");
	outside_encode(&path, deploy->env);
	request->url = marker_url(context, "https://push.appsignal.com", path.data);
	buffer_release(&path);
	request->json = json_object();
	marker_set(request->json, "revision", deploy->commit, 0);
	marker_set(request->json, "repository",
		   deploy->repository ? deploy->repository : deploy->branch, 0);
	/* The one field that is shown as it is. */
	marker_set(request->json, "user",
		   deploy->rollback ? arena_format(context->arena, "%s (rollback)", user) : user,
		   0);
	return 0;
}

const struct marker_kind marker_appsignal = {
	.name = "appsignal", .requests = 1, .api = &api, .build = build};
