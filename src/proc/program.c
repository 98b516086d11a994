/* Finding the program that a child is to run, as the child itself would. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/child_internal.h"

extern char **environ;

static const char *path_variable(const struct child_options *options)
{
	const char *const *entry = options->environment ? options->environment
							: (const char *const *)environ;
	for (; entry && *entry; entry++)
		if (!strncmp(*entry, "PATH=", 5))
			return *entry + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

static char *join(const char *folder, const char *part, size_t length, const char *name)
{
	struct buffer path;
	buffer_init(&path, 1 << 16);
	if ((!length || *part != '/') && folder)
		buffer_add_format(&path, "%s/", folder);
	if (length) {
		buffer_add(&path, part, length);
		buffer_add_char(&path, '/');
	}
	buffer_add_text(&path, name);
	return buffer_take(&path, NULL);
}

/* 1: can be run, 0: is not there, -1: is there and cannot be run. */
static int can_run(const char *path)
{
	struct stat status;
	if (stat(path, &status))
		return errno == EACCES ? -1 : 0;
	return S_ISREG(status.st_mode) && !access(path, X_OK) ? 1 : -1;
}

static int refuse(const char *name, const char *path, int found, struct error *err)
{
	if (found < 0) {
		error_set(err, "cannot run '%s': '%s' is not an executable file", name, path);
		return error_hint(err, "Make it executable (chmod +x) and commit that.");
	}
	if (strchr(name, '/'))
		return error_set(err, "cannot run '%s': there is no such file", name);
	error_set(err, "cannot run '%s': there is no such command in PATH", name);
	return error_hint(err, "Install it on this machine, or correct the name.");
}

char *program_find(const struct child_options *options, struct error *err)
{
	const char *name = options->arguments[0], *denied = NULL;
	if (!name || !*name) {
		error_set(err, "cannot run a command without a name");
		return NULL;
	}
	if (strchr(name, '/')) {
		char *path = *name == '/' ? strdup(name) : join(options->directory, "", 0, name);
		if (!path)
			abort();
		int found = can_run(path);
		if (found == 1)
			return path;
		refuse(name, path, found, err);
		free(path);
		return NULL;
	}
	char *blocked = NULL;
	for (const char *part = path_variable(options); part;) {
		const char *end = strchr(part, ':');
		size_t length = end ? (size_t)(end - part) : strlen(part);
		char *path = join(options->directory, part, length, name);
		int found = path ? can_run(path) : 0;
		if (found == 1) {
			free(blocked);
			return path;
		}
		if (found < 0 && !blocked)
			blocked = path;
		else
			free(path);
		part = end ? end + 1 : NULL;
	}
	denied = blocked ? blocked : "";
	refuse(name, denied, blocked ? -1 : 0, err);
	free(blocked);
	return NULL;
}
