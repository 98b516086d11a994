#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

static void *library_open(const char *const *files)
{
	void *opened = NULL;

	for (; *files && !opened; files++)
		opened = dlopen(*files, RTLD_NOW | RTLD_LOCAL);
	return opened;
}

int library_load(const struct library *library, const struct library_function *functions,
		 size_t count, struct error *err)
{
	void *opened = library_open(library->files);

	if (!opened) {
		error_set(err, "cannot load %s, which %s need", library->name, library->purpose);
		return error_hint(err, "install it (Debian: apt-get install %s)", library->package);
	}
	for (size_t i = 0; i < count; i++) {
		void *function = dlsym(opened, functions[i].name);

		if (!function)
			return error_set(err, "this %s is too old: it lacks %s", library->name,
					 functions[i].name);
		memcpy(functions[i].slot, &function, sizeof(function));
	}
	return 0;
}
