/* GitHub Actions: groups and annotations.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
#include "ui/grouped.h"

/* A command's message: the runner turns these back. */
static void add_escaped(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '%')
			buffer_add_text(out, "%25");
		else if (*text == '\r')
			buffer_add_text(out, "%0D");
		else if (*text == '\n')
			buffer_add_text(out, "%0A");
		else
			buffer_add_char(out, *text);
	}
}

static void github_open(struct buffer *out, const char *label, int number, int64_t now)
{
	(void)number;
	(void)now;
	buffer_add_text(out, "::group::");
	add_escaped(out, label);
	buffer_add_char(out, '\n');
}

static void github_close(struct buffer *out, int number, bool failed, int64_t now)
{
	(void)number;
	(void)failed;
	(void)now;
	buffer_add_text(out, "::endgroup::\n");
}

static void github_annotate(struct buffer *out, enum event_level level, const char *text)
{
	buffer_add_text(out, level == LEVEL_ERROR ? "::error title=shipit::"
						  : "::warning title=shipit::");
	add_escaped(out, text);
	buffer_add_char(out, '\n');
}

/* The runner hides single lines: a secret of several is masked line by line. */
static void github_mask(struct buffer *out, const char *value)
{
	while (*value) {
		size_t length = strcspn(value, "\r\n");
		char *line = strndup(value, length);

		if (!line)
			abort();
		if (length) {
			buffer_add_text(out, "::add-mask::");
			add_escaped(out, line);
			buffer_add_char(out, '\n');
		}
		free(line);
		value += length;
		value += strspn(value, "\r\n");
	}
}

static const struct dialect github = {
	.commands = FILTER_GITHUB,
	.open = github_open,
	.close = github_close,
	.annotate = github_annotate,
	.mask = github_mask,
};

static void github_start(struct ui *ui)
{
	grouped_start(ui, &github);
}

const struct renderer renderer_github = {
	.name = "github",
	.help = "GitHub Actions: groups, annotations",
	.size = sizeof(struct grouped),
	.start = github_start,
	.stop = grouped_stop,
};
