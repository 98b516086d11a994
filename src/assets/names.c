/* Content types by extension, and hashes in names. */
#include "assets/names.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

struct row {
	const char *extension, *type;
	bool compresses;
};

#define TEXT(extension, type) \
	{ \
		extension, type "; charset=utf-8", true \
	}
#define PACKED(extension, type) \
	{ \
		extension, type, false \
	}
#define LOOSE(extension, type) \
	{ \
		extension, type, true \
	}

/* IANA's names where there is one (text/javascript: RFC 9239). */
static const struct row rows[] = {
	TEXT("js", "text/javascript"),
	TEXT("mjs", "text/javascript"),
	TEXT("cjs", "text/javascript"),
	TEXT("css", "text/css"),
	TEXT("html", "text/html"),
	TEXT("htm", "text/html"),
	TEXT("txt", "text/plain"),
	TEXT("md", "text/markdown"),
	TEXT("csv", "text/csv"),
	TEXT("ics", "text/calendar"),
	TEXT("vtt", "text/vtt"),
	LOOSE("map", "application/json"),
	LOOSE("json", "application/json"),
	LOOSE("jsonld", "application/ld+json"),
	LOOSE("geojson", "application/geo+json"),
	LOOSE("webmanifest", "application/manifest+json"),
	LOOSE("xml", "application/xml"),
	LOOSE("rss", "application/rss+xml"),
	LOOSE("atom", "application/atom+xml"),
	LOOSE("xhtml", "application/xhtml+xml"),
	LOOSE("wasm", "application/wasm"),
	LOOSE("svg", "image/svg+xml"),
	LOOSE("ico", "image/vnd.microsoft.icon"),
	LOOSE("bmp", "image/bmp"),
	PACKED("png", "image/png"),
	PACKED("apng", "image/apng"),
	PACKED("jpg", "image/jpeg"),
	PACKED("jpeg", "image/jpeg"),
	PACKED("gif", "image/gif"),
	PACKED("webp", "image/webp"),
	PACKED("avif", "image/avif"),
	PACKED("jxl", "image/jxl"),
	PACKED("heic", "image/heic"),
	PACKED("tif", "image/tiff"),
	PACKED("tiff", "image/tiff"),
	LOOSE("ttf", "font/ttf"),
	LOOSE("otf", "font/otf"),
	LOOSE("eot", "application/vnd.ms-fontobject"),
	PACKED("woff", "font/woff"),
	PACKED("woff2", "font/woff2"),
	PACKED("mp4", "video/mp4"),
	PACKED("m4v", "video/mp4"),
	PACKED("webm", "video/webm"),
	PACKED("ogv", "video/ogg"),
	PACKED("mov", "video/quicktime"),
	PACKED("mp3", "audio/mpeg"),
	PACKED("m4a", "audio/mp4"),
	PACKED("aac", "audio/aac"),
	PACKED("ogg", "audio/ogg"),
	PACKED("opus", "audio/ogg"),
	PACKED("flac", "audio/flac"),
	LOOSE("wav", "audio/wav"),
	LOOSE("m3u8", "application/vnd.apple.mpegurl"),
	LOOSE("mpd", "application/dash+xml"),
	PACKED("ts", "video/mp2t"),
	PACKED("pdf", "application/pdf"),
	PACKED("zip", "application/zip"),
	PACKED("gz", "application/gzip"),
	PACKED("tgz", "application/gzip"),
	PACKED("zst", "application/zstd"),
	LOOSE("tar", "application/x-tar"),
	PACKED("7z", "application/x-7z-compressed"),
	PACKED("apk", "application/vnd.android.package-archive"),
	LOOSE("glb", "model/gltf-binary"),
	LOOSE("gltf", "model/gltf+json"),
	LOOSE("wgsl", "text/wgsl"),
	LOOSE("yaml", "application/yaml"),
	LOOSE("yml", "application/yaml"),
	LOOSE("toml", "application/toml"),
	LOOSE("hbs", "text/x-handlebars-template"),
	LOOSE("bin", "application/octet-stream"),
};

static const char *base_of(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash + 1 : key;
}

/* The row of the extension that ends at `end`; NULL when there is none. *dot is where it begins. */
static const struct row *row_before(const char *base, const char *end, const char **dot)
{
	const char *start = end;

	while (start > base && start[-1] != '.')
		start--;
	if (start == base)
		return NULL;
	*dot = start - 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strlen(rows[i].extension) == (size_t)(end - start) &&
		    strncasecmp(rows[i].extension, start, (size_t)(end - start)) == 0)
			return &rows[i];
	return NULL;
}

struct name_type name_type_of(const char *key)
{
	static const struct {
		const char *ending, *encoding;
	} packed[] = {{".br", "br"}, {".gz", "gzip"}};
	const char *base = base_of(key);
	size_t length = strlen(base);
	const char *dot;
	const struct row *row;

	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
		size_t end = strlen(packed[i].ending);

		if (length <= end || strcmp(base + length - end, packed[i].ending) != 0)
			continue;
		row = row_before(base, base + length - end, &dot);
		/* page.html.gz is a page; what was packed to be kept, as backup.tar.gz, is not. */
		if (row && row->compresses && strcmp(row->extension, "tar") != 0)
			return (struct name_type){row->type, packed[i].encoding, false};
	}
	row = row_before(base, base + length, &dot);
	return row ? (struct name_type){row->type, NULL, row->compresses}
		   : (struct name_type){NULL, NULL, false};
}

/* Byte classes, by ASCII whatever the locale. */
static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_upper(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool is_lower(char byte)
{
	return byte >= 'a' && byte <= 'z';
}

struct traits {
	size_t digits, letters, upper, lower;
	size_t changes;   /* of class from one byte to the next */
	size_t lower_run; /* the longest run of small letters: words have long ones */
	bool hex, base32;
	bool digit_inside; /* not only at the end, where versions and dates have theirs */
};

static int class_of(char byte)
{
	return is_digit(byte) ? 1 : is_upper(byte) ? 2 : is_lower(byte) ? 3 : 4;
}

static struct traits traits_of(const char *token, size_t length)
{
	struct traits traits = {.hex = true, .base32 = true};
	size_t run = 0;

	for (size_t i = 0; i < length; i++) {
		char byte = token[i];

		traits.digits += is_digit(byte);
		traits.upper += is_upper(byte);
		traits.lower += is_lower(byte);
		run = is_lower(byte) ? run + 1 : 0;
		traits.lower_run = run > traits.lower_run ? run : traits.lower_run;
		traits.hex = traits.hex && (is_digit(byte) || (byte >= 'a' && byte <= 'f'));
		traits.base32 = traits.base32 && (is_upper(byte) || (byte >= '2' && byte <= '7'));
		traits.changes += i && class_of(byte) != class_of(token[i - 1]);
		traits.digit_inside = traits.digit_inside || (is_digit(byte) && i + 1 < length &&
							      class_of(token[i + 1]) > 1);
	}
	traits.letters = traits.upper + traits.lower;
	return traits;
}

/* A date, a version, words in camel case are none. */
static bool is_hash(const char *token, size_t length)
{
	struct traits traits = traits_of(token, length);

	if (length < 8 || length > 64)
		return false;
	if (traits.hex)
		return traits.digits >= 2 && traits.letters >= 1 && traits.changes >= 2;
	if (length != 8 || !traits.digit_inside)
		return false;
	return traits.base32 ||
	       (traits.upper && traits.lower && traits.changes >= 3 && traits.lower_run < 3);
}

static bool is_separator(char byte)
{
	return byte == '.' || byte == '-' || byte == '_' || byte == '~';
}

/* A name that is nothing but its hash (webpack's [hash][ext]) must be a long one. */
static bool begins_token(const char *base, const char *from, size_t length)
{
	return from == base ? length >= 16 : is_separator(from[-1]);
}

/* Looks like one that lacks a digit or a change of class by chance; a word does not. */
static bool may_be_hash(const char *token, size_t length)
{
	struct traits traits = traits_of(token, length);

	if (traits.hex)
		return length >= 8 && length <= 64;
	return length == 8 && traits.upper && traits.lower && traits.changes >= 2 &&
	       traits.lower_run < 4;
}

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3;
	return hash;
}

/* The same for names of one folder that differ only in the token and in what is before it. */
static uint64_t family_of(const char *key, const char *token, size_t length)
{
	const char *base = base_of(key), *rest = token + length;
	const unsigned char shape[] = {(unsigned char)length, (unsigned char)token[-1],
				       traits_of(token, length).hex};
	uint64_t hash = mix(0xcbf29ce484222325, key, (size_t)(base - key));

	hash = mix(hash, shape, sizeof(shape));
	return mix(hash, rest, strlen(rest) + 1);
}

enum name_hash name_hash_of(const char *key, uint64_t *family)
{
	const char *base = base_of(key);
	const char *part = base; /* behind the last dot */
	enum name_hash found = NAME_PLAIN;

	for (const char *end = base; *end; end++) {
		if (*end != '.')
			continue;
		for (const char *from = end; from-- > part;) {
			size_t length = (size_t)(end - from);
			bool sure;

			if (!begins_token(base, from, length))
				continue;
			sure = is_hash(from, length);
			if (!sure && (found || !may_be_hash(from, length)))
				continue;
			found = sure ? NAME_HASHED : NAME_MAYBE;
			*family = from == base ? 0 : family_of(key, from, length);
			if (sure)
				return found;
		}
		part = end + 1;
	}
	return found;
}

bool name_is_hashed(const char *key)
{
	uint64_t family;

	return name_hash_of(key, &family) == NAME_HASHED;
}
