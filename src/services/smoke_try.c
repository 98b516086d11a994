/* One try of a check: a request, or a command. */
#include <ctype.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/expand.h"
#include "services/smoke_run_internal.h"

enum {
	GET_TIMEOUT = 10000,
	RUN_TIMEOUT = 600000,
	LEAST_TIMEOUT = 1000,
	REDIRECTS = 10,
	TAIL = 4096,
	URL_MAXIMUM = 8192,
};

static const char *expanded(struct smoke *smoke, const char *text, struct error *err)
{
	if (!smoke->options.lookup || !strstr(text, "${"))
		return text;
	return expand_text(&smoke->arena, text, smoke->options.lookup, err);
}

static int prepare_get(struct running_check *running, struct error *err)
{
	struct smoke *smoke = running->smoke;
	const struct smoke_check *check = running->config;
	const char *path = expanded(smoke, check->get, err);
	struct buffer url;

	if (!path)
		return -1;
	buffer_init(&url, URL_MAXIMUM);
	if (http_url_join(&url, smoke->options.url, path, err)) {
		buffer_release(&url);
		return -1;
	}
	running->url = arena_string(&smoke->arena, url.data);
	buffer_release(&url);
	running->header_count = check->request.list.count;
	running->headers =
		arena_array(&smoke->arena, running->header_count + 1, sizeof(*running->headers));
	for (size_t i = 0; i < running->header_count; i++) {
		running->headers[i].name = check->request.list.items[i].name;
		running->headers[i].value =
			expanded(smoke, check->request.list.items[i].value, err);
		if (!running->headers[i].value)
			return -1;
	}
	return 0;
}

static bool names_variable(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(entry, name, length) && entry[length] == '=';
}

/* Sets a variable in a list of "NAME=value", in the place of an older one. */
static void variable_set(struct arena *arena, struct text_list *list, const char *name,
			 const char *value)
{
	const char *entry = arena_format(arena, "%s=%s", name, value);

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] && names_variable(list->items[i], name)) {
			list->items[i] = entry;
			return;
		}
	vec_push(arena, list, entry);
}

static int prepare_environment(struct running_check *running, struct error *err)
{
	struct smoke *smoke = running->smoke;
	const struct smoke_check *check = running->config;
	const struct expand_lookup *lookup = smoke->options.lookup;
	struct text_list list = {0};

	if (!smoke->options.environment)
		return 0;
	for (const char *const *entry = smoke->options.environment; *entry; entry++)
		vec_push(&smoke->arena, &list, *entry);
	for (size_t i = 0; i < check->env.list.count; i++)
		variable_set(&smoke->arena, &list, check->env.list.items[i].name,
			     check->env.list.items[i].value);
	for (size_t i = 0; i < check->secrets.count; i++) {
		const char *name = check->secrets.items[i];
		const char *value = lookup ? lookup->get(lookup->context, name) : NULL;
		if (!value)
			return error_set(err, "the secret %s of the check '%s' is not known", name,
					 check->name);
		variable_set(&smoke->arena, &list, name, value);
	}
	vec_push(&smoke->arena, &list, NULL);
	running->environment = list.items;
	return 0;
}

static int prepare_run(struct running_check *running, struct error *err)
{
	struct smoke *smoke = running->smoke;
	const struct command_text *command = &running->config->run;
	struct text_list list = {0};

	if (command->shell) {
		vec_push(&smoke->arena, &list, "sh");
		vec_push(&smoke->arena, &list, "-eu");
		vec_push(&smoke->arena, &list, "-c");
		vec_push(&smoke->arena, &list, command->shell);
	}
	for (size_t i = 0; !command->shell && i < command->arguments.count; i++)
		vec_push(&smoke->arena, &list, command->arguments.items[i]);
	vec_push(&smoke->arena, &list, NULL);
	running->arguments = list.items;
	running->directory = smoke->options.directory;
	if (running->config->dir && strcmp(running->config->dir, "."))
		running->directory = arena_format(&smoke->arena, "%s/%s",
						  running->directory ? running->directory : ".",
						  running->config->dir);
	return prepare_environment(running, err);
}

int check_prepare(struct running_check *running, struct error *err)
{
	buffer_init(&running->reason, sizeof(err->message));
	buffer_init(&running->tail, TAIL);
	int result = running->config->get ? prepare_get(running, err) : prepare_run(running, err);

	return result ? error_wrap(err, "smoke check '%s'", running->config->name) : 0;
}

/* A URL with a secret in it is told as it was written. */
static void hide_expanded(struct running_check *running)
{
	const char *written = running->config->get;
	const char *found =
		strstr(written, "${") ? strstr(running->reason.data, running->url) : NULL;

	if (!found)
		return;
	char *rest = strdup(found + strlen(running->url));
	if (!rest)
		abort();
	running->reason.length = (size_t)(found - running->reason.data);
	buffer_add_format(&running->reason, "%s%s", written, rest);
	free(rest);
}

static void get_ended(void *context, const struct http_response *response)
{
	struct running_check *running = context;
	struct smoke *smoke = running->smoke;
	const struct smoke_expectation expectation = {
		.check = running->config,
		.commit_match = smoke->commit_match,
		.commit = smoke->options.commit,
	};

	/* Cut short by the end of `within`: what the try before has seen says more. */
	bool kept = response->timed_out && running->cut && running->reason.length;
	bool ok = false;

	running->transfer = NULL;
	running->timed_out = response->timed_out && !kept;
	if (!kept) {
		buffer_clear(&running->reason);
		ok = smoke_judge(&expectation, response, &running->showed_commit, &running->reason);
		hide_expanded(running);
	}
	check_tried(running, ok);
}

static int get_start(struct running_check *running, struct error *err)
{
	struct smoke *smoke = running->smoke;
	int64_t timeout = running->config->timeout > 0 ? running->config->timeout : GET_TIMEOUT;
	int64_t left = smoke->deadline - clock_monotonic();

	if (left < LEAST_TIMEOUT)
		left = LEAST_TIMEOUT;
	running->cut = timeout > left;
	const struct http_request request = {
		.url = running->url,
		.headers = running->headers,
		.header_count = running->header_count,
		.timeout = running->cut ? left : timeout,
		.redirects = running->config->follow ? REDIRECTS : 0,
	};
	running->transfer = http_start(smoke->http, &request, get_ended, running, err);
	return running->transfer ? 0 : -1;
}

static void add_output(struct running_check *running, const char *bytes, size_t length)
{
	struct smoke *smoke = running->smoke;

	if (length && smoke->options.on_output)
		smoke->options.on_output(smoke->options.context, running->config->name, bytes,
					 length);
	if (length > TAIL) {
		bytes += length - TAIL;
		length = TAIL;
	}
	if (running->tail.length + length > TAIL)
		buffer_consume(&running->tail, running->tail.length + length - TAIL);
	buffer_add(&running->tail, bytes, length);
}

static void run_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct running_check *running = context;
	const struct smoke *smoke = running->smoke;
	struct buffer clean;

	if (smoke->freed)
		return;
	if (redactor_empty(smoke->options.redactor)) {
		add_output(running, bytes, length);
		return;
	}
	buffer_init(&clean, SIZE_MAX / 2);
	redact_piece(smoke->options.redactor, &running->raw[stream == CHILD_STDERR], bytes, length,
		     &clean);
	add_output(running, clean.data, clean.length);
	buffer_release(&clean);
}

static void end_output(struct running_check *running)
{
	struct buffer clean;

	buffer_init(&clean, SIZE_MAX / 2);
	for (size_t i = 0; i < 2; i++)
		redact_end(running->smoke->options.redactor, &running->raw[i],
			   running->smoke->freed ? NULL : &clean);
	if (clean.length)
		add_output(running, clean.data, clean.length);
	buffer_release(&clean);
}

/* ": the last line that says something" */
static void add_last_line(struct running_check *running)
{
	const char *start = running->tail.data, *end = start + running->tail.length, *line;

	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	for (line = end; line > start && line[-1] != '\n'; line--)
		;
	if (line < end)
		buffer_add_format(&running->reason, ": %.*s",
				  (int)(end - line < 300 ? end - line : 300), line);
}

static void run_ended(void *context, const struct child_exit *ended)
{
	struct running_check *running = context;
	struct smoke *smoke = running->smoke;
	char text[64], limit[32];

	running->child = NULL;
	loop_timer_stop(running->timeout);
	running->timeout = NULL;
	end_output(running);
	smoke->children--;
	if (smoke->freed) {
		smoke_child_gone(smoke);
		return;
	}
	buffer_clear(&running->reason);
	bool ok = ended->code == 0 && !running->timed_out;
	if (running->timed_out)
		buffer_add_format(&running->reason, "did not end within %s",
				  duration_format(limit, clock_monotonic() - running->started));
	else if (!ok)
		buffer_add_text(&running->reason, child_exit_text(text, ended));
	if (!ok)
		add_last_line(running);
	check_tried(running, ok);
}

static void run_too_long(void *context)
{
	struct running_check *running = context;

	running->timed_out = true;
	child_stop(running->child);
}

static int run_start(struct running_check *running, struct error *err)
{
	struct smoke *smoke = running->smoke;
	int64_t timeout = running->config->timeout > 0 ? running->config->timeout : RUN_TIMEOUT;
	const struct child_options options = {
		.arguments = running->arguments,
		.environment = running->environment,
		.directory = running->directory,
		.output = run_output,
		.done = run_ended,
		.context = running,
	};

	buffer_clear(&running->tail);
	running->child = child_start(smoke->options.loop, &options, err);
	if (!running->child)
		return -1;
	smoke->children++;
	running->timeout = loop_timer_start(smoke->options.loop, timeout, 0, run_too_long, running);
	return 0;
}

void check_try(struct running_check *running)
{
	struct error err = {0};

	running->state = CHECK_TRYING;
	running->smoke->trying++;
	running->started = clock_monotonic();
	running->timed_out = false;
	if (running->config->get ? get_start(running, &err) : run_start(running, &err)) {
		buffer_clear(&running->reason);
		buffer_add_text(&running->reason, err.message);
		check_tried(running, false);
	}
}

void check_interrupt(struct running_check *running)
{
	if (running->transfer) {
		http_cancel(running->transfer);
		running->transfer = NULL;
		check_tried(running, false);
	} else if (running->child) {
		child_stop(running->child);
	}
}
