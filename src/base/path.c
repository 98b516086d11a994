/* Paths as words, and where this program and its data are. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "base/file.h"

char *path_join(struct arena *arena, const char *folder, const char *name)
{
	size_t length = strlen(folder);

	if (name[0] == '/' || length == 0 || strcmp(folder, ".") == 0)
		return arena_string(arena, name);
	if (*name == '\0' || strcmp(name, ".") == 0)
		return arena_string(arena, folder);
	return arena_format(arena, folder[length - 1] == '/' ? "%s%s" : "%s/%s", folder, name);
}

char *path_folder(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_string(arena, ".");
	return arena_bytes(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Takes the last part off what is written so far; false when there is none to take. */
static bool step_back(const char *start, char **end, bool absolute)
{
	char *slash = *end;

	if (*end == start)
		return absolute;
	while (slash > start && slash[-1] != '/')
		slash--;
	if (*end - slash == 2 && memcmp(slash, "..", 2) == 0)
		return false;
	*end = slash > start ? slash - 1 : slash;
	return true;
}

char *path_normal(struct arena *arena, const char *path)
{
	bool absolute = path[0] == '/';
	char *normal = arena_alloc(arena, strlen(path) + 2);
	char *start = normal + (absolute ? 1 : 0), *end = start;

	if (absolute)
		normal[0] = '/';
	while (*path) {
		size_t length = strcspn(path, "/");
		bool back = length == 2 && memcmp(path, "..", 2) == 0;
		bool here = length == 0 || (length == 1 && *path == '.');

		if (!here && !(back && step_back(start, &end, absolute))) {
			if (end > start)
				*end++ = '/';
			memcpy(end, path, length);
			end += length;
		}
		path += length;
		while (*path == '/')
			path++;
	}
	*end = '\0';
	if (normal[0] == '\0')
		normal[0] = '.';
	return normal;
}

char *path_absolute(struct arena *arena, const char *path, struct error *err)
{
	char here[PATH_MAX];

	if (path[0] == '/')
		return path_normal(arena, path);
	if (!getcwd(here, sizeof(here))) {
		error_set_errno(err, errno, "cannot tell the current folder");
		return NULL;
	}
	return path_normal(arena, path_join(arena, here, path));
}

static int own_path(char *path, size_t size)
{
#ifdef __APPLE__
	uint32_t length = (uint32_t)size;

	return _NSGetExecutablePath(path, &length);
#else
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length < 0)
		return -1;
	path[length] = '\0';
	return 0;
#endif
}

char *program_path(struct arena *arena, struct error *err)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (own_path(path, sizeof(path)) < 0 || !realpath(path, real)) {
		error_set_errno(err, errno, "cannot find this program's own file");
		return NULL;
	}
	return arena_string(arena, real);
}

char *data_path(struct arena *arena, const char *relative)
{
	/* Beside build/shipit, build/release/shipit and PREFIX/bin/shipit. */
	static const char *const places[] = {"..", "../..", "../share/shipit"};
	const char *given = getenv("SHIPIT_DATADIR");
	struct error err;
	char *program, *folder;

	if (given && *given) {
		char *path = path_join(arena, given, relative);

		return access(path, R_OK) == 0 ? path : NULL;
	}
	program = program_path(arena, &err);
	if (!program)
		return NULL;
	folder = path_folder(arena, program);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *root = path_normal(arena, path_join(arena, folder, places[i]));
		char *mark = path_join(arena, root, "pipelines/web.yml");
		char *path = path_join(arena, root, relative);

		if (access(mark, R_OK) == 0 && access(path, R_OK) == 0)
			return path;
	}
	return NULL;
}
