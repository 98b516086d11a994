/* Kind notify: a message to people at its place in the pipeline. Never fails. */
#include "base/text.h"
#include "run/event.h"
#include "services/notify.h"
#include "steps/kinds_internal.h"
#include "steps/request_step.h"

enum { REASON = 1024 };

struct running {
	struct request_step step;
	struct notify *notify;
	struct service_deploy deploy;
	struct buffer reason;
};

static void told(void *context, const char *name, const struct error *failure)
{
	struct running *running = context;
	struct event event = {
		.type = EVENT_NOTIFY,
		.name = name,
		.exit_code = -1,
		.status = failure ? STATUS_FAILED : STATUS_OK,
		.reason = failure ? failure->message : NULL,
	};

	event_emit(running->step.request->events, &event);
	if (!failure) {
		request_step_say(&running->step, "%s was told", name);
		return;
	}
	buffer_add_format(&running->reason, "%s%s", running->reason.length ? "; " : "",
			  failure->message);
	request_step_say(&running->step, "%s: %s", name, failure->message);
	if (failure->hint[0])
		request_step_say(&running->step, "  %s", failure->hint);
}

static void over(void *context)
{
	struct running *running = context;

	request_step_end(&running->step, true,
			 running->reason.length ? running->reason.data : NULL);
	buffer_release(&running->reason);
}

static const char *text_of(struct running *running, const struct object *object)
{
	const struct fill_values *values = &running->step.values;
	const char *text = object_text(object, "text");

	if (text)
		return fill_text(running->step.request->arena, text, values);
	return arena_format(running->step.request->arena, "%s %.7s on its way to %s: %s is done",
			    values->app, values->commit, values->env,
			    request_step_variable(&running->step, "SHIPIT_STAGE"));
}

static void fill_deploy(struct running *running)
{
	const struct fill_values *values = &running->step.values;

	running->deploy = (struct service_deploy){
		.app = values->app,
		.env = values->env,
		.commit = values->commit,
		.id = values->id,
		.previous = values->previous,
		.branch = values->branch,
		.deployer = values->deployer,
		.url = values->url,
	};
}

void *notify_step_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);

	if (request_step_open(&running->step, request, 4, err))
		return NULL;
	buffer_init(&running->reason, REASON);
	fill_deploy(running);
	const struct notify_options options = {
		.arena = request->arena,
		.loop = request->loop,
		.http = running->step.http,
		.node = request->step->arguments,
		.lookup = &request->services->values,
		.redactor = request->services->redactor,
		.deploy = &running->deploy,
		.environment = request->environment,
		.directory = request->directory,
		.told = told,
		.over = over,
		.context = running,
	};
	const struct notice notice = {
		.event = "step",
		.text = text_of(running, &request->step->object),
		.status = "running",
	};
	running->notify = notify_new(&options);
	notify_send(running->notify, &notice);
	return running;
}

void notify_step_stop(void *context)
{
	struct running *running = context;

	if (request_step_ended(&running->step))
		return;
	notify_cancel(running->notify);
	buffer_release(&running->reason);
	request_step_end(&running->step, false, "it was stopped before all were told");
}

void notify_step_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	if (notify_names_any(step->arguments) && !node_get(step->arguments, "config_changes"))
		return;
	diagnostics_add(diagnostics, step->arguments->place,
			"notify: here it takes slack, webhooks or command, and a text");
	diagnostics_hint(diagnostics, "config_changes stands in notify of deploy.yml");
}

void notify_step_describe(const struct step_config *step, struct buffer *out)
{
	const char *text = object_text(&step->object, "text");

	buffer_add_format(out, "tell people%s%s", text ? ": " : "", text ? text : "");
}
