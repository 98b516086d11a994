/* What the readers of migrations share. */
#pragma once
#include "plan/migration.h"
#include "plan/script.h"

struct reading {
	struct arena *arena;
	const char *path;
	struct migration *migration;
};

/* The whole of a script's tokens, so that one can look back and forth; list.items[count] is
 * TOKEN_END. */
struct tokens {
	VEC(struct token) list;
};
void tokens_read(struct arena *arena, enum script_language language, const char *text,
		 size_t length, struct tokens *tokens);
/* The place of the bracket that closes the one at `open`, or the end. */
size_t tokens_close(const struct tokens *tokens, size_t open);
const struct token *token_at(const struct tokens *tokens, size_t at);
/* The strings that stand side by side from `at` as one text, line by line where they stand, escapes
 * replaced; *at moves behind them. */
struct token tokens_string(struct arena *arena, const struct tokens *tokens, size_t *at);

struct migration_finding *finding_add(struct reading *reading, size_t line, size_t last,
				      unsigned effects, const char *format, ...) PRINTF_LIKE(5, 6);
void finding_table(struct reading *reading, struct migration_finding *finding, const char *table);
/* "UserProfile" -> "user_profiles", "Person" -> "people". */
char *table_of_model(struct arena *arena, const char *model);

void django_read(struct reading *reading, const char *text, size_t length);
void rails_read(struct reading *reading, const char *text, size_t length);
/* SQL that begins in that line of the file; whole: a file, whose part that undoes is left out. */
void sql_read(struct reading *reading, const char *text, size_t length, size_t line);
