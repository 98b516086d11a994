/* Lines folded for a terminal. */
#include <string.h>

#include "base/text.h"

/* Whether *at belongs to a command, which stays in one piece: the one before it does, or not. */
static bool in_command(bool inside, char before, const char *at, const char *end)
{
	static const char name[] = "shipit ";
	size_t left = (size_t)(end - at), length = sizeof(name) - 1;
	bool begins = strchr(" '`(", before) != NULL;
	char next = ' ';

	if (left > 1)
		next = at[1];
	if (begins && left >= length && memcmp(at, name, length) == 0)
		return true;
	if (strchr("'`)", *at) || (strchr(",;:", *at) && next == ' ') ||
	    (*at == ' ' && next == '('))
		return false;
	return inside;
}

/* Behind a style's sequence, or at itself. */
static const char *skip_style(const char *at, const char *end)
{
	const char *from = at;

	if (end - at < 2 || at[0] != '\x1b' || at[1] != '[')
		return from;
	for (at += 2; at < end; at++)
		if (*at >= '@' && *at <= '~')
			return at + 1;
	return from;
}

/* How much of the line goes on one of so many columns. */
static size_t fold_at(const char *text, size_t length, size_t columns)
{
	const char *end = text + length, *at = text, *cut = NULL;
	bool command = false;
	size_t used = 0;

	while (at < end) {
		const char *behind = skip_style(at, end);

		if (behind > at) {
			at = behind;
			continue;
		}
		command = in_command(command, at > text ? at[-1] : ' ', at, end);
		if (*at == ' ' && !command && at > text) {
			if (used > columns)
				return (size_t)(at - text);
			cut = at;
		}
		used += (size_t)text_columns_of(text_next(&at, end));
		if (used > columns && cut)
			return (size_t)(cut - text);
	}
	return length;
}

static void fold_line(struct buffer *out, const char *line, size_t length, size_t columns)
{
	size_t blanks = 0, indent, used = 0, size;

	while (blanks < length && line[blanks] == ' ')
		blanks++;
	indent = blanks + 2;
	buffer_add(out, line, blanks);
	for (line += blanks, length -= blanks, used = blanks; length > 0; used = indent) {
		size = fold_at(line, length, columns > used + 20 ? columns - used : 20);
		buffer_add(out, line, size);
		while (size < length && line[size] == ' ')
			size++;
		line += size;
		length -= size;
		if (length > 0)
			buffer_add_format(out, "\n%*s", (int)indent, "");
	}
}

void text_fold(struct buffer *out, const char *text, size_t length, size_t columns)
{
	const char *end = text + length;

	if (columns == 0) {
		buffer_add(out, text, length);
		return;
	}
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		fold_line(out, text, (size_t)((stop ? stop : end) - text), columns);
		if (stop)
			buffer_add_char(out, '\n');
		text = stop ? stop + 1 : end;
	}
}
