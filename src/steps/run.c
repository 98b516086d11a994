/* Kind run: a command, by sh or straight. */
#include <signal.h>

#include "base/text.h"
#include "steps/kinds_internal.h"

struct running {
	const struct step_request *request;
	struct child *child;
	bool asked;
};

static void pass_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct running *running = context;
	running->request->output(running->request->context, stream, bytes, length);
}

static void pass_end(void *context, const struct child_exit *ended)
{
	struct running *running = context;
	const struct step_request *request = running->request;
	struct step_outcome outcome = {.ok = ended->code == 0, .exit = *ended};
	if (!outcome.ok) {
		char text[64];
		outcome.reason = arena_string(request->arena, child_exit_text(text, ended));
	}
	running->child = NULL;
	request->done(request->context, &outcome);
}

void *step_command_start(const struct step_request *request, const struct command_text *command,
			 struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	running->request = request;
	const char *const shell[] = {"/bin/sh", "-eu", "-c", command->shell, NULL};
	size_t count = command->arguments.count;
	const char **list = arena_array(request->arena, count + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++)
		list[i] = command->arguments.items[i];
	struct child_options options = {
		.arguments = command->shell ? shell : list,
		.environment = request->environment,
		.directory = request->directory,
		.terminal = request->step && request->step->interactive,
		.grace = request->grace,
		.output = pass_output,
		.done = pass_end,
		.context = running,
	};
	running->child = child_start(request->loop, &options, err);
	if (!running->child)
		return NULL;
	request->started(request->context, child_pid(running->child),
			 child_started(running->child));
	return running;
}

void step_command_stop(void *context)
{
	struct running *running = context;
	if (!running->child)
		return;
	if (running->request->patient) {
		child_signal(running->child, running->asked ? SIGKILL : SIGTERM);
		child_signal(running->child, SIGCONT);
	} else {
		child_stop(running->child);
	}
	running->asked = true;
}

void *run_start(const struct step_request *request, struct error *err)
{
	return step_command_start(request, &request->step->run, err);
}

void run_describe(const struct step_config *step, struct buffer *out)
{
	if (step->run.shell) {
		const char *shell = step->run.shell + strspn(step->run.shell, " \t\n");
		size_t length = strcspn(shell, "\n");
		buffer_add(out, shell, length);
		if (shell[length + strspn(shell + length, " \t\n")])
			buffer_add_text(out, " \xe2\x80\xa6");
	}
	for (size_t i = 0; i < step->run.arguments.count; i++) {
		if (i)
			buffer_add_char(out, ' ');
		text_quote_shell(out, step->run.arguments.items[i]);
	}
}
