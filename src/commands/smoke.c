/* shipit smoke: the smoke test on its own. */
#include "base/text.h"
#include "commands/answers.h"
#include "commands/session_secrets.h"
#include "config/expand.h"
#include "crypto/redact.h"
#include "proc/loop.h"
#include "run/run.h"
#include "services/smoke.h"

struct smoke_call {
	struct call *call;
	struct session *session;
	struct loop *loop;
	struct smoke *smoke;
	struct redactor *redactor;
	const struct smoke_result *result;
	struct variables answers;
	int signal;
};

/* A var, or a secret read now. */
static const char *value_get(void *context, const char *name)
{
	struct smoke_call *run = context;
	const struct config *config = run->session->config;
	const char *value = config_var(config, name);
	struct error err = {0};

	if (value)
		return value;
	value = session_secret(run->session, name, &err);
	if (!value)
		call_note(run->call, "%s", err.message);
	else
		redactor_add(run->redactor, value);
	return value;
}

/* The commit that pages must show: that of the stage smoke.commit.of names, else the live one. */
static const char *expected_commit(const struct session *session)
{
	const char *stage = session->config->smoke.commit_of;

	if (!session->records.records.count)
		return NULL;
	const struct record *newest = &session->records.records.items[0];
	for (size_t i = 0; stage && i < newest->stages.count; i++)
		if (text_equal(newest->stages.items[i].stage, stage))
			return newest->stages.items[i].commit;
	return newest->live;
}

static void on_check(void *context, const struct smoke_check_result *check)
{
	struct smoke_call *run = context;
	char took[32], tries[32] = "";

	if (check->attempts > 1)
		snprintf(tries, sizeof(tries), ", %d tries", check->attempts);
	call_note(run->call, "  %-9s %s (%s%s)%s%s", smoke_status_name(check->status), check->name,
		  duration_format(took, check->duration), tries, check->reason ? ": " : "",
		  check->reason ? check->reason : "");
}

static void on_retry(void *context, const struct smoke_check_result *check)
{
	struct smoke_call *run = context;

	if (run->call->verbose || check->attempts == 1)
		call_note(run->call, "  waiting   %s: %s", check->name, check->reason);
}

static void on_done(void *context, const struct smoke_result *result)
{
	struct smoke_call *run = context;

	run->result = result;
	loop_stop(run->loop);
}

static void on_signal(void *context, int number)
{
	struct smoke_call *run = context;

	run->signal = number;
	smoke_stop(run->smoke);
}

static json_t *result_json(const struct smoke_result *result, const char *commit)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < result->count; i++) {
		const struct smoke_check_result *check = &result->checks[i];
		json_array_append_new(
			checks, json_pack("{s:s, s:s, s:I, s:i, s:s?}", "name", check->name,
					  "status", smoke_status_name(check->status), "duration_ms",
					  (json_int_t)check->duration, "attempts", check->attempts,
					  "reason", check->reason));
	}
	return json_pack("{s:s, s:s?, s:I, s:o}", "status", result->passed ? "ok" : "failed",
			 "commit", commit, "duration_ms", (json_int_t)result->duration, "checks",
			 checks);
}

static int report(struct smoke_call *run, const char *commit, struct error *err)
{
	const struct smoke_result *result = run->result;
	char took[32];

	if (run->call->json && call_print_json(result_json(result, commit), err))
		return -1;
	if (run->signal)
		return 128 + run->signal;
	if (result->passed) {
		call_note(run->call, "smoke test passed: %zu check%s in %s", result->count,
			  result->count == 1 ? "" : "s", duration_format(took, result->duration));
		return EXIT_DONE;
	}
	call_note(run->call, "smoke test failed: %zu of %zu checks; first %s: %s", result->failed,
		  result->count, result->first_failed->name, result->first_failed->reason);
	return EXIT_FAILED;
}

static int run_checks(struct smoke_call *run, struct error *err)
{
	const struct session *session = run->session;
	const struct config *config = session->config;
	const char *commit = expected_commit(session);
	struct expand_lookup lookup = {.get = value_get, .context = run};
	const struct run_options environment = {
		.arena = run->call->arena,
		.config = config,
		.root = session->root,
		.outputs = run->answers,
		.identity = {.app = config->app,
			     .env = config->env,
			     .commit = commit,
			     .url = config->url,
			     .deployer = session->deployer},
	};
	const struct smoke_options options = {
		.loop = run->loop,
		.config = &config->smoke,
		.url = config->url,
		.commit = commit,
		.environment = run_environment(NULL, &environment, err),
		.directory = session->root,
		.lookup = &lookup,
		.redactor = run->redactor,
		.context = run,
		.on_check = on_check,
		.on_retry = on_retry,
		.on_done = on_done,
	};

	if (!options.environment)
		return -1;
	if (config->smoke.commit_match && !commit)
		call_note(run->call,
			  "nothing is recorded as live in %s yet: no commit is looked for",
			  config->env);
	run->smoke = smoke_start(&options, err);
	if (!run->smoke)
		return error_code(err, EXIT_USAGE);
	int code = loop_on_signal(run->loop, on_signal, run, err);
	if (!code) {
		loop_run(run->loop);
		code = report(run, commit, err);
	}
	smoke_free(run->smoke);
	return code;
}

static bool has_commands(const struct smoke_config *config)
{
	for (size_t i = 0; i < config->checks.count; i++)
		if (!config->checks.items[i].get)
			return true;
	return false;
}

static int run_smoke(struct call *call, struct error *err)
{
	struct session session = {0};
	const struct session_options options = {
		.offline = options_has(&call->options, "offline"),
		.with_pipeline = true,
	};
	struct smoke_call run = {
		.call = call, .session = &session, .redactor = redactor_new(),
	};
	int code = session_open(&session, call, &options, err);

	if (!code && !session.config->smoke.checks.count) {
		error_set(err, "%s has no smoke checks for %s", session.config->file,
			  session.config->env);
		error_hint(err,
			   "write some, for example: smoke: {checks: [{get: /, status: 200}]}");
		code = error_code(err, EXIT_USAGE);
	}
	/* Only commands can tell what was answered: other checks go by vars and secrets. */
	if (!code && has_commands(&session.config->smoke))
		code = answers_read(&session, true, &run.answers, err);
	if (!code) {
		run.loop = loop_new(err);
		code = run.loop ? run_checks(&run, err) : -1;
	}
	if (run.loop)
		loop_free(run.loop);
	redactor_free(run.redactor);
	session_close(&session);
	return code;
}

static const struct option_row smoke_options[] = {
	{.name = "offline", .help = "do not fetch: use what was last known of the state"},
	ANSWERS_OPTION,
	{0},
};

const struct command command_smoke = {
	.name = "smoke",
	.summary = "run the environment's smoke test on its own",
	.details =
		"Checks are tried again until they pass or smoke.within is over. Exit code 0 when "
		"all passed, 1 when not.",
	.options = smoke_options,
	.run = run_smoke,
};
