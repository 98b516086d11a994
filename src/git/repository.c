/* Opening a repository, and what its names mean. */
#include <git2.h>

#include "base/file.h"
#include "base/text.h"
#include "git/command.h"
#include "git/glob.h"
#include "git/tree_internal.h"
#include "proc/child.h"
#include "proc/machine.h"

int libgit2_error(struct error *err, const char *what)
{
	const git_error *last = git_error_last();

	return error_set(err, "%s: %s", what, last && last->message ? last->message :
			 "no reason is known");
}

static char *without_slash(struct arena *arena, const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return arena_bytes(arena, path, length);
}

static bool git_itself_opens(const char *folder)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct git_options options = {
		.folder = folder,
		.arguments = (const char *[]) {"rev-parse", "--git-dir", NULL},
	};

	return git_line(&arena, &options, &ignored) != NULL;
}

static int open_error(const char *folder, int code, struct error *err)
{
	const git_error *last = git_error_last();
	const char *words = last && last->message ? last->message : "";

	error_code(err, EXIT_USAGE);
	if (strstr(words, "objectformat") || strstr(words, "object format")) {
		error_set(err, "the repository of '%s' uses SHA-256 objects, which shipit cannot "
			  "read", folder);
		error_hint(err, "use a clone in git's default format, SHA-1");
	} else if (strstr(words, "extension") || strstr(words, "repositoryformatversion") ||
		   strstr(words, "repository version")) {
		error_set(err, "the repository of '%s' has a format that shipit cannot read: %s",
			  folder, words);
	} else if (code == GIT_EOWNER || strstr(words, "safe.directory") ||
		   strstr(words, "owned by")) {
		error_set(err, "the repository of '%s' belongs to another user, so git does not "
			  "trust it", folder);
		error_hint(err, "if you do: git config --global --add safe.directory "
			   "<its folder>");
	} else if (code == GIT_ENOTFOUND) {
		error_set(err, "'%s' is not in a git repository", folder);
		error_hint(err, "go to the project's folder, or name it: shipit -C DIR");
	} else {
		error_set(err, "cannot open the repository of '%s': %s", folder, words);
	}
	return error_code(err, EXIT_USAGE);
}

static int open_handle(const char *folder, git_repository **handle, struct error *err)
{
	int code;

	if (libgit2_start(err) < 0)
		return -1;
	code = git_repository_open_ext(handle, folder, 0, NULL);
	if (code == 0)
		return 0;
	open_error(folder, code, err);
	if (!strstr(err->message, "another user") || !git_itself_opens(folder))
		return -1;
	/* git trusts it (safe.directory=*, sudo), which libgit2 does not understand. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	code = git_repository_open_ext(handle, folder, 0, NULL);
	if (code < 0)
		return open_error(folder, code, err);
	error_clear(err);
	return 0;
}

struct repository *repository_open(struct arena *arena, const char *folder, struct error *err)
{
	struct repository *repository = arena_new(arena, struct repository);

	if (!folder_exists(folder)) {
		error_set(err, "folder '%s' does not exist", folder);
		error_code(err, EXIT_USAGE);
		return NULL;
	}
	if (open_handle(folder, &repository->handle, err) < 0)
		return NULL;
	if (git_repository_is_bare(repository->handle)) {
		error_set(err, "the repository of '%s' is bare: it has no files to deploy from",
			  folder);
		error_hint(err, "clone it and run shipit in the clone");
		error_code(err, EXIT_USAGE);
		repository_close(&repository);
		return NULL;
	}
	repository->root = without_slash(arena, git_repository_workdir(repository->handle));
	repository->git_dir = without_slash(arena, git_repository_path(repository->handle));
	repository->common_dir = without_slash(arena,
					       git_repository_commondir(repository->handle));
	repository->shallow = git_repository_is_shallow(repository->handle) == 1;
	return repository;
}

void repository_close(struct repository **repository)
{
	if (!*repository || !(*repository)->handle)
		return;
	git_repository_free((*repository)->handle);
	(*repository)->handle = NULL;
	git_libgit2_shutdown();
}

int repository_head(const struct repository *repository, struct arena *arena, struct head *head,
		    struct error *err)
{
	git_reference *reference = NULL;
	git_object *commit = NULL;
	int code = git_repository_head(&reference, repository->handle);

	*head = (struct head) {0};
	if (code == GIT_EUNBORNBRANCH || code == GIT_ENOTFOUND) {
		error_set(err, "the repository '%s' has no commit yet", repository->root);
		error_hint(err, "make one, and push it: git commit; git push");
		return error_code(err, EXIT_USAGE);
	}
	if (code < 0)
		return libgit2_error(err, "cannot read HEAD");
	if (git_reference_is_branch(reference))
		head->branch = arena_string(arena, git_reference_shorthand(reference));
	code = git_reference_peel(&commit, reference, GIT_OBJECT_COMMIT);
	git_reference_free(reference);
	if (code < 0)
		return libgit2_error(err, "cannot read HEAD's commit");
	git_oid_tostr(head->id, sizeof(head->id), git_object_id(commit));
	git_object_free(commit);
	return 0;
}

/* A name without operators, in git's order: a reference, then an id. */
static int find_plain(const struct repository *repository, const char *name, git_object **object)
{
	git_reference *reference = NULL, *resolved = NULL;
	size_t length = strlen(name);
	git_oid oid;
	int code = git_reference_dwim(&reference, repository->handle, name);

	if (code == 0)
		code = git_reference_resolve(&resolved, reference);
	if (code == 0)
		code = git_object_lookup(object, repository->handle,
					 git_reference_target(resolved), GIT_OBJECT_ANY);
	else if (length >= GIT_OID_MINPREFIXLEN && length <= GIT_OID_HEXSZ &&
		 strspn(name, "0123456789abcdefABCDEF") == length &&
		 git_oid_fromstrn(&oid, name, length) == 0)
		code = git_object_lookup_prefix(object, repository->handle, &oid, length,
						GIT_OBJECT_ANY);
	else
		code = GIT_ENOTFOUND;
	git_reference_free(resolved);
	git_reference_free(reference);
	return code;
}

static int resolve_one(const struct repository *repository, const char *name,
		       char id[COMMIT_TEXT])
{
	git_object *object = NULL, *commit = NULL;
	/* libgit2 1.5's revparse leaks for each name that it does not find, so ask it rarely */
	bool plain = !strpbrk(name, "^~@:{") && !strstr(name, "-g");
	int code = plain ? find_plain(repository, name, &object) :
		   git_revparse_single(&object, repository->handle, name);

	if (code == 0)
		code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (code == 0)
		git_oid_tostr(id, COMMIT_TEXT, git_object_id(commit));
	git_object_free(commit);
	git_object_free(object);
	return code;
}

static void hint_near_name(const struct repository *repository, const char *name,
			   struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct text_list names = {0};
	git_strarray references = {0};
	const char *near;

	if (git_reference_list(&references, repository->handle) < 0)
		return;
	for (size_t i = 0; i < references.count; i++) {
		const char *text = references.strings[i];

		if (text_starts_with(text, "refs/heads/"))
			text_list_add(&arena, &names, text + strlen("refs/heads/"));
		else if (text_starts_with(text, "refs/tags/"))
			text_list_add(&arena, &names, text + strlen("refs/tags/"));
		else if (text_starts_with(text, "refs/remotes/"))
			text_list_add(&arena, &names, text + strlen("refs/remotes/"));
	}
	near = text_nearest(name, names.items, names.count);
	if (near)
		error_hint(err, "did you mean '%s'?", near);
	else
		error_hint(err, "a branch, a tag, or a commit's id; is it fetched? (git fetch)");
	git_strarray_dispose(&references);
}

int repository_resolve(const struct repository *repository, const char *name, const char *remote,
		       char id[COMMIT_TEXT], struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	int code = resolve_one(repository, name, id);

	if (code == GIT_ENOTFOUND && remote)
		code = resolve_one(repository, arena_format(&arena, "refs/remotes/%s/%s", remote,
							    name), id);
	if (code == 0)
		return 0;
	if (code == GIT_EAMBIGUOUS)
		error_set(err, "'%s' is short for more than one commit", name);
	else if (code == GIT_EPEEL || code == GIT_EINVALIDSPEC)
		error_set(err, "'%s' does not name a commit", name);
	else
		error_set(err, "there is no commit, branch or tag '%s'", name);
	if (code == GIT_ENOTFOUND)
		hint_near_name(repository, name, err);
	return error_code(err, EXIT_USAGE);
}

bool repository_has_commit(const struct repository *repository, const char *id)
{
	git_oid oid;
	git_commit *commit = NULL;
	git_odb *odb = NULL;
	bool found;

	if (strlen(id) != GIT_OID_HEXSZ || git_oid_fromstr(&oid, id) < 0)
		return false;
	if (git_commit_lookup(&commit, repository->handle, &oid) < 0) {
		/* git may have fetched a new pack since we looked */
		if (git_repository_odb(&odb, repository->handle) == 0)
			git_odb_refresh(odb);
		git_odb_free(odb);
		git_commit_lookup(&commit, repository->handle, &oid);
	}
	found = commit != NULL;
	git_commit_free(commit);
	return found;
}

const char *repository_short(const struct repository *repository, struct arena *arena,
			     const char *id)
{
	git_oid oid;
	git_object *object = NULL;
	git_buf text = GIT_BUF_INIT;
	const char *result = arena_bytes(arena, id, strnlen(id, 7));

	if (git_oid_fromstr(&oid, id) == 0 &&
	    git_object_lookup(&object, repository->handle, &oid, GIT_OBJECT_ANY) == 0 &&
	    git_object_short_id(&text, object) == 0)
		result = arena_string(arena, text.ptr);
	git_buf_dispose(&text);
	git_object_free(object);
	return result;
}

int commit_tree_id(const struct repository *repository, const char *commit, git_oid *id,
		   struct error *err)
{
	git_oid oid;
	git_commit *found = NULL;

	if (strlen(commit) != GIT_OID_HEXSZ || git_oid_fromstr(&oid, commit) < 0)
		return error_set(err, "'%s' is not a whole commit id", commit);
	if (git_commit_lookup(&found, repository->handle, &oid) < 0) {
		error_set(err, "commit %.12s is not in this clone", commit);
		return error_hint(err, "fetch it: git fetch%s",
				  repository->shallow ? " --unshallow" : "");
	}
	git_oid_cpy(id, git_commit_tree_id(found));
	git_commit_free(found);
	return 0;
}

int repository_tree(const struct repository *repository, const char *commit, char id[COMMIT_TEXT],
		    struct error *err)
{
	git_oid oid;

	if (commit_tree_id(repository, commit, &oid, err) < 0)
		return -1;
	git_oid_tostr(id, COMMIT_TEXT, &oid);
	return 0;
}

char *repository_setting(const struct repository *repository, struct arena *arena, const char *name)
{
	git_config *config = NULL, *snapshot = NULL;
	const char *value = NULL;
	char *result = NULL;

	if (git_repository_config(&config, repository->handle) == 0 &&
	    git_config_snapshot(&snapshot, config) == 0 &&
	    git_config_get_string(&value, snapshot, name) == 0)
		result = arena_string(arena, value);
	git_config_free(snapshot);
	git_config_free(config);
	return result;
}

const char *repository_deployer(const struct repository *repository, struct arena *arena)
{
	const char *label = getenv("SHIPIT_DEPLOYER");
	char host[MACHINE_HOST];

	if (label && *label)
		return label;
	label = repository_setting(repository, arena, "user.email");
	if (label && *label)
		return label;
	label = getenv("USER");
	return arena_format(arena, "%s@%s", label && *label ? label : "somebody",
			    machine_host(host));
}
