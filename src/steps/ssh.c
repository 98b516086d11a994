/* Kind ssh: a command on hosts. */
#include "base/text.h"
#include "services/hosts.h"
#include "steps/check.h"
#include "steps/kinds_internal.h"
#include "steps/rollout.h"

struct running {
	const struct step_request *request;
	struct text_list names;
	struct command_text command;
	struct fleet_hosts hosts;
	struct fleet *fleet;
	struct step_check *check;
	struct buffer script; /* what one host is told; its child has a copy */
	const char *failure;  /* of the last check */
	bool stopped, last_batch_over;
};

static void end(struct running *running, const char *failure)
{
	const struct step_request *request = running->request;
	struct step_outcome outcome = {0};

	rollout_outcome(request, &running->hosts, failure, &outcome);
	running->fleet = NULL;
	fleet_release(&running->hosts);
	buffer_release(&running->script);
	request->done(request->context, &outcome);
}

static void tell_host(void *context, const struct fleet_host *host, const char **command,
		      struct child_options *options)
{
	struct running *running = context;
	struct buffer *script = &running->script;

	buffer_clear(script);
	buffer_add_text(script, "export SHIPIT_HOST=");
	text_quote_shell(script, host->name);
	buffer_add_char(script, '\n');
	ssh_script(script, running->request->handed, &running->command);
	*command = SSH_SHELL;
	options->input = script->data;
	options->input_length = script->length;
	options->input_held = true;
}

static void pass_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	const struct step_request *request = ((const struct running *)context)->request;

	request->output(request->context, stream, bytes, length);
}

static void pass_started(void *context, int64_t pid, int64_t pid_started)
{
	const struct step_request *request = ((const struct running *)context)->request;

	request->started(request->context, pid, pid_started);
}

static void batch_checked(void *context, const char *failure)
{
	struct running *running = context;

	running->check = NULL;
	if (running->last_batch_over)
		end(running, failure);
	else
		fleet_go_on(running->fleet, failure);
}

static void check(struct running *running)
{
	struct error err = {0};

	running->check = step_check_start(running->request, batch_checked, running, &err);
	if (!running->check)
		batch_checked(running, arena_string(running->request->arena, err.message));
}

static void batch_done(void *context)
{
	check(context);
}

static void rolled_out(void *context, const char *failure)
{
	struct running *running = context;

	running->last_batch_over = true;
	if (failure || !running->request->step->check.place.line || running->stopped)
		end(running, failure);
	else
		check(running);
}

/* The first host that has not failed before does it for all. */
static void choose_one(struct running *running)
{
	struct fleet_hosts *hosts = &running->hosts;
	size_t chosen = 0;

	for (size_t i = hosts->count; i-- > 0;)
		if (!hosts->items[i].failed)
			chosen = i;
	hosts->items += chosen;
	hosts->count = hosts->count ? 1 : 0;
}

static int roll_out(struct running *running, struct error *err)
{
	struct fleet_options options;

	if (rollout_options(running->request, &running->hosts, &options, err) < 0)
		return -1;
	options.prepare = tell_host;
	options.output = pass_output;
	options.started = pass_started;
	options.batch_done = running->request->step->check.place.line ? batch_done : NULL;
	options.done = rolled_out;
	options.context = running;
	running->fleet = fleet_start(&options, err);
	return running->fleet ? 0 : -1;
}

static void found(void *context, const struct text_list *names, const char *failure)
{
	struct running *running = context;
	const struct step_request *request = running->request;
	struct error err = {0};

	if (!failure && running->stopped)
		failure = "stopped";
	if (!failure) {
		running->hosts = fleet_hosts_of(request->arena, request->services->hosts, names);
		if (object_bool(&request->step->object, "once"))
			choose_one(running);
		if (roll_out(running, &err) < 0)
			failure = arena_string(request->arena, err.message);
	}
	if (failure)
		end(running, failure);
}

void *ssh_step_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const struct object *object = &request->step->object;
	const struct node *command = node_get(request->step->arguments, "run");

	running->request = request;
	running->names = rollout_names(request->arena, request->step);
	if (command->type == NODE_LIST)
		running->command.arguments = object_texts(request->arena, object, "run");
	else
		running->command.shell = command->text;
	buffer_init(&running->script, (size_t)64 << 20);
	const struct hosts_query query = {
		.loop = request->loop,
		.arena = request->arena,
		.names = &running->names,
		.directory = request->root,
		.environment = request->environment,
		.done = found,
		.context = running,
	};
	if (hosts_find(request->services->hosts, &query, err) == 0)
		return running;
	buffer_release(&running->script);
	return NULL;
}

void ssh_step_stop(void *context)
{
	struct running *running = context;

	running->stopped = true;
	if (running->check)
		step_check_stop(running->check);
	if (running->fleet)
		fleet_stop(running->fleet);
}

void ssh_step_describe(const struct step_config *step, struct buffer *out)
{
	const struct node *command = node_get(step->arguments, "run");
	const char *text = command->type == NODE_LIST && command->count ? command->items[0]->text
									: command->text;

	rollout_describe(step, out);
	buffer_add_text(out, ": ");
	if (text)
		buffer_add(out, text, strcspn(text, "\n"));
}
