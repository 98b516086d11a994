/* shipit mark: the markers on their own, for what is live. */
#include <signal.h>

#include "base/clock.h"
#include "base/text.h"
#include "commands/announce.h"
#include "commands/session_secrets.h"
#include "config/expand.h"
#include "crypto/redact.h"
#include "net/http.h"
#include "proc/loop.h"
#include "services/markers.h"

struct mark {
	struct call *call;
	struct session *session;
	struct loop *loop;
	struct redactor *redactor;
	json_t *results;
	size_t left, failed;
	int signal;
};

/* A var, or a secret read now. */
static const char *value_get(void *context, const char *name)
{
	struct mark *mark = context;
	const char *value = config_var(mark->session->config, name);
	struct error err = {0};

	if (value)
		return value;
	value = session_secret(mark->session, name, &err);
	if (!value)
		call_note(mark->call, "%s", err.message);
	else
		redactor_add(mark->redactor, value);
	return value;
}

static void told(void *context, const char *name, const struct error *failure)
{
	struct mark *mark = context;

	if (failure) {
		mark->failed++;
		call_note(mark->call, "  failed  %s: %s", name, failure->message);
		if (failure->hint[0])
			call_note(mark->call, "          %s", failure->hint);
	} else {
		call_note(mark->call, "  ok      %s", name);
	}
	json_array_append_new(mark->results,
			      json_pack("{s:s, s:s, s:s?}", "name", name, "status",
					failure ? "failed" : "ok", "reason",
					failure ? failure->message : NULL));
	if (--mark->left == 0)
		loop_stop(mark->loop);
}

static void on_signal(void *context, int number)
{
	struct mark *mark = context;

	mark->signal = number;
	loop_stop(mark->loop);
}

/* What is live, as the record of the deploy says that made it so. */
static int fill_deploy(const struct session *session, struct service_deploy *deploy,
		       struct error *err)
{
	const struct record_list *list = &session->records;
	const struct record *newest = list->records.count ? &list->records.items[0] : NULL;

	if (!newest || !newest->live) {
		error_set(err, "nothing is live in %s by the records: there is nothing to mark",
			  session->config->env);
		return error_code(err, EXIT_FAILED);
	}
	*deploy = (struct service_deploy){
		.app = session->config->app,
		.env = session->config->env,
		.commit = newest->live,
		.id = newest->live_id ? newest->live_id : newest->id,
		.status = "ok",
		.deployer = newest->live_by,
		.url = session->config->url,
		.repository = announce_repository(session),
		.started = newest->live_at,
		.live = newest->live_at,
		.ended = newest->live_at,
	};
	for (size_t i = 0; i < list->records.count; i++) {
		const struct record *record = &list->records.items[i];
		if (!text_equal(record->id, deploy->id))
			continue;
		deploy->previous = record->previous;
		deploy->branch = record->branch;
		deploy->rollback = text_equal(record->kind, "rollback");
		deploy->started = record->started;
		deploy->ended = record->finished;
	}
	return 0;
}

static int send_all(struct mark *mark, struct markers *markers,
		    const struct service_deploy *deploy, struct error *err)
{
	struct http *http = http_new(mark->loop, 0, err);

	if (!http || loop_on_signal(mark->loop, on_signal, mark, err)) {
		http_free(http);
		return -1;
	}
	call_note(mark->call, "marking %.7s as live in %s (%s)", deploy->commit, deploy->env,
		  deploy->id);
	mark->left = markers_turn_count(markers, MARKER_LIVE);
	if (markers_turn_count(markers, MARKER_END))
		call_note(mark->call, "  (otlp: a trace is sent by a deploy alone)");
	markers_send(markers, MARKER_LIVE, http, deploy, told, mark);
	if (mark->left)
		loop_run(mark->loop);
	markers_cancel(markers);
	http_free(http);
	if (mark->signal)
		return 128 + (mark->signal == SIGINT ? SIGINT : SIGTERM);
	return mark->failed ? EXIT_FAILED : EXIT_DONE;
}

static int mark_live(struct mark *mark, struct error *err)
{
	const struct session *session = mark->session;
	const struct expand_lookup lookup = {.get = value_get, .context = mark};
	const struct markers_options options = {
		.arena = session->arena,
		.node = session->config->markers,
		.lookup = &lookup,
		.redactor = mark->redactor,
	};
	struct service_deploy deploy = {0};
	int code;

	if (!session->config->markers || !session->config->markers->count) {
		error_set(err, "%s has no markers for %s", session->config->file,
			  session->config->env);
		error_hint(err, "shipit help markers tells what they are");
		return error_code(err, EXIT_USAGE);
	}
	if (fill_deploy(session, &deploy, err))
		return -1;
	mark->loop = loop_new(err);
	if (!mark->loop)
		return -1;
	code = send_all(mark, markers_new(&options), &deploy, err);
	if (code >= 0 && mark->call->json && call_print_json(json_incref(mark->results), err))
		return -1;
	return code;
}

static int run_mark(struct call *call, struct error *err)
{
	struct session session = {0};
	const struct session_options options = {
		.offline = options_has(&call->options, "offline"),
	};
	struct mark mark = {
		.call = call,
		.session = &session,
		.redactor = redactor_new(),
		.results = json_array(),
	};
	int code = session_open(&session, call, &options, err);

	if (!code)
		code = mark_live(&mark, err);
	if (mark.loop)
		loop_free(mark.loop);
	json_decref(mark.results);
	redactor_free(mark.redactor);
	session_close(&session);
	return code;
}

static const struct option_row mark_options[] = {
	{.name = "offline", .help = "do not fetch: use what was last known of the state"},
	{0},
};

const struct command command_mark = {
	.name = "mark",
	.summary = "tell the environment's markers what is live, on their own",
	.details = "For a marker that was out of order during the deploy, or that is new. Exit "
		   "code 0 when all were told, 1 when not.",
	.options = mark_options,
	.run = run_mark,
};
