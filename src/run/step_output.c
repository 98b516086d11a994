/* What a step prints: to its log and to whoever reads events, without secrets. */
#include "proc/loop.h"
#include "run/step_internal.h"

#define PIECE ((size_t)32) /* less than a line: few more writes than without secrets */
#define SAVE_DELAY 500		/* ms, from the output to the log's file at the latest */

static void warn_of_log(struct step_attempt *attempt)
{
	if (attempt->log.errnum && !attempt->log_told)
		event_message(attempt->step->run->events, LEVEL_WARNING,
			      "cannot write the log '%s': %s", attempt->log.path,
			      strerror(attempt->log.errnum));
	attempt->log_told = attempt->log.errnum;
}

static void save_log(void *context)
{
	struct step_attempt *attempt = context;
	loop_timer_stop(attempt->save);
	attempt->save = NULL;
	step_log_save(&attempt->log);
	warn_of_log(attempt);
}

static void add_to_log(struct step_attempt *attempt, const char *bytes, size_t length)
{
	step_log_add(&attempt->log, bytes, length);
	warn_of_log(attempt);
	if (!attempt->save && step_log_unsaved(&attempt->log))
		attempt->save = loop_timer_start(attempt->step->run->loop, SAVE_DELAY, 0, save_log,
						 attempt);
}

void step_output_close(struct step_attempt *attempt)
{
	step_log_close(&attempt->log);
	warn_of_log(attempt);
}

static void emit_lines(struct step_attempt *attempt, int stream, const char *bytes, size_t length)
{
	struct run_step *step = attempt->step;
	struct event_output output = {
		.stage = step->stage->name, .step = step->name,
		.stream = stream ? "stderr" : "stdout", .bytes = bytes, .length = length,
	};
	if (!length)
		return;
	add_to_log(attempt, bytes, length);
	event_emit_output(step->run->events, &output);
}

static void flush_line(struct step_attempt *attempt, int stream)
{
	struct buffer *line = &attempt->line[stream];
	emit_lines(attempt, stream, line->data, line->length);
	buffer_clear(line);
}

static void keep_piece(struct step_attempt *attempt, int stream, const char *bytes, size_t length)
{
	struct buffer *line = &attempt->line[stream];
	if (line->length + length > LINE_MAXIMUM)
		flush_line(attempt, stream);
	if (length > LINE_MAXIMUM)
		emit_lines(attempt, stream, bytes, length);
	else
		buffer_add(line, bytes, length);
}

static void take_clean(struct step_attempt *attempt, int stream, const char *bytes, size_t length)
{
	size_t whole = length;
	while (whole && bytes[whole - 1] != '\n')
		whole--;
	if (whole && attempt->line[stream].length) {
		const char *newline = memchr(bytes, '\n', whole);
		size_t first = (size_t)(newline - bytes) + 1;
		keep_piece(attempt, stream, bytes, first);
		flush_line(attempt, stream);
		bytes += first;
		whole -= first;
		length -= first;
	}
	emit_lines(attempt, stream, bytes, whole);
	if (length > whole)
		keep_piece(attempt, stream, bytes + whole, length - whole);
}

/* Most output has no secret in it and is not copied. Around what may be one, small pieces are. */
static void take_raw(struct step_attempt *attempt, int stream, const char *bytes, size_t length)
{
	const struct redactor *redactor = attempt->step->run->redactor;
	struct redact_stream *raw = &attempt->raw[stream];
	while (length) {
		size_t part = redact_passes(redactor, raw, bytes, length);
		if (part) {
			take_clean(attempt, stream, bytes, part);
		} else {
			part = raw->held.length > PIECE ? raw->held.length : PIECE;
			part = length < part ? length : part;
			buffer_clear(&attempt->clean);
			redact_piece(redactor, raw, bytes, part, &attempt->clean);
			take_clean(attempt, stream, attempt->clean.data, attempt->clean.length);
		}
		bytes += part;
		length -= part;
	}
}

void step_output_take(void *context, enum child_stream from, const char *bytes, size_t length)
{
	struct step_attempt *attempt = context;
	int stream = from == CHILD_STDERR;
	if (attempt->idle)
		loop_timer_again(attempt->idle, attempt->step->config->idle_timeout);
	if (redactor_empty(attempt->step->run->redactor))
		take_clean(attempt, stream, bytes, length);
	else
		take_raw(attempt, stream, bytes, length);
}

/* The stream has ended: what was held back comes too. */
static void end_stream(struct step_attempt *attempt, int stream)
{
	buffer_clear(&attempt->clean);
	redact_end(attempt->step->run->redactor, &attempt->raw[stream], &attempt->clean);
	if (attempt->clean.length)
		take_clean(attempt, stream, attempt->clean.data, attempt->clean.length);
	flush_line(attempt, stream);
}

void step_output_end(struct step_attempt *attempt)
{
	end_stream(attempt, 0);
	end_stream(attempt, 1);
}
