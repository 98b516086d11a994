/* What a migration does to the tables that a running release uses: read from the file itself, by
 * the rules of PostgreSQL 11 and newer (docs/maintenance.md has them all). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum migration_kind { MIGRATION_NONE, MIGRATION_DJANGO, MIGRATION_RAILS, MIGRATION_SQL };

enum migration_effect {
	/* Blocks the table for longer than a moment, or takes away what the running release uses:
	 * on a hot table that needs maintenance. */
	MIGRATION_LOCKS = 1,
	/* Drops, renames or retypes something: the release before cannot run on what is left. */
	MIGRATION_DESTROYS = 2,
	/* Runs code that cannot be read from here: nobody knows what it locks. */
	MIGRATION_OPAQUE = 4,
};

struct migration_finding {
	size_t line, last; /* of the operation, from 1 */
	unsigned effects;
	const char *what;        /* "AddIndex on users_user builds an index under a lock" */
	struct text_list tables; /* names by which the tables may be called; may be empty */
	bool every_table;        /* VACUUM FULL without a name */
};
struct migration {
	VEC(struct migration_finding) findings;
};

/* By its path: a Python file in a folder migrations, a Ruby file in a folder migrate below db, an
 * SQL file in a folder with "migrat" in its name, or called *.up.sql. */
enum migration_kind migration_kind(const char *path);
/* Never fails: what it cannot make out has no findings. What a migration does when it is undone
 * (Rails' down, goose's Down) does not count. */
void migration_read(struct arena *arena, const char *path, const char *text, size_t length,
		    struct migration *migration);
/* The one of hot tables (hot_tables, as the team calls them) that the finding is about, or NULL.
 * `users` is public.users, and a Django model User of any app. */
const char *migration_table(const struct migration_finding *finding, const struct text_list *hot);
