/* One SQL statement, read from left to right. */
#pragma once
#include "plan/migration_internal.h"

struct statement {
	struct reading *reading;
	struct tokens tokens;
	size_t at;
	size_t line, last;
};

struct sql {
	struct reading *reading;
	struct text_list created; /* tables that this file makes: nobody uses them yet */
};

const struct token *sql_peek(const struct statement *statement);
/* Moves behind the words when they stand here. */
bool sql_take(struct statement *statement, const char *word);
bool sql_take_two(struct statement *statement, const char *first, const char *second);
void sql_take_if_exists(struct statement *statement);
/* [ONLY] schema.name [*]; NULL when no name stands there. */
const char *sql_take_name(struct statement *statement);
/* Whether the words stand one behind another before the next comma of this level. */
bool sql_has(const struct statement *statement, const char *first, const char *second);
/* Moves behind the next comma of this level; false: to the end. */
bool sql_next(struct statement *statement);
/* A finding about the table (NULL: none): "drops a column of users". A table that the file itself
 * makes is not locked for anybody. */
void sql_find(struct sql *sql, const struct statement *statement, const char *table,
	      unsigned effects, const char *what);
/* Behind ALTER. */
void sql_read_alter(struct sql *sql, struct statement *statement);
