/* Patterns from text: git's syntax to tokens, and what is wrong with a text. */
#include <ctype.h>

#include "base/text.h"
#include "git/pattern_internal.h"

static bool is_special(char byte)
{
	return byte == '*' || byte == '?' || byte == '[' || byte == '\\';
}

static bool in_named_class(const char *name, size_t length, int byte, bool *known)
{
	static const struct { const char *name; int (*holds)(int byte); } classes[] = {
		{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
		{"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
		{"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (strlen(classes[i].name) == length && !memcmp(classes[i].name, name, length))
			return byte < 128 && classes[i].holds(byte) != 0;
	*known = false;
	return false;
}

static void set_add(unsigned char *set, unsigned first, unsigned last)
{
	for (unsigned byte = first; byte <= last; byte++)
		set[byte / 8] = (unsigned char)(set[byte / 8] | 1U << byte % 8);
}

/* "[:alpha:]" at *at (behind "[:"): 1 added, 0 it is none of these, -1 no such class. */
static int set_add_class(unsigned char *set, const char **at, const char *end)
{
	const char *close = memchr(*at, ']', (size_t)(end - *at));
	bool known = true;

	if (!close)
		return -1;
	if (close == *at || close[-1] != ':')
		return 0;
	for (int byte = 0; byte < 256; byte++)
		if (in_named_class(*at, (size_t)(close - 1 - *at), byte, &known))
			set_add(set, (unsigned)byte, (unsigned)byte);
	*at = close + 1;
	return known ? 1 : -1;
}

/* The set behind "[" at *at, which moves behind its "]". */
static int set_parse(unsigned char *set, const char **at, const char *end)
{
	const char *p = *at;
	bool negated = p < end && (*p == '!' || *p == '^');
	unsigned char previous = 0;

	p += negated;
	for (bool first = true; ; first = false) {
		if (p >= end)
			return -1;
		if (*p == ']' && !first)
			break;
		if (*p == '[' && p + 1 < end && p[1] == ':') {
			const char *name = p + 2;
			int added = set_add_class(set, &name, end);

			if (added < 0)
				return -1;
			if (added) {
				p = name;
				previous = 0;
				continue;
			}
		}
		bool range = *p == '-' && previous && p + 1 < end && p[1] != ']';

		p += range;
		if (*p == '\\' && ++p >= end)
			return -1;
		unsigned char byte = (unsigned char)*p++;

		set_add(set, range ? previous : byte, byte);
		previous = range ? 0 : byte;
	}
	*at = p + 1;
	for (size_t i = 0; negated && i < 32; i++)
		set[i] = (unsigned char)~set[i];
	set['/' / 8] = (unsigned char)(set['/' / 8] & ~(1U << '/' % 8));
	return 0;
}

/* A run of stars at *at: `**` between slashes or ends is special, any other one is `*`. */
static struct token star_parse(const char *start, const char **at, const char *end, bool slashes)
{
	const char *p = *at;
	bool opens = p == start || p[-1] == '/';
	size_t stars = 0;

	for (; p < end && *p == '*'; p++)
		stars++;
	*at = p;
	bool closes = p == end || *p == '/' || (p + 1 < end && p[0] == '\\' && p[1] == '/');

	if (stars < 2 || !opens || !closes || !slashes)
		return (struct token) {.kind = TOKEN_STAR};
	if (p < end && *p == '/') {
		*at = p + 1;
		return (struct token) {.kind = TOKEN_FOLDERS};
	}
	return (struct token) {.kind = TOKEN_DEEP};
}

static int tokens_parse(struct arena *arena, struct pattern *pattern, const char *text,
			const char *end)
{
	const char *p = text;

	pattern->tokens = arena_array(arena, (size_t)(end - text) + 1, sizeof(struct token));
	while (p < end) {
		struct token token = {.kind = TOKEN_BYTE};

		if (*p == '*') {
			token = star_parse(text, &p, end, !pattern->any_folder);
		} else if (*p == '?') {
			token.kind = TOKEN_ANY;
			p++;
		} else if (*p == '[') {
			unsigned char *set = arena_alloc(arena, 32);

			p++;
			token.kind = TOKEN_CLASS;
			token.set = set;
			if (set_parse(set, &p, end) < 0)
				return -1;
		} else {
			if (*p == '\\' && ++p >= end)
				return -1;
			token.byte = (unsigned char)*p++;
		}
		pattern->tokens[pattern->token_count++] = token;
	}
	return 0;
}

/* As git reads a line: spaces at the end do not count unless a backslash stands before them. */
static size_t length_without_spaces(const char *text)
{
	size_t length = 0;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '\\' && text[i + 1])
			i++;
		else if (text[i] == ' ')
			continue;
		length = i + 1;
	}
	return length;
}

static int pattern_compile(struct arena *arena, const char *text, const char *folder,
			   struct pattern *pattern)
{
	const char *start = text, *end = text + length_without_spaces(text);

	*pattern = (struct pattern) {.text = text, .folder = ""};
	if (start < end && *start == '!') {
		pattern->negated = true;
		start++;
	}
	if (end - start > 1 && start[0] == '/' && start[1] == '/')
		start++;
	else if (folder && *folder && strcmp(folder, "."))
		pattern->folder = arena_format(arena, "%s/", folder);
	pattern->folder_length = strlen(pattern->folder);
	if (start < end && end[-1] == '/') {
		pattern->only_folder = true;
		end--;
	}
	pattern->any_folder = start >= end || !memchr(start, '/', (size_t)(end - start));
	if (start < end && *start == '/')
		start++;
	pattern->body = start;
	pattern->body_length = (size_t)(end - start);
	pattern->literal = start;
	while (start < end && !is_special(*start))
		start++;
	pattern->literal_length = (size_t)(start - pattern->literal);
	return tokens_parse(arena, pattern, start, end);
}

/* Texts that git accepts and that can never match anything. */
static const char *never_matches(const char *text)
{
	const char *body = text + (*text == '!');

	if (text[0] == '#')
		return "begins with '#', which is a comment; write \\# for the character itself";
	if (!*body || strspn(body, "/ ") == strlen(body))
		return "names nothing";
	if (text_starts_with(body, "./") || text_starts_with(body, "../") ||
	    strstr(body, "/./") || strstr(body, "/../") || !strcmp(body, ".") ||
	    !strcmp(body, ".."))
		return "holds '.' or '..', which no path of a repository has";
	if (strstr(body + 1, "//"))
		return "holds '//' behind its beginning, which no path of a repository has";
	return NULL;
}

int pattern_check(const char *text, struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct pattern pattern;
	const char *wrong = never_matches(text);

	if (strlen(text) > PATTERN_MAXIMUM)
		return error_set(err, "pattern is longer than %d bytes", PATTERN_MAXIMUM);
	if (wrong)
		return error_set(err, "pattern '%s' %s", text, wrong);
	if (pattern_compile(&arena, text, NULL, &pattern) == 0)
		return 0;
	if (text[length_without_spaces(text) - 1] == '\\')
		return error_set(err, "pattern '%s' ends in a backslash", text);
	return error_set(err, "pattern '%s' has a '[' that is not closed, or an unknown [:class:]; "
			 "write \\[ for the character itself", text);
}

int pattern_list_compile(struct arena *arena, const struct pattern_texts *texts,
			 struct pattern_list *list, struct error *err)
{
	list->count = texts->list.count;
	list->items = arena_array(arena, list->count + 1, sizeof(struct pattern));
	for (size_t i = 0; i < list->count; i++) {
		const struct pattern_text *text = &texts->list.items[i];

		if (pattern_check(text->text, err) == 0 &&
		    pattern_compile(arena, text->text, texts->folder, &list->items[i]) == 0)
			continue;
		if (text->place.file)
			snprintf(err->file, sizeof(err->file), "%s", text->place.file);
		err->line = text->place.line;
		err->column = text->place.column;
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}
