/* The end of a deploy in words: the verdict, its cause, what is owed, what to do. */
#include "ui/renderer.h"

static const char *rollback_sentence(const struct event *event)
{
	switch (event->status) {
	case STATUS_OK:
		return "Done: the earlier release is live again.";
	case STATUS_FAILED_LIVE:
		return "THE ROLLBACK FAILED AS WELL: the earlier release is live and is not well. "
		       "Production needs attention now.";
	default:
		return event->exit_code == EXIT_ATTENTION
			       ? "THE ROLLBACK FAILED HALF-WAY. Production needs attention now."
			       : "The rollback failed. Production is as it was.";
	}
}

static const char *recovered(const struct event *event)
{
	if (event->exit_code)
		return "Not everything could be put right. Production needs attention.";
	if (event->status == STATUS_ROLLED_BACK)
		return "Recovered: the interrupted deploy is rolled back.";
	if (event->rollback)
		return event->status == STATUS_FAILED_LIVE
			? "Recovered: the earlier release is live again."
			: "Recovered: production is as it was before the interrupted rollback.";
	return event->status == STATUS_FAILED_LIVE
		? "Recovered: the commit of the interrupted deploy is live."
		: "Recovered: production is as it was before the interrupted deploy.";
}

static const char *sentence(const struct event *event)
{
	if (event->recovers)
		return recovered(event);
	if (event->rollback)
		return rollback_sentence(event);
	switch (event->status) {
	case STATUS_OK:
		return event->tasks_only ? "Done." : "Done: the deploy is live.";
	case STATUS_FAILED:
		if (event->exit_code == EXIT_ATTENTION)
			return "The deploy failed half-way through go-live. Production needs "
			       "attention.";
		return "The deploy failed. Production is as it was.";
	case STATUS_FAILED_LIVE:
		if (event->tasks_only)
			return "Not everything was done. What is left is owed.";
		return "The deploy failed. Production has changed and needs attention.";
	case STATUS_ROLLED_BACK:
		return "The deploy failed and was rolled back: the previous release is live again.";
	case STATUS_INTERRUPTED:
		if (event->exit_code == EXIT_ATTENTION)
			return "Interrupted. Production has changed and needs attention.";
		if (event->exit_code == EXIT_ROLLED_BACK)
			return "Interrupted and rolled back: the previous release is live again.";
		return "Interrupted. Production is as it was.";
	default:
		return "The deploy ended.";
	}
}

static void add_list(struct buffer *out, const char *title, const struct text_list *list)
{
	if (!list || !list->count)
		return;
	buffer_add_text(out, title);
	for (size_t i = 0; i < list->count; i++) {
		buffer_add_text(out, i ? ", " : " ");
		words_clean(out, list->items[i]);
	}
	buffer_add_char(out, '\n');
}

static void add_cause(struct buffer *out, const struct event *event)
{
	if (!event->failed_step && !event->reason)
		return;
	buffer_add_text(out, "  cause: ");
	words_clean(out, event->failed_step);
	if (event->failed_step && event->reason)
		buffer_add_text(out, ": ");
	words_clean(out, event->reason);
	buffer_add_char(out, '\n');
}

void words_verdict(struct buffer *out, const struct event *event, bool color)
{
	enum style colour = event->status == STATUS_OK || (event->recovers && !event->exit_code)
				    ? STYLE_GREEN : STYLE_RED;
	char duration[32];

	buffer_add_text(out, style(color, STYLE_BOLD));
	buffer_add_text(out, style(color, colour));
	buffer_add_text(out, sentence(event));
	buffer_add_text(out, style(color, STYLE_NONE));
	buffer_add_format(out, " (%s)\n", duration_format(duration, event->duration));
	add_cause(out, event);
	if (event->log) {
		buffer_add_text(out, "  log: ");
		words_clean(out, event->log);
		buffer_add_char(out, '\n');
	}
	for (size_t i = 0; event->remarks && i < event->remarks->count; i++) {
		buffer_add_text(out, "  not well: ");
		words_clean(out, event->remarks->items[i]);
		buffer_add_char(out, '\n');
	}
	add_list(out, "  owed, and selected by the next plan:", event->owed);
	if (!event->advice)
		return;
	for (size_t i = 0; i < event->advice->count; i++) {
		buffer_add_text(out, i ? "            " : "  what now: ");
		words_clean(out, event->advice->items[i]);
		buffer_add_char(out, '\n');
	}
}
