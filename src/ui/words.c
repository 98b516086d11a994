/* Events as sentences for a person. */
#include <time.h>

#include "ui/renderer.h"

#define SHORT_COMMIT 7

void words_clean(struct buffer *out, const char *text)
{
	size_t start = out->length;

	if (!text)
		return;
	filter_text(out, text, strlen(text), FILTER_GITHUB | FILTER_BUILDKITE);
	for (size_t i = start; i < out->length; i++)
		if (out->data[i] == '\n' || out->data[i] == '\t')
			out->data[i] = ' ';
}

void words_step(struct buffer *out, const char *stage, const char *step, const char *action)
{
	words_clean(out, stage);
	if (stage && step)
		buffer_add_char(out, '.');
	words_clean(out, step);
	if (action) {
		buffer_add_text(out, " (");
		words_clean(out, action);
		buffer_add_char(out, ')');
	}
}

void words_time(struct buffer *out, const struct event *event)
{
	time_t seconds = (time_t)(event->time / 1000);
	struct tm local;
	char text[32];

	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%H:%M:%S", &local);
	buffer_add_text(out, text);
}

bool words_failed(const struct event *event)
{
	switch (event->status) {
	case STATUS_FAILED:
	case STATUS_TIMED_OUT:
	case STATUS_FAILED_LIVE:
	case STATUS_ROLLED_BACK:
	case STATUS_INTERRUPTED:
	case STATUS_REFUSE:
		return true;
	default:
		return false;
	}
}

enum weight words_weight(const struct event *event)
{
	bool failed = words_failed(event);

	switch (event->type) {
	case EVENT_DEPLOY_STARTED:
	case EVENT_GO_LIVE:
	case EVENT_TASK_SELECTED:
	case EVENT_MAINTENANCE_ON:
	case EVENT_MAINTENANCE_OFF:
		return WEIGHT_NORMAL;
	case EVENT_STEP_FINISHED:
	case EVENT_SMOKE_CHECK:
	case EVENT_MARKER:
	case EVENT_NOTIFY:
		return failed ? WEIGHT_IMPORTANT : WEIGHT_NORMAL;
	case EVENT_STAGE_FINISHED:
		return WEIGHT_DETAIL;
	case EVENT_GUARD:
		return event->status == STATUS_PASS ? WEIGHT_NONE : WEIGHT_IMPORTANT;
	case EVENT_DEFERRED_FINISHED:	/* its steps have told the rest */
		return failed ? WEIGHT_IMPORTANT : WEIGHT_NONE;
	case EVENT_MESSAGE:
		return event->level == LEVEL_INFO ? WEIGHT_NORMAL : WEIGHT_IMPORTANT;
	case EVENT_WAITING:
		return event->text && event->text[0] ? WEIGHT_DETAIL : WEIGHT_NONE;
	case EVENT_STAGE_STARTED:
	case EVENT_STEP_STARTED:
	case EVENT_TASK_SKIPPED:
	case EVENT_MAINTENANCE_INTENT:
	case EVENT_COUNTDOWN:
		return WEIGHT_DETAIL;
	default:
		return WEIGHT_NONE;
	}
}

static void add_commit(struct buffer *out, const char *commit)
{
	struct buffer clean;

	buffer_init(&clean, 4096);
	words_clean(&clean, commit);
	buffer_add(out, clean.data, clean.length < SHORT_COMMIT ? clean.length : SHORT_COMMIT);
	buffer_release(&clean);
}

/* "ok" in its colour. */
static void add_status(struct buffer *out, const struct event *event, bool color)
{
	enum style colour = STYLE_DIM;
	char words[32];

	if (words_failed(event))
		colour = event->allowed ? STYLE_YELLOW : STYLE_RED;
	else if (event->status == STATUS_OK || event->status == STATUS_PASS)
		colour = STYLE_GREEN;
	else if (event->status == STATUS_WARN)
		colour = STYLE_YELLOW;
	snprintf(words, sizeof(words), "%s", event_status_name(event->status));
	for (char *at = words; *at; at++)
		if (*at == '_')
			*at = ' ';
	buffer_add_text(out, style(color, colour));
	buffer_add_text(out, words);
	buffer_add_text(out, style(color, STYLE_NONE));
}

/* " (exit code 2, 4.2s)" */
static void add_numbers(struct buffer *out, const struct event *event, const char *ended)
{
	char duration[32];

	buffer_add_text(out, " (");
	if (*ended)
		buffer_add_format(out, "%s, ", ended);
	buffer_add_text(out, duration_format(duration, event->duration));
	if (event->allowed)
		buffer_add_text(out, ", which is allowed");
	buffer_add_char(out, ')');
}

/* "failed (exit code 2, 4.2s): the reason", and nothing twice. */
static void add_outcome(struct buffer *out, const struct event *event, bool color)
{
	bool ran = event->duration > 0 ||
		   (event->status != STATUS_SKIPPED && event->status != STATUS_CANCELLED &&
		    event->status != STATUS_RESUMED);
	char ended[64] = "";

	if (event->type == EVENT_STEP_FINISHED && event->signal)
		snprintf(ended, sizeof(ended), "%s", event->signal);
	else if (event->type == EVENT_STEP_FINISHED && event->exit_code > 0)
		snprintf(ended, sizeof(ended), "exit code %d", (int)event->exit_code);
	add_status(out, event, color);
	if (ran)
		add_numbers(out, event, ended);
	if (event->reason && strcmp(event->reason, ended) != 0) {
		buffer_add_text(out, ": ");
		words_clean(out, event->reason);
	}
}

static void add_because(struct buffer *out, const struct event_because *because)
{
	if (because->path) {
		words_clean(out, because->path);
		if (because->pattern) {
			buffer_add_text(out, " matches ");
			words_clean(out, because->pattern);
		}
		if (because->count > 1)
			buffer_add_format(out, " (%d files)", (int)because->count);
	} else if (because->trailer) {
		buffer_add_text(out, "the commit trailer ");
		words_clean(out, because->trailer);
	} else if (because->flag) {
		words_clean(out, because->flag);
	} else {
		words_clean(out, because->reason);
	}
}

static void add_deploy_started(struct buffer *out, const struct event *event, bool color)
{
	buffer_add_text(out, style(color, STYLE_BOLD));
	buffer_add_text(out, event->recovers     ? "recovering "
			     : event->tasks_only ? "running tasks of "
			     : event->rollback   ? "rolling back "
						 : "deploying ");
	words_clean(out, event->app);
	buffer_add_text(out, event->tasks_only || event->rollback || event->recovers ? " on "
										     : " to ");
	words_clean(out, event->env);
	buffer_add_text(out, ": ");
	add_commit(out, event->commit);
	buffer_add_text(out, style(color, STYLE_NONE));
	if (event->previous && event->previous[0] && !event->tasks_only) {
		buffer_add_text(out, " after ");
		add_commit(out, event->previous);
	}
	if (event->deployer) {
		buffer_add_text(out, ", by ");
		words_clean(out, event->deployer);
	}
	if (event->id) {
		buffer_add_text(out, " (");
		words_clean(out, event->id);
		buffer_add_char(out, ')');
	}
}

static void add_started(struct buffer *out, const struct event *event)
{
	char text[32];

	words_step(out, event->stage, event->type == EVENT_STEP_STARTED ? event->step : NULL,
		   event->action);
	buffer_add_text(out, " started");
	if (event->attempt > 1)
		buffer_add_format(out, ", attempt %d", (int)event->attempt);
	if (event->estimate >= 1000)
		buffer_add_format(out, " (~%s)", duration_format(text, event->estimate));
}

static void add_named(struct buffer *out, const struct event *event, const char *what, bool color)
{
	buffer_add_text(out, what);
	words_clean(out, event->name);
	buffer_add_char(out, ' ');
	if (event->type == EVENT_SMOKE_CHECK) {
		add_outcome(out, event, color);
		return;
	}
	add_status(out, event, color);
	if (event->reason) {
		buffer_add_text(out, ": ");
		words_clean(out, event->reason);
	}
}

static void add_message(struct buffer *out, const struct event *event, bool color)
{
	static const char *const words[] = {"", "warning: ", "error: "};
	static const enum style styles[] = {STYLE_NONE, STYLE_YELLOW, STYLE_RED};

	if (event->level != LEVEL_INFO) {
		buffer_add_text(out, style(color, styles[event->level]));
		buffer_add_text(out, words[event->level]);
		buffer_add_text(out, style(color, STYLE_NONE));
	}
	if (event->text)
		filter_text(out, event->text, strlen(event->text),
			    FILTER_GITHUB | FILTER_BUILDKITE);
}

static void add_task(struct buffer *out, const struct event *event)
{
	buffer_add_text(out, "task ");
	words_clean(out, event->task);
	buffer_add_text(out, event->type == EVENT_TASK_SELECTED ? " will run: " : " skipped: ");
	add_because(out, &event->because);
}

static void add_page(struct buffer *out, const struct event *event)
{
	buffer_add_text(out, event->type == EVENT_MAINTENANCE_INTENT ? "showing the page"
			     : event->type == EVENT_MAINTENANCE_ON   ? "the page is shown"
								     : "the page is taken away");
}

static void add_maintenance(struct buffer *out, const struct event *event, bool color)
{
	bool on = event->type == EVENT_MAINTENANCE_ON, failed = event->status == STATUS_FAILED;

	buffer_add_text(out, "maintenance: ");
	if (failed) {
		buffer_add_text(out, style(color, STYLE_RED));
		words_clean(out, event->halt);
		buffer_add_text(out, on ? " was not stopped" : " was not started");
		buffer_add_text(out, style(color, STYLE_NONE));
		buffer_add_text(out, ": ");
		words_clean(out, event->reason);
		return;
	}
	if (event->halt && strcmp(event->halt, "page") == 0) {
		add_page(out, event);
		return;
	}
	buffer_add_text(out, event->type == EVENT_MAINTENANCE_INTENT ? "stopping "
			     : on				    ? "stopped "
								    : "started ");
	words_clean(out, event->halt);
	if (event->type == EVENT_MAINTENANCE_OFF)
		buffer_add_text(out, " again");
}

static void add_go_live(struct buffer *out, const struct event *event, bool color)
{
	buffer_add_text(out, style(color, STYLE_BOLD));
	if (event->type == EVENT_COUNTDOWN) {
		buffer_add_format(out, "go-live in %d", (int)event->seconds);
	} else {
		buffer_add_text(out, "go-live: ");
		add_commit(out, event->commit);
	}
	buffer_add_text(out, style(color, STYLE_NONE));
}

void words_event(struct buffer *out, const struct event *event, bool color)
{
	if (words_weight(event) == WEIGHT_NONE)
		return;
	switch (event->type) {
	case EVENT_DEPLOY_STARTED:
		add_deploy_started(out, event, color);
		break;
	case EVENT_STAGE_STARTED:
	case EVENT_STEP_STARTED:
		add_started(out, event);
		break;
	case EVENT_STAGE_FINISHED:
	case EVENT_STEP_FINISHED:
		words_step(out, event->stage,
			   event->type == EVENT_STEP_FINISHED ? event->step : NULL, event->action);
		buffer_add_char(out, ' ');
		add_outcome(out, event, color);
		break;
	case EVENT_MAINTENANCE_INTENT:
	case EVENT_MAINTENANCE_ON:
	case EVENT_MAINTENANCE_OFF:
		add_maintenance(out, event, color);
		break;
	case EVENT_COUNTDOWN:
	case EVENT_GO_LIVE:
		add_go_live(out, event, color);
		break;
	case EVENT_SMOKE_CHECK:
		add_named(out, event, "smoke: ", color);
		break;
	case EVENT_TASK_SELECTED:
	case EVENT_TASK_SKIPPED:
		add_task(out, event);
		break;
	case EVENT_MARKER:
		add_named(out, event, "marker ", color);
		break;
	case EVENT_NOTIFY:
		add_named(out, event, "message to ", color);
		break;
	case EVENT_GUARD:
		add_named(out, event, "guard ", color);
		break;
	case EVENT_WAITING:
		buffer_add_text(out, "waiting for ");
		words_clean(out, event->text);
		break;
	case EVENT_MESSAGE:
		add_message(out, event, color);
		break;
	case EVENT_DEFERRED_FINISHED:
		add_named(out, event, "deferred steps:", color);
		break;
	default:
		break;
	}
	if (out->length && out->data[out->length - 1] != '\n')
		buffer_add_char(out, '\n');
}
