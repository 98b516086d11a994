/* A compiled pattern, for pattern*.c only. */
#pragma once
#include "git/pattern.h"

enum token_kind {
	TOKEN_BYTE,		/* this byte */
	TOKEN_ANY,		/* one byte, not a slash */
	TOKEN_CLASS,		/* one byte of a set, never a slash */
	TOKEN_STAR,		/* any bytes but slashes */
	TOKEN_DEEP,		/* any bytes */
	TOKEN_FOLDERS,		/* nothing, or any bytes up to and with a slash */
};

struct token {
	enum token_kind kind;
	unsigned char byte;
	const unsigned char *set;	/* 256 bits */
};

struct pattern {
	const char *text;		/* as written */
	const char *folder;		/* where it starts, with a slash at its end; or "" */
	size_t folder_length;
	bool negated, only_folder;
	bool any_folder;		/* without a slash: a name in any folder */
	const char *literal;		/* what comes before the first wildcard */
	size_t literal_length;
	struct token *tokens;		/* the rest */
	size_t token_count;
	const char *body;		/* "!", leading "/" and last "/" taken away */
	size_t body_length;
};

/* Whether it matches exactly this text, behind its folder: a path, or for any_folder a name. */
bool pattern_matches_text(const struct pattern *pattern, const char *text, size_t length);
/* Whether it matches the path or one of its parents; the `!` is not looked at. */
bool pattern_matches_path(const struct pattern *pattern, const char *path, size_t length,
			  bool is_folder);
