/* The remote's branches as last fetched, and which commit is deployed. */
#include <git2.h>

#include "base/map.h"
#include "base/text.h"
#include "git/command.h"
#include "git/glob.h"
#include "git/tree_internal.h"
#include "proc/child.h"

bool repository_has_remote(const struct repository *repository, const char *remote)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	/* git_remote_lookup() of libgit2 1.5 leaks 20 KB for each setting that is no insteadOf. */
	const char *url = repository_setting(repository, &arena,
					     arena_format(&arena, "remote.%s.url", remote));

	if (!url)
		url = repository_setting(repository, &arena,
					 arena_format(&arena, "remote.%s.pushurl", remote));
	return url && *url;
}

int repository_remote_tip(const struct repository *repository, const char *remote,
			  const char *branch, char id[COMMIT_TEXT])
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *ref = arena_format(&arena, "refs/remotes/%s/%s", remote, branch);
	git_oid oid;

	if (text_list_has(&repository->gone, ref) ||
	    git_reference_name_to_id(&oid, repository->handle, ref) < 0)
		return 0;
	git_oid_tostr(id, COMMIT_TEXT, &oid);
	return 1;
}

char *repository_default_branch(const struct repository *repository, struct arena *arena,
				const char *remote)
{
	const char *start = arena_format(arena, "refs/remotes/%s/", remote);
	git_reference *head = NULL;
	char id[COMMIT_TEXT], *name = NULL;

	if (git_reference_lookup(&head, repository->handle,
				 arena_format(arena, "%sHEAD", start)) == 0) {
		const char *target = git_reference_symbolic_target(head);

		if (target && text_starts_with(target, start))
			name = arena_string(arena, target + strlen(start));
	}
	git_reference_free(head);
	if (name)
		return name;
	bool master = repository_remote_tip(repository, remote, "master", id) == 1;
	bool main_ = repository_remote_tip(repository, remote, "main", id) == 1;

	if (master == main_)
		return NULL;
	return arena_string(arena, master ? "master" : "main");
}

struct branch_list {
	struct arena *arena;
	const struct map *there;
	struct text_list *gone;
};

static int note_gone(const char *name, void *context)
{
	struct branch_list *list = context;

	if (!text_ends_with(name, "/HEAD") && !map_get_text(list->there, name))
		text_list_add(list->arena, list->gone, arena_string(list->arena, name));
	return 0;
}

void git_fetched_branches(struct repository *repository, struct arena *arena, const char *remote,
			  const char *listing)
{
	struct map there = MAP_INIT;
	struct branch_list list = {arena, &there, &repository->gone};
	const char *start = arena_format(arena, "%s/", remote);

	repository->gone.count = 0;
	/* " = [up to date]  x  -> origin/x" */
	for (const char *at = listing; (at = strstr(at, " -> "));) {
		at += strlen(" -> ");
		if (text_starts_with(at, start)) {
			const char *name = arena_bytes(arena, at, strcspn(at, " \n"));

			map_set_text(&there, arena_format(arena, "refs/remotes/%s", name), &there);
		}
	}
	if (there.count)
		(void)git_reference_foreach_glob(repository->handle,
						 arena_format(arena, "refs/remotes/%s*", start),
						 note_gone, &list);
	map_release(&there);
}

static int add_branches(const struct repository *repository, struct arena *arena,
			const char *output, const char *start, const char *glob,
			struct text_list *branches)
{
	struct text_list lines = text_split(arena, output, '\n');

	for (size_t i = 0; i < lines.count; i++) {
		const char *name = lines.items[i] + strlen(start);

		if (!text_starts_with(lines.items[i], start) || !strcmp(name, "HEAD") ||
		    text_list_has(&repository->gone, lines.items[i]))
			continue;
		if (!glob || glob_match(glob, name))
			text_list_add(arena, branches, arena_string(arena, name));
	}
	return 0;
}

int repository_branches_with(const struct repository *repository, struct arena *arena,
			     const char *remote, const char *glob, const char *commit,
			     struct text_list *branches, struct error *err)
{
	const char *start = arena_format(arena, "refs/remotes/%s/", remote);
	struct child_result result;
	struct git_options options = {
		.folder = repository->root,
		.arguments = (const char *[]) {"for-each-ref", "--format=%(refname)", "--contains",
			commit, start, NULL},
	};
	char tip[COMMIT_TEXT];
	int status;

	*branches = (struct text_list) {0};
	/* By far the most usual: it is the tip of the one branch that is asked for. */
	if (glob && !glob_is_pattern(glob) &&
	    repository_remote_tip(repository, remote, glob, tip) && !strcmp(tip, commit)) {
		text_list_add(arena, branches, arena_string(arena, glob));
		return 0;
	}
	status = git_run_ok(&options, &result, err);
	if (status == 0)
		status = add_branches(repository, arena, result.output.data, start, glob, branches);
	child_result_release(&result);
	return status;
}

struct tip_search {
	git_repository *handle;
	const struct text_list *gone;
	const char *glob;
	size_t start;
	git_oid commit;
	bool found;
};

static int look_at_tip(const char *name, void *context)
{
	struct tip_search *search = context;
	const char *branch = name + search->start;
	git_oid id;

	if (!strcmp(branch, "HEAD") || (search->glob && !glob_match(search->glob, branch)) ||
	    text_list_has(search->gone, name) ||
	    git_reference_name_to_id(&id, search->handle, name) < 0)
		return 0;
	search->found = git_oid_equal(&id, &search->commit);
	return search->found;
}

bool repository_is_tip(const struct repository *repository, const char *remote, const char *glob,
		       const char *commit)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct tip_search search = {
		.handle = repository->handle, .gone = &repository->gone, .glob = glob,
	};
	const char *start = arena_format(&arena, "refs/remotes/%s/", remote);
	char tip[COMMIT_TEXT];

	if (glob && !glob_is_pattern(glob))
		return repository_remote_tip(repository, remote, glob, tip) && !strcmp(tip, commit);
	search.start = strlen(start);
	if (git_oid_fromstr(&search.commit, commit) == 0)
		(void)git_reference_foreach_glob(repository->handle,
						 arena_format(&arena, "%s*", start), look_at_tip,
						 &search);
	return search.found;
}

int64_t repository_count(const struct repository *repository, const char *base, const char *tip)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct git_options options = {
		.folder = repository->root,
		.arguments = (const char *[]) {"rev-list", "--count", "--end-of-options", tip,
			arena_format(&arena, "^%s", base), "--", NULL},
	};
	char *line;

	if (!strcmp(base, tip))
		return 0;
	line = git_line(&arena, &options, &ignored);
	return line && *line ? strtoll(line, NULL, 10) : -1;
}

int repository_is_ancestor(const struct repository *repository, const char *ancestor,
			   const char *descendant)
{
	struct error ignored = {0};
	struct child_result result;
	struct git_options options = {
		.folder = repository->root,
		.arguments = (const char *[]) {"merge-base", "--is-ancestor", ancestor, descendant,
			NULL},
	};
	int answer = -1;

	if (!strcmp(ancestor, descendant))
		return repository_has_commit(repository, ancestor) ? 1 : -1;
	if (git_run(&options, &result, &ignored) == 0)
		answer = result.exit.code == 0 ? 1 : result.exit.code == 1 ? 0 : -1;
	child_result_release(&result);
	return answer;
}

const char *repository_ci_branch(void)
{
	static const char *const names[] = {
		"SHIPIT_BRANCH", "GITHUB_HEAD_REF", "GITHUB_REF_NAME",
		"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME",
		"BUILDKITE_BRANCH", "CIRCLE_BRANCH", "TRAVIS_BRANCH", "BRANCH_NAME",
		"GIT_LOCAL_BRANCH",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

static int choose_ref(const struct repository *repository, struct arena *arena,
		      const struct choice_options *options, struct choice *choice,
		      struct error *err)
{
	char tip[COMMIT_TEXT];

	if (repository_resolve(repository, options->ref, options->remote, choice->id, err) < 0)
		return error_wrap(err, "--ref %s", options->ref);
	choice->from = arena_format(arena, "--ref %s", options->ref);
	choice->branch = "";
	if (repository_remote_tip(repository, options->remote, options->ref, tip))
		choice->branch = options->ref;
	else if (options->branch && !glob_is_pattern(options->branch))
		choice->branch = options->branch;
	return 0;
}

static int choose_head(const struct repository *repository, struct arena *arena,
		       struct choice *choice, struct error *err)
{
	struct head head;

	if (repository_head(repository, arena, &head, err) < 0)
		return -1;
	memcpy(choice->id, head.id, sizeof(choice->id));
	choice->from = "HEAD";
	choice->branch = head.branch ? head.branch : repository_ci_branch();
	if (!choice->branch)
		choice->branch = "";
	return 0;
}

int repository_choose(const struct repository *repository, struct arena *arena,
		      const struct choice_options *options, struct choice *choice,
		      struct error *err)
{
	const char *branch = options->branch;

	*choice = (struct choice) {.branch = ""};
	if (options->ref)
		return choose_ref(repository, arena, options, choice, err);
	if (options->ci || (branch && glob_is_pattern(branch)))
		return choose_head(repository, arena, choice, err);
	if (!branch)
		branch = repository_default_branch(repository, arena, options->remote);
	if (!branch) {
		error_set(err, "the default branch of remote '%s' is not known", options->remote);
		error_hint(err, "write 'branch:' in deploy.yml, or: git remote set-head %s --auto",
			   options->remote);
		return error_code(err, EXIT_USAGE);
	}
	if (!repository_remote_tip(repository, options->remote, branch, choice->id)) {
		error_set(err, "remote '%s' has no branch '%s'%s", options->remote, branch,
			  repository_has_remote(repository, options->remote) ? "" :
			  ": there is no such remote");
		error_hint(err, "push it (git push %s %s), or deploy another commit with --ref",
			   options->remote, branch);
		return error_code(err, EXIT_USAGE);
	}
	choice->branch = arena_string(arena, branch);
	choice->from = arena_format(arena, "%s/%s", options->remote, branch);
	return 0;
}
