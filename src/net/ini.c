/* The reader of ini files: in place, line by line. */
#include "net/ini.h"

#include <ctype.h>

#include "crypto/key.h"

struct parser {
	struct arena *arena;
	struct ini *ini;
	char *at, *end; /* what was not read yet */
	int line;
	size_t indent;   /* of the setting or section above: what stands further in goes on */
	char *value_end; /* of the setting above; NULL: a section or nothing */
	struct error *err;
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\f' || byte == '\v';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

/* Ends the text before the blanks at its end; returns where. */
static char *trim_end(char *start, char *end)
{
	while (end > start && is_blank(end[-1]))
		end--;
	*end = '\0';
	return end;
}

int ini_error_at(const struct ini *ini, int line, struct error *err)
{
	snprintf(err->file, sizeof(err->file), "%s", ini->path);
	err->line = line;
	err->column = 1;
	return -1;
}

static int fail(struct parser *parser, const char *message, int other)
{
	if (other)
		error_set(parser->err, "%s (the first is in line %d)", message, other);
	else
		error_set(parser->err, "%s", message);
	return ini_error_at(parser->ini, parser->line, parser->err);
}

const struct ini_section *ini_section(const struct ini *ini, const char *name)
{
	for (size_t i = 0; i < ini->sections.count; i++)
		if (!strcmp(ini->sections.items[i].name, name))
			return &ini->sections.items[i];
	return NULL;
}

const struct ini_entry *ini_entry(const struct ini_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->entries.count; i++)
		if (!strcmp(section->entries.items[i].key, key))
			return &section->entries.items[i];
	return NULL;
}

static int read_section(struct parser *parser, char *line, char *end)
{
	char *close = end;

	while (close > line && *close != ']')
		close--;
	if (close == line)
		return fail(parser, "a section's name has no ']' behind it", 0);
	char *name = skip_blanks(line + 1);
	trim_end(name, close);
	if (!*name)
		return fail(parser, "a section has no name", 0);
	const struct ini_section *other = ini_section(parser->ini, name);
	if (other)
		return fail(parser, "a section of this name is there already", other->line);
	vec_push(parser->arena, &parser->ini->sections,
		 ((struct ini_section){.name = name, .line = parser->line}));
	parser->value_end = NULL;
	return 0;
}

static int read_entry(struct parser *parser, char *line, char *end)
{
	struct ini *ini = parser->ini;
	char *between = line + strcspn(line, "=:");

	if (!*between || between == line)
		return fail(parser, "the line is neither a [section] nor 'name = value'", 0);
	if (!ini->sections.count)
		return fail(parser, "a setting stands before the first [section]", 0);
	struct ini_section *sections = ini->sections.items;
	size_t last = ini->sections.count - 1;
	char *value = between + 1;
	*between = '\0';
	trim_end(line, between);
	for (char *byte = line; *byte; byte++)
		*byte = (char)tolower((unsigned char)*byte);
	const struct ini_entry *other = ini_entry(&sections[last], line);
	if (other)
		return fail(parser, "the section has a setting of this name already", other->line);
	value = skip_blanks(value);
	parser->value_end = end;
	vec_push(parser->arena, &sections[last].entries,
		 ((struct ini_entry){.key = line, .value = value, .line = parser->line}));
	return 0;
}

static int read_line(struct parser *parser, char *line, char *end)
{
	char *text = skip_blanks(line);
	size_t indent = (size_t)(text - line);

	if (strlen(line) != (size_t)(end - line))
		return fail(parser, "the line holds a NUL", 0);
	end = trim_end(text, end);
	if (!*text || *text == '#' || *text == ';')
		return 0;
	if (parser->value_end && indent > parser->indent) {
		/* Never over what was not read: a line end and a blank lay between. */
		*parser->value_end++ = '\n';
		memmove(parser->value_end, text, (size_t)(end - text) + 1);
		parser->value_end += end - text;
		return 0;
	}
	parser->indent = indent;
	return *text == '[' ? read_section(parser, text, end) : read_entry(parser, text, end);
}

int ini_parse(struct arena *arena, const char *path, char *bytes, size_t length, struct ini *ini,
	      struct error *err)
{
	struct parser parser = {
		.arena = arena, .ini = ini, .at = bytes, .end = bytes + length, .err = err};

	*ini = (struct ini){.path = arena_string(arena, path), .bytes = bytes, .length = length};
	if (length >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3))
		parser.at += 3;
	while (parser.at < parser.end) {
		char *line = parser.at;
		char *end = memchr(line, '\n', (size_t)(parser.end - line));
		if (!end)
			end = parser.end;
		*end = '\0';
		parser.at = end + 1;
		parser.line++;
		if (read_line(&parser, line, end))
			return -1;
	}
	return 0;
}

void ini_release(struct ini *ini)
{
	if (ini->bytes)
		memory_wipe(ini->bytes, ini->length);
	free(ini->bytes);
	*ini = (struct ini){0};
}

const char *ini_nested(struct arena *arena, const char *value, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = strchr(value, '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (strncmp(line, key, length))
			continue;
		const char *rest = line + length + strspn(line + length, " \t");
		if (*rest != '=')
			continue;
		rest += 1 + strspn(rest + 1, " \t");
		return arena_bytes(arena, rest, strcspn(rest, "\n"));
	}
	return NULL;
}
