/* Secrets of a run: read late, handed to who names them, and taken out of all that is written. */
#include "base/text.h"
#include "run/run_internal.h"
#include "services/hosts.h"

const char *run_secret(struct run *run, const char *name, struct error *err)
{
	const char *value = map_get_text(&run->secrets, name);
	if (value)
		return value;
	if (!run->options->secret) {
		error_set(err, "the secret '%s' cannot be read here", name);
		return NULL;
	}
	value = run->options->secret(run->options->context, name, err);
	if (!value)
		return NULL;
	value = arena_string(run->arena, value);
	map_set_text(&run->secrets, name, arena_string(run->arena, value));
	if (redactor_add(run->redactor, value))
		event_mask(run->events, value);
	else if (*value)
		text_list_add(run->arena, &run->exposed, name);
	return value;
}

void secrets_tell(struct run *run)
{
	for (size_t i = 0; i < run->exposed.count; i++)
		event_message(run->events, LEVEL_WARNING, "the secret %s has fewer than %d "
			      "characters: it cannot be kept out of the output",
			      run->exposed.items[i], REDACT_MINIMUM);
	run->exposed.count = 0;
}

const char *run_value(void *context, const char *name)
{
	struct run *run = context;
	struct error err = {0};
	const struct variables *answers = &run->options->outputs;
	const char *value = config_var(run->options->config, name);
	for (size_t i = 0; i < answers->list.count; i++)
		if (!strcmp(answers->list.items[i].name, name))
			return answers->list.items[i].value;
	if (value || text_list_has(&run->unreadable, name))
		return value;
	return run->looking ? map_get_text(&run->secrets, name) : run_secret(run, name, &err);
}

const char *run_redacted(struct run *run, const char *text)
{
	struct buffer out;
	if (!text)
		return NULL;
	buffer_init(&out, SIZE_MAX / 2);
	redact_text(run->redactor, text, strlen(text), &out);
	text = arena_bytes(run->arena, out.data, out.length);
	buffer_release(&out);
	return text;
}

typedef int visit_secret(struct run *run, const char *name, struct error *err);

static int visit_list(struct run *run, const struct text_list *names, visit_secret *visit,
		      struct error *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (visit(run, names->items[i], err))
			return -1;
	return 0;
}

static int visit_texts(struct run *run, const char *text, visit_secret *visit, struct error *err)
{
	struct text_list names = {0};
	if (!text)
		return 0;
	if (expand_names(run->arena, text, &names, err))
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (config_secret(run->options->config, names.items[i]) &&
		    !config_var(run->options->config, names.items[i]) &&
		    visit(run, names.items[i], err))
			return -1;
	return 0;
}

/* What is expanded in a step's own keys. */
static int visit_arguments(struct run *run, const struct step_config *step, visit_secret *visit,
			   struct error *err)
{
	struct text_list texts = {0};
	schema_expanding(run->arena, &step->keys->row, step->arguments, &texts);
	for (size_t i = 0; i < texts.count; i++)
		if (visit_texts(run, texts.items[i], visit, err))
			return -1;
	return 0;
}

static int visit_smoke(struct run *run, const struct smoke_config *smoke, visit_secret *visit,
		       struct error *err)
{
	for (size_t i = 0; i < smoke->checks.count; i++) {
		const struct smoke_check *check = &smoke->checks.items[i];
		if (visit_list(run, &check->secrets, visit, err) ||
		    visit_texts(run, check->get, visit, err))
			return -1;
		for (size_t r = 0; r < check->request.list.count; r++)
			if (visit_texts(run, check->request.list.items[r].value, visit, err))
				return -1;
	}
	return 0;
}

static int visit_stage(struct run *run, const struct run_stage *stage, visit_secret *visit,
		       struct error *err)
{
	for (size_t i = 0; i < stage->count; i++) {
		const struct run_step *step = &stage->steps[i];
		struct smoke_config smoke;
		if (step->plan && !step->plan->selected)
			continue;
		if (visit_list(run, &step->config->secrets, visit, err) ||
		    visit_arguments(run, step->config, visit, err))
			return -1;
		if (strcmp(step->config->kind, "smoke"))
			continue;
		smoke_config_read(run->arena, step->config->arguments, &smoke);
		if (visit_smoke(run, &smoke, visit, err))
			return -1;
	}
	return 0;
}

static int visit_plan(struct run *run, bool before, visit_secret *visit, struct error *err)
{
	for (size_t i = 0; !run->tasks_alone && i < run->plan->stages.count; i++) {
		const struct run_stage *stage = &run->stages[i];
		if (stage->plan->selected && (before || stage->plan->phase != PHASE_BEFORE) &&
		    visit_stage(run, stage, visit, err))
			return -1;
	}
	if (!run->tasks_alone && !run->options->without_smoke &&
	    visit_smoke(run, &run->options->config->smoke, visit, err))
		return -1;
	if (visit_stage(run, &run->tasks, visit, err) ||
	    visit_stage(run, &run->deferred, visit, err))
		return -1;
	return run->tasks_alone ? 0 : visit_stage(run, &run->on_failure, visit, err);
}

/* A command is not run for it yet: it may ask its user, and what it prints may expire. */
static int check_one(struct run *run, const char *name, struct error *err)
{
	const struct secret_config *secret = config_secret(run->options->config, name);
	if (secret && secret->command.place.line)
		return 0;
	if (run_secret(run, name, err))
		return 0;
	return secret && secret->sealed ? -1 : error_code(err, EXIT_USAGE);
}

static int read_one(struct run *run, const char *name, struct error *err)
{
	return run_secret(run, name, err) ? 0 : -1;
}

void secrets_begin(struct run *run)
{
	run->redactor = redactor_new();
	run->events->redactor = run->redactor;
	run->services = (struct step_services){
		.values = {.get = run_value, .context = run}, .stage_commit = run_stage_commit,
		.smoke_checked = run_smoke_checked, .redactor = run->redactor, .context = run,
		.hosts = hosts_new(run->options->config->hosts),
	};
}

int secrets_check(struct run *run, struct error *err)
{
	const struct config *config = run->options->config;
	for (size_t i = 0; i < config->secrets.count; i++) {
		const struct secret_config *secret = &config->secrets.items[i];
		struct error ignored = {0};
		/* Also what no step names: it may be printed all the same. */
		if (secret->env && getenv(secret->env))
			run_secret(run, secret->name, &ignored);
	}
	return visit_plan(run, true, check_one, err);
}

int secrets_ready(struct run *run, struct error *err)
{
	int result = visit_plan(run, false, read_one, err);
	secrets_tell(run);
	return result;
}

static int try_one(struct run *run, const char *name, struct error *ignored)
{
	struct error err = {0};
	(void)ignored;
	if (run_secret(run, name, &err) || text_list_has(&run->unreadable, name))
		return 0;
	text_list_add(run->arena, &run->unreadable, name);
	event_message(run->events, LEVEL_WARNING, "%s; what needs it will not be told",
		      err.message);
	return 0;
}

static void visit_outside(struct run *run, const char *key, const struct node *node,
			  visit_secret *visit)
{
	struct text_list texts = {0};
	struct error err = {0};
	schema_expanding(run->arena, schema_row(deploy_file.keys, key), node, &texts);
	for (size_t i = 0; i < texts.count; i++)
		if (visit_texts(run, texts.items[i], visit, &err))
			event_message(run->events, LEVEL_WARNING, "%s", err.message);
	secrets_tell(run);
}

void secrets_ready_outside(struct run *run)
{
	visit_outside(run, "notify", run->options->config->notify, try_one);
	visit_outside(run, "markers", run->options->config->markers, try_one);
}

static int look_one(struct run *run, const char *name, struct error *err)
{
	const struct secret_config *secret = config_secret(run->options->config, name);
	(void)err;
	if (secret && secret->command.place.line && !map_get_text(&run->secrets, name))
		run->notify_waits = true;
	return 0;
}

bool secrets_ready_notify(struct run *run)
{
	const struct node *notify = run->options->config->notify;
	visit_outside(run, "notify", notify, look_one);
	if (!run->notify_waits)
		visit_outside(run, "notify", notify, try_one);
	return !run->notify_waits;
}

void secrets_release(struct run *run)
{
	run->events->redactor = NULL;
	redactor_free(run->redactor);
	run->redactor = NULL;
	hosts_free(run->services.hosts);
	run->services.hosts = NULL;
	map_release(&run->secrets);
}
