/* Fills a release: the commit's tree by git itself (filters, LFS), a folder by copying. */
#include "steps/release_fill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "git/command.h"
#include "proc/child.h"

struct fill {
	const struct release_tree *tree;
	struct arena *arena; /* of one folder */
	int64_t files, bytes;
	int depth;
};

static bool is_excluded(const struct release_tree *tree, const char *path, bool is_folder)
{
	return tree->exclude && pattern_list_matches(tree->exclude, path, is_folder);
}

static int check_stopped(const struct release_tree *tree, struct error *err)
{
	return atomic_load(tree->stopped) ? error_set(err, "stopped") : 0;
}

static int copy_bytes(int from, int to, const char *path, struct error *err)
{
	char bytes[65536];
	ssize_t length;

	while ((length = read(from, bytes, sizeof(bytes))) != 0) {
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		for (ssize_t done = 0, once; done < length; done += once) {
			once = write(to, bytes + done, (size_t)(length - done));
			if (once < 0 && errno == EINTR)
				once = 0;
			else if (once < 0)
				return error_set_errno(err, errno, "cannot copy '%s'", path);
		}
	}
	return 0;
}

/* Times stay: a web server makes its ETags of them. */
static int copy_file(const char *from, const char *to, const struct stat *status, struct error *err)
{
#ifdef __APPLE__
	const struct timespec times[2] = {status->st_atimespec, status->st_mtimespec};
#else
	const struct timespec times[2] = {status->st_atim, status->st_mtim};
#endif
	int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int target = source < 0 ? -1
				: open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				       status->st_mode & 0777);
	int result;

	if (target < 0) {
		result = error_set_errno(err, errno, "cannot copy '%s'", from);
	} else {
		result = copy_bytes(source, target, from, err);
		futimens(target, times);
		if (close(target) < 0 && result == 0)
			result = error_set_errno(err, errno, "cannot copy '%s'", from);
	}
	if (source >= 0)
		close(source);
	return result;
}

static int copy_link(const char *from, const char *to, struct error *err)
{
	char target[PATH_MAX];
	ssize_t length = readlink(from, target, sizeof(target) - 1);

	if (length < 0)
		return error_set_errno(err, errno, "cannot read the link '%s'", from);
	target[length] = 0;
	if (symlink(target, to) < 0)
		return error_set_errno(err, errno, "cannot make the link '%s'", to);
	return 0;
}

static int copy_folder(struct fill *fill, const char *from, const char *to, const char *path,
		       struct error *err);

static int copy_entry(struct fill *fill, const char *from, const char *to, const char *path,
		      struct error *err)
{
	struct stat status;

	if (check_stopped(fill->tree, err) < 0)
		return -1;
	if (lstat(from, &status) < 0)
		return error_set_errno(err, errno, "cannot read '%s'", from);
	if (is_excluded(fill->tree, path, S_ISDIR(status.st_mode)))
		return 0;
	if (S_ISDIR(status.st_mode)) {
		if (mkdir(to, status.st_mode & 0777) < 0)
			return error_set_errno(err, errno, "cannot make the folder '%s'", to);
		return copy_folder(fill, from, to, path, err);
	}
	fill->files++;
	if (S_ISLNK(status.st_mode))
		return copy_link(from, to, err);
	if (!S_ISREG(status.st_mode))
		return error_set(err, "'%s' is no file, folder or link: it cannot be released",
				 from);
	fill->bytes += status.st_size;
	return copy_file(from, to, &status, err);
}

static int copy_folder(struct fill *fill, const char *from, const char *to, const char *path,
		       struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct dirent *entry;
	DIR *folder;
	int result = 0;

	if (++fill->depth > 500)
		return error_set(err, "folders are nested too deep in '%s'", from);
	folder = opendir(from);
	if (!folder)
		return error_set_errno(err, errno, "cannot read the folder '%s'", from);
	while (result == 0 && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result =
				copy_entry(fill, arena_format(&arena, "%s/%s", from, entry->d_name),
					   arena_format(&arena, "%s/%s", to, entry->d_name),
					   path_join(&arena, path, entry->d_name), err);
	closedir(folder);
	fill->depth--;
	return result;
}

static int run_git(struct fill *fill, const char *index, const struct buffer *input,
		   const char *const *arguments, struct child_result *result, struct error *err)
{
	const char *environment[] = {arena_format(fill->arena, "GIT_INDEX_FILE=%s", index), NULL};
	const struct git_options options = {
		.folder = fill->tree->root,
		.arguments = arguments,
		.environment = environment,
		.input = input ? input->data : NULL,
		.input_length = input ? input->length : 0,
		.no_hooks = true,
	};

	return check_stopped(fill->tree, err) < 0 ? -1 : git_run_ok(&options, result, err);
}

/* The files that are not excluded, each ended by a NUL. */
static void choose_files(struct fill *fill, const struct child_result *listed,
			 struct buffer *chosen)
{
	const char *at = listed->output.data, *end = at + listed->output.length;

	for (; at < end; at += strlen(at) + 1) {
		if (is_excluded(fill->tree, at, false))
			continue;
		buffer_add(chosen, at, strlen(at) + 1);
		fill->files++;
	}
}

/* In an index of its own, for the checkout's may be the user's. */
static int fill_from_commit(struct fill *fill, const char *into, struct error *err)
{
	const char *index = arena_format(fill->arena, "%s.index", into);
	const char *prefix = arena_format(fill->arena, "--prefix=%s/", into);
	const char *const read[] = {"read-tree", fill->tree->commit, NULL};
	const char *const list[] = {"ls-files", "-z", NULL};
	const char *const write[] = {"checkout-index", "-z", "-f", "--stdin", prefix, NULL};
	struct child_result result = {0};
	struct buffer chosen CLEANUP(buffer_release);
	int status = run_git(fill, index, NULL, read, &result, err);

	buffer_init(&chosen, (size_t)1 << 30);
	child_result_release(&result);
	if (status == 0) {
		status = run_git(fill, index, NULL, list, &result, err);
		if (status == 0)
			choose_files(fill, &result, &chosen);
		child_result_release(&result);
	}
	if (status == 0 && chosen.length) {
		status = run_git(fill, index, &chosen, write, &result, err);
		child_result_release(&result);
	}
	unlink(index);
	return status;
}

int release_fill(const struct release_tree *tree, const char *into, int64_t *files, int64_t *bytes,
		 struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct fill fill = {.tree = tree, .arena = &arena};
	int result = tree->from ? copy_folder(&fill, tree->from, into, "", err)
				: fill_from_commit(&fill, into, err);

	*files = fill.files;
	*bytes = fill.bytes;
	if (result == 0 && !fill.files)
		return error_set(err, "'%s' holds no file: an empty release would be made",
				 tree->from ? tree->from : tree->commit);
	return result;
}
