/* Files and folders by path. */
#pragma once
#include <sys/types.h>

#include "base/arena.h"
#include "base/buffer.h"

/* Adds the whole file to out, whose maximum bounds it. -1 with errno kept (ENOENT: not there,
 * EFBIG: more than the maximum). Refuses what is not a regular file (EINVAL), never blocks. */
int file_read(const char *path, struct buffer *out, struct error *err) MUST_USE;
/* Writes it whole or not at all: a file beside it, synced, then renamed over path. */
int file_write(const char *path, const void *bytes, size_t length, mode_t mode,
	       struct error *err) MUST_USE;
bool file_exists(const char *path);	/* anything at all, dangling links too */
bool folder_exists(const char *path);
/* mkdir -p; fine when it is there already. */
int folder_make(const char *path, mode_t mode, struct error *err) MUST_USE;
/* rm -rf that follows no link; fine when nothing is there. */
int tree_remove(const char *path, struct error *err) MUST_USE;
/* A new empty folder below $TMPDIR or /tmp. */
char *folder_temporary(struct arena *arena, struct error *err) MUST_USE;

/* "a/b"; b alone when it is absolute or a is "" or ".". */
char *path_join(struct arena *arena, const char *folder, const char *name);
char *path_folder(struct arena *arena, const char *path);	/* "a/b" -> "a", "b" -> "." */
const char *path_name(const char *path);			/* "a/b" -> "b" */
/* Without ".", "..", "//" where words alone tell; "" becomes ".". */
char *path_normal(struct arena *arena, const char *path);
/* The working folder or path, absolute; NULL when the working folder is gone. */
char *path_absolute(struct arena *arena, const char *path, struct error *err) MUST_USE;

/* This program's own file, absolute. */
char *program_path(struct arena *arena, struct error *err) MUST_USE;
/* A file that ships with shipit ("pipelines/web.yml"): below SHIPIT_DATADIR, the build tree or the
 * place where it is installed. NULL when it is in none. */
char *data_path(struct arena *arena, const char *relative);
