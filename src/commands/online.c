/* shipit online: a trained deployer is there, for those who may not deploy alone. */
#include "base/text.h"
#include "commands/session_people.h"

static const struct option_row online_options[] = {
	{"for", 0, "1h", "for how long (default: 1h, at most 12h; 0: no longer)", 0},
	{NULL, 0, NULL, NULL, 0},
};

#define DEFAULT_LENGTH INT64_C(3600000)

static int read_length(const struct call *call, int64_t *length, struct error *err)
{
	const char *text = options_value(&call->options, "for");
	char longest[32];
	*length = DEFAULT_LENGTH;
	if (text && duration_parse(text, length, err) < 0) {
		error_wrap(err, "--for");
		return error_code(err, EXIT_USAGE);
	}
	if (*length <= BEACON_LONGEST)
		return 0;
	error_set(err, "--for takes at most %s: a beacon says that somebody is there",
		  duration_format(longest, BEACON_LONGEST));
	return error_code(err, EXIT_USAGE);
}

/* Only a trained deployer's word lets others deploy. */
static int check_role(struct session *session, struct error *err)
{
	const struct session_people *people = session->people;
	if (!rosters_have_keys(&people->rosters)) {
		error_set(err, "the roster of %s has no keys: everybody may deploy, and nobody "
			       "need be online", session->config->env);
		error_hint(err, "`shipit keygen` prints the line that makes you known");
		return error_code(err, EXIT_USAGE);
	}
	if (people->role == PLAN_TRAINED)
		return 0;
	if (session->facts.person.why)
		error_set(err, "only a trained deployer can be online for others: %s",
			  session->facts.person.why);
	else
		error_set(err, "only a trained deployer can be online for others, and %s is %s",
			  people->name, role_name(people->role));
	return error_code(err, EXIT_REFUSED);
}

static int light(struct session *session, int64_t length, struct error *err)
{
	struct session_people *people = session->people;
	const struct beacon_place place = {session->store, session->config->app,
					   session->config->env};
	int64_t now = clock_now(session->call->clock);
	const struct beacon beacon = {.name = people->name, .since = now, .until = now + length};
	char text[32];
	if (length == 0) {
		if (beacon_drop(&place, secret_key_public(people->identity.key), err) < 0)
			return -1;
		call_note(session->call, "%s is no longer online for %s.", people->name,
			  place.env);
		return 0;
	}
	if (beacon_put(&place, &beacon, people->identity.key, err) < 0)
		return -1;
	call_note(session->call, "%s is online for %s, for %s.", people->name, place.env,
		  duration_format(text, length));
	return 0;
}

static int run_online(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	const struct session_options options = {0};
	int64_t length;
	if (read_length(call, &length, err) < 0 ||
	    session_open(&session, call, &options, err) < 0 ||
	    session_people_identify(&session, err) < 0 || check_role(&session, err) < 0 ||
	    session_people_prove(&session, err) < 0 || check_role(&session, err) < 0 ||
	    light(&session, length, err) < 0)
		return -1;
	return EXIT_DONE;
}

const struct command command_online = {
	.name = "online",
	.summary = "say that a trained deployer is there, so that trainees may deploy",
	.details = "A signed note in the shared state of the environment, which ends by itself. "
		   "`shipit status` shows who is online.",
	.options = online_options,
	.run = run_online,
};
