/* One SQL statement: what stands where. */
#include "base/buffer.h"
#include "base/text.h"
#include "plan/migration_sql_internal.h"

const struct token *sql_peek(const struct statement *statement)
{
	return token_at(&statement->tokens, statement->at);
}

bool sql_take(struct statement *statement, const char *word)
{
	if (!token_is(sql_peek(statement), word))
		return false;
	statement->at++;
	return true;
}

bool sql_take_two(struct statement *statement, const char *first, const char *second)
{
	if (!token_is(sql_peek(statement), first) ||
	    !token_is(token_at(&statement->tokens, statement->at + 1), second))
		return false;
	statement->at += 2;
	return true;
}

void sql_take_if_exists(struct statement *statement)
{
	if (sql_take(statement, "if")) {
		sql_take(statement, "not");
		sql_take(statement, "exists");
	}
}

const char *sql_take_name(struct statement *statement)
{
	struct buffer name CLEANUP(buffer_release);

	sql_take(statement, "only");
	buffer_init(&name, 256);
	while (sql_peek(statement)->kind == TOKEN_WORD ||
	       sql_peek(statement)->kind == TOKEN_QUOTED) {
		buffer_add(&name, sql_peek(statement)->text, sql_peek(statement)->length);
		statement->at++;
		if (!token_is_mark(sql_peek(statement), '.'))
			break;
		buffer_add_char(&name, '.');
		statement->at++;
	}
	if (token_is_mark(sql_peek(statement), '*'))
		statement->at++;
	return name.length ? arena_string(statement->reading->arena, name.data) : NULL;
}

void sql_find(struct sql *sql, const struct statement *statement, const char *table,
	      unsigned effects, const char *what)
{
	struct migration_finding *finding;

	if (table && text_list_has(&sql->created, table))
		effects &= (unsigned)~MIGRATION_LOCKS;
	if (!effects)
		return;
	finding = finding_add(sql->reading, statement->line, statement->last, effects, "%s%s%s",
			      what, table ? " " : "", table ? table : "");
	finding_table(sql->reading, finding, table);
}

bool sql_has(const struct statement *statement, const char *first, const char *second)
{
	int depth = 0;

	for (size_t i = statement->at; i < statement->tokens.list.count; i++) {
		const struct token *token = token_at(&statement->tokens, i);

		depth += token->kind == TOKEN_MARK && *token->text == '(';
		depth -= token->kind == TOKEN_MARK && *token->text == ')';
		if (depth < 0 || (!depth && token_is_mark(token, ',')))
			return false;
		if (token_is(token, first) &&
		    (!second || token_is(token_at(&statement->tokens, i + 1), second)))
			return true;
	}
	return false;
}

bool sql_next(struct statement *statement)
{
	int depth = 0;

	for (; sql_peek(statement)->kind != TOKEN_END; statement->at++) {
		depth += token_is_mark(sql_peek(statement), '(');
		depth -= token_is_mark(sql_peek(statement), ')');
		if (depth <= 0 && token_is_mark(sql_peek(statement), ',')) {
			statement->at++;
			return true;
		}
	}
	return false;
}
