/* Collects what is wrong with files and shows it with the line and a caret. */
#include "config/diagnostics.h"

#include "base/text.h"

#define SHOWN_MAXIMUM 50
#define COLUMNS_MAXIMUM 160

void diagnostics_init(struct diagnostics *diagnostics, struct arena *arena)
{
	*diagnostics = (struct diagnostics){.arena = arena};
}

void diagnostics_add_file(struct diagnostics *diagnostics, const char *name, const char *bytes,
			  size_t length)
{
	struct diagnostics_file file = {name, bytes, length};

	vec_push(diagnostics->arena, &diagnostics->files, file);
}

static bool already_said(const struct diagnostics *diagnostics, const struct diagnostic *it)
{
	for (size_t i = 0; i < diagnostics->list.count; i++) {
		const struct diagnostic *other = &diagnostics->list.items[i];

		if (other->place.line == it->place.line &&
		    other->place.column == it->place.column &&
		    text_equal(other->place.file, it->place.file) &&
		    strcmp(other->message, it->message) == 0)
			return true;
	}
	return false;
}

static void PRINTF_LIKE(4, 0) add(struct diagnostics *diagnostics, struct place place, bool warning,
				  const char *format, va_list args)
{
	struct diagnostic it = {.place = place, .warning = warning};
	struct buffer words;

	diagnostics->last_dropped = true;
	if (diagnostics->list.count >= SHOWN_MAXIMUM) {
		diagnostics->errors += warning ? 0 : 1;
		return;
	}
	buffer_init(&words, 4096);
	if (buffer_add_vformat(&words, format, args) < 0)
		buffer_add_text(&words, "(a message that is too long)");
	it.message = arena_bytes(diagnostics->arena, words.data, words.length);
	buffer_release(&words);
	if (already_said(diagnostics, &it))
		return;
	diagnostics->errors += warning ? 0 : 1;
	diagnostics->last_dropped = false;
	vec_push(diagnostics->arena, &diagnostics->list, it);
}

int diagnostics_add(struct diagnostics *diagnostics, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diagnostics, place, false, format, args);
	va_end(args);
	return -1;
}

void diagnostics_warn(struct diagnostics *diagnostics, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diagnostics, place, true, format, args);
	va_end(args);
}

int diagnostics_hint(struct diagnostics *diagnostics, const char *format, ...)
{
	struct buffer words;
	va_list args;

	if (diagnostics->last_dropped || diagnostics->list.count == 0)
		return -1;
	buffer_init(&words, 4096);
	va_start(args, format);
	buffer_add_vformat(&words, format, args);
	va_end(args);
	diagnostics->list.items[diagnostics->list.count - 1].hint =
		arena_bytes(diagnostics->arena, words.data, words.length);
	buffer_release(&words);
	return -1;
}

/* The line's first byte; *length without its end. NULL when there is no such line. */
static const char *find_line(const struct diagnostics_file *file, int line, size_t *length)
{
	const char *start = file->bytes, *end = file->bytes + file->length;

	for (; line > 1; line--) {
		start = memchr(start, '\n', (size_t)(end - start));
		if (!start)
			return NULL;
		start++;
	}
	for (*length = 0; start + *length < end; (*length)++)
		if (start[*length] == '\n' || start[*length] == '\r')
			break;
	return start;
}

/* The line with whatever could harm a terminal made visible, and the caret below its column. */
static void write_line(const char *line, size_t length, int column, struct buffer *out)
{
	const char *cursor = line, *end = line + length;
	size_t columns = 0, caret = SIZE_MAX;

	buffer_add_text(out, "    ");
	for (int at = 1; cursor < end && columns < COLUMNS_MAXIMUM; at++) {
		const char *from = cursor;
		uint32_t code_point = text_next(&cursor, end);

		if (at == column)
			caret = columns;
		if (code_point == 0xfffd || code_point < 0x20 ||
		    (code_point >= 0x7f && code_point < 0xa0) ||
		    (code_point >= 0x2028 && code_point <= 0x202e)) {
			buffer_add_text(out, code_point == '\t' ? " " : "\xef\xbf\xbd");
			columns++;
			continue;
		}
		buffer_add(out, from, (size_t)(cursor - from));
		columns += (size_t)text_columns_of(code_point);
	}
	if (cursor < end)
		buffer_add_text(out, "...");
	buffer_add_char(out, '\n');
	if (caret == SIZE_MAX && cursor < end)
		return;
	if (caret == SIZE_MAX)
		caret = columns;
	buffer_add_text(out, "    ");
	for (size_t i = 0; i < caret; i++)
		buffer_add_char(out, ' ');
	buffer_add_text(out, "^\n");
}

static void write_one(const struct diagnostics *diagnostics, const struct diagnostic *it,
		      struct buffer *out)
{
	const struct place *place = &it->place;

	if (place->file)
		buffer_add_format(out, "%s:", place->file);
	if (place->line > 0)
		buffer_add_format(out, "%d:%d:", place->line, place->column);
	if (place->file || place->line > 0)
		buffer_add_char(out, ' ');
	buffer_add_format(out, "%s%s", it->warning ? "warning: " : "error: ", it->message);
	if (it->hint)
		buffer_add_format(out, "; %s", it->hint);
	buffer_add_char(out, '\n');
	for (size_t i = diagnostics->files.count; i > 0 && place->line > 0; i--) {
		const struct diagnostics_file *file = &diagnostics->files.items[i - 1];
		size_t length;
		const char *line;

		if (!text_equal(file->name, place->file))
			continue;
		line = find_line(file, place->line, &length);
		if (line)
			write_line(line, length, place->column, out);
		return;
	}
}

static int compare(const void *one, const void *other)
{
	const struct diagnostic *a = one, *b = other;

	if (!text_equal(a->place.file, b->place.file))
		return strcmp(a->place.file ? a->place.file : "",
			      b->place.file ? b->place.file : "");
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	return (a->place.column > b->place.column) - (a->place.column < b->place.column);
}

void diagnostics_write(struct diagnostics *diagnostics, struct buffer *out)
{
	size_t errors = 0;

	if (diagnostics->list.count > 1)
		qsort(diagnostics->list.items, diagnostics->list.count,
		      sizeof(diagnostics->list.items[0]), compare);
	for (size_t i = 0; i < diagnostics->list.count; i++) {
		write_one(diagnostics, &diagnostics->list.items[i], out);
		errors += diagnostics->list.items[i].warning ? 0 : 1;
	}
	if (diagnostics->errors > errors)
		buffer_add_format(out, "... and %zu more errors\n", diagnostics->errors - errors);
}

int diagnostics_result(const struct diagnostics *diagnostics, struct error *err)
{
	const struct diagnostic *first = NULL;

	if (diagnostics->errors == 0)
		return 0;
	for (size_t i = 0; i < diagnostics->list.count; i++) {
		const struct diagnostic *it = &diagnostics->list.items[i];

		if (!it->warning && (!first || compare(it, first) < 0))
			first = it;
	}
	if (!first)
		return error_set(err, "the files have %zu errors", diagnostics->errors);
	error_set(err, "%s", first->message);
	if (first->hint)
		error_hint(err, "%s", first->hint);
	if (diagnostics->errors > 1)
		error_hint(err, "%s%s%zu more error%s in the files: shipit check shows them all",
			   first->hint ? first->hint : "", first->hint ? "; " : "",
			   diagnostics->errors - 1, diagnostics->errors > 2 ? "s" : "");
	snprintf(err->file, sizeof(err->file), "%s", first->place.file ? first->place.file : "");
	err->line = first->place.line;
	err->column = first->place.column;
	return error_code(err, EXIT_USAGE);
}
