/* The stream as it is: one JSON object a line on standard output. */
#include "ui/renderer.h"

static void json_event(struct event_sink *sink, const struct event *event)
{
	struct ui *ui = (struct ui *)sink;

	event_write_json(&ui->out, event);
	if (!sink->hub || !sink->hub->gathering || ui->out.length > (size_t)64 << 10)
		ui_flush(ui);
}

static void json_flush(struct event_sink *sink)
{
	ui_flush((struct ui *)sink);
}

/* The line's number goes between the two halves of the template. */
struct template
{
	struct buffer text;
	size_t before, behind; /* bytes up to the number, and from where behind it */
};

static void template_init(struct template *template, struct event_sink *sink,
			  const struct event_output *output)
{
	static const char mark[] = "\"seq\":0";
	struct event event = {.type = EVENT_STEP_OUTPUT,
			      .stage = output->stage,
			      .step = output->step,
			      .stream = output->stream};
	const struct clock *clock = sink->hub ? sink->hub->clock : NULL;
	const char *found;

	event.time = clock_now(clock ? clock : &clock_system);
	buffer_init(&template->text, 1 << 20);
	event_write_json(&template->text, &event);
	found = strstr(template->text.data, mark);
	template->before = (size_t)(found - template->text.data) + sizeof(mark) - 2;
	template->behind = template->before + 1;
	template->text.length -= 2; /* "}\n" comes behind the line */
}

static void add_line(struct ui *ui, const struct template *template, const char *line,
		     size_t length)
{
	const struct buffer *text = &template->text;
	char number[24];
	int digits;

	if (length && line[length - 1] == '\r')
		length--;
	digits = snprintf(number, sizeof(number), "%llu",
			  ui->sink.hub ? (unsigned long long)++ui->sink.hub->seq : 0);
	buffer_add(&ui->out, text->data, template->before);
	buffer_add(&ui->out, number, (size_t)digits);
	buffer_add(&ui->out, text->data + template->behind, text->length - template->behind);
	buffer_add(&ui->out, ",\"line\":", 8);
	event_write_string(&ui->out, line, length);
	buffer_add(&ui->out, "}\n", 2);
}

static void json_output(struct event_sink *sink, const struct event_output *output)
{
	struct ui *ui = (struct ui *)sink;
	const char *at = output->bytes, *end = at + output->length;
	struct template template;

	template_init(&template, sink, output);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		add_line(ui, &template, at, (size_t)(stop - at));
		if (ui->out.length > (size_t)256 << 10)
			ui_flush(ui);
		at = stop + 1;
	}
	buffer_release(&template.text);
	ui_flush(ui);
}

static void json_start(struct ui *ui)
{
	ui->sink.event = json_event;
	ui->sink.flush = json_flush;
	ui->sink.output = json_output;
}

const struct renderer renderer_json = {
	.name = "json",
	.help = "one JSON object a line on standard output",
	.to_output = true,
	.size = sizeof(struct ui),
	.start = json_start,
};
