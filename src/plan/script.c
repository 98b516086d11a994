/* Tokens of migrations' languages. */
#include "plan/script.h"

#include <string.h>
#include <strings.h>

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
	       (unsigned char)byte >= 0x80;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\f' || byte == '\v';
}

void lexer_init(struct lexer *lexer, enum script_language language, const char *text, size_t length,
		size_t line)
{
	*lexer = (struct lexer){.language = language,
				.start = text,
				.at = text,
				.end = text + length,
				.line_start = text,
				.line = line,
				.fresh = true};
}

static bool looking_at(const struct lexer *lexer, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(lexer->end - lexer->at) >= length && !memcmp(lexer->at, text, length);
}

static void count_lines(struct lexer *lexer, const char *from, const char *to)
{
	for (; from < to; from++)
		if (*from == '\n') {
			lexer->line++;
			lexer->line_start = from + 1;
		}
}

static void new_line(struct lexer *lexer)
{
	const char *to = lexer->at + 1;

	/* a string that is not closed may have swallowed them */
	if (lexer->behind_heredocs && lexer->behind_heredocs > to)
		to = lexer->behind_heredocs;
	count_lines(lexer, lexer->at, to);
	lexer->at = to;
	lexer->behind_heredocs = NULL;
	lexer->fresh = true;
	lexer->operand = false;
}

static void skip_line(struct lexer *lexer)
{
	/* an escaped newline in a string that holds SQL is a '\r', see migration.c */
	while (lexer->at < lexer->end && *lexer->at != '\n' &&
	       !(lexer->language == SCRIPT_SQL && *lexer->at == '\r'))
		lexer->at++;
}

static void skip_block(struct lexer *lexer)
{
	const char *from = lexer->at;
	int depth = 0;

	do {
		if (looking_at(lexer, "/*"))
			depth++;
		else if (looking_at(lexer, "*/"))
			depth--;
		else
			lexer->at--;
		lexer->at += 2;
	} while (depth > 0 && lexer->at < lexer->end);
	if (lexer->at > lexer->end)
		lexer->at = lexer->end;
	count_lines(lexer, from, lexer->at);
}

static void skip_begin(struct lexer *lexer)
{
	do {
		skip_line(lexer);
		if (lexer->at < lexer->end)
			new_line(lexer);
	} while (lexer->at < lexer->end && !looking_at(lexer, "=end"));
	skip_line(lexer);
}

/* True when something was skipped. */
static bool skip_comment(struct lexer *lexer)
{
	if (lexer->language != SCRIPT_SQL) {
		if (*lexer->at == '#')
			skip_line(lexer);
		else if (lexer->language == SCRIPT_RUBY && lexer->at == lexer->line_start &&
			 looking_at(lexer, "=begin"))
			skip_begin(lexer);
		else
			return false;
		return true;
	}
	if (looking_at(lexer, "--"))
		skip_line(lexer);
	else if (looking_at(lexer, "/*"))
		skip_block(lexer);
	else
		return false;
	return true;
}

static void skip_blanks(struct lexer *lexer)
{
	while (lexer->at < lexer->end) {
		if (*lexer->at == '\n')
			new_line(lexer);
		else if (is_blank(*lexer->at))
			lexer->at++;
		else if (!skip_comment(lexer))
			return;
	}
}

/* What stands up to the closing text; escapes: a backslash hides the next byte; doubled: the
 * closing byte twice is one. */
static void read_until(struct lexer *lexer, struct token *token, const char *close, bool escapes,
		       bool doubled)
{
	size_t length = strlen(close);

	token->text = lexer->at;
	token->line = lexer->line;
	token->raw = !escapes;
	while (lexer->at < lexer->end) {
		if (escapes && *lexer->at == '\\' && lexer->at + 1 < lexer->end)
			lexer->at += 2;
		else if (!looking_at(lexer, close))
			lexer->at++;
		else if (doubled && lexer->at + 1 < lexer->end && lexer->at[1] == *close)
			lexer->at += 2;
		else
			break;
	}
	token->length = (size_t)(lexer->at - token->text);
	count_lines(lexer, token->text, lexer->at);
	if (lexer->at < lexer->end)
		lexer->at += length;
}

/* r'..', b"..", f'''..''' */
static bool read_python_string(struct lexer *lexer, struct token *token)
{
	static const char *const quotes[] = {"\"\"\"", "'''", "\"", "'"};
	const char *at = lexer->at;
	bool raw = false;

	while (lexer->at < lexer->end && lexer->at - at < 2 && strchr("rRbBuUfF", *lexer->at)) {
		raw = raw || *lexer->at == 'r' || *lexer->at == 'R';
		lexer->at++;
	}
	for (size_t i = 0; i < 4; i++) {
		if (!looking_at(lexer, quotes[i]))
			continue;
		lexer->at += strlen(quotes[i]);
		token->kind = TOKEN_STRING;
		read_until(lexer, token, quotes[i], true, false);
		token->raw = raw;
		return true;
	}
	lexer->at = at;
	return false;
}

/* The body of <<~NAME: the lines behind this one up to NAME alone. */
static bool read_heredoc(struct lexer *lexer, struct token *token)
{
	const char *name = lexer->at + 2, *body, *line, *next;
	bool quoted;
	size_t length = 0;

	if (!looking_at(lexer, "<<"))
		return false;
	name += *name == '~' || *name == '-';
	quoted = *name == '\'' || *name == '"';
	name += quoted;
	while (name + length < lexer->end && (is_letter(name[length]) || is_digit(name[length])))
		length++;
	if (!length || !(*name >= 'A' && *name <= 'Z'))
		return false;
	lexer->at = name + length;
	lexer->at += quoted && lexer->at < lexer->end;
	body = lexer->behind_heredocs;
	if (!body || body < lexer->at) {
		body = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
		body = body ? body + 1 : lexer->end;
	}
	for (line = body; line < lexer->end; line = next) {
		const char *text = line;

		next = memchr(line, '\n', (size_t)(lexer->end - line));
		next = next ? next + 1 : lexer->end;
		while (text < next && is_blank(*text))
			text++;
		if ((size_t)(next - text) >= length && !memcmp(text, name, length) &&
		    (text + length == next || !is_letter(text[length])))
			break;
	}
	token->kind = TOKEN_STRING;
	token->text = body;
	token->length = (size_t)(line - body);
	token->line = lexer->line;
	for (const char *c = lexer->at; c < body; c++)
		token->line += *c == '\n';
	next = line < lexer->end ? memchr(line, '\n', (size_t)(lexer->end - line)) : NULL;
	lexer->behind_heredocs = next ? next + 1 : lexer->end;
	return true;
}

/* %w[a b], %q(...), %Q{...} */
static bool read_percent(struct lexer *lexer, struct token *token)
{
	static const char opens[] = "([{<|!", closes[] = ")]}>|!";
	const char *open;
	char close[2] = {0};

	if (lexer->operand || lexer->end - lexer->at < 3 || !strchr("wWiIqQ", lexer->at[1]))
		return false;
	open = strchr(opens, lexer->at[2]);
	if (!open || !*open)
		return false;
	close[0] = closes[open - opens];
	lexer->at += 3;
	token->kind = TOKEN_STRING;
	read_until(lexer, token, close, true, false);
	return true;
}

static bool read_ruby_string(struct lexer *lexer, struct token *token)
{
	char quote[2] = {*lexer->at, 0};

	if (*lexer->at == '%')
		return read_percent(lexer, token);
	if (*lexer->at == '<')
		return read_heredoc(lexer, token);
	if (!strchr("'\"`/", *quote) || (*quote == '/' && lexer->operand))
		return false;
	lexer->at++;
	token->kind = TOKEN_STRING;
	read_until(lexer, token, quote, true, false);
	return true;
}

/* :users, :"users"; "::" is none. */
static bool read_symbol(struct lexer *lexer, struct token *token)
{
	if (*lexer->at != ':' || lexer->end - lexer->at < 2)
		return false;
	if (lexer->at[1] == '"') {
		lexer->at += 2;
		token->kind = TOKEN_SYMBOL;
		read_until(lexer, token, "\"", true, false);
		return true;
	}
	if (!is_letter(lexer->at[1]))
		return false;
	token->kind = TOKEN_SYMBOL;
	token->text = ++lexer->at;
	while (lexer->at < lexer->end && (is_letter(*lexer->at) || is_digit(*lexer->at)))
		lexer->at++;
	token->length = (size_t)(lexer->at - token->text);
	return true;
}

/* $tag$ ... $tag$ */
static bool read_dollars(struct lexer *lexer, struct token *token)
{
	const char *tag = lexer->at, *at = lexer->at + 1;
	char close[64];

	while (at < lexer->end && (is_letter(*at) || is_digit(*at)))
		at++;
	if (at == lexer->end || *at != '$' || (size_t)(at - tag) > sizeof(close) - 2 ||
	    is_digit(tag[1]))
		return false;
	memcpy(close, tag, (size_t)(at - tag) + 1);
	close[at - tag + 1] = '\0';
	lexer->at = at + 1;
	token->kind = TOKEN_BODY;
	read_until(lexer, token, close, false, false);
	return true;
}

static bool read_sql_string(struct lexer *lexer, struct token *token)
{
	bool escapes = looking_at(lexer, "E'") || looking_at(lexer, "e'");
	char quote[2] = {0};

	if (*lexer->at == '$')
		return read_dollars(lexer, token);
	quote[0] = lexer->at[escapes];
	if (!quote[0] || !strchr("'\"`", quote[0]))
		return false;
	lexer->at += 1 + escapes;
	token->kind = *quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
	read_until(lexer, token, quote, escapes, true);
	return true;
}

static bool in_word(const struct lexer *lexer, const char *at)
{
	if (is_letter(*at) || is_digit(*at))
		return true;
	if (lexer->language == SCRIPT_SQL)
		return *at == '$';
	if (lexer->language != SCRIPT_RUBY)
		return false;
	/* Admin::User, save!; but "index: true" is a word and its colon */
	if (*at == ':')
		return (at + 1 < lexer->end && at[1] == ':') || at[-1] == ':';
	return (*at == '!' || *at == '?') && !(at + 1 < lexer->end && at[1] == '=');
}

static void read_word(struct lexer *lexer, struct token *token)
{
	token->kind = is_digit(*lexer->at)                         ? TOKEN_NUMBER
		      : is_letter(*lexer->at) || *lexer->at == '@' ? TOKEN_WORD
								   : TOKEN_MARK;
	lexer->at++;
	while (token->kind != TOKEN_MARK && lexer->at < lexer->end && in_word(lexer, lexer->at))
		lexer->at++;
	token->length = (size_t)(lexer->at - token->text);
}

bool lexer_next(struct lexer *lexer, struct token *token)
{
	bool found;

	skip_blanks(lexer);
	*token = (struct token){.text = lexer->at,
				.line = lexer->line,
				.first = lexer->fresh,
				.column = (size_t)(lexer->at - lexer->line_start)};
	if (lexer->at >= lexer->end)
		return false;
	lexer->fresh = false;
	found = lexer->language == SCRIPT_PYTHON ? read_python_string(lexer, token)
		: lexer->language == SCRIPT_SQL
			? read_sql_string(lexer, token)
			: read_ruby_string(lexer, token) || read_symbol(lexer, token);
	if (!found)
		read_word(lexer, token);
	lexer->operand = token->kind != TOKEN_MARK || strchr(")]}", *token->text);
	if (token->kind == TOKEN_WORD && lexer->language == SCRIPT_RUBY)
		lexer->operand = lexer->at >= lexer->end || *lexer->at != ' ' ||
				 (lexer->end - lexer->at > 1 && lexer->at[1] == ' ') ||
				 (lexer->end - lexer->at > 2 && lexer->at[2] == ' ');
	return true;
}

bool token_is(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && strlen(word) == token->length &&
	       !strncasecmp(token->text, word, token->length);
}

bool token_is_mark(const struct token *token, char mark)
{
	return token->kind == TOKEN_MARK && *token->text == mark;
}

char *token_text(struct arena *arena, const struct token *token)
{
	return arena_bytes(arena, token->text, token->length);
}
