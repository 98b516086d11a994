/* Asks Slack who is there. */
#include "services/presence.h"
#include "services/outside.h"

enum { URL_MAXIMUM = 1024, TOKEN_MAXIMUM = 4096, WITHIN = 5000, TIMEOUT = 3000 };

static const struct outside_error errors[] = {
	{0, "user_not_found", "it knows nobody of that ID",
	 "slack in the roster is a member's ID: profile, More, Copy member ID"},
	{0, "missing_scope", "the token may not see who is there",
	 "give the app the scope users:read, and install it anew"},
	{0, "invalid_auth", "it does not know the token",
	 "notify.slack.token is the bot's token, which begins with xoxb-"},
	{0, NULL, NULL, NULL},
};

static bool accepts(const json_t *body, const char **words)
{
	*words = json_string_value(json_object_get(body, "error"));
	return json_is_true(json_object_get(body, "ok"));
}

static const struct outside_api api = {.name = "Slack", .errors = errors, .accepts = accepts};

int presence_ask(const struct presence_question *question, bool *there, struct error *err)
{
	struct outside_answer answer;
	struct buffer url, token;
	const char *presence;
	int result;

	buffer_init(&url, URL_MAXIMUM);
	buffer_init(&token, TOKEN_MAXIMUM);
	outside_url(&url, question->endpoint ? question->endpoint : "https://slack.com",
		    "/api/users.getPresence?user=");
	outside_encode(&url, question->user);
	buffer_add_format(&token, "Bearer %s", question->token);
	const struct http_header header = {"Authorization", token.data};
	const struct outside_request request = {
		.api = &api,
		.what = "the question who is there",
		.url = url.data,
		.headers = &header,
		.header_count = 1,
		.repeatable = true,
		.timeout = TIMEOUT,
		.within = WITHIN,
		.redactor = question->redactor,
	};
	result = outside_ask(&request, &answer, err);
	presence = json_string_value(json_object_get(answer.json, "presence"));
	*there = !result && presence && !strcmp(presence, "active");
	outside_answer_release(&answer);
	buffer_release(&url);
	buffer_release(&token);
	return result;
}
