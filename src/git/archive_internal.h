/* libarchive, loaded when the first archive is written; for this room only. */
#pragma once
#include <archive.h>
#include <archive_entry.h>

#include "base/error.h"

struct archive_api {
	struct archive *(*write_new)(void);
	int (*write_format)(struct archive *archive);
	int (*write_block)(struct archive *archive, int bytes);
	int (*write_open)(struct archive *archive, void *context, archive_open_callback *open,
			  archive_write_callback *write, archive_close_callback *close);
	int (*write_header)(struct archive *archive, struct archive_entry *entry);
	la_ssize_t (*write_data)(struct archive *archive, const void *bytes, size_t length);
	int (*write_finish_entry)(struct archive *archive);
	int (*write_free)(struct archive *archive);
	const char *(*error_string)(struct archive *archive);
	struct archive_entry *(*entry_new)(void);
	struct archive_entry *(*entry_clear)(struct archive_entry *entry);
	void (*entry_free)(struct archive_entry *entry);
	void (*entry_name)(struct archive_entry *entry, const char *name);
	void (*entry_link)(struct archive_entry *entry, const char *target);
	void (*entry_mode)(struct archive_entry *entry, __LA_MODE_T mode);
	void (*entry_size)(struct archive_entry *entry, la_int64_t size);
	void (*entry_time)(struct archive_entry *entry, time_t time, long nanoseconds);
};

int archive_load(struct archive_api *api, struct error *err) MUST_USE;
