/* A message of a command's own, without a deploy. */
#include <signal.h>

#include "base/text.h"
#include "commands/notices.h"
#include "commands/session_secrets.h"
#include "config/expand.h"
#include "crypto/redact.h"
#include "net/http.h"
#include "proc/loop.h"

enum { LIMIT = 30000 };

struct telling {
	struct session *session;
	struct redactor *redactor;
	struct loop *loop;
	struct http *http;
	struct notify *notify;
	struct service_deploy deploy;
	int failed;
};

static const char *value_get(void *context, const char *name)
{
	struct telling *telling = context;
	const char *value = config_var(telling->session->config, name);
	struct error err = {0};

	if (value)
		return value;
	value = session_secret(telling->session, name, &err);
	if (value)
		redactor_add(telling->redactor, value);
	else
		call_note(telling->session->call, "%s", err.message);
	return value;
}

static void told(void *context, const char *name, const struct error *failure)
{
	struct telling *telling = context;
	const struct call *call = telling->session->call;

	if (!failure) {
		call_note(call, "  told    %s", name);
		return;
	}
	telling->failed++;
	call_note(call, "  failed  %s: %s", name, failure->message);
	if (failure->hint[0])
		call_note(call, "          %s", failure->hint);
}

static void over(void *context)
{
	struct telling *telling = context;

	loop_stop(telling->loop);
}

static void give_up(void *context)
{
	struct telling *telling = context;

	notify_give_up(telling->notify);
	loop_stop(telling->loop);
}

static void on_signal(void *context, int number)
{
	(void)number;
	give_up(context);
}

static int send(struct telling *telling, const struct notice *notice, struct error *err)
{
	const struct session *session = telling->session;
	const struct run_options run = {
		.arena = session->arena,
		.config = session->config,
		.identity = {.id = "", .app = session->config->app, .env = session->config->env,
			     .commit = session->live, .branch = session->branch,
			     .url = session->config->url, .deployer = session->deployer},
	};
	const struct expand_lookup lookup = {.get = value_get, .context = telling};
	const struct notify_options options = {
		.arena = session->arena,
		.loop = telling->loop,
		.http = telling->http,
		.node = session->config->notify,
		.lookup = &lookup,
		.redactor = telling->redactor,
		.deploy = &telling->deploy,
		.environment = run_environment(NULL, &run, err),
		.directory = session->root,
		.told = told,
		.over = over,
		.context = telling,
	};
	struct loop_timer *limit;

	telling->notify = notify_new(&options);
	if (loop_on_signal(telling->loop, on_signal, telling, err))
		return -1;
	limit = loop_timer_start(telling->loop, LIMIT, 0, give_up, telling);
	notify_send(telling->notify, notice);
	if (notify_busy(telling->notify))
		loop_run(telling->loop);
	notify_cancel(telling->notify);
	loop_timer_stop(limit);
	return loop_on_signal(telling->loop, NULL, NULL, err);
}

int notice_tell(struct session *session, const struct notice *notice, struct error *err)
{
	struct telling telling = {.session = session};
	int result = -1;

	if (!notify_names_any(session->config->notify))
		return 0;
	telling.deploy = (struct service_deploy){
		.app = session->config->app,
		.env = session->config->env,
		.commit = session->live,
		.deployer = session->deployer,
		.url = session->config->url,
	};
	telling.redactor = redactor_new();
	telling.loop = loop_new(err);
	telling.http = telling.loop ? http_new(telling.loop, 0, err) : NULL;
	if (telling.http)
		result = send(&telling, notice, err);
	http_free(telling.http);
	if (telling.loop)
		loop_free(telling.loop);
	redactor_free(telling.redactor);
	return result < 0 ? -1 : telling.failed;
}
