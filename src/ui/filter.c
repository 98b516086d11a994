/* What a child printed, made harmless. Clean text is skipped over eight bytes at a time. */
#include "ui/filter.h"

#include <stdint.h>

#include "base/text.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* A high bit for each byte that is below 0x20, 0x7f, or above: what must be looked at. May mark
 * a clean byte next to such a one, never the reverse. */
static uint64_t suspects(uint64_t word)
{
	uint64_t below = (word - ONES * 0x20) & ~word;
	uint64_t delete = ((word ^ (ONES * 0x7f)) - ONES) & ~(word ^ (ONES * 0x7f));

	return (below | delete | word) & HIGHS;
}

/* The first byte at or behind at that is no plain ASCII; newlines and tabs are not skipped. */
static const char *skip_plain(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		if (suspects(word))
			break;
		at += 8;
	}
	while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f)
		at++;
	return at;
}

static bool is_override(uint32_t code)
{
	return code == 0x200e || code == 0x200f || code == 0x061c ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Line and paragraph separators end a line for some readers. */
static bool is_separator(uint32_t code)
{
	return code == 0x2028 || code == 0x2029;
}

/* Behind a control string (OSC, DCS, ...): up to BEL, ESC \, U+009C or the line's end. */
static const char *skip_string(const char *at, const char *end)
{
	for (; at < end && *at != '\n' && *at != '\r'; at++) {
		if (*at == '\a')
			return at + 1;
		if (*at == '\x1b')
			return end - at > 1 && at[1] == '\\' ? at + 2 : at;
		if (end - at > 1 && *at == '\xc2' && at[1] == '\x9c')
			return at + 2;
	}
	return at;
}

/* Behind CSI's parameters and its final byte. */
static const char *skip_csi(const char *at, const char *end)
{
	while (at < end && *at >= 0x20 && *at <= 0x3f)
		at++;
	return at < end && *at >= 0x40 && *at <= 0x7e ? at + 1 : at;
}

/* Behind the sequence whose second character is kind (as after ESC). */
static const char *skip_sequence(char kind, const char *at, const char *end)
{
	if (kind == '[')
		return skip_csi(at, end);
	if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_')
		return skip_string(at, end);
	return at;
}

/* at is behind ESC. */
static const char *skip_escape(const char *at, const char *end)
{
	while (at < end && *at >= 0x20 && *at <= 0x2f)
		at++;
	if (at == end || *at < 0x30 || *at > 0x7e)
		return at;
	return skip_sequence(*at, at + 1, end);
}

/* Writes what becomes of a control character and returns what is behind it. */
static const char *filter_control(struct buffer *out, const char *at, const char *end)
{
	if (*at == '\x1b')
		return skip_escape(at + 1, end);
	if (*at == '\r') {
		if (end - at == 1 || at[1] != '\n')
			buffer_add_char(out, '\n');
	}
	return at + 1;
}

/* The same for a character that is not ASCII. */
static const char *filter_wide(struct buffer *out, const char *at, const char *end)
{
	const char *next = at;
	uint32_t code = text_next(&next, end);

	if (next - at == 1)
		buffer_add_text(out, "\xef\xbf\xbd");
	else if (code >= 0x80 && code <= 0x9f)
		return skip_sequence((char)(code - 0x40), next, end);
	else if (is_separator(code))
		buffer_add_char(out, '\n');
	else if (!is_override(code))
		buffer_add(out, at, (size_t)(next - at));
	return next;
}

/* Whether the character at at stays as it is; *next is behind it. */
static bool passes(const char *at, const char *end, const char **next)
{
	uint32_t code;

	*next = at + 1;
	if ((unsigned char)*at < 0x80)
		return *at == '\n' || *at == '\t';
	*next = at;
	code = text_next(next, end);
	return *next - at > 1 && code > 0x9f && !is_override(code) && !is_separator(code);
}

/* Takes out what a terminal would act on. */
static void filter_sequences(struct buffer *out, const char *at, const char *end)
{
	while (at < end) {
		const char *start = at, *next;

		for (;;) {
			at = skip_plain(at, end);
			if (at == end || !passes(at, end, &next))
				break;
			at = next;
		}
		buffer_add(out, start, (size_t)(at - start));
		if (at < end)
			at = (unsigned char)*at < 0x80 ? filter_control(out, at, end)
						       : filter_wide(out, at, end);
	}
}

static bool is_group_marker(const char *line, size_t length)
{
	return length >= 3 && (memcmp(line, "---", 3) == 0 || memcmp(line, "+++", 3) == 0 ||
			       memcmp(line, "~~~", 3) == 0 || memcmp(line, "^^^", 3) == 0);
}

/* Blanks as GitHub's runner trims them (ASCII and the Unicode ones), then "::". */
static bool is_github_command(const char *line, const char *end)
{
	while (line < end) {
		const char *next = line;
		uint32_t code = text_next(&next, end);

		if (code != ' ' && code != '\t' && code != 0xa0 && code != 0x1680 &&
		    !(code >= 0x2000 && code <= 0x200a) && code != 0x202f && code != 0x205f &&
		    code != 0x3000 && code != 0xfeff)
			break;
		line = next;
	}
	return end - line >= 2 && line[0] == ':' && line[1] == ':';
}

static const char *find_hashes(const char *at, const char *end)
{
	while ((at = memchr(at, '#', (size_t)(end - at)))) {
		if (end - at >= 3 && at[1] == '#' && at[2] == '[')
			return at;
		at++;
	}
	return NULL;
}

static bool line_commands(const char *line, const char *end, unsigned commands)
{
	if ((commands & FILTER_BUILDKITE) && is_group_marker(line, (size_t)(end - line)))
		return true;
	return (commands & FILTER_GITHUB) && is_github_command(line, end);
}

static const char *line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return newline ? newline + 1 : end;
}

static bool any_commands(const char *at, const char *end, unsigned commands)
{
	if (!commands)
		return false;
	if ((commands & FILTER_GITHUB) && find_hashes(at, end))
		return true;
	for (; at < end; at = line_end(at, end))
		if (line_commands(at, end, commands))
			return true;
	return false;
}

/* "##[" becomes "## [", and a line that begins like a command gets a bar before it. */
static void defuse(struct buffer *out, const char *at, const char *end, unsigned commands)
{
	while (at < end) {
		const char *next = line_end(at, end), *hashes;

		if (line_commands(at, next, commands))
			buffer_add(out, "| ", 2);
		while ((commands & FILTER_GITHUB) && (hashes = find_hashes(at, next))) {
			buffer_add(out, at, (size_t)(hashes - at));
			buffer_add(out, "## [", 4);
			at = hashes + 3;
		}
		buffer_add(out, at, (size_t)(next - at));
		at = next;
	}
}

static bool sequences_clean(const char *at, const char *end)
{
	for (;;) {
		at = skip_plain(at, end);
		if (at == end)
			return true;
		if (!passes(at, end, &at))
			return false;
	}
}

bool filter_clean(const char *bytes, size_t length, unsigned commands)
{
	return sequences_clean(bytes, bytes + length) &&
	       !any_commands(bytes, bytes + length, commands);
}

void filter_text(struct buffer *out, const char *bytes, size_t length, unsigned commands)
{
	struct buffer plain;

	if (!commands) {
		filter_sequences(out, bytes, bytes + length);
		return;
	}
	if (sequences_clean(bytes, bytes + length)) {
		defuse(out, bytes, bytes + length, commands);
		return;
	}
	buffer_init(&plain, length * 3 + 1);
	filter_sequences(&plain, bytes, bytes + length);
	defuse(out, plain.data, plain.data + plain.length, commands);
	buffer_release(&plain);
}
