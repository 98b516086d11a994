/* Whether hosts still have a release: asked before a rollback begins. */
#include "proc/loop.h"
#include "services/hosts.h"
#include "steps/release_scripts.h"
#include "steps/release_step.h"
#include "steps/rollout.h"

struct question {
	const struct step_request *request;
	const char *command;
	const char *failure;
	bool over;
};

static void prepare(void *context, const struct fleet_host *host, const char **command,
		    struct child_options *options)
{
	(void)host;
	(void)options;
	*command = ((const struct question *)context)->command;
}

/* The reasons stand in the answer. */
static void drop_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	(void)context;
	(void)stream;
	(void)bytes;
	(void)length;
}

static void answered(void *context, const char *failure)
{
	struct question *question = context;

	question->failure = failure;
	question->over = true;
	loop_stop(question->request->loop);
}

static int ask(const struct step_request *request, const char *to, struct error *err)
{
	struct text_list names = rollout_names(request->arena, request->step), found = {0};
	const struct release_values values = {.to = to, .id = request->release};
	const struct hosts_query query = {
		.arena = request->arena, .names = &names, .directory = request->root};
	struct question question = {
		.request = request,
		.command = release_command(request->arena, script_is_whole, &values),
	};
	struct fleet_hosts hosts;
	struct fleet_options options;

	if (hosts_find_now(request->services->hosts, &query, &found, err) < 0)
		return -1;
	hosts = fleet_hosts_of(request->arena, request->services->hosts, &found);
	if (rollout_options(request, &hosts, &options, err) < 0)
		return -1;
	options.batch = 0;
	options.prepare = prepare;
	options.output = drop_output;
	options.started = NULL;
	options.done = answered;
	options.context = &question;
	if (!fleet_start(&options, err))
		return -1;
	while (!question.over && loop_run(request->loop) == 0)
		;
	fleet_release(&hosts);
	return question.failure ? error_set(err, "%s", question.failure) : 0;
}

/* There is no deploy yet: it has a loop and connections of its own. */
bool release_hosts_kept(const struct step_request *request, struct error *err)
{
	struct step_services services = *request->services;
	struct step_request own = *request;
	const char *to = release_step_to(request, err);
	int result = -1;

	services.hosts = hosts_new(request->config->hosts);
	own.services = &services;
	own.loop = to ? loop_new(err) : NULL;
	if (own.loop)
		result = ask(&own, to, err);
	hosts_free(services.hosts);
	loop_free(own.loop);
	return result == 0;
}
