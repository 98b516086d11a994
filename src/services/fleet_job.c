/* A command on one host: its output by lines, its end in words. */
#include "base/clock.h"
#include "proc/loop.h"
#include "services/fleet_internal.h"

#define LINE_MAXIMUM ((size_t)64 << 10)
#define OUTPUT_MAXIMUM ((size_t)64 << 20)
enum { LAST_MAXIMUM = 300, SSH_FAILED = 255 };

static void add_line(struct fleet_job *job, int stream, struct buffer *out, const char *bytes,
		     size_t length)
{
	if (stream == CHILD_STDERR && length) {
		buffer_clear(&job->last);
		buffer_add(&job->last, bytes, length < LAST_MAXIMUM ? length : LAST_MAXIMUM);
	}
	buffer_add_text(out, job->host->name);
	buffer_add(out, ": ", 2);
	buffer_add(out, bytes, length);
	buffer_add_char(out, '\n');
}

static void hand_on(struct fleet_job *job, int stream, const struct buffer *lines)
{
	if (lines->length)
		job->options->output(job->options->context, (enum child_stream)stream, lines->data,
				     lines->length);
}

/* What has no end yet waits for it; a line too long is cut into several. */
static void keep_part(struct fleet_job *job, int stream, struct buffer *out, const char *bytes,
		      size_t length)
{
	struct buffer *line = &job->line[stream];

	while (length) {
		size_t room = LINE_MAXIMUM - line->length, part = length < room ? length : room;

		buffer_add(line, bytes, part);
		if (line->length == LINE_MAXIMUM) {
			add_line(job, stream, out, line->data, line->length);
			buffer_clear(line);
		}
		bytes += part;
		length -= part;
	}
}

/* All lines of a piece are handed on at once: a flood must not outrun its reader. */
static void take_clean(struct fleet_job *job, int stream, const char *bytes, size_t length)
{
	struct buffer out CLEANUP(buffer_release);
	struct buffer *line = &job->line[stream];
	const char *newline;

	buffer_init(&out, SIZE_MAX / 2);
	while (length && (newline = memchr(bytes, '\n', length))) {
		size_t part = (size_t)(newline - bytes);

		if (line->length) {
			keep_part(job, stream, &out, bytes, part);
			add_line(job, stream, &out, line->data, line->length);
			buffer_clear(line);
		} else {
			add_line(job, stream, &out, bytes, part);
		}
		bytes += part + 1;
		length -= part + 1;
	}
	keep_part(job, stream, &out, bytes, length);
	hand_on(job, stream, &out);
}

static void take_secret(struct fleet_job *job, int stream, const char *bytes, size_t length)
{
	struct buffer clean CLEANUP(buffer_release);

	buffer_init(&clean, SIZE_MAX / 2);
	redact_piece(job->options->redactor, &job->raw[stream], bytes, length, &clean);
	take_clean(job, stream, clean.data, clean.length);
}

static void take_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct fleet_job *job = context;

	if (job->options->collect && stream == CHILD_STDOUT)
		buffer_add(&job->host->output, bytes, length);
	else if (redactor_empty(job->options->redactor))
		take_clean(job, (int)stream, bytes, length);
	else
		take_secret(job, (int)stream, bytes, length);
}

static void end_output(struct fleet_job *job)
{
	struct buffer clean CLEANUP(buffer_release);

	buffer_init(&clean, SIZE_MAX / 2);
	for (int stream = 0; stream < 2; stream++) {
		buffer_clear(&clean);
		if (!redactor_empty(job->options->redactor))
			redact_end(job->options->redactor, &job->raw[stream], &clean);
		take_clean(job, stream, clean.data, clean.length);
		buffer_clear(&clean);
		if (job->line[stream].length)
			add_line(job, stream, &clean, job->line[stream].data,
				 job->line[stream].length);
		hand_on(job, stream, &clean);
		buffer_release(&job->line[stream]);
	}
}

/* Control characters have no place in a sentence. */
static const char *last_words(struct fleet_job *job)
{
	size_t length = job->last.length;

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)job->last.data[i] < ' ')
			job->last.data[i] = ' ';
	while (length && job->last.data[length - 1] == ' ')
		job->last.data[--length] = 0;
	return length ? job->last.data : NULL;
}

static const char *reason_of(struct fleet_job *job, const struct child_exit *exit)
{
	struct arena *arena = job->options->arena;
	const char *words = last_words(job);
	char text[64];

	if (job->timed_out)
		return arena_format(arena, "took longer than %s",
				    duration_format(text, job->options->timeout));
	if (exit->code == SSH_FAILED)
		return words ? arena_string(arena, words)
			     : "exit code 255: no connection, or the command's own";
	child_exit_text(text, exit);
	return words ? arena_format(arena, "%s: %s", text, words) : arena_string(arena, text);
}

static void ended(void *context, const struct child_exit *exit)
{
	struct fleet_job *job = context;

	job->child = NULL;
	loop_timer_stop(job->timer);
	job->timer = NULL;
	end_output(job);
	if (exit->code != 0 || job->timed_out)
		job->host->failed = reason_of(job, exit);
	buffer_release(&job->last);
	fleet_job_ended(job);
}

static void insist(void *context)
{
	struct fleet_job *job = context;

	child_stop(job->child);
}

/* Who is asked by the end of his stdin ends what he has started over there, and then himself. */
static void ask(struct fleet_job *job)
{
	int64_t grace = job->options->grace ? job->options->grace : CHILD_GRACE;

	if (!job->held) {
		child_stop(job->child);
		return;
	}
	child_end_input(job->child);
	loop_timer_stop(job->timer);
	job->timer = loop_timer_start(job->options->loop, grace, 0, insist, job);
}

static void time_over(void *context)
{
	struct fleet_job *job = context;

	job->timed_out = true;
	job->stops++;
	ask(job);
}

void fleet_job_start(struct fleet_job *job)
{
	const struct fleet_options *options = job->options;
	const struct ssh_target target = {
		.host = job->host->name, .user = options->user, .options = options->options};
	struct child_options child = {.grace = 1000};
	const char *command = NULL;
	struct error err = {0};

	job->state = FLEET_RUNNING;
	buffer_init(&job->line[0], LINE_MAXIMUM);
	buffer_init(&job->line[1], LINE_MAXIMUM);
	buffer_init(&job->last, LAST_MAXIMUM);
	if (job->host->output.data)
		buffer_clear(&job->host->output);
	else
		buffer_init(&job->host->output, OUTPUT_MAXIMUM);
	options->prepare(options->context, job->host, &command, &child);
	if (!command) {
		end_output(job);
		buffer_release(&job->last);
		fleet_job_ended(job);
		return;
	}
	job->held = child.input_held;
	child.output = take_output;
	child.done = ended;
	child.context = job;
	job->child = ssh_start(options->ssh, options->loop, &target, command, &child, &err);
	if (!job->child) {
		end_output(job);
		buffer_release(&job->last);
		job->host->failed = arena_string(options->arena, err.message);
		fleet_job_ended(job);
		return;
	}
	if (options->timeout > 0)
		job->timer = loop_timer_start(options->loop, options->timeout, 0, time_over, job);
	if (options->started)
		options->started(options->context, child_pid(job->child),
				 child_started(job->child));
}

void fleet_job_stop(struct fleet_job *job)
{
	if (job->stops++)
		child_stop(job->child);
	else
		ask(job);
}
