/* Manifests: JSON with one object a line. */
#include "assets/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAXIMUM ((size_t)1 << 20)
#define OBJECTS "\"objects\":["

/* ---- writing ---- */

struct writer {
	FILE *file;
	struct hash all, body; /* of the whole file, and of all before its last line */
	struct buffer line;
};

static void write_line(struct writer *writer, bool in_body)
{
	hash_add(&writer->all, writer->line.data, writer->line.length);
	if (in_body)
		hash_add(&writer->body, writer->line.data, writer->line.length);
	fwrite(writer->line.data, 1, writer->line.length, writer->file);
	buffer_clear(&writer->line);
}

static void add_string(struct buffer *out, const char *text)
{
	buffer_add_char(out, '"');
	for (const char *byte = text; *byte; byte++) {
		if (*byte == '"' || *byte == '\\')
			buffer_add_format(out, "\\%c", *byte);
		else if ((unsigned char)*byte < 0x20)
			buffer_add_format(out, "\\u%04x", (unsigned)*byte);
		else
			buffer_add_char(out, *byte);
	}
	buffer_add_char(out, '"');
}

static void add_text(struct buffer *out, const char *text)
{
	if (text)
		add_string(out, text);
	else
		buffer_add_text(out, "null");
}

static void write_head(struct writer *writer, const struct manifest_head *head)
{
	const char *const fields[] = {"id",  head->id,  "app",  head->app,
				      "env", head->env, "from", head->from};
	struct buffer *out = &writer->line;
	char made[32];

	buffer_add_format(out, "{\"shipit\":\"assets\",\"version\":%d", MANIFEST_VERSION);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i += 2) {
		buffer_add_format(out, ",\"%s\":", fields[i]);
		add_text(out, fields[i + 1]);
	}
	buffer_add_format(out, ",\"made\":\"%s\",\n\"headers\":[", time_format(made, head->made));
	for (size_t i = 0; i < head->headers.list.count; i++) {
		const struct asset_headers *headers = &head->headers.list.items[i];
		const char *const values[] = {headers->content_type, headers->cache_control,
					      headers->content_encoding};

		buffer_add_text(out, i ? ",\n[" : "\n[");
		for (size_t v = 0; v < 3; v++) {
			buffer_add_text(out, v ? "," : "");
			add_text(out, values[v]);
		}
		buffer_add_char(out, ']');
	}
	buffer_add_text(out, "\n],\n" OBJECTS);
	write_line(writer, true);
}

static void write_asset(struct writer *writer, const struct asset *asset, bool first)
{
	char hex[HASH_HEX_SIZE];
	struct buffer *out = &writer->line;

	buffer_add_text(out, first ? "\n[" : ",\n[");
	add_string(out, asset->key);
	hex_format(asset->hash, HASH_SIZE, hex);
	buffer_add_format(out, ",%lld,\"%s\",%u,%u", (long long)asset->size, hex, asset->headers,
			  asset->flags & ASSET_FLAGS);
	if (asset->original) {
		hex_format(asset->original, HASH_SIZE, hex);
		buffer_add_format(out, ",\"%s\"", hex);
	}
	buffer_add_char(out, ']');
	write_line(writer, true);
}

static void write_all(struct writer *writer, const struct manifest_head *head,
		      const struct asset_table *assets, char digest[HASH_HEX_SIZE])
{
	char body[HASH_HEX_SIZE];
	int64_t bytes = 0;

	write_head(writer, head);
	for (size_t i = 0; i < assets->count; i++) {
		write_asset(writer, &assets->items[i], i == 0);
		bytes += assets->items[i].size;
	}
	buffer_add_text(&writer->line, "\n],\n");
	write_line(writer, true);
	hash_finish_hex(&writer->body, body);
	buffer_add_format(&writer->line, "\"count\":%zu,\"bytes\":%lld,\"sha256\":\"%s\"}\n",
			  assets->count, (long long)bytes, body);
	write_line(writer, false);
	hash_finish_hex(&writer->all, digest);
}

int manifest_write(const char *path, const struct manifest_head *head,
		   const struct asset_table *assets, char digest[HASH_HEX_SIZE], struct error *err)
{
	struct writer writer = {.file = fopen(path, "we")};
	bool failed;

	if (!writer.file)
		return error_set_errno(err, errno, "cannot write '%s'", path);
	hash_init(&writer.all);
	hash_init(&writer.body);
	buffer_init(&writer.line, LINE_MAXIMUM);
	write_all(&writer, head, assets, digest);
	failed = ferror(writer.file);
	failed = fclose(writer.file) != 0 || failed;
	buffer_release(&writer.line);
	return failed ? error_set_errno(err, errno, "cannot write '%s'", path) : 0;
}

/* ---- reading ---- */

static int damaged(const char *what, struct error *err)
{
	error_set(err, "the manifest is damaged: %s", what);
	return 1;
}

/* One line with its "\n" into manifest->line; false at the end. */
static bool read_line(struct manifest *manifest)
{
	int byte;

	buffer_clear(&manifest->line);
	while ((byte = getc_unlocked(manifest->file)) != EOF) {
		if (buffer_add_char(&manifest->line, (char)byte) < 0)
			return false;
		if (byte == '\n')
			return true;
	}
	return false;
}

static bool is_newer(const char *line)
{
	const char *version = strstr(line, "\"version\":");

	return text_starts_with(line, "{\"shipit\":\"assets\"") && version &&
	       atoi(version + strlen("\"version\":")) > MANIFEST_VERSION;
}

/* The last line, with the checksum of all before it and the whole file's digest. */
static int check_sums(struct manifest *manifest, const char *digest, struct error *err)
{
	struct hash all, body;
	char sum[HASH_HEX_SIZE], whole[HASH_HEX_SIZE];
	bool more = read_line(manifest);
	const char *wanted;
	int result = 0;

	if (is_newer(manifest->line.data)) {
		error_set(err, "the manifest was written by a newer version of shipit");
		return 1;
	}
	hash_init(&all);
	hash_init(&body);
	while (more && !text_starts_with(manifest->line.data, "\"count\":")) {
		hash_add(&all, manifest->line.data, manifest->line.length);
		hash_add(&body, manifest->line.data, manifest->line.length);
		more = read_line(manifest);
	}
	if (!more)
		return damaged("its end is missing", err);
	hash_add(&all, manifest->line.data, manifest->line.length);
	hash_finish_hex(&all, whole);
	hash_finish_hex(&body, sum);
	wanted = strstr(manifest->line.data, "\"sha256\":\"");
	if (sscanf(manifest->line.data, "\"count\":%" SCNd64 ",\"bytes\":%" SCNd64 ",",
		   &manifest->count, &manifest->bytes) != 2 ||
	    !wanted || strncmp(wanted + strlen("\"sha256\":\""), sum, HASH_HEX_SIZE - 1) != 0)
		result = damaged("its checksum is wrong", err);
	else if (digest && strcmp(digest, whole) != 0)
		result = damaged("it is not the one that the index names", err);
	return result;
}

static const char *field(struct arena *arena, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? arena_string(arena, text) : NULL;
}

static const char *item(struct arena *arena, const json_t *list, size_t index)
{
	const char *text = json_string_value(json_array_get(list, index));

	return text ? arena_string(arena, text) : NULL;
}

static int take_head(struct arena *arena, const json_t *json, struct manifest *manifest,
		     struct error *err)
{
	struct manifest_head *head = &manifest->head;
	const char *made = json_string_value(json_object_get(json, "made"));
	json_t *headers;
	size_t i;

	if (json_integer_value(json_object_get(json, "version")) != MANIFEST_VERSION)
		return damaged("its version is not one that was ever written", err);
	head->id = field(arena, json, "id");
	head->app = field(arena, json, "app");
	head->env = field(arena, json, "env");
	head->from = field(arena, json, "from");
	if (!head->id || !head->app || !head->env || !head->from || !made ||
	    time_parse(made, &head->made, err) < 0)
		return damaged("its head lacks something", err);
	json_array_foreach(json_object_get(json, "headers"), i, headers)
		vec_push(arena, &head->headers.list,
			 ((struct asset_headers){item(arena, headers, 0), item(arena, headers, 1),
						 item(arena, headers, 2)}));
	return 0;
}

static int read_head(struct arena *arena, struct manifest *manifest, struct error *err)
{
	struct buffer head;
	json_t *json = NULL;
	int result;

	buffer_init(&head, LINE_MAXIMUM);
	rewind(manifest->file);
	while (read_line(manifest)) {
		buffer_add(&head, manifest->line.data, manifest->line.length);
		if (text_starts_with(manifest->line.data, OBJECTS))
			break;
	}
	manifest->first = ftell(manifest->file);
	buffer_add_text(&head, "]}");
	json = head.overflowed ? NULL : json_loads(head.data, 0, NULL);
	buffer_release(&head);
	result = json ? take_head(arena, json, manifest, err) : damaged("its head is no JSON", err);
	json_decref(json);
	return result;
}

int manifest_open(struct arena *arena, const char *path, const char *digest,
		  struct manifest *manifest, struct error *err)
{
	int result;

	*manifest = (struct manifest){.file = fopen(path, "re")};
	buffer_init(&manifest->line, LINE_MAXIMUM);
	if (!manifest->file)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	result = check_sums(manifest, digest, err);
	return result ? result : read_head(arena, manifest, err);
}

int manifest_rewind(struct manifest *manifest, struct error *err)
{
	manifest->last[0] = 0;
	if (fseek(manifest->file, manifest->first, SEEK_SET) < 0)
		return error_set_errno(err, errno, "cannot read a manifest");
	return 0;
}

void manifest_close(struct manifest *manifest)
{
	if (manifest->file)
		fclose(manifest->file);
	if (manifest->line.data)
		buffer_release(&manifest->line);
	*manifest = (struct manifest){0};
}

static int hex_value(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* A JSON string as write_asset writes it, into out; behind it, or NULL. */
static const char *take_string(const char *at, char *out, size_t size)
{
	size_t length = 0;

	if (*at++ != '"')
		return NULL;
	while (*at && *at != '"' && length + 1 < size) {
		if (*at == '\\' && at[1] == 'u' && at[2] == '0' && at[3] == '0') {
			int high = hex_value(at[4]), low = high < 0 ? -1 : hex_value(at[5]);

			if (low < 0)
				return NULL;
			out[length++] = (char)(high * 16 + low);
			at += 6;
		} else {
			if (*at == '\\' && !*++at)
				return NULL;
			out[length++] = *at++;
		}
	}
	out[length] = 0;
	return *at == '"' ? at + 1 : NULL;
}

static const char *take_hash(const char *at, unsigned char hash[HASH_SIZE])
{
	if (*at++ != '"')
		return NULL;
	for (size_t i = 0; i < HASH_SIZE; i++, at += 2) {
		int high = hex_value(at[0]), low = high < 0 ? -1 : hex_value(at[1]);

		if (low < 0)
			return NULL;
		hash[i] = (unsigned char)(high * 16 + low);
	}
	return *at == '"' ? at + 1 : NULL;
}

static const char *take_number(const char *at, int64_t *number)
{
	char *end;

	if (*at != ',' || at[1] < '0' || at[1] > '9')
		return NULL;
	*number = strtoll(at + 1, &end, 10);
	return end;
}

static bool parse_asset(struct manifest *manifest, struct asset *asset)
{
	const char *at = manifest->line.data;
	int64_t headers, flags;

	*asset = (struct asset){.key = manifest->key};
	at = *at == '[' ? take_string(at + 1, manifest->key, sizeof(manifest->key)) : NULL;
	at = at ? take_number(at, &asset->size) : NULL;
	at = at && *at == ',' ? take_hash(at + 1, asset->hash) : NULL;
	at = at ? take_number(at, &headers) : NULL;
	at = at ? take_number(at, &flags) : NULL;
	if (at && *at == ',') {
		at = take_hash(at + 1, manifest->original);
		asset->original = manifest->original;
	}
	if (!at || *at != ']' || headers >= (int64_t)manifest->head.headers.list.count)
		return false;
	asset->headers = (uint32_t)headers;
	asset->flags = (uint32_t)flags & ASSET_FLAGS;
	if (text_starts_with(asset->key, ASSETS_OBJECTS))
		asset->flags |= ASSET_OBJECT;
	return true;
}

int manifest_next(struct manifest *manifest, struct asset *asset, struct error *err)
{
	if (!read_line(manifest) || manifest->line.data[0] == ']')
		return 0;
	if (!parse_asset(manifest, asset) || !asset_key_is_safe(asset->key) ||
	    strcmp(manifest->last, asset->key) >= 0) {
		damaged("an object in it cannot be", err);
		return -1;
	}
	memcpy(manifest->last, asset->key, strlen(asset->key) + 1);
	return 1;
}
