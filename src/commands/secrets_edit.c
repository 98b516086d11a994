/* shipit secrets edit: a value in the person's own editor. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/sealing.h"
#include "proc/child.h"

/* Where a file does not reach a disk, or at least nobody else; else the folder for such files. */
static const char *draft_place(struct arena *arena)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");
	const char *const places[] = {runtime, "/dev/shm", temporary};
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (places[i] && places[i][0] == '/' && folder_exists(places[i]) &&
		    access(places[i], W_OK | X_OK) == 0)
			return arena_string(arena, places[i]);
	return "/tmp";
}

static int write_draft(const char *path, const struct buffer *value, struct error *err)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ends = value->length && value->data[value->length - 1] == '\n';
	if (file < 0)
		return error_set_errno(err, errno, "cannot write the draft '%s'", path);
	ssize_t put = write(file, value->data, value->length);
	if (put == (ssize_t)value->length && !ends)
		put += write(file, "\n", 1) - 1;
	if (put != (ssize_t)value->length)
		error_set_errno(err, errno, "cannot write the draft '%s'", path);
	close(file);
	return put == (ssize_t)value->length ? 0 : -1;
}

/* A file's bytes are written over before it goes: the draft, and what the editor left beside it. */
static void wipe_file(int folder, const char *name)
{
	static const char nothing[4096];
	struct stat status;
	int file = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (file < 0)
		return;
	off_t left = fstat(file, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : 0;
	while (left > 0) {
		size_t some = left < (off_t)sizeof(nothing) ? (size_t)left : sizeof(nothing);
		ssize_t put = write(file, nothing, some);
		if (put <= 0)
			break;
		left -= put;
	}
	fsync(file);
	close(file);
}

static void wipe_folder(const struct call *call, const char *path)
{
	struct error err = {0};
	DIR *folder = opendir(path);
	for (const struct dirent *entry; folder && (entry = readdir(folder));)
		wipe_file(dirfd(folder), entry->d_name);
	if (folder)
		closedir(folder);
	if (tree_remove(path, &err) < 0)
		call_note(call, "WARNING: the draft is still there: %s", err.message);
}

static const char *editor(struct error *err)
{
	const char *visual = getenv("VISUAL"), *plain = getenv("EDITOR");
	if (visual && *visual)
		return visual;
	if (plain && *plain)
		return plain;
	if (terminal_present())
		return "vi";
	error_set(err, "there is no terminal for an editor");
	error_hint(err, "shipit secrets set NAME reads the value from stdin");
	error_code(err, EXIT_REFUSED);
	return NULL;
}

static int run_editor(struct arena *arena, const char *path, struct error *err)
{
	struct child_result result CLEANUP(child_result_release) = {0};
	const char *program = editor(err);
	char text[64];
	if (!program)
		return -1;
	const struct child_options options = {
		/* As git does it: the variable may hold arguments. */
		.arguments = (const char *[]){"sh", "-c",
					      arena_format(arena, "%s \"$@\"", program), program,
					      path, NULL},
		.terminal = true,
	};
	if (child_run(&options, &result, err) < 0)
		return -1;
	if (result.exit.code == 0)
		return 0;
	return error_set(err, "the editor ended with %s: nothing was changed",
			 child_exit_text(text, &result.exit));
}

static int read_draft(const char *path, bool ended, struct buffer *value, struct error *err)
{
	if (file_read(path, value, err) < 0)
		return -1;
	if (!ended && value->length && value->data[value->length - 1] == '\n')
		value->data[--value->length] = '\0';
	return 0;
}

static int edit_in(struct sealing *sealing, const char *folder, const struct buffer *before,
		   struct buffer *after, struct error *err)
{
	struct arena *arena = sealing->session.arena;
	const char *path = path_join(arena, folder, "value");
	bool ended = before->length && before->data[before->length - 1] == '\n';
	if (write_draft(path, before, err) < 0 || run_editor(arena, path, err) < 0)
		return -1;
	return read_draft(path, ended, after, err);
}

static int edit(struct sealing *sealing, const char *name, struct buffer *before,
		struct buffer *after, struct error *err)
{
	struct call *call = sealing->session.call;
	char *folder;
	int result;
	if (sealed_file_find(&sealing->file, name) &&
	    sealing_value(sealing, name, before, err) < 0)
		return -1;
	folder = arena_format(call->arena, "%s/shipit-edit.XXXXXX", draft_place(call->arena));
	if (!mkdtemp(folder))
		return error_set_errno(err, errno, "cannot make the folder %s", folder);
	result = edit_in(sealing, folder, before, after, err);
	wipe_folder(call, folder);
	if (result < 0)
		return -1;
	if (after->length == before->length &&
	    memcmp(after->data, before->data, after->length) == 0) {
		call_note(call, "%s is as it was.", name);
		return 0;
	}
	return sealing_put(sealing, name, after, err);
}

int secrets_edit(struct sealing *sealing, const struct text_list *names, struct error *err)
{
	const char *name = names->items[0];
	struct seal_recipients to;
	struct buffer before, after;
	int result;
	if (sealing_check_name(sealing, name, err) < 0 ||
	    sealing_audience(sealing, name, &to, err) < 0)
		return -1;
	buffer_init(&before, SEAL_VALUE_MAXIMUM);
	buffer_init(&after, SEAL_VALUE_MAXIMUM + 1);
	result = edit(sealing, name, &before, &after, err);
	memory_wipe(before.data, before.length);
	memory_wipe(after.data, after.length);
	buffer_release(&before);
	buffer_release(&after);
	return result;
}
