/* GitHub's workflow commands that point into a file. */
#include "ui/annotate.h"

#include "ui/ui.h"

enum { EACH = 10 };

/* A property's value ends at "," and ":" too. */
static void add_escaped(struct buffer *out, const char *text, bool property)
{
	for (; *text; text++)
		if (*text == '%' || *text == '\r' || *text == '\n' ||
		    (property && (*text == ':' || *text == ',')))
			buffer_add_format(out, "%%%02X", (unsigned char)*text);
		else
			buffer_add_char(out, *text);
}

static void add_one(struct buffer *out, const struct diagnostic *diagnostic)
{
	buffer_add_format(out, "::%s file=", diagnostic->warning ? "warning" : "error");
	add_escaped(out, diagnostic->place.file, true);
	if (diagnostic->place.line)
		buffer_add_format(out, ",line=%d", diagnostic->place.line);
	if (diagnostic->place.column)
		buffer_add_format(out, ",col=%d", diagnostic->place.column);
	buffer_add_text(out, "::");
	add_escaped(out, diagnostic->message, false);
	if (diagnostic->hint) {
		buffer_add_text(out, "; ");
		add_escaped(out, diagnostic->hint, false);
	}
	buffer_add_char(out, '\n');
}

void ui_annotate(const struct diagnostics *diagnostics, struct buffer *out)
{
	size_t shown[2] = {0};

	if (strcmp(ui_format_detect(), "github") != 0)
		return;
	for (size_t i = 0; i < diagnostics->list.count; i++) {
		const struct diagnostic *diagnostic = &diagnostics->list.items[i];
		if (diagnostic->place.file && shown[diagnostic->warning]++ < EACH)
			add_one(out, diagnostic);
	}
}
