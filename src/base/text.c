/* Words about text: nearness, quoting, lists of texts. */
#include "base/text.h"

#define DISTANCE_MAXIMUM 100

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t text_distance(const char *one, const char *other)
{
	size_t rows[3][DISTANCE_MAXIMUM + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t m = strnlen(one, DISTANCE_MAXIMUM), n = strnlen(other, DISTANCE_MAXIMUM);

	for (size_t j = 0; j <= n; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t cost = one[i - 1] == other[j - 1] ? 0 : 1;

			now[j] = smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[n];
}

/* Whether one is the other with "-" for "_" or other case. */
static bool same_but_for_style(const char *one, const char *other)
{
	for (; *one && *other; one++, other++) {
		char a = *one == '-' ? '_' : *one, b = *other == '-' ? '_' : *other;

		if (a != b && ((a ^ b) != 0x20 || (a | 0x20) < 'a' || (a | 0x20) > 'z'))
			return false;
	}
	return *one == *other;
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t best = strlen(word) < 4 ? 2 : strlen(word) / 3 + 2;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance;

		if (same_but_for_style(word, candidates[i]))
			return candidates[i];
		distance = text_distance(word, candidates[i]);
		if (distance < best && distance < strlen(candidates[i])) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

void text_quote_shell(struct buffer *out, const char *text)
{
	size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%_+=:,./-");

	if (*text != '\0' && text[plain] == '\0') {
		buffer_add_text(out, text);
		return;
	}
	buffer_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buffer_add_text(out, "'\\''");
		else
			buffer_add_char(out, *text);
	}
	buffer_add_char(out, '\'');
}

bool text_starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

bool text_ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && memcmp(text + length - tail, end, tail) == 0;
}

bool text_equal(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

bool text_is_variable(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	size_t first = strspn(text, letters);

	if (first == 0)
		return false;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				 "0123456789")] == '\0';
}

void text_list_add(struct arena *arena, struct text_list *list, const char *text)
{
	vec_push(arena, list, text);
}

bool text_list_has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

static int compare_texts(const void *one, const void *other)
{
	const char *const *a = one, *const *b = other;

	return strcmp(*a, *b);
}

void text_list_sort(struct text_list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_texts);
}

struct text_list text_split(struct arena *arena, const char *text, char separator)
{
	struct text_list parts = {0};

	while (*text) {
		const char *end = strchr(text, separator);
		const char *stop = end ? end : text + strlen(text);
		const char *last = stop;

		while (text < last && (*text == ' ' || *text == '\t'))
			text++;
		while (last > text && (last[-1] == ' ' || last[-1] == '\t'))
			last--;
		if (last > text)
			text_list_add(arena, &parts,
				      arena_bytes(arena, text, (size_t)(last - text)));
		text = end ? end + 1 : stop;
	}
	return parts;
}

char *text_join(struct arena *arena, const struct text_list *list, const char *between)
{
	size_t length = 1, gap = strlen(between);
	char *joined, *end;

	for (size_t i = 0; i < list->count; i++)
		length += strlen(list->items[i]) + gap;
	joined = end = arena_alloc(arena, length);
	for (size_t i = 0; i < list->count; i++) {
		size_t item = strlen(list->items[i]);

		if (i > 0) {
			memcpy(end, between, gap);
			end += gap;
		}
		memcpy(end, list->items[i], item);
		end += item;
	}
	return joined;
}
