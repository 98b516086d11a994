/* Rails' migrations: what their methods lock and destroy. */
#include "base/text.h"
#include "plan/migration_internal.h"

struct rails {
	struct reading *reading;
	struct tokens tokens;
	struct text_list created; /* tables that this file makes: nobody uses them yet */
	bool without_transaction; /* disable_ddl_transaction! */
};

struct statement { /* method arguments */
	const char *method;
	const char *table; /* of a change_table around it; NULL: the first argument */
	size_t from, to;   /* its arguments */
	size_t line, last;
};

static const struct token *at(const struct rails *rails, size_t place)
{
	return token_at(&rails->tokens, place);
}

static size_t skip_value(const struct rails *rails, size_t place, size_t to)
{
	while (place < to && !token_is_mark(at(rails, place), ','))
		place = at(rails, place)->kind == TOKEN_MARK &&
					strchr("([{", *at(rails, place)->text)
				? tokens_close(&rails->tokens, place) + 1
				: place + 1;
	return place < to ? place : to;
}

/* "name: value" and ":name => value": where the value begins; else SIZE_MAX. */
static size_t keyword_value(const struct rails *rails, size_t place, const char *name)
{
	const struct token *token = at(rails, place);

	if (strlen(name) != token->length || memcmp(name, token->text, token->length) != 0)
		return SIZE_MAX;
	if (token->kind == TOKEN_WORD && token_is_mark(at(rails, place + 1), ':'))
		return place + 2;
	if (token->kind == TOKEN_SYMBOL && token_is_mark(at(rails, place + 1), '=') &&
	    token_is_mark(at(rails, place + 2), '>'))
		return place + 3;
	return SIZE_MAX;
}

/* Anywhere in the arguments, within index: {...} too. */
static size_t keyword(const struct rails *rails, const struct statement *statement,
		      const char *name)
{
	for (size_t i = statement->from; i < statement->to; i++) {
		size_t value = keyword_value(rails, i, name);

		if (value != SIZE_MAX)
			return value;
	}
	return SIZE_MAX;
}

static bool keyword_is(const struct rails *rails, const struct statement *statement,
		       const char *name, const char *value)
{
	size_t place = keyword(rails, statement, name);
	const struct token *token = at(rails, place);

	return place != SIZE_MAX && strlen(value) == token->length &&
	       !memcmp(value, token->text, token->length);
}

static bool is_concurrent(const struct rails *rails, const struct statement *statement)
{
	return keyword_is(rails, statement, "algorithm", "concurrently");
}

static const struct token *positional(const struct rails *rails, const struct statement *statement,
				      int position)
{
	size_t place = statement->from;

	for (; position > 0 && place < statement->to; position--)
		place = skip_value(rails, place, statement->to) + 1;
	return place < statement->to ? at(rails, place) : NULL;
}

/* :users or "users"; not :name => value */
static const char *name_of(const struct rails *rails, const struct token *token)
{
	if (!token || (token->kind != TOKEN_SYMBOL && token->kind != TOKEN_STRING))
		return NULL;
	return token_text(rails->reading->arena, token);
}

/* The second name where a table stands in front, the first within change_table. */
static const char *argument_text(const struct rails *rails, const struct statement *statement,
				 int position)
{
	return name_of(rails, positional(rails, statement, position - (statement->table != NULL)));
}

static void find(struct rails *rails, const struct statement *statement, const char *table,
		 unsigned effects, const char *what)
{
	struct migration_finding *finding;

	if (table && text_list_has(&rails->created, table))
		effects &= (unsigned)~MIGRATION_LOCKS;
	if (!effects)
		return;
	finding = finding_add(rails->reading, statement->line, statement->last, effects,
			      "%s: %s %s", statement->method, what, table ? table : "a table");
	finding_table(rails->reading, finding, table);
}

static void read_add_index(struct rails *rails, const struct statement *statement,
			   const char *table)
{
	if (!is_concurrent(rails, statement))
		find(rails, statement, table, MIGRATION_LOCKS,
		     "without algorithm: :concurrently it blocks writes to");
}

/* The first word of a lambda's SQL that differs from row to row. */
static bool is_volatile(const struct rails *rails, const struct statement *statement)
{
	static const char *const functions[] = {"random", "uuid", "nextval", "clock_timestamp",
						"timeofday"};

	for (size_t i = statement->from; i < statement->to; i++) {
		const char *text;

		if (at(rails, i)->kind != TOKEN_STRING)
			continue;
		text = token_text(rails->reading->arena, at(rails, i));
		for (size_t f = 0; f < sizeof(functions) / sizeof(*functions); f++)
			if (strstr(text, functions[f]) && strchr(text, '('))
				return true;
	}
	return false;
}

static void add_column(struct rails *rails, const struct statement *statement, const char *table,
		       const char *type)
{
	static const char *const rewriting[] = {"serial", "bigserial", "primary_key"};
	bool has_default = keyword(rails, statement, "default") != SIZE_MAX &&
			   !keyword_is(rails, statement, "default", "nil");

	for (size_t i = 0; type && i < sizeof(rewriting) / sizeof(*rewriting); i++)
		if (!strcmp(type, rewriting[i]))
			find(rails, statement, table, MIGRATION_LOCKS, "rewrites all of");
	if (type && !strcmp(type, "virtual") && keyword_is(rails, statement, "stored", "true"))
		find(rails, statement, table, MIGRATION_LOCKS, "rewrites all of");
	else if (has_default && is_volatile(rails, statement))
		find(rails, statement, table, MIGRATION_LOCKS,
		     "its default is written into each row of");
	else if (keyword_is(rails, statement, "null", "false") && !has_default)
		find(rails, statement, table, MIGRATION_LOCKS,
		     "adds a NOT NULL column without a default to");
}

static void read_add_column(struct rails *rails, const struct statement *statement,
			    const char *table)
{
	add_column(rails, statement, table, argument_text(rails, statement, 2));
}

static void read_timestamps(struct rails *rails, const struct statement *statement,
			    const char *table)
{
	if (keyword(rails, statement, "default") == SIZE_MAX &&
	    !keyword_is(rails, statement, "null", "true"))
		find(rails, statement, table, MIGRATION_LOCKS,
		     "adds NOT NULL columns without a default to");
}

static void read_reference(struct rails *rails, const struct statement *statement,
			   const char *table)
{
	bool keyed = keyword(rails, statement, "foreign_key") != SIZE_MAX &&
		     !keyword_is(rails, statement, "foreign_key", "false") &&
		     !keyword_is(rails, statement, "validate", "false");
	const char *name = argument_text(rails, statement, 1);

	if (!keyword_is(rails, statement, "index", "false") && !is_concurrent(rails, statement))
		find(rails, statement, table, MIGRATION_LOCKS,
		     "its index (without algorithm: :concurrently) blocks writes to");
	else if (keyed)
		find(rails, statement, table, MIGRATION_LOCKS,
		     "its foreign key (without validate: false) locks");
	else
		add_column(rails, statement, table, NULL);
	if (keyed && name)
		find(rails, statement, table_of_model(rails->reading->arena, name), MIGRATION_LOCKS,
		     "its foreign key (without validate: false) blocks writes to");
}

static void read_foreign_key(struct rails *rails, const struct statement *statement,
			     const char *table)
{
	const char *other = argument_text(rails, statement, 1);

	if (keyword_is(rails, statement, "validate", "false"))
		return;
	find(rails, statement, table, MIGRATION_LOCKS, "without validate: false it locks");
	if (other)
		find(rails, statement, other, MIGRATION_LOCKS,
		     "without validate: false it blocks writes to");
}

static void read_constraint(struct rails *rails, const struct statement *statement,
			    const char *table)
{
	if (!keyword_is(rails, statement, "validate", "false") &&
	    keyword(rails, statement, "using_index") == SIZE_MAX)
		find(rails, statement, table, MIGRATION_LOCKS, "reads all, under a lock, of");
}

static void read_change_null(struct rails *rails, const struct statement *statement,
			     const char *table)
{
	const struct token *null = positional(rails, statement, 2 - (statement->table != NULL));

	if (null && !token_is(null, "true"))
		find(rails, statement, table, MIGRATION_LOCKS, "NOT NULL reads all of");
}

static void read_create_table(struct rails *rails, const struct statement *statement,
			      const char *table)
{
	if (keyword(rails, statement, "force") != SIZE_MAX &&
	    !keyword_is(rails, statement, "force", "false"))
		find(rails, statement, table, MIGRATION_LOCKS | MIGRATION_DESTROYS,
		     "with force: it drops");
	if (table)
		text_list_add(rails->reading->arena, &rails->created, table);
}

static void read_execute(struct rails *rails, const struct statement *statement, const char *table)
{
	size_t place = statement->from, strings = 0;

	(void)table;
	while (place < statement->to) {
		struct token text;

		if (at(rails, place)->kind != TOKEN_STRING) {
			place++;
			continue;
		}
		text = tokens_string(rails->reading->arena, &rails->tokens, &place);
		sql_read(rails->reading, text.text, text.length, text.line);
		strings++;
	}
	if (!strings)
		finding_add(rails->reading, statement->line, statement->last, MIGRATION_OPAQUE,
			    "%s: its SQL stands elsewhere", statement->method);
}

enum { BOTH = MIGRATION_LOCKS | MIGRATION_DESTROYS };

/* Methods that are not here lock for a moment only: change_column_default, validate_foreign_key,
 * validate_check_constraint, rename_index ... */
static const struct method {
	const char *name, *in_block; /* how change_table's t calls it; or NULL */
	unsigned effects;
	const char *what;
	void (*read)(struct rails *rails, const struct statement *statement,
		     const char *table); /* NULL: it cannot be seen */
} methods[] = {
	{"add_index", "index", 0, NULL, read_add_index},
	{"remove_index", "remove_index", 0, NULL, read_add_index},
	{"add_column", "column", 0, NULL, read_add_column},
	{"add_columns", NULL, 0, NULL, read_add_column},
	{"add_timestamps", "timestamps", 0, NULL, read_timestamps},
	{"add_reference", "references", 0, NULL, read_reference},
	{"add_belongs_to", "belongs_to", 0, NULL, read_reference},
	{"add_foreign_key", "foreign_key", 0, NULL, read_foreign_key},
	{"add_check_constraint", "check_constraint", 0, NULL, read_constraint},
	{"add_unique_constraint", "unique_constraint", 0, NULL, read_constraint},
	{"add_exclusion_constraint", "exclusion_constraint", 0, NULL, read_constraint},
	{"change_column", "change", BOTH, "changes the type of a column of", NULL},
	{"change_column_null", "change_null", 0, NULL, read_change_null},
	{"rename_column", "rename", BOTH, "renames a column of", NULL},
	{"rename_table", NULL, BOTH, "renames", NULL},
	{"remove_column", "remove", BOTH, "drops a column of", NULL},
	{"remove_columns", NULL, BOTH, "drops columns of", NULL},
	{"remove_timestamps", "remove_timestamps", BOTH, "drops columns of", NULL},
	{"remove_reference", "remove_references", BOTH, "drops a column of", NULL},
	{"remove_belongs_to", "remove_belongs_to", BOTH, "drops a column of", NULL},
	{"drop_table", NULL, BOTH, "drops", NULL},
	{"drop_join_table", NULL, BOTH, "drops", NULL},
	{"truncate", NULL, BOTH, "empties", NULL},
	{"truncate_tables", NULL, BOTH, "empties", NULL},
	{"create_table", NULL, 0, NULL, read_create_table},
	{"execute", NULL, 0, NULL, read_execute},
};

/* Arguments end with their bracket, or where a line begins that no comma led to. */
static struct statement statement_at(const struct rails *rails, size_t place)
{
	const struct token *method = at(rails, place);
	struct statement statement = {.method = token_text(rails->reading->arena, method),
				      .from = place + 1,
				      .line = method->line};
	bool bracket = token_is_mark(at(rails, place + 1), '(') &&
		       at(rails, place + 1)->text == method->text + method->length;

	if (bracket) {
		statement.from++;
		statement.to = tokens_close(&rails->tokens, place + 1);
	} else {
		for (statement.to = place + 1; at(rails, statement.to)->kind != TOKEN_END;) {
			const struct token *token = at(rails, statement.to);
			const struct token *before = at(rails, statement.to - 1);

			if (token->first && !token_is_mark(before, ',') &&
			    !token_is_mark(before, '>') && !token_is_mark(before, ':') &&
			    !token_is_mark(before, '\\') && !token_is_mark(token, '.'))
				break;
			if (token_is(token, "do") || token_is_mark(token, '}') ||
			    token_is_mark(token, ';') || token_is_mark(token, ')'))
				break;
			statement.to = token->kind == TOKEN_MARK && strchr("([{", *token->text)
					       ? tokens_close(&rails->tokens, statement.to) + 1
					       : statement.to + 1;
		}
	}
	statement.last = at(rails, statement.to - 1)->line;
	return statement;
}

/* The place behind a block that begins there: { ... }, or do ... end by its indentation. */
static size_t block_end(const struct rails *rails, size_t place, size_t column)
{
	if (token_is_mark(at(rails, place), '{'))
		return tokens_close(&rails->tokens, place) + 1;
	for (; at(rails, place)->kind != TOKEN_END; place++)
		if (at(rails, place)->first && at(rails, place)->column <= column &&
		    token_is(at(rails, place), "end"))
			return place + 1;
	return place;
}

static size_t line_column(const struct rails *rails, size_t place)
{
	while (place > 0 && !at(rails, place)->first)
		place--;
	return at(rails, place)->column;
}

static void read_method_at(struct rails *rails, const struct method *method, size_t place,
			   const char *table)
{
	struct statement statement = statement_at(rails, place);

	statement.table = table;
	if (!table)
		table = name_of(rails, positional(rails, &statement, 0));
	if (method->read)
		method->read(rails, &statement, table);
	else
		find(rails, &statement, table, method->effects, method->what);
}

/* t.string :name within change_table :users do |t| */
static void read_block_line(struct rails *rails, size_t place, const char *table)
{
	struct statement statement;

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (methods[i].in_block && token_is(at(rails, place), methods[i].in_block)) {
			read_method_at(rails, &methods[i], place, table);
			return;
		}
	statement = statement_at(rails, place);
	statement.table = table;
	add_column(rails, &statement, table, statement.method);
}

static size_t read_change_table(struct rails *rails, size_t place)
{
	struct statement statement = statement_at(rails, place);
	const char *table = name_of(rails, positional(rails, &statement, 0));
	size_t block = statement.to + token_is_mark(at(rails, statement.to), ')');
	size_t end = block_end(rails, block, line_column(rails, place));
	const struct token *variable = at(rails, block + 2);

	if (!table || !token_is_mark(at(rails, block + 1), '|'))
		return place;
	for (size_t i = block + 4; i < end; i++)
		if (at(rails, i)->kind == TOKEN_WORD && at(rails, i)->length == variable->length &&
		    !memcmp(at(rails, i)->text, variable->text, variable->length) &&
		    token_is_mark(at(rails, i + 1), '.'))
			read_block_line(rails, i + 2, table);
	return end - 1;
}

/* User.where(...).update_all(...): code that writes many rows, like Django's RunPython. */
static void read_model(struct rails *rails, size_t place)
{
	static const char *const writes[] = {"update_all", "delete_all",      "destroy_all",
					     "find_each",  "find_in_batches", "in_batches",
					     "each",       "update"};
	struct statement statement = statement_at(rails, place);
	const char *inner = statement.method;
	struct migration_finding *finding;

	for (size_t i = place + 1; i < statement.to; i++)
		for (size_t w = 0; w < sizeof(writes) / sizeof(*writes); w++) {
			if (!token_is_mark(at(rails, i - 1), '.') ||
			    !token_is(at(rails, i), writes[w]))
				continue;
			if (rails->without_transaction && w >= 3 && w <= 5)
				return;
			if (strrchr(inner, ':'))
				inner = strrchr(inner, ':') + 1;
			finding = finding_add(rails->reading, statement.line, statement.last,
					      MIGRATION_LOCKS, "%s.%s works on many rows",
					      statement.method, writes[w]);
			finding_table(rails->reading, finding,
				      table_of_model(rails->reading->arena, inner));
			return;
		}
}

/* Whether what stands there is only done when the migration is undone. */
static bool is_down(const struct rails *rails, size_t place)
{
	if (!place || !token_is(at(rails, place), "down"))
		return false;
	return token_is(at(rails, place - 1), "def") ||
	       (token_is_mark(at(rails, place - 1), '.') &&
		(token_is(at(rails, place + 1), "do") || token_is_mark(at(rails, place + 1), '{')));
}

static size_t read_at(struct rails *rails, size_t place)
{
	const struct token *token = at(rails, place);

	if (is_down(rails, place))
		return block_end(rails, place + 1, line_column(rails, place)) - 1;
	if (place && token_is(at(rails, place - 1), "def"))
		return place;
	if (token_is(token, "change_table"))
		return read_change_table(rails, place);
	if (*token->text >= 'A' && *token->text <= 'Z' &&
	    token_is_mark(at(rails, place + 1), '.')) {
		read_model(rails, place);
		return place;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (token_is(token, methods[i].name))
			read_method_at(rails, &methods[i], place, NULL);
	return place;
}

void rails_read(struct reading *reading, const char *text, size_t length)
{
	struct rails rails = {.reading = reading};

	tokens_read(reading->arena, SCRIPT_RUBY, text, length, &rails.tokens);
	for (size_t i = 0; i < rails.tokens.list.count; i++)
		rails.without_transaction |= token_is(at(&rails, i), "disable_ddl_transaction!");
	for (size_t i = 0; i < rails.tokens.list.count; i++)
		if (at(&rails, i)->kind == TOKEN_WORD)
			i = read_at(&rails, i);
}
