/* Rollbar: a deploy. */
#include "services/markers_internal.h"

enum { NAME = 255, COMMENT = 60000 };

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the token",
	 "markers.rollbar.token is a project access token"},
	{403, NULL, "the token may not report deploys",
	 "use a project access token with the scope post_server_item"},
	{200, "invalid access token", "it does not know the token",
	 "markers.rollbar.token is a project access token with the scope post_server_item"},
	{200, NULL, "its answer holds an error", "its own words are above"},
	{0, NULL, NULL, NULL},
};

/* {"err": 0, …}, or {"data": …} from newer servers. */
static bool accepts(const json_t *body, const char **words)
{
	const json_t *problem = json_object_get(body, "err");

	if (json_is_object(body) && (!problem || json_integer_value(problem) == 0))
		return true;
	*words = json_string_value(json_object_get(body, "message"));
	return false;
}

static const struct outside_api api = {.name = "Rollbar", .errors = errors, .accepts = accepts};

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	const struct service_deploy *deploy = context->deploy;
	const char *changes = marker_changelog(context, COMMENT);

	(void)index;
	(void)err;
	request->url = marker_url(context, "https://api.rollbar.com", "/api/1/deploy");
	marker_header(request, "X-Rollbar-Access-Token", object_text(&context->object, "token"));
	request->json = json_object();
	marker_set(request->json, "environment", deploy->env, NAME);
	marker_set(request->json, "revision", deploy->commit, NAME);
	marker_set(request->json, "local_username", deploy->deployer, NAME);
	marker_set(request->json, "comment",
		   *changes && !deploy->rollback
			   ? arena_format(context->arena, "%s\n%s", marker_title(context), changes)
			   : marker_title(context),
		   COMMENT);
	return 0;
}

const struct marker_kind marker_rollbar = {
	.name = "rollbar", .requests = 1, .api = &api, .build = build};
