/* Patterns against one path. */
#include "git/pattern_internal.h"

static bool token_holds(const struct token *token, unsigned char byte)
{
	switch (token->kind) {
	case TOKEN_BYTE:
		return byte == token->byte;
	case TOKEN_ANY:
		return byte != '/';
	case TOKEN_CLASS:
		return token->set[byte / 8] >> byte % 8 & 1;
	case TOKEN_STAR:
	case TOKEN_DEEP:
	case TOKEN_FOLDERS:
		break;
	}
	return false;
}

/* Where a wildcard was taken last: it can take more when what follows does not fit. */
struct retry {
	enum token_kind kind;
	size_t token;		/* the one behind it */
	const char *text;	/* NULL: there is none */
};

/* Lets the last `*`, or else the last `**`, take more; only the last of each ever needs to. */
static bool take_more(struct retry *star, struct retry *deep, const char *end, size_t *token,
		      const char **text)
{
	struct retry *used = star;

	if (star->text && star->text < end && *star->text != '/') {
		star->text++;
	} else {
		star->text = NULL;
		used = deep;
		if (!deep->text || deep->text >= end)
			return false;
		if (deep->kind == TOKEN_FOLDERS) {
			const char *slash = memchr(deep->text, '/', (size_t)(end - deep->text));

			if (!slash)
				return false;
			deep->text = slash;
		}
		deep->text++;
	}
	*token = used->token;
	*text = used->text;
	return true;
}

static bool tokens_match(const struct pattern *pattern, const char *text, const char *end)
{
	struct retry star = {0}, deep = {0};
	size_t at = 0;

	for (;;) {
		const struct token *token = &pattern->tokens[at];

		if (at == pattern->token_count) {
			if (text == end)
				return true;
		} else if (token->kind == TOKEN_STAR) {
			star = (struct retry) {token->kind, ++at, text};
			continue;
		} else if (token->kind == TOKEN_DEEP || token->kind == TOKEN_FOLDERS) {
			deep = (struct retry) {token->kind, ++at, text};
			star.text = NULL;
			continue;
		} else if (text < end && token_holds(token, (unsigned char)*text)) {
			at++;
			text++;
			continue;
		}
		if (!take_more(&star, &deep, end, &at, &text))
			return false;
	}
}

bool pattern_matches_text(const struct pattern *pattern, const char *text, size_t length)
{
	if (length < pattern->literal_length ||
	    memcmp(text, pattern->literal, pattern->literal_length))
		return false;
	if (!pattern->token_count)
		return length == pattern->literal_length;
	return tokens_match(pattern, text + pattern->literal_length, text + length);
}

bool pattern_matches_path(const struct pattern *pattern, const char *path, size_t length,
			  bool is_folder)
{
	const char *start, *end = path + length, *name;

	if (length <= pattern->folder_length ||
	    memcmp(path, pattern->folder, pattern->folder_length))
		return false;
	start = path + pattern->folder_length;
	if (!pattern->any_folder &&
	    ((size_t)(end - start) < pattern->literal_length ||
	     memcmp(start, pattern->literal, pattern->literal_length)))
		return false;
	for (name = start; name < end;) {
		const char *slash = memchr(name, '/', (size_t)(end - name));
		const char *stop = slash ? slash : end;
		const char *from = pattern->any_folder ? name : start;

		if ((slash || is_folder || !pattern->only_folder) &&
		    pattern_matches_text(pattern, from, (size_t)(stop - from)))
			return true;
		name = stop + 1;
	}
	return false;
}

bool pattern_list_item_matches(const struct pattern_list *list, size_t item, const char *path,
			       bool is_folder)
{
	return pattern_matches_path(&list->items[item], path, strlen(path), is_folder);
}

bool pattern_list_matches(const struct pattern_list *list, const char *path, bool is_folder)
{
	size_t length = strlen(path);

	for (size_t i = list->count; i-- > 0;)
		if (pattern_matches_path(&list->items[i], path, length, is_folder))
			return !list->items[i].negated;
	return false;
}
