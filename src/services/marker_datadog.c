/* Datadog: an event that dashboards show, and a deployment for DORA metrics. */
#include "services/markers_internal.h"

enum { TITLE = 500, TEXT = 3900, MS_TO_NS = 1000000 };

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the key",
	 "markers.datadog.key must be an API key of that site (not an application key): check "
	 "site"},
	{403, NULL, "it does not know the key, or not at this site",
	 "markers.datadog.key must be an API key (not an application key) of markers.datadog.site"},
	{0, NULL, NULL, NULL},
};

static const struct outside_api api = {.name = "Datadog", .errors = errors};

static json_t *tags(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;
	json_t *list = json_array();
	const struct {
		const char *name, *value;
	} all[] = {
		{"service", object_text(&context->object, "service")},
		{"env", deploy->env},
		{"version", deploy->commit},
		{"deployer", deploy->deployer},
		{"rollback", deploy->rollback ? "true" : NULL},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].value && *all[i].value)
			json_array_append_new(list,
					      outside_text(arena_format(context->arena, "%s:%s",
									all[i].name, all[i].value),
							   200));
	return list;
}

static json_t *event(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;
	const char *changes = marker_changelog(context, TEXT);
	json_t *json = json_object();

	marker_set(json, "title", marker_title(context), TITLE);
	marker_set(json, "text", *changes ? changes : marker_title(context), TEXT);
	marker_set(json, "aggregation_key", deploy->id, 100);
	json_object_set_new(json, "date_happened", json_integer(deploy->live / 1000));
	json_object_set_new(json, "alert_type", json_string(deploy->rollback ? "warning" : "info"));
	json_object_set_new(json, "tags", tags(context));
	return json;
}

static json_t *deployment(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;
	json_t *json = json_object();

	marker_set(json, "service", object_text(&context->object, "service"), 0);
	json_object_set_new(json, "started_at", json_integer(deploy->started * MS_TO_NS));
	json_object_set_new(json, "finished_at", json_integer(deploy->ended * MS_TO_NS));
	if (deploy->repository && strlen(deploy->commit) == 40)
		json_object_set_new(json, "git",
				    json_pack("{s:s, s:o}", "commit_sha", deploy->commit,
					      "repository_url",
					      outside_text(deploy->repository, 0)));
	marker_set(json, "env", deploy->env, 0);
	marker_set(json, "version", deploy->commit, 0);
	marker_set(json, "id", deploy->id, 0);
	json_object_set_new(json, "custom_tags", tags(context));
	return json_pack("{s:{s:o}}", "data", "attributes", json);
}

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const char *base = arena_format(context->arena, "https://api.%s",
					object_text(&context->object, "site"));

	(void)err;
	marker_header(request, "DD-API-KEY", object_text(&context->object, "key"));
	request->url =
		marker_url(context, base, index ? "/api/v2/dora/deployment" : "/api/v1/events");
	request->json = index ? deployment(context) : event(context);
	return 0;
}

const struct marker_kind marker_datadog = {
	.name = "datadog", .requests = 2, .api = &api, .build = build};
