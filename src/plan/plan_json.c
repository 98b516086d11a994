/* A plan as the object of `plan --json`. */
#include "base/text.h"
#include "git/change.h"
#include "plan/plan_internal.h"

/* File names are bytes; what is not UTF-8 in them is shown as U+FFFD. */
static json_t *text_json(const char *text)
{
	struct buffer safe;
	const char *cursor, *end;
	json_t *json;

	if (!text)
		return json_null();
	if (text_is_utf8(text, strlen(text), NULL))
		return json_string(text);
	buffer_init(&safe, (size_t)1 << 20);
	for (cursor = text, end = text + strlen(text); cursor < end;) {
		const char *start = cursor;

		if (text_next(&cursor, end) == 0xfffd)
			buffer_add_text(&safe, "\xef\xbf\xbd");
		else
			buffer_add(&safe, start, (size_t)(cursor - start));
	}
	json = json_string(safe.data);
	buffer_release(&safe);
	return json;
}

static void put(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, text_json(text));
}

static json_t *because_json(const struct event_because *because)
{
	json_t *json = json_object();

	put(json, "path", because->path);
	put(json, "pattern", because->pattern);
	if (because->line)
		json_object_set_new(json, "line", json_integer(because->line));
	if (because->path)
		json_object_set_new(json, "count", json_integer(because->count));
	put(json, "trailer", because->trailer);
	put(json, "flag", because->flag);
	put(json, "reason", because->reason);
	return json;
}

static json_t *because_list_json(const struct plan_because_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->list.count; i++)
		json_array_append_new(json, because_json(&list->list.items[i]));
	return json;
}

static json_t *changed_json(const struct change *change)
{
	json_t *json = json_array();

	for (size_t i = 0; change && i < change->files.count; i++) {
		const struct changed_file *file = &change->files.items[i];
		json_t *item = json_object();

		put(item, "path", file->path);
		json_object_set_new(item, "status", json_stringn(&file->status, 1));
		json_array_append_new(json, item);
	}
	return json;
}

static json_t *commits_json(const struct change *change)
{
	json_t *json = json_array();

	for (size_t i = 0; change && i < change->commits.count; i++) {
		const struct change_commit *commit = &change->commits.items[i];
		json_t *item = json_object();

		put(item, "id", commit->id);
		put(item, "author", commit->author);
		put(item, "subject", commit->subject);
		json_array_append_new(json, item);
	}
	return json;
}

static json_t *selected_json(const char *name, bool selected, const struct event_because *because)
{
	json_t *json = json_object();

	put(json, "name", name);
	json_object_set_new(json, "selected", json_boolean(selected));
	json_object_set_new(json, "because", because_json(because));
	return json;
}

static json_t *stages_json(const struct plan *plan)
{
	json_t *json = json_array();

	for (size_t i = 0; i < plan->stages.count; i++) {
		const struct plan_stage *stage = &plan->stages.items[i];

		json_array_append_new(json, selected_json(stage->name, stage->selected,
							  &stage->because));
	}
	return json;
}

static json_t *tasks_json(const struct plan *plan)
{
	json_t *json = json_array();

	for (size_t i = 0; i < plan->tasks.count; i++) {
		const struct plan_task *task = &plan->tasks.items[i];
		json_t *item = selected_json(task->name, task->step.selected, &task->step.because);

		if (task->deferred)
			json_object_set_new(item, "deferred", json_true());
		json_array_append_new(json, item);
	}
	return json;
}

static json_t *steps_json(const struct plan *plan)
{
	static const char *const halves[] = {NULL, "prepare", "publish"};
	json_t *json = json_array();

	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];
		json_t *item = json_object();

		put(item, "stage", step->stage);
		put(item, "name", step->name);
		put(item, "kind", step->config->kind);
		put(item, "half", halves[step->half]);
		json_object_set_new(item, "selected", json_boolean(step->selected));
		json_object_set_new(item, "because", because_json(&step->because));
		if (step->open)
			json_object_set_new(item, "open", json_true());
		json_array_append_new(json, item);
	}
	return json;
}

static json_t *guards_json(const struct plan *plan)
{
	json_t *json = json_array();

	for (size_t i = 0; i < plan->guards.count; i++) {
		const struct plan_guard *guard = &plan->guards.items[i];
		json_t *item = json_object();

		put(item, "name", guard->name);
		put(item, "verdict", event_status_name(guard->verdict));
		json_object_set_new(item, "reason", text_json(guard->reason));
		json_object_set_new(item, "override", text_json(guard->override));
		if (guard->overridden)
			json_object_set_new(item, "overridden", json_true());
		json_array_append_new(json, item);
	}
	return json;
}

static json_t *texts_json(const struct text_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(json, text_json(list->items[i]));
	return json;
}

/* null for what is not known (-1). */
static json_t *number_json(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

json_t *plan_to_json(const struct plan *plan)
{
	json_t *json = json_object(), *lines = json_object(), *risk = json_object();
	json_t *maintenance = json_object();

	put(json, "app", plan->app);
	put(json, "env", plan->env);
	put(json, "commit", plan->commit);
	if (plan->rollback)
		put(json, "rollback", plan->rollback->id);
	json_object_set_new(json, "previous", text_json(plan->previous));
	json_object_set_new(json, "branch", text_json(plan->branch));
	put(json, "digest", plan->digest);
	json_object_set_new(json, "nothing_to_do", json_boolean(plan->nothing_to_do));
	json_object_set_new(json, "changed", changed_json(plan->change));
	json_object_set_new(json, "commits", commits_json(plan->change));
	json_object_set_new(lines, "added", number_json(plan->lines_added));
	json_object_set_new(lines, "removed", number_json(plan->lines_removed));
	json_object_set_new(lines, "counted", number_json(plan->lines_counted));
	json_object_set_new(json, "lines", lines);
	json_object_set_new(json, "stages", stages_json(plan));
	json_object_set_new(json, "tasks", tasks_json(plan));
	json_object_set_new(json, "steps", steps_json(plan));
	json_object_set_new(maintenance, "needed", json_boolean(plan->maintenance));
	json_object_set_new(maintenance, "because", because_list_json(&plan->maintenance_because));
	json_object_set_new(json, "maintenance", maintenance);
	json_object_set_new(risk, "level", json_string(plan_risk_name(plan->risk)));
	json_object_set_new(risk, "because", because_list_json(&plan->risk_because));
	json_object_set_new(json, "risk", risk);
	json_object_set_new(json, "guards", guards_json(plan));
	json_object_set_new(json, "notes", texts_json(&plan->notes));
	json_object_set_new(json, "open", texts_json(&plan->open));
	json_object_set_new(json, "estimate_ms", number_json(plan->estimate));
	return json;
}
