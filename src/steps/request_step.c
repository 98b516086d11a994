/* Steps that make requests: their client, their values, their end. */
#include "steps/request_step.h"

#include "base/text.h"
#include "proc/loop.h"

enum { URL_MAXIMUM = 8192, LINE_MAXIMUM = 16384, SLACK = 2000 };

/* The environment that a command in its place would have. */
const char *request_step_variable(const struct request_step *step, const char *name)
{
	size_t length = strlen(name);

	for (const char *const *entry = step->request->environment; entry && *entry; entry++)
		if (!strncmp(*entry, name, length) && (*entry)[length] == '=')
			return *entry + length + 1;
	return NULL;
}

int request_step_open(struct request_step *step, const struct step_request *request,
		      size_t parallel, struct error *err)
{
	*step = (struct request_step){.request = request, .outcome = {.exit = {.code = -1}}};
	step->values = (struct fill_values){
		.app = request->config->app,
		.env = request->config->env,
		.commit = request->commit,
		.previous = request_step_variable(step, "SHIPIT_PREVIOUS"),
		.branch = request_step_variable(step, "SHIPIT_BRANCH"),
		.deployer = request_step_variable(step, "SHIPIT_DEPLOYER"),
		.id = request->id,
		.url = request->config->url,
		.status = request_step_variable(step, "SHIPIT_STATUS"),
	};
	step->template = (struct template){
		.arena = request->arena,
		.lookup = &request->services->values,
		.values = &step->values,
	};
	step->http = http_new(request->loop, parallel, err);
	return step->http ? 0 : -1;
}

static void tell_end(void *context)
{
	struct request_step *step = context;

	loop_timer_stop(step->end);
	step->request->done(step->request->context, &step->outcome);
}

void request_step_end(struct request_step *step, bool ok, const char *reason)
{
	if (step->end)
		return;
	step->outcome.ok = ok;
	step->outcome.reason = reason ? arena_string(step->request->arena, reason) : NULL;
	http_free(step->http);
	step->http = NULL;
	step->end = loop_timer_start(step->request->loop, 0, 0, tell_end, step);
}

bool request_step_ended(const struct request_step *step)
{
	return step->end != NULL;
}

void request_step_say(struct request_step *step, const char *format, ...)
{
	struct buffer line;
	va_list args;

	buffer_init(&line, LINE_MAXIMUM);
	va_start(args, format);
	buffer_add_vformat(&line, format, args);
	va_end(args);
	buffer_add_char(&line, '\n');
	step->request->output(step->request->context, CHILD_STDOUT, line.data, line.length);
	buffer_release(&line);
}

const char *request_step_url(struct request_step *step, const char *text, struct error *err)
{
	struct template plain = step->template;
	const char *url = NULL;
	struct buffer joined;

	plain.values = NULL;
	text = template_text(&plain, text, err);
	if (!text)
		return NULL;
	buffer_init(&joined, URL_MAXIMUM);
	if (!http_url_join(&joined, step->request->config->url, text, err))
		url = arena_string(step->request->arena, joined.data);
	buffer_release(&joined);
	return url;
}

int64_t request_step_timeout(const struct request_step *step, int64_t otherwise)
{
	int64_t written = step->request->step->timeout;

	return written > 0 ? written + SLACK : otherwise;
}
