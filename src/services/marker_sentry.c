/* Sentry: the release with its commits, then its deploy. */
#include "services/markers_internal.h"

enum { COMMITS = 100, VERSION = 250, NAME = 64 };

static const struct outside_error errors[] = {
	{401, NULL, "it does not know the token",
	 "make a new one: Settings, Developer Settings, Organization Tokens"},
	{403, NULL, "the token may not do that",
	 "it needs the scopes project:releases and org:read (an organization token has them)"},
	{404, NULL, "it knows no such organization, or the token is not for it",
	 "markers.sentry.org and project are the slugs of the address bar, not names"},
	{400, "Invalid project", "it knows no project of that slug in the organization",
	 "markers.sentry.project is the slug of the project's address"},
	{400, "Invalid repository", "the organization has no repository of that name",
	 "add it in Sentry (Settings, Repos), or leave out markers.sentry.repository"},
	{0, NULL, NULL, NULL},
};

static const struct outside_api api = {.name = "Sentry", .errors = errors};

/* Without a repository that Sentry knows, the commits themselves. */
static void set_commits(const struct marker_context *context, json_t *json)
{
	const struct service_deploy *deploy = context->deploy;
	const char *repository = object_text(&context->object, "repository");
	json_t *list = json_array();

	if (repository) {
		json_t *ref = json_object();
		marker_set(ref, "repository", repository, 0);
		marker_set(ref, "commit", deploy->commit, 0);
		marker_set(ref, "previousCommit", deploy->previous, 0);
		json_array_append_new(list, ref);
		json_object_set_new(json, "refs", list);
		return;
	}
	for (size_t i = 0; i < deploy->commits.count && i < COMMITS; i++) {
		const struct service_commit *commit = &deploy->commits.items[i];
		json_t *one = json_object();
		marker_set(one, "id", commit->id, 0);
		marker_set(one, "message", commit->subject, 0);
		marker_set(one, "author_name", commit->author, 128);
		marker_set(one, "author_email", commit->email, 75);
		marker_set_time(one, "timestamp", commit->time);
		json_array_append_new(list, one);
	}
	json_object_set_new(json, "commits", list);
}

static json_t *release(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;
	json_t *json = json_object(), *projects = json_array();

	json_array_append_new(projects, outside_text(object_text(&context->object, "project"), 0));
	marker_set(json, "version", deploy->commit, VERSION);
	json_object_set_new(json, "projects", projects);
	/* It was released long ago when it is made live once more, with the commits of then. */
	if (deploy->rollback)
		return json;
	marker_set_time(json, "dateReleased", deploy->live);
	set_commits(context, json);
	return json;
}

static json_t *deployment(const struct marker_context *context)
{
	const struct service_deploy *deploy = context->deploy;
	json_t *json = json_object();

	marker_set(json, "environment", deploy->env, NAME);
	marker_set(json, "name",
		   deploy->rollback ? arena_format(context->arena, "%s rollback", deploy->id)
				    : deploy->id,
		   NAME);
	marker_set(json, "url", deploy->url, 0);
	marker_set_time(json, "dateStarted", deploy->started);
	marker_set_time(json, "dateFinished", deploy->ended);
	return json;
}

static int build(const struct marker_context *context, size_t index, struct marker_request *request,
		 struct error *err)
{
	struct buffer path;

	(void)err;
	buffer_init(&path, 4096);
	buffer_add_text(&path, "/organizations/");
	outside_encode(&path, object_text(&context->object, "org"));
	buffer_add_text(&path, "/releases/");
	if (index) {
		outside_encode(&path, context->deploy->commit);
		buffer_add_text(&path, "/deploys/");
	}
	request->url = marker_url(context, "https://sentry.io/api/0", path.data);
	request->json = index ? deployment(context) : release(context);
	marker_bearer(context, request);
	buffer_release(&path);
	return 0;
}

const struct marker_kind marker_sentry = {
	.name = "sentry", .requests = 2, .api = &api, .build = build};
