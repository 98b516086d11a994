/* The account of `shipit assets`. */
#include "commands/assets_print.h"

#include "commands/listing.h"
#include "run/event.h"

#define PIECE ((size_t)256 << 10) /* is printed before the rest is known */

/* ---- as JSON ---- */

static json_t *sum_json(const struct assets_sum *sum)
{
	return json_pack("{s:I, s:I}", "objects", (json_int_t)sum->objects, "bytes",
			 (json_int_t)sum->bytes);
}

static json_t *time_json(int64_t time)
{
	char text[32];

	return time ? json_string(time_format(text, time)) : json_null();
}

static const char *state_of(const struct index *index, const struct index_release *release,
			    const struct assets_options *options)
{
	if (release->published && !release->superseded)
		return "live";
	if (!release->published && !index_dead_since(index, release))
		return "prepared";
	return index_keeps(index, release, options->keep, options->grace, options->now) ? "kept"
											: "dead";
}

static json_t *releases_json(const struct assets_place *place)
{
	const struct index *index = &place->result->index;
	json_t *list = json_array();

	for (size_t i = 0; i < index->releases.count; i++) {
		const struct index_release *release = &index->releases.items[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "id",
				  release->id, "app", release->app, "env", release->env, "from",
				  release->from, "state", state_of(index, release, &place->options),
				  "objects", (json_int_t)release->objects, "bytes",
				  (json_int_t)release->bytes, "prepared",
				  time_json(release->prepared), "published",
				  time_json(release->published), "superseded",
				  time_json(release->superseded)));
	}
	return list;
}

static json_t *place_json(const struct assets_places *places, const struct assets_place *place)
{
	const struct assets_result *result = place->result;
	json_t *json =
		json_pack("{s:s, s:s, s:b, s:s?}", "step", place->step, "to", place->options.to,
			  "ok", result->ok, "error", result->ok ? NULL : result->failure.message);
	json_t *notes = json_array();

	for (size_t i = 0; i < result->notes.count; i++)
		json_array_append_new(notes, json_string(result->notes.items[i]));
	json_object_set_new(json, "notes", notes);
	if (places->act == ASSETS_SYNC) {
		json_object_set_new(json, "from", json_string(place->options.line.from));
		json_object_set_new(json, "id", result->id ? json_string(result->id) : json_null());
		json_object_set_new(json, "unchanged", json_boolean(result->unchanged));
		json_object_set_new(json, "total", sum_json(&result->total));
		json_object_set_new(json, "sent", sum_json(&result->sent));
		json_object_set_new(json, "headers", sum_json(&result->headers));
	} else if (places->act == ASSETS_PRUNE) {
		json_object_set_new(json, "total", sum_json(&result->total));
		json_object_set_new(json, "removed", sum_json(&result->removed));
	} else {
		json_object_set_new(json, "live", sum_json(&result->live));
		json_object_set_new(json, "kept", sum_json(&result->kept));
		json_object_set_new(json, "dead", sum_json(&result->dead));
		json_object_set_new(json, "unknown", sum_json(&result->unknown));
		json_object_set_new(json, "gone", sum_json(&result->gone));
		json_object_set_new(json, "releases", releases_json(place));
	}
	return json;
}

/* An object without its closing brace: what is long follows piece by piece. */
static void add_open(struct buffer *out, json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	size_t length = text ? strlen(text) : 0;

	buffer_add(out, text ? text : "", length > 2 ? length - 2 : 0);
	free(text);
	json_decref(json);
}

static int flush(struct buffer *out, struct error *err)
{
	int result = stdout_write(out->data, out->length, err);

	buffer_clear(out);
	return result;
}

/* A bucket may hold millions. As stdout_write. */
static int add_items_json(struct buffer *out, const struct assets_result *result, struct error *err)
{
	buffer_add_text(out, ",\n  \"items\": [");
	for (size_t i = 0; i < result->items.count; i++) {
		const struct assets_item *item = &result->items.items[i];

		buffer_add_format(out, "%s\n    {\"what\": \"%s\", \"key\": ", i ? "," : "",
				  item->what);
		event_write_string(out, item->key, strlen(item->key));
		buffer_add_format(out, ", \"size\": %lld}", (long long)item->size);
		int printed = out->length > PIECE ? flush(out, err) : 0;

		if (printed)
			return printed;
	}
	buffer_add_text(out, result->items.count ? "\n  ]" : "]");
	return 0;
}

static int print_json(struct call *call, const struct session *session,
		      const struct assets_places *places, const struct error *failure,
		      struct error *err)
{
	struct buffer out CLEANUP(buffer_release);
	int result = 0;
	bool any = false;

	buffer_init(&out, (size_t)64 << 20);
	add_open(&out, json_pack("{s:s, s:b, s:s?}", "env", session->config->env, "dry_run",
				 options_has(&call->options, "dry-run"), "error",
				 failure ? failure->message : NULL));
	buffer_add_text(&out, ",\n\"places\": [");
	for (size_t i = 0; result == 0 && i < places->list.count; i++) {
		const struct assets_place *place = &places->list.items[i];

		if (!place->result)
			continue;
		buffer_add_text(&out, any ? ",\n" : "\n");
		any = true;
		add_open(&out, place_json(places, place));
		if (place->options.dry_run || places->lists)
			result = add_items_json(&out, place->result, err);
		buffer_add_text(&out, "\n}");
	}
	buffer_add_text(&out, any ? "\n]\n}\n" : "]\n}\n");
	if (result == 0)
		result = flush(&out, err);
	return result < 0 ? -1 : 0;
}

/* ---- as text ---- */

static int add_items(struct listing *listing, const struct assets_result *result, struct error *err)
{
	char size[32];

	for (size_t i = 0; i < result->items.count; i++) {
		const struct assets_item *item = &result->items.items[i];

		listing_add_column(listing, item->what, 8);
		buffer_add_format(&listing->out, " %10s  ", size_format(size, item->size));
		listing_add_name(listing, item->key);
		buffer_add_char(&listing->out, '\n');
		int printed = listing->out.length > PIECE ? listing_flush(listing, err) : 0;

		if (printed)
			return printed;
	}
	return 0;
}

static void add_sum(struct listing *listing, const char *name, const struct assets_sum *sum,
		    const char *what)
{
	char size[32];

	if (sum->objects)
		buffer_add_format(&listing->out, "  %-8s %8lld  %10s  %s\n", name,
				  (long long)sum->objects, size_format(size, sum->bytes), what);
}

static void add_releases(struct listing *listing, const struct assets_place *place)
{
	const struct index *index = &place->result->index;

	for (size_t i = index->releases.count; i-- > 0;) {
		const struct index_release *release = &index->releases.items[i];
		char size[32];

		buffer_add_format(&listing->out, "  %-8s ",
				  state_of(index, release, &place->options));
		listing_add_column(listing, release->id, 26);
		listing_add_column(listing, release->env, 12);
		buffer_add_format(&listing->out, " %8lld  %10s  ", (long long)release->objects,
				  size_format(size, release->bytes));
		listing_add_time(listing, release->published);
		buffer_add_char(&listing->out, '\n');
	}
}

static void add_survey(struct listing *listing, const struct assets_place *place)
{
	const struct assets_result *result = place->result;

	add_releases(listing, place);
	add_sum(listing, "live", &result->live, "of what is live");
	add_sum(listing, "kept", &result->kept, "of the last releases, or dead only lately");
	add_sum(listing, "dead", &result->dead, "the next prune frees them");
	add_sum(listing, "unknown", &result->unknown,
		"no manifest knows them; they are left alone");
	add_sum(listing, "gone", &result->gone,
		"should be there and are not: shipit assets sync --verify");
}

static int add_place(struct listing *listing, struct session *session,
		     const struct assets_places *places, const struct assets_place *place,
		     struct error *err)
{
	const struct assets_result *result = place->result;

	listing_add_name(listing, place->options.to);
	if (places->act == ASSETS_SURVEY)
		buffer_add_char(&listing->out, '\n');
	else
		buffer_add_format(&listing->out, ": %s\n",
				  result->ok ? assets_words(session->arena, &place->options, result)
					     : "failed");
	if (places->act == ASSETS_SURVEY && !places->lists)
		add_survey(listing, place);
	return add_items(listing, result, err);
}

int assets_print(struct call *call, struct session *session, const struct assets_places *places,
		 const struct error *failure, struct error *err)
{
	struct listing listing;
	int result = 0;

	if (call->json)
		return print_json(call, session, places, failure, err);
	listing_init(&listing, call);
	for (size_t i = 0; result == 0 && i < places->list.count; i++)
		if (places->list.items[i].result)
			result = add_place(&listing, session, places, &places->list.items[i], err);
	/* Whose reader has gone (1) needs no more. */
	return listing_end(&listing, err) < 0 || result < 0 ? -1 : 0;
}
