/* Asks CI, and waits for it. */
#include "commands/session_ci.h"

#include <poll.h>

#include "base/clock.h"
#include "base/text.h"
#include "commands/session_internal.h"
#include "commands/session_secrets.h"
#include "config/expand.h"
#include "config/keys.h"
#include "crypto/redact.h"
#include "proc/child.h"
#include "proc/interrupt.h"
#include "run/run.h"
#include "services/ci_checks.h"

enum {
	FIRST_PAUSE = 1000,
	LONGEST_PAUSE = 15000,
	COMMAND_TIMEOUT = 60000,
	COMMAND_OUTPUT = 1 << 16,
	NOT_DONE = 75, /* sysexits.h's EX_TEMPFAIL: ask again later */
};

/* One guards.ci that counts. */
struct asking {
	struct session *session;
	const struct config *config;
	struct redactor *redactor;
	struct ci_answer answer;
	bool open; /* only a command would tell, and none is run */
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

static const struct node *ci_node(const struct config *config)
{
	return config ? node_get(config->guards.node, "ci") : NULL;
}

static void refuse(struct asking *asking, const char *reason)
{
	asking->answer = (struct ci_answer){CI_RED, reason};
}

/* ---- a command ---- */

static const char *const *arguments_of(struct arena *arena, const struct node *command)
{
	const char **list = arena_array(arena, command->count + 4, sizeof(*list));

	if (command->type != NODE_LIST) {
		list[0] = "sh";
		list[1] = "-euc";
		list[2] = command->text;
		return list;
	}
	for (size_t i = 0; i < command->count; i++)
		list[i] = command->items[i]->text;
	return list;
}

static const char *const *environment_of(const struct session *session)
{
	const struct run_options run = {
		.arena = session->arena,
		.config = session->config,
		.identity = {.id = "", .app = session->config->app, .env = session->config->env,
			     .commit = session->commit, .previous = session->live,
			     .branch = session->branch, .url = session->config->url,
			     .deployer = session->deployer},
	};
	struct error ignored = {0};

	return run_environment(NULL, &run, &ignored);
}

static void run_command(struct asking *asking, const struct node *command)
{
	struct session *session = asking->session;
	struct child_result result CLEANUP(child_result_release) = {0};
	const struct child_options options = {
		.arguments = arguments_of(session->arena, command),
		.environment = environment_of(session),
		.directory = session->root,
		.timeout = COMMAND_TIMEOUT,
		.output_maximum = COMMAND_OUTPUT,
	};
	struct error err = {0};
	char text[64];

	if (child_run(&options, &result, &err)) {
		refuse(asking, arena_format(session->arena, "the command of guards.ci: %s",
					    err.message));
		return;
	}
	child_exit_text(text, &result.exit);
	if (result.exit.code == 0)
		asking->answer = (struct ci_answer){CI_GREEN, "the command says that it is green"};
	else if (result.exit.code == NOT_DONE)
		asking->answer = (struct ci_answer){CI_PENDING, "the command says: not done yet"};
	else
		refuse(asking, arena_format(session->arena,
					    "the command says that the commit is not green (%s)",
					    result.exit.timed_out ? "it took over a minute"
								  : text));
}

/* ---- asking ---- */

static const char *expanded(struct asking *asking, const struct object *object, const char *key,
			    struct error *err)
{
	const struct expand_lookup lookup = {.get = value_get, .context = asking};
	const char *text = object_text(object, key);

	return text ? expand_text(asking->session->arena, text, &lookup, err) : NULL;
}

static void ask_service(struct asking *asking, const struct object *object)
{
	struct session *session = asking->session;
	struct error err = {0};
	struct ci_question question = {
		.github = object_text(object, "github"),
		.gitlab = object_text(object, "gitlab"),
		.commit = session->commit,
		.redactor = asking->redactor,
	};

	question.own_run = getenv(question.github ? "GITHUB_RUN_ID" : "CI_PIPELINE_ID");
	question.endpoint = expanded(asking, object, "endpoint", &err);
	if (!err.message[0])
		question.token = expanded(asking, object, "token", &err);
	if (err.message[0] || ci_ask(session->arena, &question, &asking->answer, &err))
		refuse(asking, err.hint[0] ? arena_format(session->arena, "%s; %s", err.message,
							  err.hint)
					   : arena_string(session->arena, err.message));
}

static bool needs_command(const struct asking *asking, const struct object *object)
{
	const struct session_options *options = &asking->session->options;
	const char *token = object_text(object, "token");
	const char *endpoint = object_text(object, "endpoint");

	if (!options->looking)
		return false;
	if (node_get(object->node, "command"))
		return !options->run_commands;
	return (token && looking_command_secret(asking->session, token)) ||
	       (endpoint && looking_command_secret(asking->session, endpoint));
}

static void ask(struct asking *asking)
{
	const struct object object = {ci_node(asking->config),
				      schema_row(schema_row(deploy_file.keys, "guards")->keys,
						 "ci")->keys};
	const struct node *command = node_get(object.node, "command");

	asking->open = needs_command(asking, &object);
	if (asking->open)
		return;
	if (command)
		run_command(asking, command);
	else if (asking->session->options.offline)
		asking->open = true;
	else
		ask_service(asking, &object);
}

static int ask_patiently(struct asking *asking, int64_t until, struct error *err)
{
	const char *said = NULL;
	int pause = FIRST_PAUSE;

	for (ask(asking); !asking->open && asking->answer.state == CI_PENDING; ask(asking)) {
		int64_t left = until - clock_monotonic();
		if (left <= 0)
			break;
		if (!text_equal(said, asking->answer.reason))
			call_note(asking->session->call, "waiting: %s", asking->answer.reason);
		said = asking->answer.reason;
		poll(NULL, 0, left < pause ? (int)left : pause);
		pause = pause * 3 / 2 < LONGEST_PAUSE ? pause * 3 / 2 : LONGEST_PAUSE;
		if (interrupt_check(err) < 0)
			return -1;
	}
	return 0;
}

static void judge(struct session *session, const struct asking *asking)
{
	struct plan_ci *ci = &session->facts.ci;

	if (asking->open) {
		text_list_add(session->arena, &session->facts.open,
			      session->options.offline
				      ? "whether the commit's checks are green: known at deploy"
				      : "whether the commit's checks are green: known at deploy "
					"(a command tells)");
		return;
	}
	ci->asked = true;
	if (asking->answer.state == CI_GREEN && ci->refuses)
		return;
	ci->refuses = asking->answer.state != CI_GREEN;
	ci->pending = asking->answer.state == CI_PENDING;
	ci->reason = asking->answer.reason;
}

int session_ci_gather(struct session *session, int64_t patience, struct error *err)
{
	const struct config *const both[] = {session->live_config, session->config};
	int64_t until = clock_monotonic() + patience;
	int result = 0;

	session->facts.ci = (struct plan_ci){0};
	if (text_equal(session->commit, session->live) && !session->options.redeploy)
		return 0;
	for (size_t i = 0; i < 2 && !result; i++) {
		struct asking asking = {.session = session, .config = both[i]};
		if (!ci_node(both[i]) || session->facts.ci.refuses)
			continue;
		asking.redactor = redactor_new();
		result = ask_patiently(&asking, until, err);
		if (!result)
			judge(session, &asking);
		redactor_free(asking.redactor);
	}
	return result;
}
