/* ALTER TABLE: which of its forms hold their lock for longer than a moment. */
#include "base/text.h"
#include "plan/migration_sql_internal.h"

/* A default that differs from row to row must be written into each. */
static bool has_volatile_default(const struct statement *statement)
{
	static const char *const functions[] = {
		"random",  "gen_random_uuid",  "uuid_generate_v4", "uuid_generate_v1",
		"nextval", "clock_timestamp",  "timeofday",        "uuidv4",
		"uuidv7",  "gen_random_bytes",
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (sql_has(statement, "default", NULL) && sql_has(statement, functions[i], NULL))
			return true;
	return false;
}

/* NULL: only for a moment. What stands behind ADD [COLUMN]. */
static const char *added_column(const struct statement *statement)
{
	static const char *const serials[] = {"serial",  "bigserial", "smallserial",
					      "serial8", "serial4",   "serial2"};
	bool has_default = sql_has(statement, "default", NULL);

	for (size_t i = 0; i < sizeof(serials) / sizeof(*serials); i++)
		if (sql_has(statement, serials[i], NULL))
			return "adds a serial column, which rewrites all of";
	if (has_volatile_default(statement))
		return "adds a column whose default rewrites all of";
	if (sql_has(statement, "generated", NULL) && sql_has(statement, "stored", NULL))
		return "adds a stored column, which rewrites all of";
	if (sql_has(statement, "identity", NULL))
		return "adds an identity column, which rewrites all of";
	if (sql_has(statement, "primary", "key") || sql_has(statement, "unique", NULL))
		return "adds a unique column, which indexes all of";
	if (sql_has(statement, "references", NULL) && has_default &&
	    !sql_has(statement, "default", "null"))
		return "adds a checked reference to all rows of";
	if (sql_has(statement, "check", NULL))
		return "adds a checked column, which reads all of";
	if (sql_has(statement, "not", "null") && !has_default)
		return "adds a NOT NULL column without a default to";
	return NULL;
}

static void added_constraint(struct sql *sql, struct statement *statement, const char *table)
{
	const char *other = NULL;

	if (sql_has(statement, "not", "valid") || sql_has(statement, "using", "index"))
		return;
	sql_find(sql, statement, table, MIGRATION_LOCKS,
		 "adds a constraint (without NOT VALID) that reads all of");
	for (size_t i = statement->at; i < statement->tokens.list.count; i++)
		if (token_is(token_at(&statement->tokens, i), "references")) {
			struct statement behind = *statement;

			behind.at = i + 1;
			other = sql_take_name(&behind);
			break;
		}
	if (other)
		sql_find(sql, statement, other, MIGRATION_LOCKS,
			 "adds a foreign key (without NOT VALID) that blocks writes to");
}

static void alter_add(struct sql *sql, struct statement *statement, const char *table)
{
	static const char *const constraints[] = {"constraint", "primary", "unique",
						  "foreign",    "check",   "exclude",
						  "index",      "key",     "fulltext"};
	const char *what;

	for (size_t i = 0; i < sizeof(constraints) / sizeof(*constraints); i++)
		if (token_is(sql_peek(statement), constraints[i])) {
			added_constraint(sql, statement, table);
			return;
		}
	sql_take(statement, "column");
	sql_take_if_exists(statement);
	what = added_column(statement);
	if (what)
		sql_find(sql, statement, table, MIGRATION_LOCKS, what);
}

static void alter_drop(struct sql *sql, struct statement *statement, const char *table)
{
	static const char *const others[] = {"constraint", "index", "key",      "primary",
					     "foreign",    "check", "partition"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (token_is(sql_peek(statement), others[i]))
			return;
	sql_find(sql, statement, table, MIGRATION_LOCKS | MIGRATION_DESTROYS, "drops a column of");
}

static void alter_column(struct sql *sql, struct statement *statement, const char *table)
{
	sql_take(statement, "column");
	sql_take_name(statement);
	if (sql_take(statement, "type") || sql_take_two(statement, "set", "data"))
		sql_find(sql, statement, table, MIGRATION_LOCKS | MIGRATION_DESTROYS,
			 "changes the type of a column of");
	else if (sql_take_two(statement, "set", "not"))
		sql_find(sql, statement, table, MIGRATION_LOCKS, "SET NOT NULL reads all of");
	/* SET and DROP DEFAULT, DROP NOT NULL, SET STATISTICS, SET STORAGE: for a moment */
}

/* One action of ALTER TABLE; those that hold the lock for a moment only say nothing. */
static void alter_action(struct sql *sql, struct statement *statement, const char *table)
{
	static const char *const moments[] = {
		"validate", "enable", "disable", "owner",   "cluster", "inherit", "no",
		"replica",  "reset",  "force",   "comment", "attach",  "of",      "not",
	};

	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++)
		if (token_is(sql_peek(statement), moments[i]))
			return;
	if (sql_take(statement, "add")) {
		alter_add(sql, statement, table);
	} else if (sql_take(statement, "drop")) {
		alter_drop(sql, statement, table);
	} else if (sql_take(statement, "alter")) {
		alter_column(sql, statement, table);
	} else if (sql_take(statement, "rename")) {
		if (!token_is(sql_peek(statement), "constraint") &&
		    !token_is(sql_peek(statement), "index"))
			sql_find(sql, statement, table, MIGRATION_LOCKS | MIGRATION_DESTROYS,
				 token_is(sql_peek(statement), "to") ? "renames"
								     : "renames a column of");
	} else if (sql_take_two(statement, "set", "schema")) {
		sql_find(sql, statement, table, MIGRATION_LOCKS | MIGRATION_DESTROYS, "moves");
	} else if (sql_take(statement, "set")) {
		if (!token_is_mark(sql_peek(statement), '(') &&
		    !sql_take_two(statement, "without", "cluster"))
			sql_find(sql, statement, table, MIGRATION_LOCKS, "rewrites all of");
	} else if (sql_take(statement, "detach")) {
		if (!sql_has(statement, "concurrently", NULL))
			sql_find(sql, statement, table, MIGRATION_LOCKS,
				 "DETACH PARTITION without CONCURRENTLY locks");
	} else if (sql_take(statement, "modify") || sql_take(statement, "change")) {
		sql_find(sql, statement, table, MIGRATION_LOCKS | MIGRATION_DESTROYS,
			 "changes the type of a column of");
	} else if (sql_peek(statement)->kind != TOKEN_END) {
		sql_find(sql, statement, table, MIGRATION_LOCKS, "ALTER TABLE locks");
	}
}

void sql_read_alter(struct sql *sql, struct statement *statement)
{
	static const char *const kinds[] = {"view", "sequence", "type", "schema", "domain"};
	const char *table;

	sql_take(statement, "foreign");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (token_is(sql_peek(statement), kinds[i]) && sql_has(statement, "rename", NULL)) {
			sql_find(sql, statement, NULL, MIGRATION_DESTROYS,
				 arena_format(sql->reading->arena, "renames a %s", kinds[i]));
			return;
		}
	if (!sql_take(statement, "table"))
		return;
	sql_take_if_exists(statement);
	table = sql_take_name(statement);
	do
		alter_action(sql, statement, table);
	while (table && sql_next(statement));
}
