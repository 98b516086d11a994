/* Buildkite: groups, which end where the next begins.
 * https://buildkite.com/docs/pipelines/configure/managing-log-output */
#include "ui/grouped.h"

static void buildkite_open(struct buffer *out, const char *label, int number, int64_t now)
{
	(void)number;
	(void)now;
	buffer_add_format(out, "--- %s\n", label);
}

static void buildkite_close(struct buffer *out, int number, bool failed, int64_t now)
{
	(void)number;
	(void)now;
	if (failed)
		buffer_add_text(out, "^^^ +++\n"); /* unfolds the group */
}

/* A group that is unfolded from the start. */
static void buildkite_outside(struct buffer *out)
{
	buffer_add_text(out, "+++ shipit\n");
}

static const struct dialect buildkite = {
	.commands = FILTER_BUILDKITE,
	.open = buildkite_open,
	.close = buildkite_close,
	.outside = buildkite_outside,
};

static void buildkite_start(struct ui *ui)
{
	grouped_start(ui, &buildkite);
}

const struct renderer renderer_buildkite = {
	.name = "buildkite",
	.help = "Buildkite: groups",
	.size = sizeof(struct grouped),
	.start = buildkite_start,
	.stop = grouped_stop,
};
