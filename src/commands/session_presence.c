/* Who of the trained is there by Slack. */
#include "base/text.h"
#include "commands/session_internal.h"
#include "commands/session_people.h"
#include "commands/session_secrets.h"
#include "config/expand.h"
#include "config/keys.h"
#include "crypto/redact.h"
#include "services/presence.h"

struct asking {
	struct session *session;
	const struct config *config; /* whose notify and secrets count */
	struct redactor *redactor;
};

static const char *value_get(void *context, const char *name)
{
	struct asking *asking = context;
	const char *value = config_var(asking->config, name);
	struct error ignored = {0};

	if (value)
		return value;
	value = session_secret(asking->session, name, &ignored);
	if (value)
		redactor_add(asking->redactor, value);
	return value;
}

/* Both rosters must agree on the account: nobody puts his own in the place of another's. */
static const char *account_of(const struct rosters *rosters, const struct roster_person *person)
{
	const struct roster_person *target = roster_find(&rosters->target, &person->key);
	const struct roster_person *live = roster_find(&rosters->live, &person->key);

	if (rosters_role(rosters, &person->key, NULL) != PLAN_TRAINED || !person->slack)
		return NULL;
	if ((target && !text_equal(target->slack, person->slack)) ||
	    (live && !text_equal(live->slack, person->slack)))
		return NULL;
	return person->slack;
}

static void ask_all(struct asking *asking, struct presence_question *question,
		    struct text_list *names)
{
	struct session *session = asking->session;
	const struct session_people *people = session->people;
	const struct public_key *own =
		people->identity.known ? &people->identity.public_key : NULL;
	const struct roster *roster = people->rosters.live.people.count ? &people->rosters.live
									: &people->rosters.target;

	for (size_t i = 0; i < roster->people.count; i++) {
		const struct roster_person *person = &roster->people.items[i];
		struct error err = {0};
		bool there;

		question->user = account_of(&people->rosters, person);
		if (!question->user || (own && public_key_equal(own, &person->key)))
			continue;
		if (presence_ask(question, &there, &err)) {
			const char *note = arena_format(session->arena, "%s; %s", err.message,
							err.hint);
			vec_push(session->arena, &session->facts.notes, note);
			return;
		}
		if (there)
			text_list_add(session->arena, names,
				      arena_format(session->arena, "%s (in Slack)", person->name));
	}
}

void session_presence(struct session *session, const struct config *config,
		      struct text_list *names)
{
	const struct node *node = node_get(config ? config->notify : NULL, "slack");
	const struct object slack = {node, schema_row(notify_keys, "slack")->keys};
	struct asking asking = {.session = session, .config = config};
	const struct expand_lookup lookup = {.get = value_get, .context = &asking};
	const char *token = object_text(&slack, "token");
	const char *endpoint = object_text(&slack, "endpoint");
	struct presence_question question = {0};
	struct error ignored = {0};

	if (!node || !token || session->options.offline ||
	    looking_command_secret(session, token))
		return;
	asking.redactor = redactor_new();
	question.redactor = asking.redactor;
	question.token = expand_text(session->arena, token, &lookup, &ignored);
	if (endpoint)
		question.endpoint = expand_text(session->arena, endpoint, &lookup, &ignored);
	if (question.token && !ignored.message[0])
		ask_all(&asking, &question, names);
	redactor_free(asking.redactor);
}
