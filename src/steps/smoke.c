/* Kind smoke: a smoke test in the middle of a pipeline. */
#include "base/text.h"
#include "services/smoke.h"
#include "steps/kinds_internal.h"

struct running {
	const struct step_request *request;
	struct smoke_config config;
	struct smoke *smoke;
};

static void check_judged(void *context, const struct smoke_check_result *check)
{
	const struct step_services *services = ((const struct running *)context)->request->services;
	services->smoke_checked(services->context, check);
}

/* What it waits for stands in the step's own output: several such steps may run at once. */
static void check_retried(void *context, const struct smoke_check_result *check)
{
	const struct step_request *request = ((const struct running *)context)->request;
	struct buffer text;
	if (check->attempts > 1)
		return;
	buffer_init(&text, 1 << 16);
	buffer_add_format(&text, "waiting for %s: %s\n", check->name,
			  check->reason ? check->reason : "not yet");
	request->output(request->context, CHILD_STDOUT, text.data, text.length);
	buffer_release(&text);
}

static void check_printed(void *context, const char *check, const char *bytes, size_t length)
{
	const struct step_request *request = ((const struct running *)context)->request;
	(void)check;
	request->output(request->context, CHILD_STDOUT, bytes, length);
}

static void ended(void *context, const struct smoke_result *result)
{
	struct running *running = context;
	const struct step_request *request = running->request;
	const struct smoke_check_result *first = result->first_failed;
	struct step_outcome outcome = {.ok = result->passed, .exit = {.code = -1}};
	if (!result->passed)
		outcome.reason = first
			? arena_format(request->arena, "%s: %s", first->name,
				       first->reason ? first->reason : "failed")
			: "the smoke test failed";
	smoke_free(running->smoke);
	running->smoke = NULL;
	request->done(request->context, &outcome);
}

void *smoke_step_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const struct step_services *services = request->services;
	const char *of;
	running->request = request;
	smoke_config_read(request->arena, request->step->arguments, &running->config);
	of = running->config.commit_of;
	const struct smoke_options options = {
		.loop = request->loop, .config = &running->config, .url = request->config->url,
		.commit = !running->config.commit_match ? NULL : of
			? services->stage_commit(services->context, of) : request->commit,
		.environment = request->environment, .directory = request->root,
		.lookup = &services->values, .redactor = services->redactor, .context = running,
		.on_check = check_judged, .on_retry = check_retried, .on_output = check_printed,
		.on_done = ended,
	};
	running->smoke = smoke_start(&options, err);
	return running->smoke ? running : NULL;
}

void smoke_step_stop(void *context)
{
	struct running *running = context;
	if (running->smoke)
		smoke_stop(running->smoke);
}

void smoke_describe(const struct step_config *step, struct buffer *out)
{
	const struct node *checks = node_get(step->arguments, "checks");
	size_t count = checks ? checks->count : 0;
	buffer_add_format(out, "%zu smoke check%s", count, count == 1 ? "" : "s");
}
