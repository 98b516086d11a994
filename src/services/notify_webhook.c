/* Webhooks of any service: the JSON that deploy.yml writes, or ours. */
#include "services/notify_internal.h"

static const struct outside_api api = {.name = "the webhook of notify", .any_body = true};

static struct fill_values values_of(const struct service_deploy *deploy,
				    const struct notice *notice)
{
	return (struct fill_values){
		.app = deploy->app,
		.env = deploy->env,
		.commit = deploy->commit,
		.previous = deploy->previous,
		.branch = deploy->branch,
		.deployer = deploy->deployer,
		.id = deploy->id,
		.url = deploy->url,
		.status = notice->status,
		.event = notice->event,
		.text = notice->text,
	};
}

static json_t *default_json(const struct service_deploy *deploy, const struct notice *notice)
{
	const struct {
		const char *key, *value;
	} rows[] = {
		{"event", notice->event},       {"text", notice->text},
		{"details", notice->details},   {"link", notice->link},
		{"status", notice->status},     {"app", deploy->app},
		{"env", deploy->env},           {"commit", deploy->commit},
		{"previous", deploy->previous}, {"branch", deploy->branch},
		{"deployer", deploy->deployer}, {"id", deploy->id},
		{"url", deploy->url},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		json_object_set_new(object, rows[i].key, outside_text(rows[i].value, 0));
	return object;
}

static int build(struct notify_target *target, const struct notice *notice,
		 struct notify_request *request, struct error *err)
{
	const struct notify_options *options = &target->notify->options;
	const struct fill_values values = values_of(options->deploy, notice);
	const struct template filling = {.arena = options->arena, .values = &values};
	const struct node *json = node_get(target->object.node, "json");
	struct http_header *headers;

	if (target->step)
		return 0;
	if (template_headers(&filling, node_get(target->object.node, "headers"), &headers,
			     &request->header_count, err))
		return -1;
	request->headers = headers;
	request->url = object_text(&target->object, "url");
	request->json = json ? template_json(&filling, json, err)
			     : default_json(options->deploy, notice);
	return request->json ? 1 : -1;
}

const struct notify_kind notify_webhook = {.name = "webhook", .api = &api, .build = build};
