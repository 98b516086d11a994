/* Kind wait_for: asks a page or runs a command again and again until it holds. */
#include <ctype.h>

#include "base/clock.h"
#include "base/text.h"
#include "proc/loop.h"
#include "services/probe.h"
#include "steps/kinds_internal.h"
#include "steps/request_step.h"

enum { GET_TIMEOUT = 10000, GET_LEAST = 1000, REDIRECTS = 5, TAIL = 4096, REASON = 512 };

struct running {
	struct request_step step;
	struct http_request get;
	struct smoke_check expect;
	const char *shown; /* the page as written; NULL: a command */
	struct probe *probe;
	struct child *child;
	struct loop_timer *next, *deadline;
	int64_t begun, every, within;
	int tries;
	bool over, stopped;
	char reason[REASON]; /* of the last try */
	char tail[TAIL];     /* the end of the command's output */
	size_t tail_length;
	int64_t first, last; /* the number that its last line begins with; -1: none */
};

static void try_now(void *context);

static void finish(struct running *running, bool ok, const char *reason)
{
	loop_timer_stop(running->next);
	loop_timer_stop(running->deadline);
	running->next = running->deadline = NULL;
	request_step_end(&running->step, ok, reason);
}

/* Whether a queue drains, when the command prints how long it is. */
static void add_trend(const struct running *running, struct buffer *out)
{
	long long first = running->first, last = running->last;

	if (first < 0 || last < 0 || running->tries < 2)
		return;
	if (last < first)
		buffer_add_format(out, "; it went from %lld to %lld, so it drains, but not in time",
				  first, last);
	else
		buffer_add_format(out, "; it went from %lld to %lld, so it does not drain", first,
				  last);
}

static void give_up(struct running *running)
{
	struct buffer reason;
	char text[32];

	buffer_init(&reason, (size_t)REASON * 2);
	buffer_add_format(&reason, "it did not hold within %s (%d tr%s): %s",
			  duration_format(text, running->within), running->tries,
			  running->tries == 1 ? "y" : "ies",
			  *running->reason ? running->reason : "no answer came in time");
	add_trend(running, &reason);
	finish(running, false, reason.data);
	buffer_release(&reason);
}

static void tried(struct running *running, bool ok, const char *reason)
{
	int64_t left = running->begun + running->within - clock_monotonic();
	bool news = running->tries == 0 || strcmp(running->reason, reason ? reason : "") != 0;
	char took[32];

	running->tries++;
	if (running->stopped) {
		finish(running, false, "it was stopped while it waited");
		return;
	}
	if (ok) {
		request_step_say(&running->step, "it holds after %s",
				 duration_format(took, clock_monotonic() - running->begun));
		finish(running, true, NULL);
		return;
	}
	snprintf(running->reason, sizeof(running->reason), "%s", reason);
	if (news)
		request_step_say(&running->step, "not yet: %s", reason);
	if (running->over || left <= 0)
		give_up(running);
	else
		loop_timer_again(running->next, running->every < left ? running->every : left);
}

/* ---- a page ---- */

static void answered(void *context, const struct probe_answer *answer)
{
	struct running *running = context;

	running->probe = NULL;
	/* What an earlier try has seen says more than that this one was cut short. */
	if (running->over && running->tries && answer->response->timed_out)
		give_up(running);
	else
		tried(running, answer->ok, answer->reason);
}

static int page_start(struct running *running, struct error *err)
{
	int64_t left = running->begun + running->within - clock_monotonic();
	struct http_request get = running->get;
	const struct probe_options options = {
		.request = &get,
		.shown = running->shown,
		.expect = &running->expect,
		.redactor = running->step.request->services->redactor,
	};

	get.timeout = left < GET_LEAST ? GET_LEAST : left < GET_TIMEOUT ? left : GET_TIMEOUT;
	running->probe = probe_start(running->step.http, &options, answered, running, err);
	return running->probe ? 0 : -1;
}

/* ---- a command ---- */

static void printed(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct running *running = context;
	const struct step_request *request = running->step.request;
	size_t kept;

	request->output(request->context, stream, bytes, length);
	if (length > TAIL - 1) {
		bytes += length - (TAIL - 1);
		length = TAIL - 1;
	}
	kept = running->tail_length + length < TAIL ? running->tail_length : TAIL - 1 - length;
	memmove(running->tail, running->tail + running->tail_length - kept, kept);
	memcpy(running->tail + kept, bytes, length);
	running->tail_length = kept + length;
	running->tail[running->tail_length] = '\0';
}

static const char *last_line(struct running *running)
{
	size_t end = running->tail_length;

	while (end && isspace((unsigned char)running->tail[end - 1]))
		running->tail[--end] = '\0';
	const char *newline = strrchr(running->tail, '\n');
	return newline ? newline + 1 : running->tail;
}

static void note_number(struct running *running, const char *line)
{
	running->last = isdigit((unsigned char)*line) ? strtoll(line, NULL, 10) : -1;
	if (running->tries == 0)
		running->first = running->last;
}

static void ran(void *context, const struct child_exit *ended)
{
	struct running *running = context;
	const char *line = last_line(running);
	char text[64], reason[REASON];

	running->child = NULL;
	if (running->over && ended->signal && running->tries && !running->stopped) {
		give_up(running); /* what earlier tries have seen says more */
		return;
	}
	note_number(running, line);
	child_exit_text(text, ended);
	if (running->over && ended->signal)
		snprintf(text, sizeof(text), "the command did not end");
	snprintf(reason, sizeof(reason), "%s%s%.*s", text, *line ? ": " : "",
		 (int)text_fit(line, strlen(line), 200), line);
	tried(running, ended->code == 0, reason);
}

static int command_start(struct running *running, struct error *err)
{
	const struct step_request *request = running->step.request;
	const struct command_text *command = &request->step->run;
	const char *const shell[] = {"/bin/sh", "-eu", "-c", command->shell, NULL};
	struct text_list list = {0};

	for (size_t i = 0; i < command->arguments.count; i++)
		vec_push(request->arena, &list, command->arguments.items[i]);
	vec_push(request->arena, &list, NULL);
	const struct child_options options = {
		.arguments = command->shell ? shell : list.items,
		.environment = request->environment,
		.directory = request->directory,
		.grace = request->grace,
		.output = printed,
		.done = ran,
		.context = running,
	};
	running->tail_length = 0;
	running->tail[0] = '\0';
	running->child = child_start(request->loop, &options, err);
	if (!running->child)
		return -1;
	request->started(request->context, child_pid(running->child),
			 child_started(running->child));
	return 0;
}

/* ---- the step ---- */

static void try_now(void *context)
{
	struct running *running = context;
	struct error err = {0};

	if (running->shown ? page_start(running, &err) : command_start(running, &err))
		finish(running, false, err.message);
}

static void deadline_over(void *context)
{
	struct running *running = context;

	running->over = true;
	if (running->child)
		child_stop(running->child);
	else if (!running->probe)
		give_up(running);
}

static int open_get(struct running *running, struct error *err)
{
	running->get.url = request_step_url(&running->step, running->shown, err);
	running->get.redirects = running->expect.status / 100 == 3 ? 0 : REDIRECTS;
	return running->get.url ? 0 : -1;
}

void *wait_for_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const struct object *object = &request->step->object;
	const struct object expect = object_child(object, "expect");

	if (request_step_open(&running->step, request, 1, err))
		return NULL;
	running->shown = object_text(object, "get");
	running->expect = expect_config_read(request->arena, &expect);
	running->within = object_duration(object, "within");
	running->every = object_duration(object, "every");
	running->first = running->last = -1;
	running->begun = clock_monotonic();
	if (running->shown && open_get(running, err)) {
		http_free(running->step.http);
		return NULL;
	}
	running->next = loop_timer_start(request->loop, 0, 0, try_now, running);
	running->deadline =
		loop_timer_start(request->loop, running->within, 0, deadline_over, running);
	return running;
}

void wait_for_stop(void *context)
{
	struct running *running = context;

	running->stopped = true;
	if (running->child) {
		child_stop(running->child);
		return;
	}
	probe_cancel(running->probe);
	running->probe = NULL;
	finish(running, false, "it was stopped while it waited");
}

void wait_for_describe(const struct step_config *step, struct buffer *out)
{
	const char *get = object_text(&step->object, "get");

	if (get)
		buffer_add_format(out, "GET %s", get);
	else
		run_describe(step, out);
	buffer_add_format(out, " until it holds, for %s at most",
			  object_text(&step->object, "within"));
}

void wait_for_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	const struct node *expect = node_get(step->arguments, "expect");

	if (!expect || object_has(&step->object, "get"))
		return;
	diagnostics_add(diagnostics, expect->place, "'expect' goes with 'get'");
	diagnostics_hint(diagnostics, "a command says by its exit code whether it holds");
}
