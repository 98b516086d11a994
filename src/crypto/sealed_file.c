/* Reading and writing secrets.sealed.yml. */
#include "crypto/sealed_file.h"

#include <sodium.h>

#include "base/text.h"
#include "config/node.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static const char heading[] =
	"# Secrets that only those can open to whose keys they are sealed. Safe to commit.\n"
	"# Written by `shipit secrets`: do not change a line by hand.\n";

/* As names in the roster are: nothing in them has to be escaped in quotes. */
static bool name_fits(const char *name)
{
	if (!name || !*name || strpbrk(name, "\"\\"))
		return false;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return false;
	return text_is_utf8(name, strlen(name), NULL);
}

/* What stands in the file beside a value is checked by opening it; here only its shape. */
static bool read_names(struct arena *arena, const struct node *node, struct text_list *names)
{
	if (!node || node->type != NODE_LIST || node->count > SEAL_RECIPIENTS_MAXIMUM)
		return false;
	for (size_t i = 0; i < node->count; i++) {
		if (!name_fits(node->items[i]->text))
			return false;
		text_list_add(arena, names, node->items[i]->text);
	}
	return true;
}

static bool read_bytes(struct arena *arena, const struct node *node, struct sealed_value *value)
{
	size_t length = node && node->text ? strlen(node->text) : 0, written;
	unsigned char *bytes = arena_alloc(arena, length + 1);
	if (!length || sodium_base642bin(bytes, length, node->text, length, NULL, &written, NULL,
					 sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	value->bytes = bytes;
	value->length = written;
	return true;
}

static void read_entry(struct diagnostics *diagnostics, const struct node_entry *entry,
		       struct sealed_file *file)
{
	const struct node *node = entry->value, *known = node_get(node, "known");
	struct sealed_entry sealed = {.value.name = entry->key->text, .place = entry->key->place};
	if (!text_is_variable(sealed.value.name)) {
		diagnostics_add(diagnostics, sealed.place, "'%s' cannot be the name of a secret",
				sealed.value.name);
		return;
	}
	if (read_names(diagnostics->arena, node_get(node, "to"), &sealed.value.to) &&
	    (!known || read_names(diagnostics->arena, known, &sealed.value.known)) &&
	    read_bytes(diagnostics->arena, node_get(node, "sealed"), &sealed.value)) {
		vec_push(diagnostics->arena, &file->entries, sealed);
		return;
	}
	diagnostics_add(diagnostics, sealed.place, "%s is not as `shipit secrets` writes it",
			sealed.value.name);
	diagnostics_hint(diagnostics, "take the line from git's history, or set it anew: shipit "
				      "secrets set %s", sealed.value.name);
}

static int by_name(const void *one, const void *other)
{
	const struct sealed_entry *a = one, *b = other;
	return strcmp(a->value.name, b->value.name);
}

static void sort(struct sealed_file *file)
{
	if (file->entries.count)
		qsort(file->entries.items, file->entries.count, sizeof(*file->entries.items),
		      by_name);
}

/* The heading alone, say. */
static bool only_comments(const char *bytes)
{
	while (*bytes) {
		bytes += strspn(bytes, " \t\r\n");
		if (*bytes && *bytes != '#')
			return false;
		bytes += strcspn(bytes, "\n");
	}
	return true;
}

int sealed_file_parse(struct diagnostics *diagnostics, const char *name, const char *bytes,
		      size_t length, struct sealed_file *file)
{
	size_t before = diagnostics->errors;
	struct place top = {.file = name, .line = 1, .column = 1};
	*file = (struct sealed_file){0};
	if (strlen(bytes) == length && only_comments(bytes))
		return 0;
	const struct node *root = node_parse(diagnostics, name, bytes, length);
	if (!root || diagnostics->errors > before) {
		if (strstr(bytes, "\n<<<<<<< ") || text_starts_with(bytes, "<<<<<<< "))
			diagnostics_hint(diagnostics, "a merge left both sides in it: keep one "
						      "line for each name");
		return -1;
	}
	if (root->type != NODE_MAP)
		return diagnostics_add(diagnostics, top, "%s is a list of names and their sealed "
							 "values, not %s", name,
				       node_type_name(root->type));
	for (size_t i = 0; i < root->count; i++)
		read_entry(diagnostics, &root->entries[i], file);
	sort(file);
	return diagnostics->errors > before ? -1 : 0;
}

static struct sealed_entry *find(const struct sealed_file *file, const char *name)
{
	for (size_t i = 0; i < file->entries.count; i++)
		if (strcmp(file->entries.items[i].value.name, name) == 0)
			return &file->entries.items[i];
	return NULL;
}

const struct sealed_entry *sealed_file_find(const struct sealed_file *file, const char *name)
{
	return find(file, name);
}

void sealed_file_put(struct arena *arena, struct sealed_file *file,
		     const struct sealed_value *value)
{
	struct sealed_entry *entry = find(file, value->name);
	if (entry) {
		entry->value = *value;
		return;
	}
	vec_push(arena, &file->entries, ((struct sealed_entry){.value = *value}));
	sort(file);
}

static void write_names(struct buffer *out, const char *key, const struct text_list *names)
{
	buffer_add_format(out, "%s: [", key);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		const char *quote = name[strspn(name, PLAIN)] || *name == '-' ? "\"" : "";
		buffer_add_format(out, "%s%s%s%s", i ? ", " : "", quote, name, quote);
	}
	buffer_add_text(out, "], ");
}

static void write_value(struct buffer *out, const struct sealed_value *value)
{
	size_t size = sodium_base64_encoded_len(value->length, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(size);
	if (!text)
		abort();
	sodium_bin2base64(text, size, value->bytes, value->length, sodium_base64_VARIANT_ORIGINAL);
	buffer_add_format(out, "%s: {", value->name);
	write_names(out, "to", &value->to);
	if (value->known.count)
		write_names(out, "known", &value->known);
	buffer_add_format(out, "sealed: \"%s\"}\n", text);
	free(text);
}

void sealed_file_write(const struct sealed_file *file, struct buffer *out)
{
	buffer_add_text(out, heading);
	for (size_t i = 0; i < file->entries.count; i++)
		write_value(out, &file->entries.items[i].value);
}
