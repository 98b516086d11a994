/* The index of a place: read, changed, written under the condition that nobody else did. */
#include "assets/index.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/text.h"

#define INDEX_MAXIMUM ((size_t)16 << 20)

/* A release that was prepared and never published is forgotten after so long (ms). */
#define ABANDONED ((int64_t)7 * 24 * 3600 * 1000)

/* ---- reading ---- */

static const char *text_of(struct arena *arena, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? arena_string(arena, text) : NULL;
}

static int64_t time_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	struct error ignored;
	int64_t time;

	return text && time_parse(text, &time, &ignored) == 0 ? time : 0;
}

static bool take_release(struct arena *arena, const json_t *json, struct index *index)
{
	struct index_release release = {
		.id = text_of(arena, json, "id"),
		.app = text_of(arena, json, "app"),
		.env = text_of(arena, json, "env"),
		.from = text_of(arena, json, "from"),
		.manifest = text_of(arena, json, "manifest"),
		.sha256 = text_of(arena, json, "sha256"),
		.objects = json_integer_value(json_object_get(json, "objects")),
		.bytes = json_integer_value(json_object_get(json, "bytes")),
		.prepared = time_of(json, "prepared"),
		.published = time_of(json, "published"),
		.superseded = time_of(json, "superseded"),
	};

	if (!release.id || !release.app || !release.env || !release.from || !release.sha256 ||
	    !release.manifest || !release.prepared ||
	    !text_starts_with(release.manifest, ASSETS_RELEASES) ||
	    !asset_key_is_safe(release.manifest))
		return false;
	vec_push(arena, &index->releases, release);
	return true;
}

static void sum_of(const json_t *json, char sum[HASH_HEX_SIZE])
{
	json_t *copy = json_copy((json_t *)json);
	char *text;

	json_object_del(copy, "sha256");
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	hash_bytes_hex(text ? text : "", text ? strlen(text) : 0, sum);
	free(text);
	json_decref(copy);
}

static const char *take(struct arena *arena, const json_t *json, struct index *index)
{
	const char *sum = json_string_value(json_object_get(json, "sha256"));
	const json_t *pruning = json_object_get(json, "pruning");
	char wanted[HASH_HEX_SIZE];
	json_t *release;
	size_t i;

	if (!json_is_object(json))
		return "it is no JSON";
	if (json_integer_value(json_object_get(json, "version")) > INDEX_VERSION)
		return "it was written by a newer version of shipit";
	sum_of(json, wanted);
	if (!text_equal(sum, wanted))
		return "its checksum is wrong";
	json_array_foreach(
		json_object_get(json, "releases"), i,
		release) if (!take_release(arena, release,
					   index)) return "a release in it lacks something";
	index->pruning = time_of(pruning, "since");
	index->pruner = text_of(arena, pruning, "by");
	return NULL;
}

int index_read(struct arena *arena, struct asset_target *target, struct index *index,
	       struct error *err)
{
	struct buffer bytes;
	json_t *json;
	int result;

	*index = (struct index){0};
	buffer_init(&bytes, INDEX_MAXIMUM);
	result = target->kind->read(target, ASSETS_INDEX, &bytes, &index->version, err);
	if (result > 0) {
		json = json_loadb(bytes.data, bytes.length, 0, NULL);
		index->why = take(arena, json, index);
		index->damaged = index->why != NULL;
		json_decref(json);
		if (index->damaged)
			index->releases.count = 0;
	}
	buffer_release(&bytes);
	return result < 0 ? -1 : 0;
}

/* ---- writing ---- */

static void set_time(json_t *json, const char *name, int64_t time)
{
	char text[32];

	if (time)
		json_object_set_new(json, name, json_string(time_format(text, time)));
}

static json_t *release_json(const struct index_release *release)
{
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", release->id, "app",
			  release->app, "env", release->env, "from", release->from, "manifest",
			  release->manifest, "sha256", release->sha256, "objects",
			  (json_int_t)release->objects, "bytes", (json_int_t)release->bytes);

	set_time(json, "prepared", release->prepared);
	set_time(json, "published", release->published);
	set_time(json, "superseded", release->superseded);
	return json;
}

int index_write(struct arena *arena, struct asset_target *target, struct index *index,
		struct error *err)
{
	json_t *json = json_object(), *releases = json_array(), *pruning;
	char sum[HASH_HEX_SIZE], *text;
	int result;

	(void)arena;
	for (size_t i = 0; i < index->releases.count; i++)
		json_array_append_new(releases, release_json(&index->releases.items[i]));
	json_object_set_new(json, "shipit", json_string("assets index"));
	json_object_set_new(json, "version", json_integer(INDEX_VERSION));
	json_object_set_new(json, "releases", releases);
	if (index->pruning) {
		pruning = json_object();
		set_time(pruning, "since", index->pruning);
		json_object_set_new(pruning, "by", json_string(index->pruner));
		json_object_set_new(json, "pruning", pruning);
	}
	sum_of(json, sum);
	json_object_set_new(json, "sha256", json_string(sum));
	text = json_dumps(json, JSON_INDENT(1));
	json_decref(json);
	if (!text)
		return error_set(err, "cannot write the index: a name in it is no UTF-8");
	result =
		target->kind->write(target, ASSETS_INDEX, text, strlen(text), &index->version, err);
	free(text);
	return result;
}

/* ---- what it means ---- */

bool index_is_of(const struct index_release *release, const struct index_line *line)
{
	return text_equal(release->app, line->app) && text_equal(release->env, line->env) &&
	       text_equal(release->from, line->from);
}

static struct index_line line_of(const struct index_release *release)
{
	return (struct index_line){release->app, release->env, release->from};
}

struct index_release *index_live(const struct index *index, const struct index_line *line)
{
	for (size_t i = index->releases.count; i-- > 0;) {
		struct index_release *release = &index->releases.items[i];

		if (release->published && !release->superseded && index_is_of(release, line))
			return release;
	}
	return NULL;
}

struct index_release *index_find(const struct index *index, const struct index_line *line,
				 const char *id)
{
	for (size_t i = 0; i < index->releases.count; i++)
		if (text_equal(index->releases.items[i].id, id) &&
		    index_is_of(&index->releases.items[i], line))
			return &index->releases.items[i];
	return NULL;
}

void index_drop(struct index *index, const struct index_release *release)
{
	size_t at = (size_t)(release - index->releases.items);

	memmove(&index->releases.items[at], &index->releases.items[at + 1],
		(index->releases.count - at - 1) * sizeof(*index->releases.items));
	index->releases.count--;
}

/* How many of its line were published after it. */
static int64_t published_after(const struct index *index, const struct index_release *release)
{
	const struct index_line line = line_of(release);
	int64_t count = 0;

	for (size_t i = 0; i < index->releases.count; i++) {
		const struct index_release *other = &index->releases.items[i];

		/* Of two that were published in one millisecond the later row is the later one. */
		if (other != release && index_is_of(other, &line) && other->published &&
		    (other->published > release->published ||
		     (other->published == release->published && other > release)))
			count++;
	}
	return count;
}

int64_t index_dead_since(const struct index *index, const struct index_release *release)
{
	const struct index_line line = line_of(release);
	const struct index_release *live;

	if (release->superseded)
		return release->superseded;
	if (release->published)
		return 0;
	live = index_live(index, &line);
	if (live && live->published > release->prepared)
		return live->published;
	return 0;
}

bool index_keeps(const struct index *index, const struct index_release *release, int64_t keep,
		 int64_t grace, int64_t now)
{
	int64_t since = index_dead_since(index, release);

	if (!release->published && !since && now - release->prepared >= ABANDONED)
		since = release->prepared + ABANDONED;
	if (!since || now - since < grace)
		return true;
	return release->published && published_after(index, release) < keep;
}
