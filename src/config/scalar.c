/* YAML 1.2's core schema: which plain scalars are null, bool, integer or number. */
#include <errno.h>
#include <math.h>

#include "base/text.h"
#include "config/node_internal.h"

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool resolve_integer(struct node *node)
{
	const char *text = node->text, *digits = text;
	int base = 10;
	char *end;
	long long value;

	if (text_starts_with(text, "0x") || text_starts_with(text, "0o")) {
		base = text[1] == 'x' ? 16 : 8;
		digits = text += 2;
	} else if (*text == '-' || *text == '+') {
		digits++;
	}
	if (*digits == '\0' || strspn(digits, base == 16  ? "0123456789abcdefABCDEF"
					      : base == 8 ? "01234567"
							  : "0123456789") != strlen(digits))
		return false;
	errno = 0;
	value = strtoll(text, &end, base);
	if (errno)
		return false;
	node->type = NODE_INTEGER;
	node->integer = value;
	node->number = (double)value;
	return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool looks_like_number(const char *text)
{
	size_t before, after = 0;

	text += *text == '-' || *text == '+';
	before = strspn(text, "0123456789");
	text += before;
	if (*text == '.') {
		after = strspn(text + 1, "0123456789");
		text += 1 + after;
	}
	if (before + after == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		before = strspn(text, "0123456789");
		if (before == 0)
			return false;
		text += before;
	}
	return *text == '\0';
}

void node_resolve_scalar(struct node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infinities[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
						 "+.INF", "-.inf", "-.Inf", "-.INF", NULL};
	static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};

	node->merge = strcmp(node->text, "<<") == 0;
	if (is_one_of(node->text, nulls)) {
		node->type = NODE_NULL;
	} else if (is_one_of(node->text, trues) || is_one_of(node->text, falses)) {
		node->type = NODE_BOOL;
		node->boolean = (node->text[0] | 0x20) == 't';
	} else if (resolve_integer(node)) {
		return;
	} else if (looks_like_number(node->text)) {
		node->type = NODE_NUMBER;
		node->number = strtod(node->text, NULL);
	} else if (is_one_of(node->text, infinities)) {
		node->type = NODE_NUMBER;
		node->number = node->text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
	} else if (is_one_of(node->text, nans)) {
		node->type = NODE_NUMBER;
		node->number = (double)NAN;
	}
}

struct place node_place_at(const char *file, const char *bytes, size_t offset)
{
	struct place place = {file, 1, 1};

	for (size_t i = 0; i < offset; i++) {
		if (bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)bytes[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}
