/* The checkout that is deployed, kept by the user's own git: filters, LFS and submodules work. */
#include "git/worktree.h"

#include <dirent.h>
#include <git2.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "git/command.h"
#include "proc/child.h"
#include "proc/interrupt.h"

enum { A_MOMENT = 200 };	/* ms: for longer git itself leaves no checkout torn */

/* A name as one part of a path: what is not plain is written %XX. */
static char *path_part(struct arena *arena, const char *name)
{
	struct buffer out;
	char *part;

	buffer_init(&out, 600);
	for (const char *c = name; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' ||
			     (*c == '.' && c != name);

		if (plain)
			buffer_add_char(&out, *c);
		else
			buffer_add_format(&out, "%%%02X", (unsigned)(unsigned char)*c);
	}
	part = arena_bytes(arena, out.data, out.length > 100 ? 100 : out.length);
	buffer_release(&out);
	return part;
}

static char *worktrees_folder(struct arena *arena, struct error *err)
{
	const char *folder = getenv("SHIPIT_WORKTREES"), *home;

	if (folder && *folder)
		return path_absolute(arena, folder, err);
	folder = getenv("XDG_CACHE_HOME");
	if (folder && *folder == '/')
		return path_join(arena, folder, "shipit/worktrees");
	home = getenv("HOME");
	if (home && *home == '/')
		return path_join(arena, home, ".cache/shipit/worktrees");
	error_set(err, "there is no place for the checkout: HOME is not set");
	error_hint(err, "set HOME, or SHIPIT_WORKTREES to a folder of its own");
	error_code(err, EXIT_USAGE);
	return NULL;
}

/* Where all checkouts of this repository are. */
static char *own_folder(const struct repository *repository, struct arena *arena,
			struct error *err)
{
	char *folder = worktrees_folder(arena, err);
	char hash[HASH_HEX_SIZE];

	if (!folder)
		return NULL;
	hash_bytes_hex(repository->common_dir, strlen(repository->common_dir), hash);
	return arena_format(arena, "%s/%s-%.8s", folder,
			    path_part(arena, path_name(path_folder(arena, repository->common_dir))),
			    hash);
}

char *worktree_path(const struct repository *repository, struct arena *arena, const char *env,
		    struct error *err)
{
	char *folder = own_folder(repository, arena, err);

	return folder ? path_join(arena, folder, path_part(arena, env)) : NULL;
}

static int run(const char *folder, bool may_ask, const char *const *arguments, struct error *err)
{
	struct git_options options = {
		.folder = folder,
		.arguments = arguments,
		.may_ask = may_ask,
		.no_hooks = true,
	};
	struct child_result result;
	int status = git_run_ok(&options, &result, err);

	child_result_release(&result);
	return status;
}

#define RUN(folder, may_ask, err, ...) \
	run((folder), (may_ask), (const char *[]) {__VA_ARGS__, NULL}, (err))

/* Whether path is a checkout of this repository that git can use. */
static bool is_ours(const struct repository *repository, struct arena *arena, const char *path)
{
	git_repository *found = NULL;
	char one[PATH_MAX], other[PATH_MAX];
	bool ours = false;

	if (!file_exists(arena_format(arena, "%s/.git", path)))
		return false;
	if (git_repository_open(&found, path) == 0)
		ours = realpath(git_repository_commondir(found), one) &&
		       realpath(repository->common_dir, other) && !strcmp(one, other);
	if (ours) {	/* left by a checkout that was killed; nobody else uses this folder */
		const char *lock = arena_format(arena, "%sindex.lock", git_repository_path(found));

		unlink(lock);
	}
	git_repository_free(found);
	return ours;
}

static int make(const struct repository *repository, struct arena *arena, const char *path,
		const struct worktree_options *options, struct error *err)
{
	if (tree_remove(path, err) < 0 ||
	    folder_make(path_folder(arena, path), 0755, err) < 0)
		return -1;
	if (RUN(repository->root, false, err, "worktree", "prune") < 0)
		return -1;
	return RUN(repository->root, options->may_ask, err, "-c", "core.sparseCheckout=false",
		   "worktree", "add", "--quiet", "--detach", "--force",
		   "--force" /* one that died in the making is locked */, "--", path,
		   options->commit);
}

static int reset(const char *path, const struct worktree_options *options, struct error *err)
{
	if (RUN(path, options->may_ask, err, "-c", "core.sparseCheckout=false", "-c",
		"submodule.recurse=false", "checkout", "--quiet", "--force", "--detach",
		options->commit) < 0)
		return -1;
	return RUN(path, false, err, "clean", "--quiet", "-ff",
		   options->clean_all ? "-dx" : "-d");
}

static int update_submodules(struct arena *arena, const char *path,
			     const struct worktree_options *options, struct error *err)
{
	if (!file_exists(arena_format(arena, "%s/.gitmodules", path)))
		return 0;
	if (RUN(path, false, err, "submodule", "--quiet", "sync", "--recursive") < 0 ||
	    RUN(path, options->may_ask, err, "submodule", "--quiet", "update", "--init",
		"--recursive", "--force") < 0)
		return -1;
	return RUN(path, false, err, "submodule", "--quiet", "foreach", "--recursive",
		   options->clean_all ? "git clean -q -ffdx" : "git clean -q -ffd");
}

/* The first line of a file of git's; "" when it cannot be read. */
static char *git_file_line(struct arena *arena, const char *folder, const char *name)
{
	struct buffer bytes CLEANUP(buffer_release);
	struct error ignored = { 0 };

	buffer_init(&bytes, 64 << 10);
	if (file_read(path_join(arena, folder, name), &bytes, &ignored) < 0)
		return arena_string(arena, "");
	return arena_bytes(arena, bytes.data, strcspn(bytes.data, "\n"));
}

static bool is_torn(struct arena *arena, const char *entry)
{
	const char *head = git_file_line(arena, entry, "HEAD");
	bool named = text_starts_with(head, "ref: ") ||
		     (*head && head[strspn(head, "0")] &&
		      !head[strspn(head, "0123456789abcdef")]);

	return !named || !*git_file_line(arena, entry, "commondir");
}

bool worktree_mend(const struct repository *repository, struct arena *arena)
{
	const char *entries = path_join(arena, repository->common_dir, "worktrees");
	struct error ignored = { 0 };
	const char *folder = own_folder(repository, arena, &ignored);
	DIR *directory = folder ? opendir(entries) : NULL;
	bool mended = false;

	if (!directory)
		return false;
	for (struct dirent *item; (item = readdir(directory));) {
		const char *entry = path_join(arena, entries, item->d_name);

		if (item->d_name[0] == '.' ||
		    !text_starts_with(git_file_line(arena, entry, "gitdir"), folder) ||
		    !is_torn(arena, entry))
			continue;
		poll(NULL, 0, A_MOMENT);
		if (is_torn(arena, entry) && tree_remove(entry, &ignored) == 0)
			mended = true;
	}
	closedir(directory);
	return mended;
}

static char *claim_path(const struct repository *repository, struct arena *arena, const char *path)
{
	char hash[HASH_HEX_SIZE];

	hash_bytes_hex(path, strlen(path), hash);
	return arena_format(arena, "%s/shipit/checkouts/%.16s", repository->common_dir, hash);
}

int checkout_claim(const struct repository *repository, struct arena *arena, const char *path,
		   const char *user, struct error *err)
{
	char *claim = claim_path(repository, arena, path);

	if (folder_make(path_folder(arena, claim), 0755, err) < 0)
		return -1;
	return file_write(claim, user, strlen(user), 0644, err);
}

bool checkout_is_claimed(const struct repository *repository, struct arena *arena,
			 const char *path, const char *user)
{
	struct buffer claimed CLEANUP(buffer_release);
	struct error ignored = { 0 };

	buffer_init(&claimed, 4096);
	return folder_exists(path) &&
	       file_read(claim_path(repository, arena, path), &claimed, &ignored) == 0 &&
	       !strcmp(claimed.data, user);
}

char *worktree_prepare(const struct repository *repository, struct arena *arena,
		       const struct worktree_options *options, struct error *err)
{
	char *path = worktree_path(repository, arena, options->env, err);
	int status = -1;

	if (!path)
		return NULL;
	unlink(claim_path(repository, arena, path));
	if (is_ours(repository, arena, path))
		status = reset(path, options, err);
	if (status < 0 && !interrupt_signal()) {
		error_clear(err);
		status = make(repository, arena, path, options, err);
	}
	if (status == 0)
		status = update_submodules(arena, path, options, err);
	if (status == 0)
		return path;
	error_wrap(err, "cannot check out %.12s in '%s'", options->commit, path);
	if (!err->hint[0])
		error_hint(err, "is the disk full or read-only? SHIPIT_WORKTREES chooses another "
			   "place");
	return NULL;
}
