/* Tokens of Python, Ruby and SQL: as much of each language as it takes to find the operations of a
 * migration, never more. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum script_language { SCRIPT_PYTHON, SCRIPT_RUBY, SCRIPT_SQL };

enum token_kind {
	TOKEN_END,
	TOKEN_WORD, /* Ruby: with "::", "?", "!" and "@" */
	TOKEN_NUMBER,
	TOKEN_STRING, /* what stands between the quotes, escapes as written; a heredoc's body */
	TOKEN_QUOTED, /* SQL: a quoted name */
	TOKEN_BODY,   /* SQL: between dollars */
	TOKEN_SYMBOL, /* Ruby: without its colon */
	TOKEN_MARK,   /* one byte */
};

struct token {
	enum token_kind kind;
	const char *text; /* in the script */
	size_t length;
	size_t line;   /* from 1; of a string, where its text begins */
	size_t column; /* of the token in its line, a tab counts as one */
	bool first;    /* in its line */
	bool raw;      /* a string without escapes */
};

struct lexer {
	enum script_language language;
	const char *start, *at, *end, *line_start;
	const char *behind_heredocs; /* where their bodies end; NULL: none in this line */
	size_t line;
	bool fresh;   /* no token in this line yet */
	bool operand; /* Ruby: the last token ends a value, so "/" divides */
};

void lexer_init(struct lexer *lexer, enum script_language language, const char *text, size_t length,
		size_t line);
/* False (TOKEN_END) at the end. */
bool lexer_next(struct lexer *lexer, struct token *token);

/* The word or name, without case in SQL's way. */
bool token_is(const struct token *token, const char *word);
bool token_is_mark(const struct token *token, char mark);
char *token_text(struct arena *arena, const struct token *token);
