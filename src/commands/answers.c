/* What the pipeline asks for: by --set, by its default, or from the person. */
#include "commands/answers.h"

#include "base/regex.h"
#include "base/text.h"
#include "commands/deploy_run.h"

struct prompt answers_prompt(const struct call *call, const char *flag)
{
	return (struct prompt){ .assume_yes = call->yes, .refuse = deploy_writes_json(call),
				.flag = flag };
}

/* The value of --set NAME=VALUE, or NULL. A value may hold commas: it is not taken apart. */
static const char *set_value(const struct call *call, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = call->options.values.count; i > 0; i--) {
		const struct option_value *value = &call->options.values.items[i - 1];

		if (!strcmp(value->row->name, "set") && !strncmp(value->value, name, length) &&
		    value->value[length] == '=')
			return value->value + length + 1;
	}
	return NULL;
}

int answers_check(const struct call *call, const struct pipeline *pipeline, struct error *err)
{
	struct text_list names = { 0 };

	for (size_t i = 0; i < pipeline->ask.count; i++)
		text_list_add(call->arena, &names, pipeline->ask.items[i].name);
	for (size_t i = 0; i < call->options.values.count; i++) {
		const struct option_value *value = &call->options.values.items[i];
		const char *name, *near;

		if (strcmp(value->row->name, "set") != 0)
			continue;
		name = arena_bytes(call->arena, value->value, strcspn(value->value, "="));
		if (strchr(value->value, '=') && text_list_has(&names, name))
			continue;
		if (!strchr(value->value, '='))
			error_set(err, "--set takes NAME=VALUE, not '%s'", value->value);
		else
			error_set(err, "--set %s: the pipeline does not ask for '%s'", value->value,
				  name);
		near = text_nearest(name, names.items, names.count);
		if (near && strchr(value->value, '='))
			error_hint(err, "did you mean '%s'?", near);
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

static bool answer_fits(const struct ask_config *ask, const char *answer, struct error *err)
{
	struct regex *regex CLEANUP(regex_cleanup) = regex_new(ask->match, 0, err);
	struct regex_span span;
	int matches;

	if (!regex)
		return false;
	matches = regex_match(regex, answer, strlen(answer), &span, 1, err);
	if (matches == 0)
		error_set(err, "'%s' is no answer to '%s': it must match %s", answer, ask->name,
			  ask->match);
	return matches == 1;
}

static int ask_one(struct session *session, const struct ask_config *ask, bool defaults,
		   struct variables *answers, struct error *err)
{
	const char *value = set_value(session->call, ask->name);
	struct prompt prompt = answers_prompt(
		session->call, arena_format(session->arena, "--set %s=VALUE", ask->name));

	if (!value && defaults && ask->fallback)
		value = ask->fallback;
	if (!value) {
		char *typed = prompt_text(&prompt, ask->prompt ? ask->prompt : ask->name,
					  ask->fallback, err);

		if (!typed)
			return -1;
		value = arena_string(session->arena, typed);
		free(typed);
	}
	if (ask->choices.count && !text_list_has(&ask->choices, value)) {
		error_set(err, "'%s' is no answer to '%s'", value, ask->name);
		error_hint(err, "one of: %s", text_join(session->arena, &ask->choices, ", "));
		return error_code(err, EXIT_USAGE);
	}
	if (ask->match && !answer_fits(ask, value, err))
		return error_code(err, EXIT_USAGE);
	vec_push(session->arena, &answers->list, ((struct variable){ ask->name, value }));
	return 0;
}

int answers_read(struct session *session, bool defaults, struct variables *answers,
		 struct error *err)
{
	const struct pipeline *pipeline = session->config->pipeline;

	if (answers_check(session->call, pipeline, err) < 0)
		return -1;
	for (size_t i = 0; i < pipeline->ask.count; i++)
		if (ask_one(session, &pipeline->ask.items[i], defaults, answers, err) < 0)
			return -1;
	return 0;
}
