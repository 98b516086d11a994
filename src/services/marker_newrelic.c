/* New Relic: change tracking by NerdGraph, whose errors come inside a 200. */
#include "services/json_path.h"
#include "services/markers_internal.h"

enum { CHANGELOG = 4000 };

static const char mutation[] =
	"mutation($d: ChangeTrackingDeploymentInput!, $r: ChangeTrackingDataHandlingRules)"
	"{changeTrackingCreateDeployment(deployment:$d,dataHandlingRules:$r)"
	"{deploymentId entityGuid timestamp}}";

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the key",
	 "markers.newrelic.key must be a user key (it begins with NRAK-), not a license key; in "
	 "the "
	 "EU write: region: eu"},
	{403, NULL, "the key may not do that",
	 "use the user key of somebody who may see the entity's account"},
	{200, "Entity not found", "it knows no entity of that GUID",
	 "copy the GUID from the entity's page (See metadata and manage tags); check region"},
	{200, "Invalid API key", "it does not know the key",
	 "markers.newrelic.key must be a user key (it begins with NRAK-)"},
	{200, NULL, "its answer holds an error",
	 "check entity, key and region of markers.newrelic; its own words are above"},
	{0, NULL, NULL, NULL},
};

/* Success is a deploymentId, and no errors beside it. */
static bool accepts(const json_t *body, const char **words)
{
	const json_t *id = json_path_find(body, "data.changeTrackingCreateDeployment.deploymentId");

	*words = outside_words(json_object_get(body, "errors"));
	return json_array_size(json_object_get(body, "errors")) == 0 && json_is_string(id);
}

static const struct outside_api api = {.name = "New Relic", .errors = errors, .accepts = accepts};

static json_t *deployment(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;
	json_t *fields = json_object();

	marker_set(fields, "entityGuid", object_text(&context->object, "entity"), 0);
	marker_set(fields, "version", deploy->commit, 0);
	marker_set(fields, "commit", deploy->commit, 0);
	marker_set(fields, "description", marker_title(context), 0);
	marker_set(fields, "changelog", marker_changelog(context, CHANGELOG), 0);
	marker_set(fields, "deepLink", deploy->url, 0);
	marker_set(fields, "groupId", deploy->id, 0);
	marker_set(fields, "user", deploy->deployer, 0);
	/* ROLLING, CANARY and so on are for the pipeline's author to know: none has a rollback. */
	json_object_set_new(fields, "deploymentType",
			    json_string(deploy->rollback ? "OTHER" : "BASIC"));
	json_object_set_new(fields, "timestamp", json_integer(deploy->live));
	return fields;
}

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const char *region = object_text(&context->object, "region");
	const char *endpoint = object_text(&context->object, "endpoint");

	(void)index;
	(void)err;
	request->url = endpoint                ? endpoint
		       : !strcmp(region, "eu") ? "https://api.eu.newrelic.com/graphql"
					       : "https://api.newrelic.com/graphql";
	marker_header(request, "Api-Key", object_text(&context->object, "key"));
	request->json = json_pack("{s:s, s:{s:o}}", "query", mutation, "variables", "d",
				  deployment(context));
	return 0;
}

const struct marker_kind marker_newrelic = {
	.name = "newrelic", .requests = 1, .api = &api, .build = build};
