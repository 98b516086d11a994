/* Loads libarchive at run time: it brings a dozen libraries along, which few commands need. */
#include "base/library.h"
#include "git/archive_internal.h"

int archive_load(struct archive_api *api, struct error *err)
{
#ifdef __APPLE__
	static const char *const files[] = {"libarchive.13.dylib", "/usr/lib/libarchive.2.dylib",
					    "/opt/homebrew/opt/libarchive/lib/libarchive.13.dylib",
					    NULL};
#else
	static const char *const files[] = {"libarchive.so.13", NULL};
#endif
	static const struct library library = {
		.files = files, .name = "libarchive", .purpose = "archives",
		.package = "libarchive13"};
	const struct library_function functions[] = {
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

	return library_load(&library, functions, sizeof(functions) / sizeof(*functions), err);
}
