/* SQL: what its statements lock and destroy. */
#include "base/text.h"
#include "plan/migration_sql_internal.h"

enum { STATEMENT_TOKENS = 20000 }; /* of one statement that are looked at */

static void read_create(struct sql *sql, struct statement *statement)
{
	const char *name;

	while (sql_take(statement, "unlogged") || sql_take(statement, "temporary") ||
	       sql_take(statement, "temp") || sql_take(statement, "global") ||
	       sql_take(statement, "local"))
		;
	if (sql_take(statement, "table")) {
		sql_take_if_exists(statement);
		name = sql_take_name(statement);
		if (name)
			text_list_add(sql->reading->arena, &sql->created, name);
		return;
	}
	sql_take(statement, "unique");
	if (!sql_take(statement, "index") || sql_take(statement, "concurrently"))
		return;
	while (sql_peek(statement)->kind != TOKEN_END && !sql_take(statement, "on"))
		statement->at++;
	name = sql_take_name(statement);
	if (name)
		sql_find(sql, statement, name, MIGRATION_LOCKS,
			 "CREATE INDEX without CONCURRENTLY blocks writes to");
}

/* An index says by its name alone whose it is: index_users_on_email, users_email_idx. */
static void dropped_index(struct sql *sql, const struct statement *statement, const char *name)
{
	struct arena *arena = sql->reading->arena;
	struct migration_finding *finding =
		finding_add(sql->reading, statement->line, statement->last, MIGRATION_LOCKS,
			    "DROP INDEX without CONCURRENTLY locks the table of %s", name);
	struct text_list parts;
	const char *dot = strrchr(name, '.');

	parts = text_split(arena, dot ? dot + 1 : name, '_');
	for (size_t first = 0; first < parts.count; first++)
		for (size_t count = 1; first + count <= parts.count && count <= 4; count++) {
			struct text_list some = {parts.items + first, count, count};

			finding_table(sql->reading, finding, text_join(arena, &some, "_"));
		}
}

static void read_drop(struct sql *sql, struct statement *statement)
{
	static const char *const kinds[] = {"table",    "view",   "schema",   "type",
					    "sequence", "domain", "database", "column"};
	const char *name, *what = NULL;
	bool index = false;

	sql_take(statement, "materialized");
	sql_take(statement, "foreign");
	for (size_t i = 0; !what && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (sql_take(statement, kinds[i]))
			what = arena_format(sql->reading->arena, "drops the %s", kinds[i]);
	if (!what && sql_take(statement, "index"))
		index = !sql_take(statement, "concurrently");
	if (!what && !index)
		return;
	do {
		sql_take_if_exists(statement);
		name = sql_take_name(statement);
		if (name && index)
			dropped_index(sql, statement, name);
		else if (name)
			sql_find(sql, statement, name, MIGRATION_LOCKS | MIGRATION_DESTROYS, what);
	} while (name && sql_next(statement));
}

static void read_truncate(struct sql *sql, struct statement *statement)
{
	const char *name;

	sql_take(statement, "table");
	do {
		name = sql_take_name(statement);
		if (name)
			sql_find(sql, statement, name, MIGRATION_LOCKS | MIGRATION_DESTROYS,
				 "empties");
	} while (name && sql_next(statement));
}

static void find_every(struct sql *sql, const struct statement *statement, const char *what)
{
	finding_add(sql->reading, statement->line, statement->last, MIGRATION_LOCKS, "%s", what)
		->every_table = true;
}

static void read_cluster(struct sql *sql, struct statement *statement)
{
	const char *name;

	sql_take(statement, "verbose");
	name = sql_take_name(statement);
	if (name)
		sql_find(sql, statement, name, MIGRATION_LOCKS, "CLUSTER rewrites all of");
	else
		find_every(sql, statement, "CLUSTER rewrites every table");
}

static void read_vacuum(struct sql *sql, struct statement *statement)
{
	bool full = false;
	const char *name;

	if (token_is_mark(sql_peek(statement), '(')) {
		size_t close = tokens_close(&statement->tokens, statement->at);

		for (; statement->at < close; statement->at++)
			if (token_is(sql_peek(statement), "full"))
				full = !token_is(token_at(&statement->tokens, statement->at + 1),
						 "false");
		statement->at++;
	}
	full = sql_take(statement, "full") || full;
	if (!full)
		return;
	while (sql_take(statement, "freeze") || sql_take(statement, "verbose") ||
	       sql_take(statement, "analyze"))
		;
	name = sql_take_name(statement);
	if (!name)
		find_every(sql, statement, "VACUUM FULL rewrites every table");
	for (; name; name = sql_next(statement) ? sql_take_name(statement) : NULL)
		sql_find(sql, statement, name, MIGRATION_LOCKS, "VACUUM FULL rewrites all of");
}

static void read_reindex(struct sql *sql, struct statement *statement)
{
	const char *name;

	if (sql_has(statement, "concurrently", NULL))
		return;
	if (token_is_mark(sql_peek(statement), '('))
		statement->at = tokens_close(&statement->tokens, statement->at) + 1;
	if (sql_take(statement, "table")) {
		name = sql_take_name(statement);
		if (name)
			sql_find(sql, statement, name, MIGRATION_LOCKS,
				 "REINDEX without CONCURRENTLY blocks writes to");
	} else if (sql_take(statement, "index")) {
		name = sql_take_name(statement);
		if (name)
			dropped_index(sql, statement, name);
	} else {
		find_every(sql, statement,
			   "REINDEX without CONCURRENTLY blocks writes to every table");
	}
}

static bool is_weak_lock(const struct statement *statement)
{
	if (!sql_has(statement, "in", NULL))
		return false;
	if (sql_has(statement, "row", "share") || sql_has(statement, "access", "share"))
		return true;
	return sql_has(statement, "update", "exclusive") ||
	       (sql_has(statement, "row", "exclusive") && !sql_has(statement, "share", "row"));
}

static void read_lock(struct sql *sql, struct statement *statement)
{
	const char *name;
	struct statement rest;

	sql_take(statement, "table");
	for (name = sql_take_name(statement); name;
	     name = sql_next(statement) ? sql_take_name(statement) : NULL) {
		rest = *statement;
		while (!sql_has(&rest, "mode", NULL) && sql_next(&rest))
			;
		if (!is_weak_lock(&rest))
			sql_find(sql, statement, name, MIGRATION_LOCKS, "LOCK TABLE locks");
	}
}

/* A change of single rows by their id locks them for a moment; one of many locks them until the
 * migration ends. */
static bool picks_rows(const struct statement *statement)
{
	const struct tokens *tokens = &statement->tokens;
	bool where = false;

	for (size_t i = statement->at; i < tokens->list.count; i++) {
		where = where || token_is(token_at(tokens, i), "where");
		if (where && token_is(token_at(tokens, i), "id") &&
		    (token_is_mark(token_at(tokens, i + 1), '=') ||
		     token_is(token_at(tokens, i + 1), "in")))
			return true;
	}
	return false;
}

static void read_change(struct sql *sql, struct statement *statement, const char *what)
{
	const char *name = sql_take_name(statement);

	if (name && !picks_rows(statement))
		sql_find(sql, statement, name, MIGRATION_LOCKS, what);
}

static void read_rename(struct sql *sql, struct statement *statement)
{
	const char *name;

	if (!sql_take(statement, "table"))
		return;
	name = sql_take_name(statement);
	if (name)
		sql_find(sql, statement, name, MIGRATION_LOCKS | MIGRATION_DESTROYS, "renames");
}

static void read_refresh(struct sql *sql, struct statement *statement)
{
	const char *name;

	if (!sql_take_two(statement, "materialized", "view") || sql_take(statement, "concurrently"))
		return;
	name = sql_take_name(statement);
	if (name)
		sql_find(sql, statement, name, MIGRATION_LOCKS,
			 "REFRESH MATERIALIZED VIEW without CONCURRENTLY locks");
}

static void read_text(struct sql *sql, const char *text, size_t length, size_t line, bool whole);

/* DO $$ ... $$: its body runs now; that of a function does not. */
static void read_do(struct sql *sql, struct statement *statement)
{
	for (; sql_peek(statement)->kind != TOKEN_END; statement->at++)
		if (sql_peek(statement)->kind == TOKEN_BODY ||
		    sql_peek(statement)->kind == TOKEN_STRING)
			read_text(sql, sql_peek(statement)->text, sql_peek(statement)->length,
				  sql_peek(statement)->line, false);
}

static void read_statement(struct sql *sql, struct statement *statement)
{
	/* in a DO body, a statement may stand behind control words */
	while (sql_take(statement, "begin") || sql_take(statement, "then") ||
	       sql_take(statement, "else") || sql_take(statement, "loop") ||
	       sql_take(statement, "declare"))
		;
	if (sql_take(statement, "if"))
		while (sql_peek(statement)->kind != TOKEN_END && !sql_take(statement, "then"))
			statement->at++;
	if (sql_peek(statement)->line)
		statement->line = sql_peek(statement)->line;
	if (sql_take(statement, "alter"))
		sql_read_alter(sql, statement);
	else if (sql_take(statement, "create"))
		read_create(sql, statement);
	else if (sql_take(statement, "drop"))
		read_drop(sql, statement);
	else if (sql_take(statement, "truncate"))
		read_truncate(sql, statement);
	else if (sql_take(statement, "cluster"))
		read_cluster(sql, statement);
	else if (sql_take(statement, "vacuum"))
		read_vacuum(sql, statement);
	else if (sql_take(statement, "reindex"))
		read_reindex(sql, statement);
	else if (sql_take(statement, "lock"))
		read_lock(sql, statement);
	else if (sql_take(statement, "update"))
		read_change(sql, statement, "updates many rows of");
	else if (sql_take_two(statement, "delete", "from"))
		read_change(sql, statement, "deletes many rows of");
	else if (sql_take(statement, "rename"))
		read_rename(sql, statement);
	else if (sql_take(statement, "refresh"))
		read_refresh(sql, statement);
	else if (sql_take(statement, "execute") || sql_take(statement, "do"))
		read_do(sql, statement);
}

/* Where the part of a file begins that undoes: goose, dbmate, sql-migrate, MyBatis. */
static size_t up_length(const char *text, size_t length)
{
	static const char *const marks[] = {"+goose Down", "migrate:down", "+migrate Down",
					    "//@UNDO", "@UNDO"};

	for (const char *line = text, *next; line < text + length; line = next) {
		const char *at = line;

		next = memchr(line, '\n', (size_t)(text + length - line));
		next = next ? next + 1 : text + length;
		at += strspn(at, " \t");
		if (strncmp(at, "--", 2) != 0)
			continue;
		at += 2 + strspn(at + 2, " \t");
		for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
			if (text_starts_with(at, marks[i]))
				return (size_t)(line - text);
	}
	return length;
}

static void read_text(struct sql *sql, const char *text, size_t length, size_t line, bool whole)
{
	struct statement statement = {.reading = sql->reading};
	struct lexer lexer;
	struct token token;
	bool more = true;

	lexer_init(&lexer, SCRIPT_SQL, text, whole ? up_length(text, length) : length, line);
	while (more) {
		more = lexer_next(&lexer, &token);
		if (more && !token_is_mark(&token, ';')) {
			if (!statement.tokens.list.count)
				statement.line = token.line;
			statement.last = token.line;
			if (statement.tokens.list.count < STATEMENT_TOKENS)
				vec_push(sql->reading->arena, &statement.tokens.list, token);
			continue;
		}
		statement.at = 0;
		read_statement(sql, &statement);
		statement.tokens.list.count = 0;
	}
}

void sql_read(struct reading *reading, const char *text, size_t length, size_t line)
{
	struct sql sql = {.reading = reading};

	read_text(&sql, text, length, line, true);
}
