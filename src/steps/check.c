/* One check is a smoke test of one. */
#include "steps/check.h"

#include "base/text.h"
#include "services/smoke.h"

struct step_check {
	const struct step_request *request;
	struct smoke_config config;
	struct smoke *smoke;
	void (*done)(void *context, const char *failure);
	void *context;
};

static void ended(void *context, const struct smoke_result *result)
{
	struct step_check *check = context;
	const struct smoke_check_result *first = result->first_failed;
	const char *failure = NULL;

	if (!result->passed)
		failure = arena_format(check->request->arena, "check: %s",
				       first && first->reason ? first->reason : "failed");
	smoke_free(check->smoke);
	check->smoke = NULL;
	check->done(check->context, failure);
}

static void printed(void *context, const char *name, const char *bytes, size_t length)
{
	const struct step_request *request = ((const struct step_check *)context)->request;

	(void)name;
	request->output(request->context, CHILD_STDOUT, bytes, length);
}

static struct smoke_check check_of(const struct command_text *command)
{
	struct smoke_check check = {
		.status = 200,
		.max = -1,
		.timeout = 30000,
		.follow = true,
		.name = "check",
	};

	if (command->shell && (text_starts_with(command->shell, "http://") ||
			       text_starts_with(command->shell, "https://")))
		check.get = command->shell;
	else
		check.run = *command;
	return check;
}

struct step_check *step_check_start(const struct step_request *request,
				    void (*done)(void *context, const char *failure),
				    void *context, struct error *err)
{
	struct step_check *check = arena_new(request->arena, struct step_check);

	check->request = request;
	check->done = done;
	check->context = context;
	check->config = (struct smoke_config){.present = true, .parallel = 1};
	vec_push(request->arena, &check->config.checks, check_of(&request->step->check));
	const struct smoke_options options = {
		.loop = request->loop,
		.config = &check->config,
		.url = request->config->url,
		.environment = request->environment,
		.directory = request->directory,
		.lookup = &request->services->values,
		.redactor = request->services->redactor,
		.context = check,
		.on_output = printed,
		.on_done = ended,
	};
	check->smoke = smoke_start(&options, err);
	return check->smoke ? check : NULL;
}

void step_check_stop(struct step_check *check)
{
	if (check->smoke)
		smoke_stop(check->smoke);
}
