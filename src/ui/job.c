/* Markdown and key=value lines, appended to the files that the runner names.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
#include "ui/job.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

enum { TABLE_MAXIMUM = 256 << 10, WHOLE_MAXIMUM = 512 << 10, NAME = 256 };

struct job {
	struct event_sink sink;
	struct buffer table;
	char id[NAME], app[NAME], env[NAME], commit[NAME], previous[NAME];
	char deployer[NAME], url[NAME];
};

static const char *file_of(const char *name)
{
	const char *path = getenv(name);

	return path && *path ? path : NULL;
}

/* What people write makes no Markdown: no markup, no cell, no line of its own. */
static void add_escaped(struct buffer *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '<')
			buffer_add_text(out, "&lt;");
		else if (*text == '>')
			buffer_add_text(out, "&gt;");
		else if (*text == '&')
			buffer_add_text(out, "&amp;");
		else if ((unsigned char)*text < 0x20)
			buffer_add_char(out, ' ');
		else if (strchr("\\`*_{}[]()#+-!|~@", *text))
			buffer_add_format(out, "&#%d;", *text);
		else
			buffer_add_char(out, *text);
	}
}

static void keep(char kept[NAME], const char *text)
{
	snprintf(kept, NAME, "%s", text ? text : "");
}

static void started(struct job *job, const struct event *event)
{
	keep(job->id, event->id);
	keep(job->app, event->app);
	keep(job->env, event->env);
	keep(job->commit, event->commit);
	keep(job->previous, event->previous);
	keep(job->deployer, event->deployer);
	keep(job->url, event->url);
}

static void add_row(struct job *job, const struct event *event)
{
	char text[32];

	if (job->table.length > TABLE_MAXIMUM - 4096)
		return;
	buffer_add_text(&job->table, "| ");
	add_escaped(&job->table, event->stage);
	buffer_add_text(&job->table, " | ");
	add_escaped(&job->table, event->step);
	if (event->action)
		buffer_add_format(&job->table, " (%s)", event->action);
	buffer_add_format(&job->table, " | %s | %s | ", event_status_name(event->status),
			  duration_format(text, event->duration));
	add_escaped(&job->table, event->reason);
	buffer_add_text(&job->table, " |\n");
}

static void append(const char *path, const struct buffer *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	/* A summary that cannot be written is no reason to fail a deploy. */
	for (size_t at = 0; at < text->length;) {
		ssize_t wrote = write(fd, text->data + at, text->length - at);
		if (wrote <= 0)
			break;
		at += (size_t)wrote;
	}
	close(fd);
}

static void add_head(const struct job *job, const struct event *event, struct buffer *out)
{
	char text[32];

	buffer_add_text(out, "### ");
	add_escaped(out, job->app);
	buffer_add_format(out, " %.7s to ", job->commit);
	add_escaped(out, job->env);
	buffer_add_format(out, ": %s\n\n", event_status_name(event->status));
	buffer_add_format(out, "%s, after %s", job->id, duration_format(text, event->duration));
	if (*job->deployer) {
		buffer_add_text(out, ", by ");
		add_escaped(out, job->deployer);
	}
	if (*job->previous)
		buffer_add_format(out, "; before it %.7s was live", job->previous);
	buffer_add_text(out, ".\n\n");
}

static void write_summary(const struct job *job, const struct event *event, const char *path)
{
	struct buffer out;

	buffer_init(&out, WHOLE_MAXIMUM);
	add_head(job, event, &out);
	if (event->failed_step || event->reason) {
		buffer_add_text(&out, "**");
		add_escaped(&out, event->failed_step);
		buffer_add_text(&out, event->failed_step && event->reason ? ": " : "");
		add_escaped(&out, event->reason);
		buffer_add_text(&out, "**\n\n");
	}
	for (size_t i = 0; event->advice && i < event->advice->count; i++) {
		buffer_add_text(&out, "- ");
		add_escaped(&out, event->advice->items[i]);
		buffer_add_char(&out, '\n');
	}
	if (job->table.length)
		buffer_add_format(&out, "\n| stage | step | status | time | |\n"
				  "|---|---|---|---|---|\n%s", job->table.data);
	buffer_add_char(&out, '\n');
	append(path, &out);
	buffer_release(&out);
}

static void write_outputs(const struct job *job, const struct event *event, const char *path)
{
	struct buffer out;

	buffer_init(&out, WHOLE_MAXIMUM);
	buffer_add_format(&out, "id=%s\nstatus=%s\nexit_code=%lld\ncommit=%s\nprevious=%s\n",
			  job->id, event_status_name(event->status), (long long)event->exit_code,
			  job->commit, job->previous);
	if (!strpbrk(job->url, "\r\n"))
		buffer_add_format(&out, "url=%s\n", job->url);
	append(path, &out);
	buffer_release(&out);
}

static void on_event(struct event_sink *sink, const struct event *event)
{
	struct job *job = (struct job *)(void *)sink;
	const char *summary = file_of("GITHUB_STEP_SUMMARY"), *output = file_of("GITHUB_OUTPUT");

	if (event->type == EVENT_DEPLOY_STARTED)
		started(job, event);
	else if (event->type == EVENT_STEP_FINISHED)
		add_row(job, event);
	if (event->type != EVENT_DEPLOY_FINISHED)
		return;
	if (summary)
		write_summary(job, event, summary);
	if (output)
		write_outputs(job, event, output);
}

struct event_sink *job_new(void)
{
	struct job *job;

	if (!file_of("GITHUB_STEP_SUMMARY") && !file_of("GITHUB_OUTPUT"))
		return NULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		abort();
	job->sink.event = on_event;
	buffer_init(&job->table, TABLE_MAXIMUM);
	return &job->sink;
}

void job_free(struct event_sink *job)
{
	struct job *whole = (struct job *)(void *)job;

	if (!whole)
		return;
	buffer_release(&whole->table);
	free(whole);
}
