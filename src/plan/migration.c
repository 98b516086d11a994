/* Migrations: which files are some, and what their readers share. */
#include <stdarg.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/text.h"
#include "plan/migration_internal.h"

enum { SCRIPT_MAXIMUM = 1 << 18 }; /* bytes of Python or Ruby; beyond, nobody wrote it by hand */

/* Whether a folder of the path has that word in its name; whole: is called so. */
static bool in_folder(const char *path, const char *word, bool whole)
{
	size_t length = strlen(word);

	for (const char *end; (end = strchr(path, '/')); path = end + 1)
		for (const char *at = path; (size_t)(end - at) >= length; at++) {
			if (whole && (at != path || (size_t)(end - at) != length))
				break;
			if (!strncasecmp(at, word, length))
				return true;
		}
	return false;
}

enum migration_kind migration_kind(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (text_ends_with(name, ".py"))
		return in_folder(path, "migrations", true) && strcmp(name, "__init__.py") != 0
			       ? MIGRATION_DJANGO
			       : MIGRATION_NONE;
	if (text_ends_with(name, ".rb"))
		return in_folder(path, "db", true) && in_folder(path, "migrate", false)
			       ? MIGRATION_RAILS
			       : MIGRATION_NONE;
	if (!text_ends_with(name, ".sql") || text_ends_with(name, ".down.sql"))
		return MIGRATION_NONE;
	return in_folder(path, "migrat", false) || text_ends_with(name, ".up.sql") ? MIGRATION_SQL
										   : MIGRATION_NONE;
}

void migration_read(struct arena *arena, const char *path, const char *text, size_t length,
		    struct migration *migration)
{
	struct reading reading = {arena, path, migration};
	enum migration_kind kind = migration_kind(path);

	*migration = (struct migration){0};
	if (kind == MIGRATION_SQL)
		sql_read(&reading, text, length, 1);
	else if (length > SCRIPT_MAXIMUM)
		return;
	else if (kind == MIGRATION_DJANGO)
		django_read(&reading, text, length);
	else if (kind == MIGRATION_RAILS)
		rails_read(&reading, text, length);
}

void tokens_read(struct arena *arena, enum script_language language, const char *text,
		 size_t length, struct tokens *tokens)
{
	struct lexer lexer;
	struct token token;

	lexer_init(&lexer, language, text, length, 1);
	while (lexer_next(&lexer, &token))
		vec_push(arena, &tokens->list, token);
}

const struct token *token_at(const struct tokens *tokens, size_t at)
{
	static const struct token end = {.text = ""};

	return at < tokens->list.count ? &tokens->list.items[at] : &end;
}

size_t tokens_close(const struct tokens *tokens, size_t open)
{
	int depth = 0;

	for (size_t i = open; i < tokens->list.count; i++) {
		const struct token *token = &tokens->list.items[i];

		if (token->kind != TOKEN_MARK)
			continue;
		depth += strchr("([{", *token->text) != NULL;
		depth -= strchr(")]}", *token->text) != NULL;
		if (depth <= 0)
			return i;
	}
	return tokens->list.count;
}

/* "\n" must not move the lines behind it, and still ends an SQL comment: it becomes '\r'. */
static void add_unescaped(struct buffer *out, const struct token *token)
{
	const char *text = token->text;

	for (size_t i = 0; i < token->length; i++) {
		if (text[i] != '\\' || token->raw || i + 1 == token->length)
			buffer_add_char(out, text[i]);
		else if (text[++i] == 'n')
			buffer_add_char(out, '\r');
		else
			buffer_add_char(out, text[i]);
	}
}

struct token tokens_string(struct arena *arena, const struct tokens *tokens, size_t *at)
{
	struct token whole = *token_at(tokens, *at);
	struct buffer text CLEANUP(buffer_release);
	size_t line = whole.line;

	buffer_init(&text, (size_t)SCRIPT_MAXIMUM * 2);
	for (; token_at(tokens, *at)->kind == TOKEN_STRING; (*at)++) {
		const struct token *part = token_at(tokens, *at);

		if (part->line < line) /* behind a heredoc, which stands further down */
			break;
		for (; line < part->line; line++)
			buffer_add_char(&text, '\n');
		add_unescaped(&text, part);
		for (size_t i = 0; i < part->length; i++)
			line += part->text[i] == '\n';
	}
	whole.text = arena_bytes(arena, text.data, text.length);
	whole.length = text.length;
	return whole;
}

struct migration_finding *finding_add(struct reading *reading, size_t line, size_t last,
				      unsigned effects, const char *format, ...)
{
	struct migration_finding finding = {
		.line = line, .last = last > line ? last : line, .effects = effects};
	struct buffer what CLEANUP(buffer_release);
	va_list args;

	buffer_init(&what, 1000);
	va_start(args, format);
	buffer_add_vformat(&what, format, args);
	va_end(args);
	finding.what = arena_string(reading->arena, what.data);
	vec_push(reading->arena, &reading->migration->findings, finding);
	return &reading->migration->findings.items[reading->migration->findings.count - 1];
}

void finding_table(struct reading *reading, struct migration_finding *finding, const char *table)
{
	if (table && *table && !text_list_has(&finding->tables, table))
		text_list_add(reading->arena, &finding->tables, table);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && !strcasecmp(text + length - tail, end);
}

/* Rails' inflections: the first row that fits; a whole word stands behind "_" or alone. */
static const char *plural(struct arena *arena, const char *word)
{
	static const struct {
		const char *end, *becomes;
	} rows[] = {
		{"person", "people"},
		{"child", "children"},
		{"ox", "oxen"},
		{"mouse", "mice"},
		{"louse", "lice"},
		{"woman", "women"},
		{"man", "men"},
		{"equipment", "equipment"},
		{"information", "information"},
		{"money", "money"},
		{"species", "species"},
		{"series", "series"},
		{"fish", "fish"},
		{"sheep", "sheep"},
		{"news", "news"},
		{"quiz", "quizzes"},
		{"matrix", "matrices"},
		{"vertex", "vertices"},
		{"index", "indices"},
		{"box", "boxes"},
		{"x", "xes"},
		{"ch", "ches"},
		{"ss", "sses"},
		{"sh", "shes"},
		{"ay", "ays"},
		{"ey", "eys"},
		{"oy", "oys"},
		{"uy", "uys"},
		{"y", "ies"},
		{"hive", "hives"},
		{"knife", "knives"},
		{"wife", "wives"},
		{"life", "lives"},
		{"lf", "lves"},
		{"rf", "rves"},
		{"sis", "ses"},
		{"tum", "ta"},
		{"ium", "ia"},
		{"buffalo", "buffaloes"},
		{"tomato", "tomatoes"},
		{"bus", "buses"},
		{"alias", "aliases"},
		{"status", "statuses"},
		{"virus", "viri"},
		{"s", "s"},
		{"", "s"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t keep = strlen(word) - strlen(rows[i].end);

		if (ends_with(word, rows[i].end) &&
		    (strcmp(rows[i].end, "ox") != 0 || !keep || word[keep - 1] == '_'))
			return arena_format(arena, "%.*s%s", (int)keep, word, rows[i].becomes);
	}
	return word;
}

char *table_of_model(struct arena *arena, const char *model)
{
	struct buffer table CLEANUP(buffer_release);

	buffer_init(&table, 1000);
	for (size_t i = 0; model[i]; i++) {
		char byte = model[i];
		bool upper = byte >= 'A' && byte <= 'Z';

		if (upper && i && model[i - 1] != '_' &&
		    (!(model[i - 1] >= 'A' && model[i - 1] <= 'Z') ||
		     (model[i + 1] >= 'a' && model[i + 1] <= 'z')))
			buffer_add_char(&table, '_');
		buffer_add_char(&table, upper ? (char)(byte - 'A' + 'a') : byte);
	}
	return arena_string(arena, plural(arena, table.data));
}

/* Two names of a table are the same without case, quotes and underscores (Django writes
 * userprofile); a schema counts where both have one. */
static bool same_table(const char *one, const char *other)
{
	const char *dot_one = strrchr(one, '.'), *dot_other = strrchr(other, '.');

	if (dot_one && !dot_other)
		one = dot_one + 1;
	else if (dot_other && !dot_one)
		other = dot_other + 1;
	for (;; one++, other++) {
		one += strspn(one, "_\"`");
		other += strspn(other, "_\"`");
		if (!*one || strncasecmp(one, other, 1) != 0)
			return !*one && !*other;
	}
}

const char *migration_table(const struct migration_finding *finding, const struct text_list *hot)
{
	for (size_t i = 0; i < hot->count; i++)
		for (size_t t = 0; t < finding->tables.count; t++)
			if (same_table(finding->tables.items[t], hot->items[i]))
				return hot->items[i];
	return finding->every_table && hot->count ? hot->items[0] : NULL;
}
