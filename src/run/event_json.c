/* Events as lines of JSON: written by hand, for thousands of them; read with jansson. */
#include <jansson.h>

#include "base/text.h"
#include "run/event_internal.h"

#define MEMBER(EVENT, FIELD, TYPE) (*(TYPE *)(void *)((char *)(EVENT) + (FIELD)->offset))
#define CONST_MEMBER(EVENT, FIELD, TYPE) \
	(*(TYPE const *)(const void *)((const char *)(EVENT) + (FIELD)->offset))

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void write_control(struct buffer *out, unsigned char byte)
{
	static const char letters[] = "btn?fr"; /* from 8 on */

	if (byte == '"' || byte == '\\') {
		buffer_add_char(out, '\\');
		buffer_add_char(out, (char)byte);
	} else if (byte >= 8 && byte <= 13 && byte != 11) {
		buffer_add_char(out, '\\');
		buffer_add_char(out, letters[byte - 8]);
	} else {
		buffer_add_format(out, "\\u%04x", byte);
	}
}

void event_write_string(struct buffer *out, const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t at = 0;

	buffer_add_char(out, '"');
	while (at < length) {
		size_t start = at, size;
		const char *cursor;

		while (at < length && is_plain(bytes[at]))
			at++;
		buffer_add(out, text + start, at - start);
		if (at == length)
			break;
		if (bytes[at] < 0x80) {
			write_control(out, bytes[at++]);
			continue;
		}
		cursor = text + at;
		text_next(&cursor, text + length);
		size = (size_t)(cursor - text) - at;
		buffer_add(out, size > 1 ? text + at : "\xef\xbf\xbd", size > 1 ? size : 3);
		at += size;
	}
	buffer_add_char(out, '"');
}

static void write_number(struct buffer *out, int64_t number)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		digits[--at] = '-';
	buffer_add(out, digits + at, sizeof(digits) - at);
}

static void write_key(struct buffer *out, const char *name)
{
	buffer_add(out, ",\"", 2);
	buffer_add_text(out, name);
	buffer_add(out, "\":", 2);
}

static void write_text(struct buffer *out, const char *name, const char *text)
{
	if (!text)
		return;
	write_key(out, name);
	event_write_string(out, text, strlen(text));
}

static void write_because(struct buffer *out, const struct event_because *because)
{
	size_t start;

	write_key(out, "because");
	start = out->length;
	write_text(out, "path", because->path);
	write_text(out, "pattern", because->pattern);
	if (because->path) {
		write_key(out, "count");
		write_number(out, because->count);
	}
	write_text(out, "trailer", because->trailer);
	write_text(out, "flag", because->flag);
	write_text(out, "reason", because->reason);
	if (out->length == start)
		buffer_add_char(out, '{');
	else
		out->data[start] = '{'; /* in place of the first comma */
	buffer_add_char(out, '}');
}

static void write_list(struct buffer *out, const char *name, const struct text_list *list)
{
	if (!list || !list->count)
		return;
	write_key(out, name);
	for (size_t i = 0; i < list->count; i++) {
		buffer_add_char(out, i ? ',' : '[');
		event_write_string(out, list->items[i], strlen(list->items[i]));
	}
	buffer_add_char(out, ']');
}

static void write_exit_code(struct buffer *out, const struct event *event)
{
	bool none = event->type == EVENT_STEP_FINISHED &&
		    (event->signal || event->status == STATUS_SKIPPED ||
		     event->status == STATUS_CACHED || event->status == STATUS_RESUMED);

	if (none || event->exit_code < 0)
		return;
	write_key(out, "exit_code");
	write_number(out, event->exit_code);
}

static void write_field(struct buffer *out, const struct event *event,
			const struct event_field *field)
{
	int64_t number;

	switch (field->kind) {
	case KIND_TEXT:
		write_text(out, field->name, CONST_MEMBER(event, field, char *));
		break;
	case KIND_TEXT_OR_NULL:
		if (CONST_MEMBER(event, field, char *)) {
			write_text(out, field->name, CONST_MEMBER(event, field, char *));
		} else {
			write_key(out, field->name);
			buffer_add_text(out, "null");
		}
		break;
	case KIND_NUMBER:
	case KIND_NUMBER_IF_SET:
		number = CONST_MEMBER(event, field, int64_t);
		if (!number && field->kind == KIND_NUMBER_IF_SET)
			break;
		write_key(out, field->name);
		write_number(out, number);
		break;
	case KIND_EXIT_CODE:
		write_exit_code(out, event);
		break;
	case KIND_STATUS:
		if (event->status)
			write_text(out, field->name, event_status_name(event->status));
		break;
	case KIND_LEVEL:
		write_text(out, field->name, event_level_names[event->level]);
		break;
	case KIND_FLAG:
		if (!CONST_MEMBER(event, field, bool))
			break;
		write_key(out, field->name);
		buffer_add_text(out, "true");
		break;
	case KIND_JSON:
		if (!CONST_MEMBER(event, field, char *))
			break;
		write_key(out, field->name);
		buffer_add_text(out, CONST_MEMBER(event, field, char *));
		break;
	case KIND_LIST:
		write_list(out, field->name, CONST_MEMBER(event, field, struct text_list *));
		break;
	case KIND_BECAUSE:
		write_because(out, &event->because);
		break;
	}
}

void event_write_json(struct buffer *out, const struct event *event)
{
	uint64_t fields = event_shapes[event->type].fields;
	char stamp[32];

	buffer_add_text(out, "{\"ts\":\"");
	buffer_add_text(out, time_format(stamp, event->time));
	buffer_add_text(out, "\",\"seq\":");
	write_number(out, (int64_t)event->seq);
	write_text(out, "event", event_type_name(event->type));
	for (; fields; fields &= fields - 1)
		write_field(out, event, &event_fields[__builtin_ctzll(fields)]);
	buffer_add(out, "}\n", 2);
}

static const char *read_text(struct arena *arena, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_string(value))
		return NULL;
	return arena_bytes(arena, json_string_value(value), json_string_length(value));
}

static int64_t read_number(const json_t *object, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static const char *read_json(struct arena *arena, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *copy = text ? arena_string(arena, text) : NULL;

	free(text);
	return copy;
}

static const struct text_list *read_list(struct arena *arena, const json_t *array)
{
	struct text_list *list;
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return NULL;
	list = arena_new(arena, struct text_list);
	json_array_foreach(array, i, item)
	{
		if (json_is_string(item))
			vec_push(arena, list, arena_string(arena, json_string_value(item)));
	}
	return list;
}

static void read_because(struct arena *arena, const json_t *object, struct event_because *because)
{
	because->path = read_text(arena, object, "path");
	because->pattern = read_text(arena, object, "pattern");
	because->trailer = read_text(arena, object, "trailer");
	because->flag = read_text(arena, object, "flag");
	because->reason = read_text(arena, object, "reason");
	because->count = read_number(object, "count", 0);
}

static enum event_level read_level(const char *name)
{
	for (int i = 0; name && i < 3; i++)
		if (strcmp(event_level_names[i], name) == 0)
			return (enum event_level)i;
	return LEVEL_INFO;
}

static void read_field(struct arena *arena, const json_t *object, const struct event_field *field,
		       struct event *event)
{
	const json_t *value = json_object_get(object, field->name);

	switch (field->kind) {
	case KIND_TEXT:
	case KIND_TEXT_OR_NULL:
		MEMBER(event, field, const char *) = read_text(arena, object, field->name);
		break;
	case KIND_NUMBER:
	case KIND_NUMBER_IF_SET:
		MEMBER(event, field, int64_t) = read_number(object, field->name, 0);
		break;
	case KIND_EXIT_CODE:
		event->exit_code = read_number(object, field->name, -1);
		break;
	case KIND_STATUS:
		event->status = json_is_string(value) ? event_status_parse(json_string_value(value))
						      : STATUS_NONE;
		break;
	case KIND_LEVEL:
		event->level = read_level(json_string_value(value));
		break;
	case KIND_FLAG:
		MEMBER(event, field, bool) = json_is_true(value);
		break;
	case KIND_JSON:
		MEMBER(event, field, const char *) = value ? read_json(arena, value) : NULL;
		break;
	case KIND_LIST:
		MEMBER(event, field, const struct text_list *) = read_list(arena, value);
		break;
	case KIND_BECAUSE:
		read_because(arena, value, &event->because);
		break;
	}
}

static int read_head(struct arena *arena, const json_t *object, struct event *event,
		     struct error *err)
{
	const char *stamp = read_text(arena, object, "ts");
	const char *name = read_text(arena, object, "event");

	if (!stamp || !name)
		return error_set(err, "it has no 'ts' or no 'event'");
	if (time_parse(stamp, &event->time, err) < 0)
		return -1;
	event->seq = (uint64_t)read_number(object, "seq", 0);
	event->type = event_type_parse(name);
	return 0;
}

int event_read_json(struct arena *arena, const char *line, size_t length, struct event *event,
		    struct error *err)
{
	json_error_t problem;
	json_t *object = json_loadb(line, length, JSON_ALLOW_NUL, &problem);
	uint64_t fields;
	int result;

	*event = (struct event){.exit_code = -1};
	if (!json_is_object(object)) {
		json_decref(object);
		return error_set(err, "this is no event: %s",
				 object ? "it is no JSON object" : problem.text);
	}
	result = read_head(arena, object, event, err);
	fields = result < 0 ? 0 : event_shapes[event->type].fields;
	for (; fields; fields &= fields - 1)
		read_field(arena, object, &event_fields[__builtin_ctzll(fields)], event);
	json_decref(object);
	return result < 0 ? error_wrap(err, "this is no event") : 0;
}
