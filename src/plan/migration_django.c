/* Django's migrations: what their operations lock and destroy. */
#include "base/text.h"
#include "plan/migration_internal.h"

struct django {
	struct reading *reading;
	struct tokens tokens;
	/* What each RunPython of the file does: which function does what is not told apart. */
	struct migration_finding python;
	const char *app; /* the app's label, by its folder; NULL: not known */
};

struct call { /* NAME(...) */
	const char *name;
	size_t open, close; /* its brackets */
	size_t line, last;
};

/* "shop/users/migrations/0001.py" is of the app users. */
static const char *app_label(struct arena *arena, const char *path)
{
	struct text_list parts = text_split(arena, path, '/');

	for (size_t i = parts.count; i > 1; i--)
		if (!strcmp(parts.items[i - 1], "migrations"))
			return parts.items[i - 2];
	return NULL;
}

/* Where the value of an argument stands: by its keyword, or by its place (-1: it has none). */
static size_t argument(const struct django *django, const struct call *call, const char *keyword,
		       int position)
{
	const struct tokens *tokens = &django->tokens;
	int count = 0;

	for (size_t i = call->open + 1; i < call->close; i++, count++) {
		bool named = token_at(tokens, i)->kind == TOKEN_WORD &&
			     token_is_mark(token_at(tokens, i + 1), '=');

		if (named ? token_is(token_at(tokens, i), keyword) : count == position)
			return named ? i + 2 : i;
		while (i < call->close && !token_is_mark(token_at(tokens, i), ','))
			i = token_at(tokens, i)->kind == TOKEN_MARK &&
					    strchr("([{", *token_at(tokens, i)->text)
				    ? tokens_close(tokens, i) + 1
				    : i + 1;
	}
	return SIZE_MAX;
}

static const char *text_argument(const struct django *django, const struct call *call,
				 const char *keyword, int position)
{
	size_t at = argument(django, call, keyword, position);

	if (at == SIZE_MAX || token_at(&django->tokens, at)->kind != TOKEN_STRING)
		return NULL;
	return token_text(django->reading->arena, token_at(&django->tokens, at));
}

static bool argument_is(const struct django *django, const struct call *call, const char *keyword,
			const char *word)
{
	size_t at = argument(django, call, keyword, -1);

	return at != SIZE_MAX && token_is(token_at(&django->tokens, at), word);
}

static char *lower(struct arena *arena, const char *text)
{
	char *copy = arena_string(arena, text);

	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return copy;
}

/* The ways in which a team may call a model's table in hot_tables; the first is Django's own. */
static const char *add_model(const struct django *django, struct migration_finding *finding,
			     const char *app, const char *model)
{
	struct arena *arena = django->reading->arena;
	const char *table = lower(arena, model);

	if (app)
		table = arena_format(arena, "%s_%s", lower(arena, app), table);
	finding_table(django->reading, finding, table);
	finding_table(django->reading, finding, lower(arena, model));
	finding_table(django->reading, finding, table_of_model(arena, model));
	return table;
}

static void find(const struct django *django, const struct call *call, const char *model,
		 unsigned effects, const char *what)
{
	struct reading *reading = django->reading;
	struct migration_finding *finding =
		finding_add(reading, call->line, call->last, effects, "%s", what);

	if (model)
		finding->what = arena_format(reading->arena, "%s: %s %s", call->name, what,
					     add_model(django, finding, django->app, model));
	else
		finding->what = arena_format(reading->arena, "%s: %s a table", call->name, what);
}

/* The call that stands as a value: models.CharField(...). */
static bool call_at(const struct django *django, size_t at, struct call *call)
{
	const struct tokens *tokens = &django->tokens;

	while (token_at(tokens, at)->kind == TOKEN_WORD &&
	       token_is_mark(token_at(tokens, at + 1), '.'))
		at += 2;
	if (token_at(tokens, at)->kind != TOKEN_WORD ||
	    !token_is_mark(token_at(tokens, at + 1), '('))
		return false;
	call->name = token_text(django->reading->arena, token_at(tokens, at));
	call->open = at + 1;
	call->close = tokens_close(tokens, at + 1);
	call->line = token_at(tokens, at)->line;
	call->last =
		call->close < tokens->list.count ? token_at(tokens, call->close)->line : call->line;
	return true;
}

static bool contains(const struct django *django, size_t from, size_t to, const char *word)
{
	for (size_t i = from; i < to; i++)
		if (token_is(token_at(&django->tokens, i), word))
			return true;
	return false;
}

/* NULL: adding that column takes but a moment, and the running release need not know it. */
static const char *added_field(const struct django *django, const struct call *field)
{
	bool nullable = argument_is(django, field, "null", "True") ||
			!strcmp(field->name, "NullBooleanField");
	bool indexed = argument_is(django, field, "db_index", "True") ||
		       (!argument_is(django, field, "db_index", "False") &&
			(!strcmp(field->name, "ForeignKey") || !strcmp(field->name, "SlugField")));
	size_t database_default = argument(django, field, "db_default", -1);

	if (!strcmp(field->name, "ManyToManyField") || !strcmp(field->name, "GenericForeignKey"))
		return NULL;
	if (!strcmp(field->name, "GeneratedField") || text_ends_with(field->name, "AutoField"))
		return "rewrites all of";
	if (argument_is(django, field, "unique", "True") ||
	    argument_is(django, field, "primary_key", "True") ||
	    !strcmp(field->name, "OneToOneField"))
		return "builds a unique index under a lock on";
	if (indexed)
		return "builds an index under a lock on";
	if (database_default != SIZE_MAX &&
	    contains(django, database_default, field->close, "RandomUUID"))
		return "writes a default into each row of";
	if (!nullable && database_default == SIZE_MAX)
		return "adds a NOT NULL column, which the running release does not fill, to";
	return NULL;
}

static void read_add_field(struct django *django, const struct call *call)
{
	const char *model = text_argument(django, call, "model_name", 0);
	size_t at = argument(django, call, "field", 2);
	const char *what = "adds a column, of a kind that cannot be seen, to";
	struct call field;

	if (at != SIZE_MAX && call_at(django, at, &field))
		what = added_field(django, &field);
	if (what)
		find(django, call, model, MIGRATION_LOCKS, what);
}

static void read_alter_field(struct django *django, const struct call *call)
{
	size_t at = argument(django, call, "field", 2);
	struct call field;

	if (at != SIZE_MAX && call_at(django, at, &field) && !strcmp(field.name, "ManyToManyField"))
		return;
	find(django, call, text_argument(django, call, "model_name", 0),
	     MIGRATION_LOCKS | MIGRATION_DESTROYS, "may retype a column and rewrite all of");
}

static void read_sql_tokens(struct django *django, size_t from, size_t to)
{
	for (size_t i = from; i < to;) {
		struct token text;

		if (token_at(&django->tokens, i)->kind != TOKEN_STRING) {
			i++;
			continue;
		}
		text = tokens_string(django->reading->arena, &django->tokens, &i);
		sql_read(django->reading, text.text, text.length, text.line);
	}
}

/* The end of a value: the comma behind it, or the bracket that closes the call. */
static size_t value_end(const struct django *django, const struct call *call, size_t at)
{
	while (at < call->close && !token_is_mark(token_at(&django->tokens, at), ','))
		at = token_at(&django->tokens, at)->kind == TOKEN_MARK &&
				     strchr("([{", *token_at(&django->tokens, at)->text)
			     ? tokens_close(&django->tokens, at) + 1
			     : at + 1;
	return at < call->close ? at : call->close;
}

/* NAME = ... on the file's own level. */
static size_t assignment(const struct django *django, const struct token *name)
{
	const struct tokens *tokens = &django->tokens;

	for (size_t i = 0; i < tokens->list.count; i++) {
		const struct token *token = token_at(tokens, i);

		if (token->first && token->kind == TOKEN_WORD && token->length == name->length &&
		    !memcmp(token->text, name->text, name->length) &&
		    token_is_mark(token_at(tokens, i + 1), '='))
			return i + 2;
	}
	return SIZE_MAX;
}

static size_t line_end(const struct django *django, size_t at)
{
	const struct tokens *tokens = &django->tokens;
	size_t from = at;

	for (; at < tokens->list.count && (at == from || !token_at(tokens, at)->first); at++)
		if (token_at(tokens, at)->kind == TOKEN_MARK &&
		    strchr("([{", *token_at(tokens, at)->text))
			at = tokens_close(tokens, at);
	return at;
}

static void find_opaque(struct django *django, const struct call *call, const char *what)
{
	finding_add(django->reading, call->line, call->last, MIGRATION_OPAQUE, "%s: %s", call->name,
		    what);
}

static void read_run_sql(struct django *django, const struct call *call)
{
	size_t at = argument(django, call, "sql", 0), end, strings = 0;

	if (at == SIZE_MAX || contains(django, at, value_end(django, call, at), "noop"))
		return;
	end = value_end(django, call, at);
	if (token_at(&django->tokens, at)->kind == TOKEN_WORD && end == at + 1) {
		at = assignment(django, token_at(&django->tokens, at));
		end = at == SIZE_MAX ? 0 : line_end(django, at);
	}
	for (size_t i = at; i < end; i++)
		strings += token_at(&django->tokens, i)->kind == TOKEN_STRING;
	if (strings && !contains(django, at, end, "open") &&
	    !contains(django, at, end, "read_text"))
		read_sql_tokens(django, at, end);
	else
		find_opaque(django, call, "its SQL stands elsewhere");
}

/* All models that the file asks for: apps.get_model('users', 'User') or ('users.User'). */
static bool add_models(struct django *django, struct migration_finding *finding)
{
	struct arena *arena = django->reading->arena;
	const char *shown = NULL;

	for (size_t i = 0; i < django->tokens.list.count; i++) {
		const char *first, *second, *dot;
		struct call call;

		if (!token_is(token_at(&django->tokens, i), "get_model") ||
		    !call_at(django, i, &call))
			continue;
		first = text_argument(django, &call, "app_label", 0);
		second = text_argument(django, &call, "model_name", 1);
		dot = first ? strchr(first, '.') : NULL;
		if (first && !second && dot) {
			second = dot + 1;
			first = arena_bytes(arena, first, (size_t)(dot - first));
		}
		if (second && !shown)
			shown = add_model(django, finding, first, second);
		else if (second)
			shown = arena_format(arena, "%s, %s", shown,
					     add_model(django, finding, first, second));
	}
	if (shown)
		finding->what = arena_format(arena, "RunPython: its code works on %s", shown);
	return shown;
}

static bool is_sql(const struct token *token)
{
	static const char *const verbs[] = {"ALTER ",    "CREATE ", "DROP ",   "UPDATE ", "DELETE ",
					    "TRUNCATE ", "LOCK ",   "VACUUM ", "REINDEX "};
	char start[16] = "";
	size_t length = 0;

	for (size_t i = 0; i < token->length && length < sizeof(start) - 1; i++) {
		char byte = token->text[i];

		if (length || !strchr(" \t\r\n", byte))
			start[length++] = byte >= 'a' && byte <= 'z' ? (char)(byte - 32) : byte;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (text_starts_with(start, verbs[i]))
			return true;
	return false;
}

/* Behind the body of a function, which ends where a line stands no deeper than its def. */
static size_t function_end(const struct django *django, size_t def)
{
	size_t column = token_at(&django->tokens, def)->column, at = def + 1;

	while (at < django->tokens.list.count && (!token_at(&django->tokens, at)->first ||
						  token_at(&django->tokens, at)->column > column))
		at++;
	return at;
}

/* The SQL that the file's functions hold; how many statements. */
static size_t read_functions(struct django *django)
{
	size_t sql = 0;

	for (size_t i = 0; i < django->tokens.list.count; i++) {
		if (!token_is(token_at(&django->tokens, i), "def"))
			continue;
		for (size_t end = function_end(django, i); ++i < end;)
			if (token_at(&django->tokens, i)->kind == TOKEN_STRING &&
			    is_sql(token_at(&django->tokens, i)) && ++sql)
				read_sql_tokens(django, i, i + 1);
		i--;
	}
	return sql;
}

static void read_python(struct django *django)
{
	size_t sql = read_functions(django);

	if (add_models(django, &django->python)) {
		django->python.effects = MIGRATION_LOCKS;
		return;
	}
	django->python.effects = sql ? 0 : MIGRATION_OPAQUE;
	django->python.what = "RunPython: its code stands elsewhere, or names no model";
}

static void read_run_python(struct django *django, const struct call *call)
{
	size_t at = argument(django, call, "code", 0);
	struct migration_finding *finding;

	if (at == SIZE_MAX || contains(django, at, value_end(django, call, at), "noop"))
		return;
	if (!django->python.what)
		read_python(django);
	finding = finding_add(django->reading, call->line, call->last, django->python.effects, "%s",
			      django->python.what);
	finding->tables = django->python.tables;
}

enum { BOTH = MIGRATION_LOCKS | MIGRATION_DESTROYS };

/* Operations that are not here lock for a moment only: CreateModel, AddIndexConcurrently,
 * AddConstraintNotValid, ValidateConstraint, RemoveConstraint, AlterModelOptions ... */
static const struct operation {
	const char *name, *model; /* the keyword of the model's name, its first argument */
	unsigned effects;
	const char *what;
	void (*read)(struct django *django, const struct call *call);
} operations[] = {
	{"AddField", NULL, 0, NULL, read_add_field},
	{"AlterField", NULL, 0, NULL, read_alter_field},
	{"RunPython", NULL, 0, NULL, read_run_python},
	{"RunSQL", NULL, 0, NULL, read_run_sql},
	{"RemoveField", "model_name", BOTH, "drops a column of", NULL},
	{"RenameField", "model_name", BOTH, "renames a column of", NULL},
	{"DeleteModel", "name", BOTH, "drops", NULL},
	{"RenameModel", "old_name", BOTH, "renames", NULL},
	{"AlterModelTable", "name", BOTH, "renames", NULL},
	{"AddIndex", "model_name", MIGRATION_LOCKS, "builds an index under a lock on", NULL},
	{"RemoveIndex", "model_name", MIGRATION_LOCKS, "drops an index under a lock on", NULL},
	{"AddConstraint", "model_name", MIGRATION_LOCKS, "reads all, under a lock, of", NULL},
	{"AlterUniqueTogether", "name", MIGRATION_LOCKS, "builds an index under a lock on", NULL},
	{"AlterIndexTogether", "name", MIGRATION_LOCKS, "builds an index under a lock on", NULL},
	{"AlterOrderWithRespectTo", "name", MIGRATION_LOCKS, "adds a NOT NULL column to", NULL},
};

static void read_operation(struct django *django, size_t at)
{
	struct call call;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct operation *operation = &operations[i];
		const struct token *token = token_at(&django->tokens, at);

		if (strlen(operation->name) != token->length ||
		    memcmp(operation->name, token->text, token->length) != 0 ||
		    !call_at(django, at, &call))
			continue;
		if (operation->read)
			operation->read(django, &call);
		else
			find(django, &call, text_argument(django, &call, operation->model, 0),
			     operation->effects, operation->what);
		return;
	}
}

void django_read(struct reading *reading, const char *text, size_t length)
{
	struct django django = {.reading = reading,
				.app = app_label(reading->arena, reading->path)};

	tokens_read(reading->arena, SCRIPT_PYTHON, text, length, &django.tokens);
	for (size_t i = 0; i < django.tokens.list.count; i++) {
		const struct token *token = token_at(&django.tokens, i);

		if (token->kind != TOKEN_WORD)
			continue;
		/* what changes Django's picture of the tables alone */
		if (token_is(token, "state_operations") &&
		    token_is_mark(token_at(&django.tokens, i + 1), '='))
			i = tokens_close(&django.tokens, i + 2);
		else if (!i || !(token_is(token_at(&django.tokens, i - 1), "class") ||
				 token_is(token_at(&django.tokens, i - 1), "def")))
			read_operation(&django, i);
	}
}
