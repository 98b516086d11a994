/* Time zones: finds and reads the system's files. */
#include "base/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/zone_internal.h"

#define ZONE_MAXIMUM ((size_t)1 << 20)

struct zone {
	size_t count;         /* transitions */
	int64_t *moments;     /* sorted */
	unsigned char *types; /* of the time behind each */
	struct zone_type {
		int32_t offset;
		const char *abbreviation;
		bool summer;
	} * kinds;
	size_t kind_count;
	size_t before; /* the type before the first transition */
	bool has_rule;
	struct zone_rule rule; /* behind the last one */
};

static int64_t read_integer(const char *bytes, size_t size)
{
	uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return (int64_t)value;
}

struct zone_header {
	size_t utc, standard, leap, times, types, letters; /* how many of each */
};
enum { HEADER_SIZE = 44, TYPE_SIZE = 6 };

static size_t body_size(const struct zone_header *header, size_t time_size)
{
	return header->times * (time_size + 1) + header->types * TYPE_SIZE + header->letters +
	       header->leap * (time_size + 4) + header->standard + header->utc;
}

static int read_header(const char *bytes, size_t length, size_t time_size,
		       struct zone_header *header)
{
	size_t *fields[] = {&header->utc,   &header->standard, &header->leap,
			    &header->times, &header->types,    &header->letters};

	if (length < HEADER_SIZE || memcmp(bytes, "TZif", 4) != 0)
		return -1;
	for (size_t i = 0; i < 6; i++) {
		*fields[i] = (size_t)(uint32_t)read_integer(bytes + 20 + 4 * i, 4);
		if (*fields[i] > ZONE_MAXIMUM)
			return -1;
	}
	return body_size(header, time_size) > length - HEADER_SIZE ? -1 : 0;
}

static int read_types(struct zone *zone, struct arena *arena, const struct zone_header *header,
		      const char *bytes)
{
	const char *letters =
		arena_bytes(arena, bytes + header->types * TYPE_SIZE, header->letters);

	zone->kind_count = header->types;
	zone->kinds = arena_array(arena, header->types, sizeof(*zone->kinds));
	for (size_t i = 0; i < header->types; i++, bytes += TYPE_SIZE) {
		size_t at = (unsigned char)bytes[5];

		if (at >= header->letters)
			return -1;
		zone->kinds[i] = (struct zone_type){(int32_t)read_integer(bytes, 4), letters + at,
						    bytes[4] != 0};
	}
	return header->types ? 0 : -1;
}

static int read_body(struct zone *zone, struct arena *arena, const struct zone_header *header,
		     const char *bytes, size_t time_size)
{
	zone->count = header->times;
	zone->moments = arena_array(arena, header->times + 1, sizeof(*zone->moments));
	zone->types = arena_array(arena, header->times + 1, 1);
	for (size_t i = 0; i < header->times; i++) {
		zone->moments[i] = read_integer(bytes + i * time_size, time_size);
		zone->types[i] = (unsigned char)bytes[header->times * time_size + i];
		if (zone->types[i] >= header->types ||
		    (i && zone->moments[i] <= zone->moments[i - 1]))
			return -1;
	}
	return read_types(zone, arena, header, bytes + header->times * (time_size + 1));
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; an empty one leaves the last transition in force. */
static int read_footer(struct zone *zone, const char *bytes, size_t length)
{
	const char *end;
	char text[256];

	if (length < 2 || bytes[0] != '\n')
		return -1;
	end = memchr(bytes + 1, '\n', length - 1);
	if (!end || (size_t)(end - bytes) > sizeof(text))
		return -1;
	memcpy(text, bytes + 1, (size_t)(end - bytes) - 1);
	text[end - bytes - 1] = '\0';
	if (!*text)
		return 0;
	zone->has_rule = true;
	return zone_rule_parse(text, &zone->rule);
}

static int read_file(struct zone *zone, struct arena *arena, const char *bytes, size_t length)
{
	struct zone_header header;
	size_t skip, time_size = 4;

	if (read_header(bytes, length, time_size, &header) < 0)
		return -1;
	if (bytes[4] >= '2') {
		skip = HEADER_SIZE + body_size(&header, time_size);
		bytes += skip;
		length -= skip;
		time_size = 8;
		if (read_header(bytes, length, time_size, &header) < 0)
			return -1;
	}
	if (read_body(zone, arena, &header, bytes + HEADER_SIZE, time_size) < 0)
		return -1;
	skip = HEADER_SIZE + body_size(&header, time_size);
	return time_size == 8 ? read_footer(zone, bytes + skip, length - skip) : 0;
}

const struct zone *zone_read(struct arena *arena, const char *bytes, size_t length,
			     struct error *err)
{
	struct zone *zone = arena_new(arena, struct zone);

	if (length > ZONE_MAXIMUM || read_file(zone, arena, bytes, length) < 0) {
		error_set(err, "this is no time zone's file (TZif), or it is damaged");
		return NULL;
	}
	while (zone->before < zone->kind_count && zone->kinds[zone->before].summer)
		zone->before++;
	if (zone->before == zone->kind_count)
		zone->before = 0;
	return zone;
}

int32_t zone_offset(const struct zone *zone, int64_t seconds, const char **abbreviation)
{
	size_t low = 0, high = zone->count, type;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->moments[middle] <= seconds)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->count && zone->has_rule)
		return zone_rule_offset(&zone->rule, seconds, abbreviation);
	type = low ? zone->types[low - 1] : zone->before;
	if (abbreviation)
		*abbreviation = zone->kinds[type].abbreviation;
	return zone->kinds[type].offset;
}

/* Where systems keep it; TZDIR comes first, as for the C library. */
static const char *find_database(void)
{
	static const char *const folders[] = {
		"/usr/share/zoneinfo", "/var/db/timezone/zoneinfo",
		"/usr/lib/zoneinfo",   "/usr/share/lib/zoneinfo",
		"/etc/zoneinfo",
	};
	const char *own = getenv("TZDIR");

	if (own && *own)
		return folder_exists(own) ? own : NULL;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (folder_exists(folders[i]))
			return folders[i];
	return NULL;
}

/* A name that cannot lead out of the database. */
static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9') || strchr("+-_/", *c)))
			return false;
	return *name && *name != '/' && strlen(name) <= 64;
}

/* The third column of zone.tab. */
static const char *near_zone(struct arena *arena, const char *folder, const char *name)
{
	struct buffer bytes CLEANUP(buffer_release);
	struct error ignored = {0};
	struct text_list lines, names = {0};

	buffer_init(&bytes, ZONE_MAXIMUM);
	if (file_read(path_join(arena, folder, "zone.tab"), &bytes, &ignored) < 0)
		return NULL;
	lines = text_split(arena, bytes.data, '\n');
	for (size_t i = 0; i < lines.count; i++) {
		struct text_list columns = text_split(arena, lines.items[i], '\t');

		if (*lines.items[i] != '#' && columns.count >= 3)
			text_list_add(arena, &names, columns.items[2]);
	}
	return text_nearest(name, names.items, names.count);
}

static const struct zone *zone_utc(struct arena *arena)
{
	struct zone *zone = arena_new(arena, struct zone);

	zone->has_rule = zone_rule_parse("UTC0", &zone->rule) == 0;
	return zone;
}

static const struct zone *no_zone(struct arena *arena, const char *folder, const char *name,
				  struct error *err)
{
	const char *near = near_zone(arena, folder, name);

	error_set(err, "there is no time zone '%s' in %s", name, folder);
	if (near)
		error_hint(err, "did you mean '%s'?", near);
	else
		error_hint(err, "write one as Europe/Berlin, America/New_York or UTC");
	return NULL;
}

const struct zone *zone_load(struct arena *arena, const char *name, bool *no_database,
			     struct error *err)
{
	struct buffer bytes CLEANUP(buffer_release);
	const struct zone *zone;
	const char *folder, *path;

	buffer_init(&bytes, ZONE_MAXIMUM);
	if (no_database)
		*no_database = false;
	if (!strcmp(name, "UTC") || !strcmp(name, "Etc/UTC"))
		return zone_utc(arena);
	folder = find_database();
	if (!folder) {
		if (no_database)
			*no_database = true;
		error_set(err,
			  "this system has no database of time zones, so '%s' means nothing "
			  "here",
			  name);
		error_hint(err, "install the package tzdata, or name its folder by TZDIR");
		return NULL;
	}
	path = path_join(arena, folder, name);
	if (!is_name(name) || file_read(path, &bytes, err) < 0)
		return no_zone(arena, folder, name, err);
	zone = zone_read(arena, bytes.data, bytes.length, err);
	if (!zone)
		error_wrap(err, "%s", path);
	return zone;
}
