/* Whether production must be halted while this goes live: what the team's patterns ask for, and
 * migrations that lock a hot table. */
#include "base/regex.h"
#include "base/text.h"
#include "git/change.h"
#include "git/pattern.h"
#include "plan/migration.h"
#include "plan/plan_internal.h"

enum { REASONS = 50 }; /* more convince nobody */

struct need {
	struct plan *plan;
	const struct plan_input *input;
	const struct maintenance_config *config;
	struct pattern_path *paths;
	struct pattern_index *index;
	struct changed_text *texts; /* of files that were read, in order of change->files */
	bool *read;
};

static bool is_known(const struct plan *plan, const struct event_because *because)
{
	for (size_t i = 0; i < plan->maintenance_because.list.count; i++) {
		const struct event_because *other = &plan->maintenance_because.list.items[i];

		if (other->line == because->line && text_equal(other->path, because->path) &&
		    text_equal(other->reason, because->reason))
			return true;
	}
	return false;
}

static void add_because(struct plan *plan, bool needed, struct event_because because)
{
	plan->maintenance = needed;
	if (plan->maintenance_because.list.count < REASONS && !is_known(plan, &because))
		vec_push(plan->arena, &plan->maintenance_because.list, because);
}

/* Each file is read once, whoever asks. */
static const struct changed_text *text_of(struct need *need, size_t file, struct error *err)
{
	const struct changed_file *changed = &need->input->change->files.items[file];

	if (!need->read[file] && need->input->read_file &&
	    need->input->read_file(need->input->context, changed, &need->texts[file], err) < 0)
		return NULL;
	need->read[file] = true;
	return &need->texts[file];
}

/* The first line that the change adds and the expression matches; 0: none; -1: err. */
static int64_t added_match(const struct changed_text *text, const struct regex *regex,
			   struct error *err)
{
	const char *line = text->text, *end = text->text + text->length;
	size_t number = 1;

	for (size_t i = 0; i < text->added.count; i++) {
		const struct line_span *span = &text->added.items[i];

		for (; line < end && number < span->first + span->count; number++) {
			const char *stop = memchr(line, '\n', (size_t)(end - line));
			size_t length = (size_t)((stop ? stop : end) - line);
			int found = 0;

			if (number >= span->first)
				found = regex_match(regex, line,
						    length && line[length - 1] == '\r' ? length - 1
										       : length,
						    NULL, 0, err);
			if (found)
				return found < 0 ? -1 : (int64_t)number;
			line = stop ? stop + 1 : end;
		}
	}
	return 0;
}

static int judge_lines(struct need *need, const struct maintenance_need *alternative,
		       const size_t *places, size_t count, struct error *err)
{
	CLEANUP(regex_cleanup) struct regex *regex = regex_new(alternative->adds, REGEX_PLAIN, err);

	if (!regex)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct changed_text *text = text_of(need, places[i], err);
		int64_t line;

		if (!text)
			return -1;
		line = text->text ? added_match(text, regex, err) : 0;
		if (line < 0)
			return error_wrap(err, "%s", need->paths[places[i]].path);
		if (line)
			add_because(need->plan, true,
				    (struct event_because){
					    .path = need->paths[places[i]].path,
					    .line = line,
					    .count = 1,
					    .reason = arena_format(need->plan->arena,
								   "adds what %s matches",
								   alternative->adds)});
	}
	return 0;
}

/* One of needed_if: files that change, and lines that they add. */
static int judge_alternative(struct need *need, const struct maintenance_need *alternative,
			     struct error *err)
{
	struct arena *arena = need->plan->arena;
	size_t *places, count = need->input->change->files.count;
	struct pattern_list list;

	if (alternative->changed.list.count) {
		struct pattern_hit hit = {0};

		if (pattern_list_compile(arena, &alternative->changed, &list, err))
			return -1;
		if (!alternative->adds) {
			pattern_index_match(need->index, &list, &hit);
			if (hit.count)
				add_because(need->plan, true,
					    (struct event_because){.path = hit.path,
								   .pattern = hit.pattern,
								   .count = (int64_t)hit.count});
			return 0;
		}
		count = pattern_index_paths(need->index, arena, &list, &places);
	} else {
		places = arena_array(arena, count + 1, sizeof(*places));
		for (size_t i = 0; i < count; i++)
			places[i] = i;
	}
	return alternative->adds ? judge_lines(need, alternative, places, count, err) : 0;
}

static bool is_added(const struct changed_text *text, const struct migration_finding *finding)
{
	for (size_t line = finding->line; line <= finding->last; line++)
		if (changed_text_adds(text, line))
			return true;
	return false;
}

static void judge_finding(struct need *need, const char *path,
			  const struct migration_finding *finding)
{
	const struct text_list *hot = &need->config->hot_tables;
	const char *table = migration_table(finding, hot);
	struct arena *arena = need->plan->arena;

	if (finding->effects & MIGRATION_OPAQUE)
		text_list_add(arena, &need->plan->notes,
			      arena_format(arena,
					   "%s:%zu: %s, so which tables it locks is not "
					   "known; if a hot one is among them: --maintenance on",
					   path, finding->line, finding->what));
	if (!(finding->effects & MIGRATION_LOCKS) || !table)
		return;
	add_because(need->plan, true,
		    (struct event_because){
			    .path = path,
			    .line = (int64_t)finding->line,
			    .count = 1,
			    .reason = arena_format(arena, "%s (%s is hot)", finding->what, table)});
}

static int judge_migrations(struct need *need, struct error *err)
{
	const struct change *change = need->input->change;

	for (size_t i = 0; need->config->hot_tables.count && i < change->files.count; i++) {
		const struct changed_file *file = &change->files.items[i];
		const struct changed_text *text;
		struct migration migration;

		if (file->status == 'D' || !migration_kind(file->path))
			continue;
		text = text_of(need, i, err);
		if (!text)
			return -1;
		if (!text->text)
			continue;
		migration_read(need->plan->arena, file->path, text->text, text->length, &migration);
		for (size_t f = 0; f < migration.findings.count; f++)
			if (is_added(text, &migration.findings.items[f]))
				judge_finding(need, file->path, &migration.findings.items[f]);
	}
	return 0;
}

static int judge_change(struct plan *plan, const struct plan_input *input, struct error *err)
{
	const struct change *change = input->change;
	size_t count = change->files.count;
	struct need need = {.plan = plan, .input = input, .config = &plan->config->maintenance};
	int result = 0;

	if (!count || (!need.config->needed_if.count && !need.config->hot_tables.count))
		return 0;
	need.paths = change_paths(plan->arena, change);
	need.index = pattern_index_new(need.paths, count);
	need.texts = arena_array(plan->arena, count, sizeof(*need.texts));
	need.read = arena_array(plan->arena, count, sizeof(*need.read));
	for (size_t i = 0; !result && i < need.config->needed_if.count; i++)
		result = judge_alternative(&need, &need.config->needed_if.items[i], err);
	if (!result)
		result = judge_migrations(&need, err);
	pattern_index_free(need.index);
	return result;
}

int maintenance_judge(struct plan *plan, const struct plan_input *input, struct error *err)
{
	const struct maintenance_config *config = &plan->config->maintenance;
	const char *flag = input->flags.maintenance;
	bool automatic = flag && !strcmp(flag, "auto");

	if (plan->nothing_to_do)
		return 0;
	if (flag && !automatic)
		add_because(plan, !strcmp(flag, "on"),
			    (struct event_because){
				    .flag = arena_format(plan->arena, "--maintenance %s", flag)});
	else if (config->present && config->when != MAINTENANCE_AUTO && !automatic)
		add_because(
			plan, config->when == MAINTENANCE_ALWAYS,
			(struct event_because){.reason = config->when == MAINTENANCE_ALWAYS
								 ? "maintenance.when is always"
								 : "maintenance.when is never"});
	else if (config->present && plan->previous && input->change)
		return judge_change(plan, input, err);
	return 0;
}
