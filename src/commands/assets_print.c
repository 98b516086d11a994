/* The account of `shipit assets`. */
#include "commands/assets_print.h"

#include "commands/listing.h"

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

static json_t *items_json(const struct assets_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < result->items.count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "what",
						      result->items.items[i].what, "key",
						      result->items.items[i].key, "size",
						      (json_int_t)result->items.items[i].size));
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
	if (place->options.dry_run || places->lists)
		json_object_set_new(json, "items", items_json(result));
	return json;
}

static int print_json(struct call *call, const struct session *session,
		      const struct assets_places *places, const struct error *failure,
		      struct error *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < places->list.count; i++)
		if (places->list.items[i].result)
			json_array_append_new(list, place_json(places, &places->list.items[i]));
	return call_print_json(json_pack("{s:s, s:b, s:s?, s:o}", "env", session->config->env,
					 "dry_run", options_has(&call->options, "dry-run"), "error",
					 failure ? failure->message : NULL, "places", list),
			       err);
}

/* ---- as text ---- */

static void add_items(struct listing *listing, const struct assets_result *result)
{
	char size[32];

	for (size_t i = 0; i < result->items.count; i++) {
		const struct assets_item *item = &result->items.items[i];

		listing_add_column(listing, item->what, 8);
		buffer_add_format(&listing->out, " %10s  ", size_format(size, item->size));
		listing_add_name(listing, item->key);
		buffer_add_char(&listing->out, '\n');
	}
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

static void add_place(struct listing *listing, struct session *session,
		      const struct assets_places *places, const struct assets_place *place)
{
	listing_add_name(listing, place->options.to);
	if (places->act == ASSETS_SURVEY) {
		buffer_add_char(&listing->out, '\n');
		if (places->lists)
			add_items(listing, place->result);
		else
			add_survey(listing, place);
		return;
	}
	buffer_add_format(&listing->out, ": %s\n",
			  place->result->ok
				  ? assets_words(session->arena, &place->options, place->result)
				  : "failed");
	add_items(listing, place->result);
}

int assets_print(struct call *call, struct session *session, const struct assets_places *places,
		 const struct error *failure, struct error *err)
{
	struct listing listing;

	if (call->json)
		return print_json(call, session, places, failure, err);
	listing_init(&listing, call);
	for (size_t i = 0; i < places->list.count; i++)
		if (places->list.items[i].result)
			add_place(&listing, session, places, &places->list.items[i]);
	return listing_end(&listing, err);
}
