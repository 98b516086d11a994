/* The user's own git as a child process. */
#include "git/command.h"

#include "base/text.h"
#include "proc/child.h"

extern char **environ;

/* Variables that point git at a repository other than the one it is run in. */
static bool points_elsewhere(const char *variable)
{
	static const char *const names[] = {
		"GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_COMMON_DIR=",
		"GIT_OBJECT_DIRECTORY=", "GIT_ALTERNATE_OBJECT_DIRECTORIES=", "GIT_NAMESPACE=",
		"GIT_PREFIX=", "GIT_GRAFT_FILE=", "GIT_SHALLOW_FILE=", "GIT_QUARANTINE_PATH=",
		"GIT_CEILING_DIRECTORIES=",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (text_starts_with(variable, names[i]))
			return true;
	return false;
}

static const char *const *build_environment(struct arena *arena, const struct git_options *options)
{
	struct text_list list = {0};

	for (char **variable = environ; variable && *variable; variable++)
		if (!points_elsewhere(*variable))
			vec_push(arena, &list, *variable);
	if (!options->may_ask) {
		vec_push(arena, &list, "GIT_TERMINAL_PROMPT=0");
		vec_push(arena, &list, "SSH_ASKPASS_REQUIRE=never");
	}
	vec_push(arena, &list, "GIT_OPTIONAL_LOCKS=0");
	for (const char *const *more = options->environment; more && *more; more++)
		vec_push(arena, &list, *more);
	vec_push(arena, &list, NULL);
	return list.items;
}

static const char *const *build_arguments(struct arena *arena, const struct git_options *options)
{
	struct text_list list = {0};

	vec_push(arena, &list, "git");
	if (options->folder) {
		vec_push(arena, &list, "-C");
		vec_push(arena, &list, options->folder);
	}
	vec_push(arena, &list, "-c");
	vec_push(arena, &list, "gc.auto=0");
	vec_push(arena, &list, "-c");
	vec_push(arena, &list, "maintenance.auto=false");
	if (options->no_hooks) {
		vec_push(arena, &list, "-c");
		vec_push(arena, &list, "core.hooksPath=/dev/null");
	}
	for (const char *const *argument = options->arguments; *argument; argument++)
		vec_push(arena, &list, *argument);
	vec_push(arena, &list, NULL);
	return list.items;
}

static int run(const struct git_options *options, struct child_result *result, bool must_succeed,
	       struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct child_options child = {
		.arguments = build_arguments(&arena, options),
		.environment = build_environment(&arena, options),
		.same_session = options->may_ask,
		.errors_shown = options->progress,
		.input = options->input,
		.input_length = options->input_length,
		.timeout = options->timeout,
		.take = options->take,
		.context = options->context,
	};

	return must_succeed ? child_run_ok(&child, result, err) : child_run(&child, result, err);
}

int git_run(const struct git_options *options, struct child_result *result, struct error *err)
{
	return run(options, result, false, err);
}

int git_run_ok(const struct git_options *options, struct child_result *result, struct error *err)
{
	struct child_exit *end = &result->exit;

	if (run(options, result, false, err) < 0)
		return -1;
	if (end->code == 0)
		return 0;

	/* git's own words without its "fatal: ", the last line that has some */
	const char *words = "";
	const char *const *name = options->arguments;
	char text[64];
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct text_list lines = text_split(&arena, result->errors.data, '\n');

	for (size_t i = lines.count; i-- > 0 && !*words;)
		if (!text_starts_with(lines.items[i], "hint:"))
			words = lines.items[i];
	for (size_t i = 0; i < lines.count; i++)
		if (text_starts_with(lines.items[i], "fatal: ") ||
		    text_starts_with(lines.items[i], "error: ")) {
			words = lines.items[i] + strlen("fatal: ");
			break;
		}
	while (!strcmp(*name, "-c"))
		name += 2;
	return error_set(err, "git %s failed: %s", *name,
			 *words ? words : child_exit_text(text, end));
}

char *git_line(struct arena *arena, const struct git_options *options, struct error *err)
{
	struct child_result result;
	char *line = NULL;

	if (git_run_ok(options, &result, err) == 0)
		line = arena_bytes(arena, result.output.data, strcspn(result.output.data, "\n"));
	child_result_release(&result);
	return line;
}

static int run_quietly(const struct git_options *options, struct error *err)
{
	struct child_result result;
	int status = git_run_ok(options, &result, err);

	child_result_release(&result);
	return status;
}

int git_fetch(const struct repository *repository, const char *remote, struct buffer *listing,
	      struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct child_result result;
	struct git_options options = {
		.folder = repository->root,
		.arguments = (const char *[]) {"-c", "fetch.output=full", "fetch", "--verbose",
			"--no-progress", "--no-recurse-submodules", "--no-write-fetch-head", "--",
			remote,
			arena_format(&arena, "+refs/heads/*:refs/remotes/%s/*", remote), NULL},
	};
	int status = git_run_ok(&options, &result, err);

	if (status == 0)
		buffer_add(listing, result.errors.data, result.errors.length);
	child_result_release(&result);
	if (status == 0)
		return 0;
	error_wrap(err, "cannot fetch from '%s'", remote);
	return error_hint(err, "check with: git fetch %s", remote);
}

int git_fetch_commit(const struct repository *repository, const char *remote, const char *commit,
		     bool may_ask, struct error *err)
{
	struct git_options alone = {
		.folder = repository->root,
		.arguments = (const char *[]) {"fetch", "--quiet", "--no-tags",
			"--no-recurse-submodules", "--no-write-fetch-head", "--depth=1", "--",
			remote, commit, NULL},
		.may_ask = may_ask,
	};
	struct git_options all = alone;
	const char *const whole[] = {"fetch", "--quiet", "--no-tags", "--no-recurse-submodules",
				     "--no-write-fetch-head", "--", remote, commit, NULL};

	if (repository_has_commit(repository, commit))
		return 0;
	if (commit[strspn(commit, "0123456789abcdef")])	/* git would take it as a refspec */
		return error_set(err, "'%.80s' is not a commit", commit);
	all.arguments = (const char *[]) {"fetch", "--quiet", "--no-recurse-submodules",
		"--no-write-fetch-head", repository->shallow ? "--unshallow" : "--tags", "--",
		remote, NULL};
	if (!repository->shallow)
		alone.arguments = whole;
	if (run_quietly(&alone, err) == 0 && repository_has_commit(repository, commit))
		return 0;
	error_clear(err);
	if (run_quietly(&all, err) == 0 && repository_has_commit(repository, commit))
		return 0;
	if (!err->message[0])
		error_set(err, "the remote does not have it");
	error_wrap(err, "commit %.12s is not in this clone and cannot be fetched from '%s'", commit,
		   remote);
	return -1;
}

char *git_ask_default_branch(const struct repository *repository, struct arena *arena,
				const char *remote, struct error *err)
{
	struct git_options options = {
		.folder = repository->root,
		.arguments = (const char *[]) {"ls-remote", "--symref", "--", remote, "HEAD", NULL},
	};
	char *line = git_line(arena, &options, err);

	if (!line)
		return NULL;
	if (!text_starts_with(line, "ref: refs/heads/")) {
		error_set(err, "remote '%s' does not tell its default branch", remote);
		return NULL;
	}
	line += strlen("ref: refs/heads/");
	line[strcspn(line, "\t")] = '\0';
	return line;
}
