/* The steps that run now, and the end of what each printed. */
#include "base/text.h"
#include "ui/renderer.h"

#define HEAD_MAXIMUM ((size_t)256 << 10)

static char *copy(const char *text)
{
	char *result = text ? strdup(text) : NULL;

	if (text && !result)
		abort();
	return result;
}

struct running_step *running_find(const struct running *running, const char *stage,
				  const char *step)
{
	for (size_t i = 0; i < running->count; i++)
		if (text_equal(running->items[i]->step, step) &&
		    text_equal(running->items[i]->stage, stage))
			return running->items[i];
	return NULL;
}

static struct running_step *step_new(const struct running *running, const struct event *started)
{
	struct running_step *step = calloc(1, sizeof(*step));
	struct buffer label;

	if (!step)
		abort();
	step->stage = copy(started->stage);
	step->step = copy(started->step);
	step->action = copy(started->action);
	buffer_init(&label, 4096);
	words_step(&label, started->stage, started->step, started->action);
	step->label = buffer_take(&label, NULL);
	step->started = clock_monotonic();
	buffer_init(&step->tail, running->tail_size * 2);
	buffer_init(&step->head, HEAD_MAXIMUM);
	return step;
}

struct running_step *running_add(struct running *running, const struct event *started)
{
	struct running_step *step = running_find(running, started->stage, started->step);

	if (!step) {
		if (running->count == running->capacity) {
			running->capacity = running->capacity ? running->capacity * 2 : 16;
			running->items = realloc(running->items,
						 running->capacity * sizeof(*running->items));
			if (!running->items)
				abort();
		}
		step = step_new(running, started);
		running->items[running->count++] = step;
	}
	step->attempt = started->attempt;
	step->estimate = started->estimate;
	step->interactive = started->interactive;
	return step;
}

static void step_free(struct running_step *step)
{
	free(step->stage);
	free(step->step);
	free(step->action);
	free(step->label);
	buffer_release(&step->tail);
	buffer_release(&step->head);
	free(step);
}

void running_remove(struct running *running, struct running_step *step)
{
	size_t kept = 0;

	for (size_t i = 0; i < running->count; i++)
		if (running->items[i] != step)
			running->items[kept++] = running->items[i];
	running->count = kept;
	step_free(step);
}

void running_release(struct running *running)
{
	while (running->count)
		running_remove(running, running->items[0]);
	free(running->items);
	*running = (struct running){.tail_size = running->tail_size};
}

void running_output(const struct running *running, struct running_step *step, const char *bytes,
		    size_t length)
{
	size_t size = running->tail_size;

	step->bytes += (int64_t)length;
	if (length >= size) {
		buffer_clear(&step->tail);
		bytes += length - size;
		length = size;
	} else if (step->tail.length + length > 2 * size) {
		buffer_consume(&step->tail, step->tail.length - (size - length));
	}
	buffer_add(&step->tail, bytes, length);
}

void running_elapsed(struct buffer *out, const struct running_step *step, int64_t now)
{
	int64_t elapsed = now - step->started;
	char text[32];

	if (elapsed >= 1000)
		elapsed -= elapsed % 1000; /* no racing digits */
	buffer_add_text(out, duration_format(text, elapsed));
	if (step->estimate >= 1000) {
		int64_t rounded = (step->estimate + 500) / 1000 * 1000;

		buffer_add_text(out, " of ~");
		buffer_add_text(out, duration_format(text, rounded));
	}
}

static const struct running_step *slowest_step(const struct running *running, int64_t now)
{
	const struct running_step *slowest = NULL;
	int64_t most = 0;

	for (size_t i = 0; i < running->count; i++) {
		const struct running_step *step = running->items[i];
		int64_t left = step->started + step->estimate - now;

		if (!slowest || left > most) {
			slowest = step;
			most = left;
		}
	}
	return slowest;
}

void running_waiting(struct buffer *out, const struct running *running, int64_t now)
{
	const struct running_step *step = slowest_step(running, now);

	if (!step)
		return;
	buffer_add_text(out, "waiting for ");
	words_clean(out, step->stage);
	buffer_add_char(out, '/');
	words_clean(out, step->step);
	buffer_add_text(out, " (");
	running_elapsed(out, step, now);
	buffer_add_char(out, ')');
}

/* Where the last lines begin in text that ends with a newline. */
static size_t last_lines(const char *text, size_t length, size_t lines)
{
	size_t at = length;

	while (at > 0) {
		if (text[at - 1] == '\n' && at < length && --lines == 0)
			return at;
		at--;
	}
	return 0;
}

void running_tail(struct buffer *out, const struct running_step *step, size_t lines,
		  const char *indent)
{
	size_t start = last_lines(step->tail.data, step->tail.length, lines);
	struct buffer clean;
	const char *at, *end;

	buffer_init(&clean, step->tail.length * 3 + 1);
	filter_text(&clean, step->tail.data + start, step->tail.length - start,
		    FILTER_GITHUB | FILTER_BUILDKITE);
	for (at = clean.data, end = at + clean.length; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);

		buffer_add_text(out, indent);
		buffer_add(out, at, length);
		buffer_add_char(out, '\n');
		at += length + (newline ? 1 : 0);
	}
	buffer_release(&clean);
}
