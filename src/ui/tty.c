/* The live view on a terminal: what has happened scrolls up, what runs stays at the bottom.
 *
 * The cursor is hidden only within a frame, and a frame is one write: however this program ends,
 * the cursor is visible. The size is asked for before each frame, so a resize needs no signal. */

#include "base/text.h"
#include "ui/renderer.h"

#define FRAME_MS 80
/* After a resize nothing is drawn for so long: tmux does the next one at once, but tells of it up
 * to 250 ms later, and what is drawn for a width that is no longer true cannot be erased. */
#define SETTLE_MS 300
#define TAIL_SIZE 16384
#define TAIL_LINES 20
#define HISTORY_ENOUGH ((size_t)1 << 20)
#define COLUMNS_MAXIMUM 1000
#define ROWS_MAXIMUM 64
#define LAST_LINE_FROM 60 /* columns: narrower terminals get no last output line */

struct tty {
	struct ui ui;
	struct running running;
	struct buffer history;          /* to be written above the block by the next frame */
	struct buffer line;             /* of the block, being made */
	size_t drawn[ROWS_MAXIMUM + 2]; /* columns of each line of the block on the screen */
	size_t rows;
	int columns, lines;             /* of the terminal */
	int64_t last_frame, resized;    /* clock_monotonic */
	int64_t seconds;   /* countdown; 0: none */
	char waiting[256]; /* what an event said is waited for */
};

/* How far up the block on the screen begins: a terminal that became narrower has wrapped it. */
static size_t screen_rows(const struct tty *tty, int columns)
{
	size_t rows = 0;

	for (size_t i = 0; i < tty->rows; i++) {
		size_t wrapped = (tty->drawn[i] + (size_t)columns - 1) / (size_t)columns;

		rows += wrapped ? wrapped : 1;
	}
	return rows;
}

/* The first line alone, then from the second on: tmux keeps a copy of the screen in its history
 * when all of it is erased at once. */
static void erase_block(struct tty *tty, int columns)
{
	size_t rows = screen_rows(tty, columns);

	buffer_add_char(&tty->ui.out, '\r');
	if (rows)
		buffer_add_format(&tty->ui.out, "\x1b[%zuA\x1b[K\x1b[B\x1b[J\x1b[A", rows);
	else
		buffer_add_text(&tty->ui.out, "\x1b[K");
	tty->rows = 0;
}

/* Ends tty->line: cut to the width, in a style. */
static void put_line(struct tty *tty, int columns, enum style how)
{
	size_t fits = text_fit(tty->line.data, tty->line.length, (size_t)columns - 1);

	buffer_add_text(&tty->ui.out, style(tty->ui.color, how));
	buffer_add(&tty->ui.out, tty->line.data, fits);
	buffer_add_text(&tty->ui.out, style(tty->ui.color, STYLE_NONE));
	buffer_add_char(&tty->ui.out, '\n');
	tty->drawn[tty->rows++] = text_columns(tty->line.data, fits);
	buffer_clear(&tty->line);
}

static void pad(struct buffer *line, size_t columns)
{
	size_t now = text_columns(line->data, line->length);

	while (now++ < columns)
		buffer_add_char(line, ' ');
}

/* The last line with something in it, on one line. */
static void add_last_line(struct tty *tty, const struct running_step *step)
{
	struct buffer clean;
	const char *start, *end;
	size_t length = step->tail.length;

	if (length > 4096)
		length = 4096;
	buffer_init(&clean, length * 3 + 1);
	filter_text(&clean, step->tail.data + step->tail.length - length, length, FILTER_PLAIN);
	start = clean.data;
	end = start + clean.length;
	while (end > start && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	for (const char *at = end; at > start; at--) {
		if (at[-1] == '\n') {
			start = at;
			break;
		}
	}
	for (; start < end; start++)
		buffer_add_char(&tty->line, *start == '\t' ? ' ' : *start);
	buffer_release(&clean);
}

static size_t label_width(const struct tty *tty, int columns)
{
	size_t widest = 0, most = (size_t)columns / 3;

	for (size_t i = 0; i < tty->running.count; i++) {
		const char *label = tty->running.items[i]->label;
		size_t width = text_columns(label, strlen(label));

		if (width > widest)
			widest = width;
	}
	return widest < most ? widest : most;
}

static void draw_step(struct tty *tty, const struct running_step *step, size_t width, int columns,
		      int64_t now)
{
	struct buffer *line = &tty->line;
	size_t fits = text_fit(step->label, strlen(step->label), width);

	buffer_add_text(line, "  ");
	buffer_add(line, step->label, fits);
	pad(line, width + 4);
	running_elapsed(line, step, now);
	if (step->attempt > 1)
		buffer_add_format(line, " (attempt %d)", (int)step->attempt);
	if (columns >= LAST_LINE_FROM) {
		pad(line, width + 4 + 16);
		add_last_line(tty, step);
	}
	put_line(tty, columns, STYLE_NONE);
}

/* What is waited for: what an event said, or the step that takes longest. */
static void draw_waiting(struct tty *tty, int columns, int64_t now)
{
	if (tty->seconds) {
		buffer_add_format(&tty->line, "go-live in %d", (int)tty->seconds);
		put_line(tty, columns, STYLE_BOLD);
	} else if (tty->waiting[0]) {
		buffer_add_format(&tty->line, "waiting for %s", tty->waiting);
		put_line(tty, columns, STYLE_DIM);
	} else if (tty->running.count) {
		running_waiting(&tty->line, &tty->running, now);
		put_line(tty, columns, STYLE_DIM);
	}
}

static void draw_block(struct tty *tty, int columns, int rows, int64_t now)
{
	size_t width = label_width(tty, columns), shown = tty->running.count;
	size_t space = rows > 4 ? (size_t)rows - 4 : 1;

	if (space > ROWS_MAXIMUM - 2)
		space = ROWS_MAXIMUM - 2;
	if (shown > space)
		shown = space;
	for (size_t i = 0; i < shown; i++)
		draw_step(tty, tty->running.items[i], width, columns, now);
	if (shown < tty->running.count) {
		buffer_add_format(&tty->line, "  and %zu more", tty->running.count - shown);
		put_line(tty, columns, STYLE_DIM);
	}
	draw_waiting(tty, columns, now);
}

static bool terminal_taken(const struct tty *tty)
{
	for (size_t i = 0; i < tty->running.count; i++)
		if (tty->running.items[i]->interactive)
			return true;
	return false;
}

static void measure(struct tty *tty)
{
	int columns = tty->columns, lines = tty->lines;

	terminal_size(tty->ui.fd, &tty->columns, &tty->lines);
	if (tty->columns < 2)
		tty->columns = 2;
	if (tty->columns > COLUMNS_MAXIMUM)
		tty->columns = COLUMNS_MAXIMUM;
	if (columns != tty->columns || lines != tty->lines)
		tty->resized = clock_monotonic();
}

static bool may_draw(struct tty *tty)
{
	measure(tty);
	return !terminal_taken(tty) && clock_monotonic() - tty->resized >= SETTLE_MS;
}

static bool frame_due(struct tty *tty)
{
	return clock_monotonic() - tty->last_frame >= FRAME_MS && may_draw(tty);
}

static bool block_needed(const struct tty *tty)
{
	return tty->running.count || tty->seconds || tty->waiting[0];
}

static void draw(struct tty *tty, bool with_block)
{
	struct buffer *out = &tty->ui.out;

	tty->last_frame = clock_monotonic();
	measure(tty);
	if (!tty->history.length && !tty->rows && !(with_block && block_needed(tty)))
		return;
	buffer_add_text(out, "\x1b[?2026h\x1b[?25l");
	erase_block(tty, tty->columns);
	buffer_add(out, tty->history.data, tty->history.length);
	buffer_clear(&tty->history);
	if (with_block)
		draw_block(tty, tty->columns, tty->lines, tty->last_frame);
	buffer_add_text(out, "\x1b[?25h\x1b[?2026l");
	ui_flush(&tty->ui);
}

/* What tty->line holds, above the block. */
static void add_folded(struct tty *tty)
{
	text_fold(&tty->history, tty->line.data, tty->line.length, (size_t)tty->columns);
	buffer_clear(&tty->line);
}

static void add_words(struct tty *tty, const struct event *event)
{
	const struct ui_options *options = &tty->ui.options;
	enum weight least = options->quiet     ? WEIGHT_IMPORTANT
			    : options->verbose ? WEIGHT_DETAIL
					       : WEIGHT_NORMAL;

	if (words_weight(event) < least)
		return;
	if (event->type == EVENT_MESSAGE && event->bell)
		buffer_add_char(&tty->history, '\a');
	words_event(&tty->line, event, tty->ui.color);
	add_folded(tty);
}

/* The words, and for a failure what the step said last. */
static void finish_step(struct tty *tty, const struct event *event)
{
	struct running_step *step = running_find(&tty->running, event->stage, event->step);

	add_words(tty, event);
	if (words_failed(event)) {
		if (step && !tty->ui.options.verbose && step->tail.length) {
			buffer_add_text(&tty->history, style(tty->ui.color, STYLE_DIM));
			running_tail(&tty->history, step, TAIL_LINES, "    ");
			buffer_add_text(&tty->history, style(tty->ui.color, STYLE_NONE));
		}
		if (event->log) {
			buffer_add_text(&tty->history, "    log: ");
			words_clean(&tty->history, event->log);
			buffer_add_char(&tty->history, '\n');
		}
	}
	if (step)
		running_remove(&tty->running, step);
}

/* The line of the deploy's start on one line of the terminal: who it is and what was live before
 * can be looked up. */
static void add_deploy(struct tty *tty, const struct event *event)
{
	struct event shorter = *event;
	const char **spare[] = {&shorter.deployer, &shorter.previous, &shorter.id};
	struct buffer *line = &tty->line;

	words_event(line, &shorter, false);
	for (size_t i = 0; i < sizeof(spare) / sizeof(*spare) &&
	     text_columns(line->data, line->length - 1) > (size_t)tty->columns; i++) {
		*spare[i] = NULL;
		buffer_clear(line);
		words_event(line, &shorter, false);
	}
	buffer_clear(line);
	add_words(tty, &shorter);
}

static void note_waiting(struct tty *tty, const struct event *event)
{
	struct buffer clean;

	buffer_init(&clean, 1 << 16);
	words_clean(&clean, event->text);
	snprintf(tty->waiting, sizeof(tty->waiting), "%s", clean.data);
	buffer_release(&clean);
}

static void tty_event(struct event_sink *sink, const struct event *event)
{
	struct tty *tty = (struct tty *)sink;
	bool at_once = event->type == EVENT_DEPLOY_FINISHED || event->type == EVENT_MESSAGE ||
		       event->type == EVENT_COUNTDOWN || event->type == EVENT_WAITING;

	if (event->type != EVENT_STEP_OUTPUT && event->type != EVENT_STEP_PROCESS)
		tty->seconds = event->type == EVENT_COUNTDOWN ? event->seconds : 0;
	switch (event->type) {
	case EVENT_DEPLOY_STARTED:
		add_deploy(tty, event);
		break;
	case EVENT_STEP_STARTED:
		running_add(&tty->running, event);
		if (event->interactive)
			draw(tty, false);
		break;
	case EVENT_STEP_FINISHED:
		finish_step(tty, event);
		break;
	case EVENT_WAITING:
		note_waiting(tty, event);
		break;
	case EVENT_COUNTDOWN:
		break;
	case EVENT_DEPLOY_FINISHED:
		words_verdict(&tty->line, event, tty->ui.color);
		add_folded(tty);
		break;
	default:
		add_words(tty, event);
		break;
	}
	if (frame_due(tty) || (at_once && may_draw(tty)))
		draw(tty, true);
}

static void tty_output(struct event_sink *sink, const struct event_output *output)
{
	struct tty *tty = (struct tty *)sink;
	struct running_step *step = running_find(&tty->running, output->stage, output->step);

	if (step)
		running_output(&tty->running, step, output->bytes, output->length);
	if (!tty->ui.options.verbose)
		return;
	filter_text(&tty->history, output->bytes, output->length, FILTER_PLAIN);
	if (tty->history.length && tty->history.data[tty->history.length - 1] != '\n')
		buffer_add_char(&tty->history, '\n');
	if (tty->history.length > HISTORY_ENOUGH || frame_due(tty))
		draw(tty, !terminal_taken(tty));
}

static void tty_tick(struct event_sink *sink)
{
	struct tty *tty = (struct tty *)sink;

	if (frame_due(tty))
		draw(tty, true);
}

static void tty_start(struct ui *ui)
{
	struct tty *tty = (struct tty *)ui;

	ui->sink.event = tty_event;
	ui->sink.output = tty_output;
	ui->sink.tick = tty_tick;
	tty->running.tail_size = TAIL_SIZE;
	buffer_init(&tty->history, (size_t)64 << 20);
	buffer_init(&tty->line, (size_t)1 << 20);
	measure(tty);
	tty->resized = INT64_MIN / 2;
}

static void tty_stop(struct ui *ui)
{
	struct tty *tty = (struct tty *)ui;

	draw(tty, false);
	running_release(&tty->running);
	buffer_release(&tty->history);
	buffer_release(&tty->line);
}

const struct renderer renderer_tty = {
	.name = "tty",
	.help = "the live view of a terminal",
	.size = sizeof(struct tty),
	.start = tty_start,
	.stop = tty_stop,
};
