/* Slack. With a token one message a deploy: its headline is updated, the rest stands in its thread;
 * with a webhook plain messages. What people wrote stands in rich_text elements, which know no
 * markup. https://docs.slack.dev/reference/methods/chat.postMessage (.update),
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
#include "base/json.h"
#include "services/notify_internal.h"

enum { TEXT_MAXIMUM = 2900 };

static const struct outside_error errors[] = {
	{0, "channel_not_found", "it knows no such channel, or the bot may not see it",
	 "check notify.slack.channel; a private channel must have the bot as a member"},
	{0, "not_in_channel", "the bot is no member of the channel",
	 "type /invite @NAME-OF-THE-BOT there, or give it the scope chat:write.public"},
	{0, "is_archived", "the channel is archived", "name another one in notify.slack.channel"},
	{0, "channel_is_archived", "the channel is archived", "make a webhook for another one"},
	{0, "invalid_auth", "it does not know the token",
	 "notify.slack.token is the bot's token, which begins with xoxb-"},
	{0, "not_authed", "it got no token", "check the secret behind notify.slack.token"},
	{0, "account_inactive", "the token's app or user was removed", "install the app anew"},
	{0, "token_revoked", "the token was revoked",
	 "install the app anew and take its new token"},
	{0, "token_expired", "the token has expired", "take a new one from the app's page"},
	{0, "missing_scope", "the token lacks a right",
	 "give the app the scope chat:write (and users:read for presence), and install it anew"},
	{0, "restricted_action", "the workspace forbids the app to write there",
	 "ask who administers it"},
	{0, "ratelimited", "too many messages in a short time", "send fewer"},
	{0, "msg_too_long", "the message is too long", "this is a mistake of shipit: report it"},
	{0, "invalid_blocks", "it does not accept the message's form",
	 "this is a mistake of shipit: report it"},
	{0, "message_not_found", "the deploy's message was deleted", "nothing needs to be done"},
	{0, "cant_update_message", "the deploy's message is not the bot's own",
	 "nothing needs to be done"},
	{0, NULL, NULL, NULL},
};

static const struct outside_error webhook_errors[] = {
	{403, NULL, "it does not know the webhook, or the webhook may not do that",
	 "make a new one: a webhook dies with the app, or the person, that made it"},
	{404, NULL, "the webhook does not exist any more, or its channel",
	 "make a new one and put it in the place of notify.slack.webhook"},
	{410, NULL, "the webhook's channel is archived, or the webhook was removed",
	 "make one for another channel"},
	{400, NULL, "it does not accept the message's form", "check that it is a webhook of Slack"},
	{0, NULL, NULL, NULL},
};

static bool accepts(const json_t *body, const char **words)
{
	*words = json_string_value(json_object_get(body, "error"));
	return json_is_true(json_object_get(body, "ok"));
}

static const struct outside_api api = {.name = "Slack", .errors = errors, .accepts = accepts};
static const struct outside_api webhook_api = {.name = "Slack", .errors = webhook_errors};

/* The plain text, for notifications: & < > are all that it escapes. */
static json_t *plain_text(const char *text)
{
	struct buffer out;
	json_t *result;

	buffer_init(&out, SIZE_MAX / 2);
	for (const char *at = text; *at; at++)
		if (*at == '&')
			buffer_add_text(&out, "&amp;");
		else if (*at == '<')
			buffer_add_text(&out, "&lt;");
		else if (*at == '>')
			buffer_add_text(&out, "&gt;");
		else
			buffer_add_char(&out, *at);
	result = outside_text(out.data, 0);
	buffer_release(&out);
	return result;
}

static void add_text(json_t *elements, const char *text, bool bold)
{
	json_t *element = json_pack("{s:s, s:o}", "type", "text", "text",
				    outside_text(text, TEXT_MAXIMUM));

	if (bold)
		json_object_set_new(element, "style", json_pack("{s:b}", "bold", true));
	json_array_append_new(elements, element);
}

static bool is_link(const char *link)
{
	return link && (text_starts_with(link, "https://") || text_starts_with(link, "http://"));
}

/* {"text", "blocks"} of a line, in bold letters or not, and what stands below it. */
static json_t *message_json(const char *line, bool bold, const char *below, const char *link)
{
	json_t *elements = json_array();

	add_text(elements, line, bold);
	if (below && *below) {
		add_text(elements, "\n", false);
		add_text(elements, below, false);
	}
	if (is_link(link)) {
		add_text(elements, "\n", false);
		json_array_append_new(elements, json_pack("{s:s, s:o}", "type", "link", "url",
							  outside_text(link, TEXT_MAXIMUM)));
	}
	return json_pack("{s:o, s:[{s:s, s:[{s:s, s:o}]}]}", "text", plain_text(line), "blocks",
			 "type", "rich_text", "elements", "type", "rich_text_section", "elements",
			 elements);
}

static void method(struct notify_target *target, const char *name, struct notify_request *request)
{
	struct arena *arena = target->notify->options.arena;
	const char *endpoint = object_text(&target->object, "endpoint");
	struct buffer url;

	buffer_init(&url, 4096);
	outside_url(&url, endpoint ? endpoint : "https://slack.com",
		    arena_format(arena, "/api/%s", name));
	request->url = arena_string(arena, url.data);
	buffer_release(&url);
	request->own[0] = (struct http_header){
		"Authorization",
		arena_format(arena, "Bearer %s", object_text(&target->object, "token"))};
	request->own[1] = (struct http_header){"Content-Type", "application/json; charset=utf-8"};
	request->header_count = 2;
}

static void build_update(struct notify_target *target, const struct notice *notice,
			 struct notify_request *request)
{
	method(target, "chat.update", request);
	request->repeatable = true;
	request->json = message_json(notice->headline, true, target->below, NULL);
	json_object_set_new(request->json, "channel", json_string(target->channel));
	json_object_set_new(request->json, "ts", json_string(target->ts));
}

static void build_post(struct notify_target *target, const struct notice *notice, const char *ts,
		       struct notify_request *request)
{
	bool first = !ts && !notice->apart && notice->headline;
	const char *line = first ? notice->headline : notice->text;

	method(target, "chat.postMessage", request);
	request->json = message_json(line, first, notice->details, notice->link);
	json_object_set_new(request->json, "channel",
			    outside_text(object_text(&target->object, "channel"), 0));
	json_object_set_new(request->json, "unfurl_links", json_false());
	if (ts)
		json_object_set_new(request->json, "thread_ts", json_string(ts));
}

/* First the headline of the message that is there, then what is new below it. */
static int build(struct notify_target *target, const struct notice *notice,
		 struct notify_request *request, struct error *err)
{
	bool update = target->ts && !notice->apart && notice->headline;

	(void)err;
	if (update && target->step == 0) {
		build_update(target, notice, request);
		return 1;
	}
	if (target->step > (update ? 1 : 0) || (!notice->text && target->ts))
		return 0;
	if (!notice->text && !notice->headline)
		return 0;
	build_post(target, notice, notice->apart ? NULL : target->ts, request);
	return 1;
}

/* The channel's ID and the message's: what later ones need. */
static void learn(struct notify_target *target, const struct notice *notice,
		  const struct outside_answer *answer)
{
	struct arena *arena = target->notify->options.arena;

	if (notice->apart || target->ts)
		return;
	target->channel = json_text_get(arena, answer->json, "channel");
	target->ts = json_text_get(arena, answer->json, "ts");
	if (!target->channel)
		target->ts = NULL;
	target->below = notice->details;
	target->step++; /* it is the message, and has no headline to update any more */
	notify_remember(target->notify);
}

static int build_webhook(struct notify_target *target, const struct notice *notice,
			 struct notify_request *request, struct error *err)
{
	(void)err;
	if (target->step)
		return 0;
	request->url = object_text(&target->object, "webhook");
	request->json = message_json(notice->text, false, notice->details, notice->link);
	return 1;
}

const struct notify_kind notify_slack = {
	.name = "slack", .api = &api, .build = build, .learn = learn};
const struct notify_kind notify_slack_webhook = {
	.name = "slack webhook", .api = &webhook_api, .build = build_webhook};
