/* For tests of config: files in memory as a source. */
#pragma once
#include "base/text.h"
#include "config/config.h"

struct memory_file {
	const char *path, *text;
};

static inline int memory_read(void *context, const char *path, struct buffer *out,
			      struct error *err)
{
	(void)err;
	for (const struct memory_file *file = context; file->path; file++)
		if (strcmp(file->path, path) == 0)
			return buffer_add_text(out, file->text) < 0 ? -1 : 1;
	return 0;
}

static inline int memory_list(void *context, struct arena *arena, const char *name,
			      struct text_list *paths, struct error *err)
{
	(void)err;
	for (const struct memory_file *file = context; file->path; file++)
		if (text_ends_with(file->path, name))
			text_list_add(arena, paths, file->path);
	return 0;
}

static inline struct config_source memory_source(struct memory_file *files)
{
	return (struct config_source){ .read = memory_read, .list = memory_list,
				       .context = files, .description = "memory" };
}
