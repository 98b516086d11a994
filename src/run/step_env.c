/* The environment of a step (spec 4), and what steps hand to later ones. */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "run/run_internal.h"

extern char **environ;

struct environment {
	struct arena *arena;
	VEC(const char *) list;
};

static const char **find(struct environment *environment, const char *name, size_t length)
{
	for (size_t i = 0; i < environment->list.count; i++) {
		const char *entry = environment->list.items[i];
		if (!strncmp(entry, name, length) && entry[length] == '=')
			return &environment->list.items[i];
	}
	return NULL;
}

static void set(struct environment *environment, const char *name, const char *value)
{
	const char *entry = arena_format(environment->arena, "%s=%s", name, value ? value : "");
	const char **old = find(environment, name, strlen(name));
	if (old)
		*old = entry;
	else
		vec_push(environment->arena, &environment->list, entry);
}

/* What files and outputs say never replaces what shipit itself says. */
static void set_all(struct environment *environment, const struct variables *variables)
{
	for (size_t i = 0; i < variables->list.count; i++) {
		const struct variable *variable = &variables->list.items[i];
		if (!text_starts_with(variable->name, "SHIPIT"))
			set(environment, variable->name, variable->value);
	}
}

static const char *const *finish(struct environment *environment)
{
	vec_push(environment->arena, &environment->list, NULL);
	return environment->list.items;
}

static struct environment copy_of(struct arena *arena, const char *const *from)
{
	struct environment environment = {.arena = arena};
	for (; from && *from; from++)
		vec_push(arena, &environment.list, *from);
	return environment;
}

static bool is_withheld(const struct config *config, const char *entry)
{
	if (text_starts_with(entry, "SHIPIT_KEY") || text_starts_with(entry, "SHIPIT_OUTPUT="))
		return true;
	for (size_t i = 0; i < config->secrets.count; i++) {
		const char *name = config->secrets.items[i].env;
		size_t length = name ? strlen(name) : 0;
		if (length && !strncmp(entry, name, length) && entry[length] == '=')
			return true;
	}
	return false;
}

static void set_identity(struct environment *environment, const struct run_options *options)
{
	const struct run_identity *identity = &options->identity;
	set(environment, "SHIPIT", "1");
	set(environment, "SHIPIT_ID", identity->id);
	set(environment, "SHIPIT_APP", identity->app);
	set(environment, "SHIPIT_ENV", identity->env);
	set(environment, "SHIPIT_COMMIT", identity->commit);
	set(environment, "SHIPIT_PREVIOUS", identity->previous);
	set(environment, "SHIPIT_BRANCH", identity->branch);
	set(environment, "SHIPIT_DEPLOYER", identity->deployer);
	set(environment, "SHIPIT_URL", identity->url);
	const char *token = keeper_token(options->keeper);
	if (token)
		set(environment, LEASE_VARIABLE, lease_variable(environment->arena, token));
}

/* What the stages before go-live handed on when the release was built. */
static void set_kept(struct environment *environment, const struct record *release)
{
	for (size_t i = 0; i < release->outputs.count; i++)
		if (!text_starts_with(release->outputs.items[i].name, "SHIPIT"))
			set(environment, release->outputs.items[i].name,
			    release->outputs.items[i].value);
}

static struct environment common(struct arena *arena, const struct plan *plan,
				 const struct run_options *options)
{
	struct environment environment = {.arena = arena};
	const struct variables *hashes = plan ? &plan->fingerprints : &options->fingerprints;
	for (char **entry = environ; *entry; entry++)
		if (!is_withheld(options->config, *entry) && strchr(*entry, '='))
			vec_push(arena, &environment.list, *entry);
	set_all(&environment, &options->config->vars);
	if (plan && plan->rollback)
		set_kept(&environment, plan->rollback);
	set_all(&environment, &options->outputs);
	set_identity(&environment, options);
	set(&environment, "SHIPIT_RELEASE",
	    plan && plan->rollback ? plan->rollback->id : options->identity.id);
	if (plan && plan->rollback)
		set(&environment, "SHIPIT_ROLLBACK", "1");
	for (size_t i = 0; i < hashes->list.count; i++)
		set(&environment, hashes->list.items[i].name, hashes->list.items[i].value);
	return environment;
}

static int write_changed(struct run *run, const char *path, struct error *err)
{
	struct buffer bytes;
	buffer_init(&bytes, (size_t)1 << 30);
	for (size_t i = 0; i < run->options->changed.count; i++) {
		const char *name = run->options->changed.items[i];
		buffer_add(&bytes, name, strlen(name) + 1);
	}
	int result = file_write(path, bytes.data, bytes.length, 0644, err);
	buffer_release(&bytes);
	return result;
}

int environment_prepare(struct run *run, struct error *err)
{
	struct environment environment = common(run->arena, run->plan, run->options);
	const char *folder = run->options->folder;
	const char *changed = path_join(run->arena, folder, "changed");
	char parent[TRACEPARENT_SIZE];
	if (folder_make(path_join(run->arena, folder, "outputs"), 0700, err) ||
	    folder_make(path_join(run->arena, folder, "logs"), 0755, err) ||
	    write_changed(run, changed, err))
		return -1;
	set(&environment, "SHIPIT_CHANGED_FILES", changed);
	if (run->options->trace)
		run->trace = *run->options->trace;
	else
		trace_begin(&run->trace, getenv("TRACEPARENT"));
	set(&environment, "TRACEPARENT", trace_parent_text(&run->trace, run->trace.root, parent));
	run->environment = finish(&environment);
	return 0;
}

const char *const *run_environment(const struct plan *plan, const struct run_options *options,
				   struct error *err)
{
	struct environment environment = common(options->arena, plan, options);
	(void)err;
	return finish(&environment);
}

/* Whether what `earlier` hands on is seen in `stage`: it lies before it in the graph. */
static bool is_before(const struct run *run, const struct run_stage *earlier,
		      const struct run_stage *stage)
{
	if (!stage->plan)
		return true;
	if (earlier->plan->phase != stage->plan->phase)
		return earlier->plan->phase < stage->plan->phase;
	for (size_t i = 0; i < earlier->plan->free_count; i++) {
		const struct run_stage *next = &run->stages[earlier->plan->frees[i]];
		if (next == stage || is_before(run, next, stage))
			return true;
	}
	return false;
}

const char *const *environment_stage(struct run *run, struct run_stage *stage)
{
	struct environment environment = copy_of(run->arena, run->environment);
	for (size_t i = 0; i < run->plan->stages.count; i++)
		if (&run->stages[i] != stage && run->stages[i].outputs.list.count &&
		    is_before(run, &run->stages[i], stage))
			set_all(&environment, &run->stages[i].outputs);
	set(&environment, "SHIPIT_STAGE", stage->name);
	if (stage == &run->on_failure)
		for (size_t i = 0; i < run->extra.list.count; i++)
			set(&environment, run->extra.list.items[i].name,
			    run->extra.list.items[i].value);
	return finish(&environment);
}

const char *const *environment_step(struct run_step *step, struct arena *arena, struct error *err)
{
	struct run *run = step->run;
	struct environment environment = copy_of(arena, step->stage->environment);
	const struct stage_config *stage = step->stage->plan ? step->stage->plan->config : NULL;
	char parent[TRACEPARENT_SIZE];
	set_all(&environment, &step->stage->outputs);
	if (stage)
		set_all(&environment, &stage->env);
	set_all(&environment, &step->config->env);
	for (size_t i = 0; i < step->config->secrets.count; i++) {
		const char *name = step->config->secrets.items[i];
		const char *value = run_secret(run, name, err);
		if (!value)
			return NULL;
		set(&environment, name, value);
	}
	set(&environment, "SHIPIT_STEP", step->name);
	set(&environment, "SHIPIT_OUTPUT", outputs_path(step, arena));
	set(&environment, "TRACEPARENT", trace_parent_text(&run->trace, step->span, parent));
	if (!find(&environment, "PGAPPNAME", 9))
		set(&environment, "PGAPPNAME", arena_format(arena, "shipit:%s:%s.%s",
			run->options->identity.env, step->stage->name, step->name));
	return finish(&environment);
}

/* What was taken over from our own environment is the very same text still. */
static bool is_own(const char *entry)
{
	static const char *const local[] = {"SHIPIT_OUTPUT=", "SHIPIT_CHANGED_FILES=",
					    LEASE_VARIABLE "="};
	for (char **own = environ; *own; own++)
		if (*own == entry)
			return true;
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (text_starts_with(entry, local[i]))
			return true;
	return false;
}

const char *const *environment_handed(struct arena *arena, const char *const *environment)
{
	struct environment handed = {.arena = arena};
	for (; *environment; environment++)
		if (!is_own(*environment))
			vec_push(arena, &handed.list, *environment);
	return finish(&handed);
}

const char *outputs_path(struct run_step *step, struct arena *arena)
{
	char name[HASH_HEX_SIZE];
	const char *whole = arena_format(arena, "%s.%s", step->stage->name, step->name);
	hash_bytes_hex(whole, strlen(whole), name);	/* names may hold what a path cannot */
	name[16] = 0;
	return arena_format(arena, "%s/outputs/%s", step->run->options->folder, name);
}

static int check_name(const char *name, struct error *err)
{
	static const char *const refused[] = {"SHIPIT", "LD_", "DYLD_"};
	bool bad = !strcmp(name, "PATH");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		bad = bad || text_starts_with(name, refused[i]);
	if (bad)
		return error_set(err, "SHIPIT_OUTPUT must not set '%s'", name);
	if (!text_is_variable(name))
		return error_set(err, "SHIPIT_OUTPUT sets '%.80s', which is no name of a variable",
				 name);
	return 0;
}

static void remember(struct arena *arena, struct variables *outputs, struct variable variable)
{
	for (size_t i = 0; i < outputs->list.count; i++)
		if (!strcmp(outputs->list.items[i].name, variable.name)) {
			outputs->list.items[i] = variable;
			return;
		}
	vec_push(arena, &outputs->list, variable);
}

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	return newline ? newline : end;
}

/* The lines up to one that is `word` alone; *at moves behind that. NULL when there is none. */
static const char *read_block(struct arena *arena, const char **at, const char *end,
			      const char *word)
{
	const char *start = *at;
	size_t length = strlen(word);
	for (const char *line = start; line < end;) {
		const char *stop = line_end(line, end);
		if ((size_t)(stop - line) == length && !memcmp(line, word, length)) {
			*at = stop < end ? stop + 1 : end;
			return arena_bytes(arena, start,
					   line > start ? (size_t)(line - start - 1) : 0);
		}
		line = stop < end ? stop + 1 : end;
	}
	return NULL;
}

int outputs_parse(struct arena *arena, const char *bytes, size_t length, struct variables *outputs,
		  struct error *err)
{
	const char *end = bytes + length;
	if (length && memchr(bytes, 0, length))
		return error_set(err, "SHIPIT_OUTPUT holds a NUL byte");
	for (const char *at = bytes; at < end;) {
		const char *stop = line_end(at, end);
		char *line = arena_bytes(arena, at, (size_t)(stop - at));
		char *equals = strchr(line, '='), *block = strstr(line, "<<");
		at = stop < end ? stop + 1 : end;
		if (!*line || !strcmp(line, "\r"))
			continue;
		struct variable variable = {.name = line};
		if (block && (!equals || block < equals)) {
			*block = 0;
			variable.value = read_block(arena, &at, end, block + 2);
			if (!variable.value)
				return error_set(err, "SHIPIT_OUTPUT: the value of '%.80s' is not "
						 "ended by a line '%.80s'", line, block + 2);
		} else if (equals) {
			*equals = 0;
			variable.value = equals + 1;
		} else {
			return error_set(err, "SHIPIT_OUTPUT holds '%.80s', which is not key=value",
					 line);
		}
		if (check_name(variable.name, err))
			return -1;
		remember(arena, outputs, variable);
	}
	return 0;
}

/* What is wrong is told in words of the file: again, with the secrets taken out of them. */
static void outputs_complain(struct run_step *step, struct arena *arena, const struct buffer *bytes,
			     struct error *err)
{
	struct variables ignored = {0};
	struct error harmless = {0};
	struct buffer clean;
	buffer_init(&clean, SIZE_MAX / 2);
	redact_text(step->run->redactor, bytes->data, bytes->length, &clean);
	if (!outputs_parse(arena, clean.data, clean.length, &ignored, &harmless))
		error_set(&harmless, "SHIPIT_OUTPUT is not made of key=value lines");
	*err = harmless;
	buffer_release(&clean);
}

int outputs_read(struct run_step *step, struct arena *arena, struct error *err)
{
	const char *path = outputs_path(step, arena);
	if (access(path, F_OK))
		return 0;	/* the usual case: it wrote nothing */
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	int result = file_read(path, &bytes, err);
	if (!result)
		result = outputs_parse(step->run->arena, bytes.data, bytes.length,
				       &step->stage->outputs, err);
	if (result && !redactor_empty(step->run->redactor))
		outputs_complain(step, arena, &bytes, err);
	buffer_release(&bytes);
	return result;
}
