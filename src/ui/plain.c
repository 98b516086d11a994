/* A line for everything that happens, output behind the name of its step: for logs and pipes. */
#include "ui/renderer.h"

#define SILENCE 30000 /* ms, after which the reader is told what is waited for */
#define TAIL_SIZE 16384
#define TAIL_LINES 20

struct plain {
	struct ui ui;
	struct running running;
	struct buffer clean;
	int64_t last_words; /* monotonic */
};

static void flush(struct plain *plain)
{
	if (plain->ui.out.length)
		plain->last_words = clock_monotonic();
	ui_flush(&plain->ui);
}

static void add_event(struct plain *plain, const struct event *event)
{
	struct ui *ui = &plain->ui;
	enum weight least = ui->options.quiet ? WEIGHT_IMPORTANT : WEIGHT_DETAIL;

	if (words_weight(event) < least)
		return;
	if (event->type == EVENT_MESSAGE && event->bell && ui->color)
		buffer_add_char(&ui->out, '\a');
	words_time(&ui->out, event);
	buffer_add_char(&ui->out, ' ');
	words_event(&ui->out, event, ui->color);
}

/* With --quiet the output was not shown when it came. */
static void add_failure(struct plain *plain, const struct event *event,
			const struct running_step *step)
{
	if (step && plain->ui.options.quiet && words_failed(event))
		running_tail(&plain->ui.out, step, TAIL_LINES, "    ");
	if (event->log && words_failed(event)) {
		buffer_add_text(&plain->ui.out, "    log: ");
		words_clean(&plain->ui.out, event->log);
		buffer_add_char(&plain->ui.out, '\n');
	}
}

static void plain_event(struct event_sink *sink, const struct event *event)
{
	struct plain *plain = (struct plain *)sink;
	struct running_step *step;

	if (event->type == EVENT_STEP_STARTED)
		running_add(&plain->running, event);
	add_event(plain, event);
	if (event->type == EVENT_STEP_FINISHED) {
		step = running_find(&plain->running, event->stage, event->step);
		add_failure(plain, event, step);
		if (step)
			running_remove(&plain->running, step);
	} else if (event->type == EVENT_DEPLOY_FINISHED) {
		words_verdict(&plain->ui.out, event, plain->ui.color);
	}
	flush(plain);
}

static void add_lines(struct plain *plain, const char *label)
{
	const char *at = plain->clean.data, *end = at + plain->clean.length;
	size_t label_length = strlen(label);

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		buffer_add(&plain->ui.out, label, label_length);
		buffer_add(&plain->ui.out, " | ", 3);
		buffer_add(&plain->ui.out, at, (size_t)(stop - at));
		buffer_add_char(&plain->ui.out, '\n');
		if (plain->ui.out.length > (size_t)256 << 10)
			flush(plain);
		at = stop + 1;
	}
}

static void plain_output(struct event_sink *sink, const struct event_output *output)
{
	struct plain *plain = (struct plain *)sink;
	struct running_step *step = running_find(&plain->running, output->stage, output->step);

	if (step)
		running_output(&plain->running, step, output->bytes, output->length);
	if (plain->ui.options.quiet)
		return;
	buffer_clear(&plain->clean);
	filter_text(&plain->clean, output->bytes, output->length, FILTER_GITHUB);
	add_lines(plain, step ? step->label : output->step ? output->step : "");
	flush(plain);
}

static void plain_tick(struct event_sink *sink)
{
	struct plain *plain = (struct plain *)sink;
	int64_t now = clock_monotonic();

	if (plain->ui.options.quiet || !plain->running.count || now - plain->last_words < SILENCE)
		return;
	running_waiting(&plain->ui.out, &plain->running, now);
	buffer_add_char(&plain->ui.out, '\n');
	flush(plain);
}

static void plain_start(struct ui *ui)
{
	struct plain *plain = (struct plain *)ui;

	ui->sink.event = plain_event;
	ui->sink.output = plain_output;
	ui->sink.tick = plain_tick;
	plain->running.tail_size = TAIL_SIZE;
	plain->last_words = clock_monotonic();
	buffer_init(&plain->clean, (size_t)256 << 20);
}

static void plain_stop(struct ui *ui)
{
	struct plain *plain = (struct plain *)ui;

	running_release(&plain->running);
	buffer_release(&plain->clean);
}

const struct renderer renderer_plain = {
	.name = "plain",
	.help = "lines, for logs and pipes",
	.size = sizeof(struct plain),
	.start = plain_start,
	.stop = plain_stop,
};
