/* ${NAME} and {commit}. */
#include "config/expand.h"

#include "base/text.h"

#define EXPANDED_MAXIMUM ((size_t)4 << 20)

/* The name in "${NAME}" at text, whose end goes to *end; NULL with err when it is not one. */
static char *name_at(struct arena *arena, const char *text, const char **end, struct error *err)
{
	const char *close = strchr(text, '}');
	char *name;

	if (!close) {
		error_set(err, "'${' without its '}' in '%s'", text);
		error_hint(err, "write $${ for a literal ${");
		return NULL;
	}
	name = arena_bytes(arena, text + 2, (size_t)(close - text - 2));
	if (!text_is_variable(name)) {
		error_set(err, "'${%s}' is not the name of a variable", name);
		error_hint(err, "write $${ for a literal ${");
		return NULL;
	}
	*end = close + 1;
	return name;
}

int expand_names(struct arena *arena, const char *text, struct text_list *names, struct error *err)
{
	for (; (text = strstr(text, "$"));) {
		const char *end = text + 1;

		if (text_starts_with(text, "$${")) {
			end = text + 3;
		} else if (text_starts_with(text, "${")) {
			char *name = name_at(arena, text, &end, err);

			if (!name)
				return -1;
			if (!text_list_has(names, name))
				text_list_add(arena, names, name);
		}
		text = end;
	}
	return 0;
}

static int expand_into(struct arena *arena, const char *text, const struct expand_lookup *lookup,
		       struct buffer *out, struct error *err)
{
	while (*text) {
		const char *value;
		char *name;

		if (text_starts_with(text, "$${")) {
			buffer_add_text(out, "${");
			text += 3;
			continue;
		}
		if (!text_starts_with(text, "${")) {
			buffer_add_char(out, *text++);
			continue;
		}
		name = name_at(arena, text, &text, err);
		if (!name)
			return -1;
		value = lookup->get(lookup->context, name);
		if (!value) {
			error_set(err, "unknown variable '${%s}'", name);
			return error_hint(err, "add it to the environment's vars or to secrets");
		}
		buffer_add_text(out, value);
	}
	if (out->overflowed)
		return error_set(err, "a text with variables became larger than 4 MiB");
	return 0;
}

char *expand_text(struct arena *arena, const char *text, const struct expand_lookup *lookup,
		  struct error *err)
{
	struct buffer out;
	char *result = NULL;

	buffer_init(&out, EXPANDED_MAXIMUM);
	if (expand_into(arena, text, lookup, &out, err) == 0)
		result = arena_bytes(arena, out.data, out.length);
	buffer_release(&out);
	return result;
}

static const char *fill_value(const struct fill_values *values, const char *name, size_t length)
{
	const struct {
		const char *name, *value;
	} known[] = {
		{"app", values->app},       {"env", values->env},
		{"commit", values->commit}, {"previous", values->previous},
		{"branch", values->branch}, {"deployer", values->deployer},
		{"id", values->id},         {"url", values->url},
		{"status", values->status},
		{"event", values->event},   {"text", values->text},
	};
	const size_t always = 9;	/* the others only where there is a message */

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, name, length) == 0)
			return known[i].value || i >= always ? known[i].value : "";
	return NULL;
}

char *fill_text(struct arena *arena, const char *text, const struct fill_values *values)
{
	struct buffer out;
	char *result;

	buffer_init(&out, EXPANDED_MAXIMUM);
	while (*text) {
		const char *close = *text == '{' ? strchr(text, '}') : NULL;
		const char *value = NULL;

		if (close)
			value = fill_value(values, text + 1, (size_t)(close - text - 1));
		if (value) {
			buffer_add_text(&out, value);
			text = close + 1;
		} else {
			buffer_add_char(&out, *text++);
		}
	}
	result = arena_bytes(arena, out.data, out.length);
	buffer_release(&out);
	return result;
}
