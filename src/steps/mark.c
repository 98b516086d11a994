/* Kind mark: tells markers at its place in the pipeline. Never fails. */
#include "base/clock.h"
#include "base/text.h"
#include "run/event.h"
#include "services/markers.h"
#include "steps/kinds_internal.h"
#include "steps/request_step.h"

enum { REASON = 1024 };

struct running {
	struct request_step step;
	struct markers *markers;
	struct service_deploy deploy;
	size_t left;
	struct buffer reason;
};

static void end_if_done(struct running *running)
{
	if (running->left)
		return;
	request_step_end(&running->step, true,
			 running->reason.length ? running->reason.data : NULL);
	buffer_release(&running->reason);
}

static void told(void *context, const char *name, const struct error *failure)
{
	struct running *running = context;
	struct event event = {
		.type = EVENT_MARKER,
		.name = name,
		.exit_code = -1,
		.status = failure ? STATUS_FAILED : STATUS_OK,
		.reason = failure ? failure->message : NULL,
	};

	event_emit(running->step.request->events, &event);
	if (failure) {
		buffer_add_format(&running->reason, "%s%s", running->reason.length ? "; " : "",
				  failure->message);
		if (failure->hint[0])
			request_step_say(&running->step, "%s: %s", name, failure->hint);
	} else {
		request_step_say(&running->step, "%s was told", name);
	}
	running->left--;
	end_if_done(running);
}


static void fill_deploy(struct running *running)
{
	const struct fill_values *values = &running->step.values;
	int64_t now = clock_now(&clock_system);

	running->deploy = (struct service_deploy){
		.app = values->app,
		.env = values->env,
		.commit = values->commit,
		.id = values->id,
		.status = "ok",
		.previous = values->previous,
		.branch = values->branch,
		.deployer = values->deployer,
		.url = values->url,
		.rollback = request_step_variable(&running->step, "SHIPIT_ROLLBACK") != NULL,
		.started = now,
		.live = now,
		.ended = now,
	};
}

void *mark_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const struct markers_options options = {
		.arena = request->arena,
		.node = request->step->arguments,
		.lookup = &request->services->values,
		.redactor = request->services->redactor,
	};

	if (request_step_open(&running->step, request, 4, err))
		return NULL;
	buffer_init(&running->reason, REASON);
	fill_deploy(running);
	running->markers = markers_new(&options);
	running->left = markers_turn_count(running->markers, MARKER_LIVE);
	markers_send(running->markers, MARKER_LIVE, running->step.http, &running->deploy,
		     told, running);
	return running;
}

void mark_stop(void *context)
{
	struct running *running = context;

	if (request_step_ended(&running->step))
		return;
	markers_cancel(running->markers);
	buffer_release(&running->reason);
	request_step_end(&running->step, false, "it was stopped before all answers had come");
}

static void add_names(const struct node *node, struct buffer *out)
{
	for (size_t i = 0; i < node->count; i++)
		buffer_add_format(out, "%s%s", out->length ? ", " : "", node->entries[i].key->text);
}

void mark_describe(const struct step_config *step, struct buffer *out)
{
	const struct node *node = step->arguments;
	struct buffer names;

	buffer_init(&names, 4096);
	if (node->type == NODE_MAP)
		add_names(node, &names);
	for (size_t i = 0; node->type == NODE_LIST && i < node->count; i++)
		add_names(node->items[i], &names);
	buffer_add_format(out, "tell %s", names.data);
	buffer_release(&names);
}

void mark_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	const struct node *node = step->arguments;
	bool trace = node_get(node, "otlp") != NULL;

	for (size_t i = 0; node->type == NODE_LIST && i < node->count; i++)
		trace = trace || node_get(node->items[i], "otlp");
	if (!trace)
		return;
	diagnostics_add(diagnostics, node->place, "mark: a trace is sent when all is over, so "
						  "'otlp' cannot be told in between");
	diagnostics_hint(diagnostics, "write it in markers of deploy.yml");
}
