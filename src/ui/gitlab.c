/* GitLab CI: collapsible sections. https://docs.gitlab.com/ci/jobs/job_logs/ */
#include "ui/grouped.h"

static void gitlab_open(struct buffer *out, const char *label, int number, int64_t now)
{
	buffer_add_format(out, "\x1b[0Ksection_start:%lld:shipit_%d\r\x1b[0K%s\n",
			  (long long)(now / 1000), number, label);
}

static void gitlab_close(struct buffer *out, int number, bool failed, int64_t now)
{
	(void)failed;
	buffer_add_format(out, "\x1b[0Ksection_end:%lld:shipit_%d\r\x1b[0K\n",
			  (long long)(now / 1000), number);
}

static const struct dialect gitlab = {.open = gitlab_open, .close = gitlab_close};

static void gitlab_start(struct ui *ui)
{
	grouped_start(ui, &gitlab);
}

const struct renderer renderer_gitlab = {
	.name = "gitlab",
	.help = "GitLab CI: sections",
	.size = sizeof(struct grouped),
	.start = gitlab_start,
	.stop = grouped_stop,
};
