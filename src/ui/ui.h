/* The readers of events that show a deploy to a person or to a CI: a table of renderers. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "run/event.h"
#include "ui/terminal.h"

struct ui_options {
	const char *format; /* NULL or "auto": see ui_format; else a name of the table */
	enum color_when color;
	bool quiet;   /* failures, warnings and the verdict only */
	bool verbose; /* tty: the children's output too */
	int output;   /* for data (json); a descriptor, not closed. -1: standard output */
	int progress; /* for the rest. -1: standard error */
	const struct clock *clock; /* NULL: clock_system */
};

#define UI_OPTIONS_INIT \
	{ \
		.output = -1, .progress = -1 \
	}

/* The name of the renderer that "auto" means here: tty on a terminal, else the CI's by
 * GITHUB_ACTIONS, GITLAB_CI, BUILDKITE, else plain. */
const char *ui_format_detect(void);
/* "auto, tty, plain, ...", for messages and completion. */
const char *ui_format_names(void);

/* Whether there is such a format (NULL is "auto"); -1 with an error (EXIT_USAGE) when not. */
int ui_format_check(const char *format, struct error *err) MUST_USE;

/* A reader for event_hub_add; NULL with an error (EXIT_USAGE) when the format is unknown. It
 * belongs to the caller: ui_free, after which the terminal is as it was. */
struct event_sink *ui_new(const struct ui_options *options, struct error *err);
void ui_free(struct event_sink *ui);

static inline void ui_cleanup(struct event_sink **ui)
{
	ui_free(*ui);
}
