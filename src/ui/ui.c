/* The table of renderers, and choosing one. */
#include "ui/ui.h"

#include <unistd.h>

#include "ui/renderer.h"

static const struct renderer *const renderers[] = {
	&renderer_tty,    &renderer_plain,  &renderer_json,
	&renderer_github, &renderer_gitlab, &renderer_buildkite,
};

#define RENDERERS (sizeof(renderers) / sizeof(renderers[0]))
#define OUT_MAXIMUM ((size_t)256 << 20)

const char *ui_format_detect(void)
{
	static const char *const variables[][2] = {
		{"GITHUB_ACTIONS", "github"},
		{"GITLAB_CI", "gitlab"},
		{"BUILDKITE", "buildkite"},
	};
	const char *term = getenv("TERM");

	if (terminal_present() && !(term && strcmp(term, "dumb") == 0))
		return "tty";
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i][0]);

		if (value && value[0] && strcmp(value, "false") != 0)
			return variables[i][1];
	}
	return "plain";
}

const char *ui_format_names(void)
{
	return "auto, tty, plain, json, github, gitlab, buildkite";
}

static const struct renderer *find(const char *name)
{
	if (!name || strcmp(name, "auto") == 0)
		name = ui_format_detect();
	for (size_t i = 0; i < RENDERERS; i++)
		if (strcmp(renderers[i]->name, name) == 0)
			return renderers[i];
	return NULL;
}

static const struct renderer *choose(const char *format, struct error *err)
{
	const struct renderer *renderer = find(format);

	if (!renderer) {
		error_set(err, "there is no output format '%s'", format);
		error_hint(err, "Choose one of %s.", ui_format_names());
		error_code(err, EXIT_USAGE);
	}
	return renderer;
}

int ui_format_check(const char *format, struct error *err)
{
	return choose(format, err) ? 0 : -1;
}

struct event_sink *ui_new(const struct ui_options *options, struct error *err)
{
	const struct renderer *renderer = choose(options->format, err);
	struct ui *ui;

	if (!renderer)
		return NULL;
	ui = calloc(1, renderer->size);
	if (!ui)
		abort();
	ui->renderer = renderer;
	ui->options = *options;
	if (options->output < 0)
		ui->options.output = STDOUT_FILENO;
	if (options->progress < 0)
		ui->options.progress = STDERR_FILENO;
	ui->fd = renderer->to_output ? ui->options.output : ui->options.progress;
	ui->color = terminal_color(ui->fd, options->color);
	buffer_init(&ui->out, OUT_MAXIMUM);
	renderer->start(ui);
	return &ui->sink;
}

void ui_free(struct event_sink *sink)
{
	struct ui *ui = (struct ui *)sink;

	if (!ui)
		return;
	if (ui->renderer->stop)
		ui->renderer->stop(ui);
	ui_flush(ui);
	buffer_release(&ui->out);
	free(ui);
}

void ui_flush(struct ui *ui)
{
	if (ui->out.length && !ui->gone && terminal_write(ui->fd, ui->out.data, ui->out.length) < 0)
		ui->gone = true;
	buffer_clear(&ui->out);
}
