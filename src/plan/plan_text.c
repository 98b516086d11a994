/* A plan as a person reads it. */
#include "base/clock.h"
#include "base/text.h"
#include "git/change.h"
#include "plan/plan_internal.h"
#include "ui/terminal.h"

enum { COMMITS_SHOWN = 10 };

struct page {
	const struct plan_text_options *options;
	struct buffer *out;
	struct buffer line;	/* plain text of the line under construction */
};

/* Bytes that others wrote: no control characters, no escape sequences, no turned direction. */
static void add_harmless(struct buffer *out, const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		const char *start = text;
		uint32_t point = text_next(&text, end);
		bool bad = point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xfffd ||
			   (point >= 0x202a && point <= 0x202e) ||
			   (point >= 0x2066 && point <= 0x2069);

		if (bad)
			buffer_add_text(out, "\xef\xbf\xbd");
		else
			buffer_add(out, start, (size_t)(text - start));
	}
}

static const char *paint(const struct page *page, enum style which)
{
	return style(page->options->color, which);
}

/* One line: its start as it is (it may hold styles), then text cut to what fits behind it. */
static void line(struct page *page, enum style which, const char *start, const char *text)
{
	size_t used = text_columns(start, strlen(start)), length, width;

	buffer_clear(&page->line);
	add_harmless(&page->line, text);
	length = page->line.length;
	width = page->options->columns > 0 ? (size_t)page->options->columns : SIZE_MAX;
	buffer_add_text(page->out, paint(page, which));
	buffer_add_text(page->out, start);
	if (width != SIZE_MAX && used + text_columns(page->line.data, length) > width) {
		length = text_fit(page->line.data, length, width > used + 1 ? width - used - 1 : 1);
		buffer_add(page->out, page->line.data, length);
		buffer_add_text(page->out, "\xe2\x80\xa6");
	} else {
		buffer_add(page->out, page->line.data, length);
	}
	buffer_add_text(page->out, paint(page, STYLE_NONE));
	buffer_add_char(page->out, '\n');
}

/* How much of text goes on a line of so many columns: up to its last space, if it has one. */
static size_t fold(const char *text, size_t length, size_t columns)
{
	size_t fits = text_fit(text, length, columns), cut = fits;

	if (fits == length)
		return length;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	return cut > 0 ? cut : fits > 0 ? fits : 1;
}

/* As line(), but what does not fit goes on below: nothing that matters is cut. */
static void wrapped(struct page *page, enum style which, const char *start, const char *text)
{
	size_t used = text_columns(start, strlen(start)), indent = strspn(start, " ") + 2, width,
	       size;
	const char *at;

	buffer_clear(&page->line);
	add_harmless(&page->line, text);
	width = page->options->columns > 0 ? (size_t)page->options->columns : SIZE_MAX;
	buffer_add_format(page->out, "%s%s", paint(page, which), start);
	at = page->line.data;
	for (size_t left = page->line.length; left > 0; left -= size, at += size, used = indent) {
		if (at != page->line.data)
			buffer_add_format(page->out, "\n%*s", (int)indent, "");
		size = fold(at, left, width > used + 20 ? width - used : 20);
		buffer_add(page->out, at, size);
		if (size < left && at[size] == ' ')
			size++;
	}
	buffer_add_format(page->out, "%s\n", paint(page, STYLE_NONE));
}

static void heading(struct page *page, const char *text)
{
	buffer_add_format(page->out, "\n%s%s%s\n", paint(page, STYLE_BOLD), text,
			  paint(page, STYLE_NONE));
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void add_counts(struct buffer *text, const struct plan *plan)
{
	const struct change *change = plan->change;

	if (change->commit_count)
		buffer_add_format(text, "%zu commit%s by %zu author%s, ", change->commit_count,
				  plural(change->commit_count), change->authors.count,
				  plural(change->authors.count));
	buffer_add_format(text, "%zu file%s changed, %lld line%s added, %lld removed",
			  change->files.count, plural(change->files.count),
			  (long long)plan->lines_added, plan->lines_added == 1 ? "" : "s",
			  (long long)plan->lines_removed);
}

/* How much changes; on the first deploy, and when what is live is not known, that is everything. */
static void add_amount(struct buffer *text, const struct plan *plan)
{
	const struct change *change = plan->change;

	if (!change)
		return;
	if (change->everything)
		buffer_add_format(text, "%s, %zu file%s", plan->previous
				  ? "everything counts as changed" : "the first deploy",
				  change->files.count, plural(change->files.count));
	else if (change->commit_count || change->files.count)
		add_counts(text, plan);
	else
		buffer_add_text(text, "no new commits");
}

static void write_head(struct page *page, const struct plan *plan)
{
	struct buffer text;
	char duration[32];

	buffer_init(&text, 4096);
	buffer_add_format(&text, "%s%s to %s: %.7s", plan->rollback ? "rollback of " : "",
			  plan->app, plan->env, plan->commit);
	if (plan->branch)
		buffer_add_format(&text, " of %s", plan->branch);
	if (plan->previous)
		buffer_add_format(&text, ", live is %.7s", plan->previous);
	else
		buffer_add_text(&text, ", nothing is live yet");
	line(page, STYLE_BOLD, "", text.data);
	buffer_clear(&text);
	add_amount(&text, plan);
	if (text.length)
		wrapped(page, STYLE_NONE, "", text.data);
	buffer_clear(&text);
	buffer_add_format(&text, "risk %s; maintenance %s", plan_risk_name(plan->risk),
			  plan->maintenance ? "yes" : "no");
	if (plan->estimate >= 0)
		buffer_add_format(&text, "; about %s", duration_format(duration, plan->estimate));
	wrapped(page, STYLE_NONE, "", text.data);
	buffer_release(&text);
}

static void write_commits(struct page *page, const struct plan *plan)
{
	const struct change *change = plan->change;
	size_t shown;

	if (!change || !plan->previous || !change->commits.count)
		return;
	heading(page, "Commits");
	shown = page->options->verbose ? change->commits.count : COMMITS_SHOWN;
	for (size_t i = 0; i < change->commits.count && i < shown; i++) {
		const struct change_commit *commit = &change->commits.items[i];
		struct buffer text;

		buffer_init(&text, 8192);
		buffer_add_format(&text, "%.7s %s (%s)", commit->id, commit->subject,
				  commit->author);
		line(page, STYLE_NONE, "  ", text.data);
		buffer_release(&text);
	}
	if (change->commit_count > shown) {
		char more[64];

		snprintf(more, sizeof(more), "and %zu more", change->commit_count - shown);
		line(page, STYLE_DIM, "  ", more);
	}
}

static void write_choice(struct page *page, const char *start, const char *name, bool selected,
			 const struct event_because *because, int64_t estimate)
{
	struct buffer text;
	char duration[32];

	buffer_init(&text, 16384);
	buffer_add_format(&text, "%s %s: ", selected ? "+" : "-", name);
	if (!selected)
		buffer_add_text(&text, "skipped, ");
	plan_because_text(because, &text);
	if (selected && estimate >= 0)
		buffer_add_format(&text, " (~%s)", duration_format(duration, estimate));
	wrapped(page, selected ? STYLE_NONE : STYLE_DIM, start, text.data);
	buffer_release(&text);
}

static void write_steps(struct page *page, const struct plan *plan,
			const struct plan_stage *stage)
{
	for (size_t i = stage->first; i < stage->first + stage->count; i++) {
		const struct plan_step *step = &plan->steps.items[i];
		const struct step_kind *kind = step_kind_find(step->config->kind);
		struct buffer text;

		if (!stage->selected && !page->options->verbose)
			continue;
		buffer_init(&text, 16384);
		buffer_add_format(&text, "%s ", step->name);
		if (!step->selected) {
			buffer_add_text(&text, "(skipped, ");
			plan_because_text(&step->because, &text);
			buffer_add_text(&text, ")");
		} else if (step->half == STEP_PUBLISH) {
			buffer_add_text(&text, step->kept ? "(what was kept)"
							  : "(what was prepared)");
		} else if (kind && kind->describe) {
			kind->describe(step->config, &text);
		} else {
			buffer_add_text(&text, step->config->kind);
		}
		line(page, STYLE_DIM, "      ", text.data);
		buffer_release(&text);
	}
}

static void write_stages(struct page *page, const struct plan *plan)
{
	static const char *const titles[] = {"Before go-live", "Go-live", "Behind go-live"};

	for (int phase = PHASE_BEFORE; phase <= PHASE_BEHIND; phase++) {
		bool titled = false;

		for (size_t i = 0; i < plan->stages.count; i++) {
			const struct plan_stage *stage = &plan->stages.items[i];

			if ((int)stage->phase != phase)
				continue;
			if (!titled)
				heading(page, titles[phase]);
			titled = true;
			write_choice(page, "  ", stage->name, stage->selected, &stage->because,
				     stage->estimate);
			write_steps(page, plan, stage);
		}
	}
}

static void write_tasks(struct page *page, const struct plan *plan)
{
	if (plan->tasks.count)
		heading(page, "Tasks");
	for (size_t i = 0; i < plan->tasks.count; i++) {
		const struct plan_task *task = &plan->tasks.items[i];

		write_choice(page, task->deferred ? "  (deferred) " : "  ", task->name,
			     task->step.selected, &task->step.because, task->step.estimate);
	}
}

static void write_because(struct page *page, enum style which,
			  const struct plan_because_list *because)
{
	for (size_t i = 0; i < because->list.count; i++) {
		struct buffer text;

		buffer_init(&text, 16384);
		plan_because_text(&because->list.items[i], &text);
		wrapped(page, which, "  ", text.data);
		buffer_release(&text);
	}
}

/* Yes or no was said at the top; here is why, and what stops then. */
static void write_maintenance(struct page *page, const struct plan *plan)
{
	const struct maintenance_config *config = plan->config ? &plan->config->maintenance : NULL;
	struct buffer text;

	if (!plan->maintenance_because.list.count)
		return;
	heading(page, plan->maintenance ? "Maintenance" : "No maintenance");
	write_because(page, plan->maintenance ? STYLE_YELLOW : STYLE_DIM,
		      &plan->maintenance_because);
	if (!plan->maintenance || !config || !config->halts.count)
		return;
	buffer_init(&text, 16384);
	buffer_add_text(&text, config->together ? "halts at once: " : "halts in this order: ");
	for (size_t i = 0; i < config->halts.count; i++)
		buffer_add_format(&text, "%s%s", i ? ", " : "", config->halts.items[i].name);
	wrapped(page, STYLE_NONE, "  ", text.data);
	buffer_release(&text);
}

static void write_risk(struct page *page, const struct plan *plan)
{
	if (plan->risk == RISK_LOW)
		return;
	heading(page, "Risk");
	write_because(page, STYLE_YELLOW, &plan->risk_because);
}

static void write_guard(struct page *page, const struct plan_guard *guard)
{
	bool refuses = guard->verdict == STATUS_REFUSE;
	struct buffer text;
	char start[64];

	snprintf(start, sizeof(start), "  %s %s: ",
		 guard->overridden                 ? "overridden:"
		 : refuses                         ? "refuses:"
		 : guard->verdict == STATUS_WARN ? "warns:"
						   : "passes:",
		 guard->name);
	buffer_init(&text, 16384);
	buffer_add_text(&text, guard->reason ? guard->reason : "");
	if (guard->overridden)
		buffer_add_format(&text, " (because: %s)", guard->override_reason);
	else if (guard->override)
		buffer_add_format(&text, " (%s)", guard->override);
	wrapped(page,
		refuses                           ? STYLE_RED
		: guard->verdict == STATUS_WARN ? STYLE_YELLOW
						  : STYLE_NONE,
		start, text.data);
	buffer_release(&text);
}

/* What speaks against it, each on its line; those that have nothing to tell share one. */
static void write_guards(struct page *page, const struct plan *plan)
{
	struct buffer quiet;

	if (!plan->guards.count)
		return;
	heading(page, "Guards");
	buffer_init(&quiet, 4096);
	for (size_t i = 0; i < plan->guards.count; i++) {
		const struct plan_guard *guard = &plan->guards.items[i];

		if (guard->verdict != STATUS_PASS || guard->reason)
			write_guard(page, guard);
		else
			buffer_add_format(&quiet, "%s%s", quiet.length ? ", " : "", guard->name);
	}
	if (quiet.length)
		wrapped(page, STYLE_DIM, "  pass: ", quiet.data);
	buffer_release(&quiet);
}

static void write_notes(struct page *page, const struct plan *plan)
{
	if (plan->notes.count || plan->open.count)
		heading(page, "Notes");
	for (size_t i = 0; i < plan->notes.count; i++)
		wrapped(page, STYLE_NONE, "  ", plan->notes.items[i]);
	for (size_t i = 0; i < plan->open.count; i++)
		wrapped(page, STYLE_NONE, "  ", plan->open.items[i]);
}

void plan_to_text(const struct plan *plan, const struct plan_text_options *options,
		  struct buffer *out)
{
	struct page page = {.options = options, .out = out};

	buffer_init(&page.line, 65536);
	write_head(&page, plan);
	if (plan->nothing_to_do) {
		line(&page, STYLE_NONE, "", "nothing to do: this commit is live already "
		     "(--redeploy deploys it once more)");
	} else {
		write_commits(&page, plan);
		write_stages(&page, plan);
		write_tasks(&page, plan);
		write_maintenance(&page, plan);
		write_risk(&page, plan);
	}
	write_guards(&page, plan);
	write_notes(&page, plan);
	buffer_release(&page.line);
}
