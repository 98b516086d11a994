/* Output in groups, a step each. */
#include "ui/grouped.h"

#define TAIL_SIZE ((size_t)256 << 10)
#define PENDING_ENOUGH ((size_t)1 << 20)
#define PENDING_MAXIMUM ((size_t)256 << 20)

static int64_t now_of(const struct grouped *grouped)
{
	const struct clock *clock = grouped->ui.options.clock;

	return clock_now(clock ? clock : &clock_system);
}

static int open_group(struct grouped *grouped, struct buffer *out, const char *label)
{
	int number = ++grouped->groups;

	grouped->dialect->open(out, label, number, now_of(grouped));
	grouped->inside = true;
	return number;
}

static void close_group(struct grouped *grouped, struct buffer *out, int number, bool failed)
{
	if (out->length && out->data[out->length - 1] != '\n')
		buffer_add_char(out, '\n');
	if (grouped->dialect->close)
		grouped->dialect->close(out, number, failed, now_of(grouped));
}

static void add_filtered(const struct grouped *grouped, struct buffer *out, const char *bytes,
			 size_t length)
{
	filter_text(out, bytes, length, grouped->dialect->commands);
	if (length && out->length && out->data[out->length - 1] != '\n')
		buffer_add_char(out, '\n');
}

/* What was held back of a step: its beginning, and its end if that was too much. */
static void add_held(const struct grouped *grouped, struct buffer *out, struct running_step *step)
{
	size_t missing = (size_t)step->bytes - step->head.length;
	const char *rest, *end = step->tail.data + step->tail.length;

	add_filtered(grouped, out, step->head.data, step->head.length);
	buffer_release(&step->head);
	if (missing > step->tail.length) {
		char size[32];
		const char *newline = memchr(step->tail.data, '\n', step->tail.length);

		rest = newline ? newline + 1 : end;
		missing -= (size_t)(end - rest);
		buffer_add_format(out, "... %s left out here, the log has them ...\n",
				  size_format(size, (int64_t)missing));
	} else {
		rest = end - missing;
	}
	add_filtered(grouped, out, rest, (size_t)(end - rest));
}

/* Where a line goes that is none of the foreground's. */
static struct buffer *behind(struct grouped *grouped)
{
	return grouped->open ? &grouped->pending : &grouped->ui.out;
}

/* A line outside the steps' groups. */
static void add_words(struct grouped *grouped, struct buffer *out, const struct event *event)
{
	enum weight least = grouped->ui.options.quiet ? WEIGHT_IMPORTANT : WEIGHT_NORMAL;
	enum weight weight = words_weight(event);
	bool error = words_failed(event) ||
		     (event->type == EVENT_MESSAGE && event->level == LEVEL_ERROR);

	if (weight < least)
		return;
	if (grouped->inside && grouped->dialect->outside)
		grouped->dialect->outside(out);
	grouped->inside = false;
	if (weight == WEIGHT_IMPORTANT && grouped->dialect->annotate) {
		struct buffer text;

		buffer_init(&text, 1 << 16);
		words_event(&text, event, false);
		if (text.length)
			text.data[--text.length] = '\0';
		grouped->dialect->annotate(
			out, error && !event->allowed ? LEVEL_ERROR : LEVEL_WARNING, text.data);
		buffer_release(&text);
		return;
	}
	words_event(out, event, grouped->ui.color);
}

static void open_foreground(struct grouped *grouped)
{
	grouped->number = open_group(grouped, &grouped->ui.out, grouped->foreground->label);
	grouped->open = true;
}

/* A step that says nothing gets no group. */
static void put_forward(struct grouped *grouped, struct running_step *step)
{
	grouped->foreground = step;
	if (!step->bytes)
		return;
	open_foreground(grouped);
	add_held(grouped, &grouped->ui.out, step);
}

/* Ends the foreground's group, then says what had to wait for that. */
static void step_back(struct grouped *grouped, bool failed)
{
	struct buffer *out = &grouped->ui.out;

	if (grouped->open)
		close_group(grouped, out, grouped->number, failed);
	grouped->open = false;
	grouped->foreground = NULL;
	buffer_add(out, grouped->pending.data, grouped->pending.length);
	buffer_clear(&grouped->pending);
}

static void finish_foreground(struct grouped *grouped, const struct event *event)
{
	struct running_step *step = grouped->foreground;
	struct buffer held = grouped->pending;

	buffer_init(&grouped->pending, PENDING_MAXIMUM);
	step_back(grouped, words_failed(event));
	add_words(grouped, &grouped->ui.out, event);
	buffer_add(&grouped->ui.out, held.data, held.length);
	if (held.length)
		grouped->inside = true;
	buffer_release(&held);
	running_remove(&grouped->running, step);
	if (grouped->running.count)
		put_forward(grouped, grouped->running.items[0]);
}

static void finish_step(struct grouped *grouped, const struct event *event)
{
	struct running_step *step = running_find(&grouped->running, event->stage, event->step);
	struct running_step *front = grouped->foreground;
	struct buffer *out = behind(grouped);
	int number;

	if (step && step == front) {
		finish_foreground(grouped, event);
		return;
	}
	if (step && step->bytes && (words_failed(event) || !grouped->ui.options.quiet)) {
		number = open_group(grouped, out, step->label);
		add_held(grouped, out, step);
		close_group(grouped, out, number, words_failed(event));
	}
	if (step)
		running_remove(&grouped->running, step);
	add_words(grouped, out, event);
	if (front && grouped->pending.length > PENDING_ENOUGH) {
		step_back(grouped, false);
		grouped->foreground = front;
		open_foreground(grouped);
	}
}

static void grouped_event(struct event_sink *sink, const struct event *event)
{
	struct grouped *grouped = (struct grouped *)sink;
	struct running_step *step;

	if (event->type == EVENT_STEP_STARTED) {
		step = running_add(&grouped->running, event);
		if (!grouped->foreground && !grouped->ui.options.quiet)
			put_forward(grouped, step);
	} else if (event->type == EVENT_STEP_FINISHED) {
		finish_step(grouped, event);
	} else if (event->type == EVENT_DEPLOY_FINISHED) {
		if (grouped->foreground)
			step_back(grouped, false);
		if (grouped->dialect->outside)
			grouped->dialect->outside(&grouped->ui.out);
		words_verdict(&grouped->ui.out, event, grouped->ui.color);
		grouped->inside = false;
	} else {
		add_words(grouped, behind(grouped), event);
	}
	ui_flush(&grouped->ui);
}

static void grouped_output(struct event_sink *sink, const struct event_output *output)
{
	struct grouped *grouped = (struct grouped *)sink;
	struct running_step *step = running_find(&grouped->running, output->stage, output->step);

	if (!step)
		return;
	running_output(&grouped->running, step, output->bytes, output->length);
	if (grouped->foreground && !grouped->open) {	/* who speaks first is shown first */
		grouped->foreground = step;
		open_foreground(grouped);
	}
	if (step == grouped->foreground)
		add_filtered(grouped, &grouped->ui.out, output->bytes, output->length);
	else if (!step->head.overflowed)
		buffer_add(&step->head, output->bytes, output->length);
	ui_flush(&grouped->ui);
}

static void grouped_mask(struct event_sink *sink, const char *value)
{
	struct grouped *grouped = (struct grouped *)sink;

	if (grouped->ui.out.length && grouped->ui.out.data[grouped->ui.out.length - 1] != '\n')
		buffer_add_char(&grouped->ui.out, '\n');
	grouped->dialect->mask(&grouped->ui.out, value);
	ui_flush(&grouped->ui);
}

void grouped_start(struct ui *ui, const struct dialect *dialect)
{
	struct grouped *grouped = (struct grouped *)ui;

	ui->sink.event = grouped_event;
	ui->sink.output = grouped_output;
	ui->sink.mask = dialect->mask ? grouped_mask : NULL;
	grouped->dialect = dialect;
	grouped->running.tail_size = TAIL_SIZE;
	buffer_init(&grouped->pending, PENDING_MAXIMUM);
}

void grouped_stop(struct ui *ui)
{
	struct grouped *grouped = (struct grouped *)ui;

	if (grouped->foreground)
		step_back(grouped, false);
	running_release(&grouped->running);
	buffer_release(&grouped->pending);
}
