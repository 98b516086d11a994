/* Loads libarchive at run time: it brings a dozen libraries along, which few commands need. */
#include <dlfcn.h>

#include "git/archive_internal.h"

static void *library_open(void)
{
#ifdef __APPLE__
	static const char *const names[] = {"libarchive.13.dylib", "/usr/lib/libarchive.2.dylib",
					    "/opt/homebrew/opt/libarchive/lib/libarchive.13.dylib"};
#else
	static const char *const names[] = {"libarchive.so.13"};
#endif
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);

		if (library)
			return library;
	}
	return NULL;
}

int archive_load(struct archive_api *api, struct error *err)
{
	const struct {
		const char *name;
		void *slot;
	} functions[] = {
		{"archive_write_new", &api->write_new},
		{"archive_write_set_format_gnutar", &api->write_format},
		{"archive_write_set_bytes_per_block", &api->write_block},
		{"archive_write_open", &api->write_open},
		{"archive_write_header", &api->write_header},
		{"archive_write_data", &api->write_data},
		{"archive_write_finish_entry", &api->write_finish_entry},
		{"archive_write_free", &api->write_free},
		{"archive_error_string", &api->error_string},
		{"archive_entry_new", &api->entry_new},
		{"archive_entry_clear", &api->entry_clear},
		{"archive_entry_free", &api->entry_free},
		{"archive_entry_set_pathname", &api->entry_name},
		{"archive_entry_set_symlink", &api->entry_link},
		{"archive_entry_set_mode", &api->entry_mode},
		{"archive_entry_set_size", &api->entry_size},
		{"archive_entry_set_mtime", &api->entry_time},
	};
	void *library = library_open();

	if (!library) {
		error_set(err, "cannot load libarchive, which archives need");
		return error_hint(err, "install it (Debian: apt-get install libarchive13)");
	}
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function)
			return error_set(err, "this libarchive is too old: it lacks %s",
					 functions[i].name);
		memcpy(functions[i].slot, &function, sizeof(function));
	}
	return 0;
}
