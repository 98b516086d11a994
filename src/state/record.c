/* Deploy records to and from JSON, and the chain of them. */
#include "state/record.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "state/signed.h"
#include "state/release.h"
#include "state/store.h"

/* The texts of a record, by key: reading and writing are this table. */
static const struct json_row texts[] = {
	{"id", offsetof(struct record, id)},
	{"app", offsetof(struct record, app)},
	{"env", offsetof(struct record, env)},
	{"kind", offsetof(struct record, kind)},
	{"commit", offsetof(struct record, commit)},
	{"previous", offsetof(struct record, previous)},
	{"live", offsetof(struct record, live)},
	{"live_by", offsetof(struct record, live_by)},
	{"live_id", offsetof(struct record, live_id)},
	{"branch", offsetof(struct record, branch)},
	{"deployer", offsetof(struct record, deployer)},
	{"host", offsetof(struct record, host)},
	{"status", offsetof(struct record, status)},
	{"plan", offsetof(struct record, plan)},
	{"reason", offsetof(struct record, reason)},
	{"release", offsetof(struct record, release)},
};
static const struct json_row times[] = {
	{"started", offsetof(struct record, started)},
	{"finished", offsetof(struct record, finished)},
	{"live_at", offsetof(struct record, live_at)},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char **text_at(const struct record *record, size_t offset)
{
	return (const char **)(uintptr_t)((const char *)record + offset);
}

static int64_t *time_at(const struct record *record, size_t offset)
{
	return (int64_t *)(uintptr_t)((const char *)record + offset);
}

/* JSON holds UTF-8 only; a branch's name may be any bytes. */
static json_t *json_text(const char *text)
{
	if (!text)
		return json_null();
	size_t length = strlen(text);
	if (text_is_utf8(text, length, NULL))
		return json_stringn_nocheck(text, length);
	struct buffer out;
	buffer_init(&out, 3 * length + 1);
	for (const char *at = text, *end = text + length; at < end;) {
		const char *from = at;
		if (text_next(&at, end) == 0xfffd && at - from == 1)
			buffer_add_text(&out, "\xef\xbf\xbd");
		else
			buffer_add(&out, from, (size_t)(at - from));
	}
	json_t *json = json_stringn(out.data, out.length);
	buffer_release(&out);
	return json;
}

static json_t *json_time(int64_t milliseconds)
{
	char text[32];
	return milliseconds ? json_string(time_format(text, milliseconds)) : json_null();
}

static json_t *owed_to_json(const struct record *record)
{
	json_t *list = json_array();
	for (size_t i = 0; i < record->owed.count; i++) {
		const struct record_owed *owed = &record->owed.items[i];
		json_t *item = json_object();
		json_object_set_new(item, "kind", json_text(owed->kind));
		json_object_set_new(item, "name", json_text(owed->name));
		json_object_set_new(item, "since", json_text(owed->since));
		json_object_set_new(item, "reason", json_text(owed->reason));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *durations_to_json(const struct record *record)
{
	json_t *list = json_array();
	for (size_t i = 0; i < record->durations.count; i++) {
		const struct record_duration *duration = &record->durations.items[i];
		json_t *item = json_object();
		json_object_set_new(item, "stage", json_text(duration->stage));
		json_object_set_new(item, "step", json_text(duration->step));
		json_object_set_new(item, "ms", json_integer(duration->milliseconds));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *artefacts_to_json(const struct record *record)
{
	json_t *json = json_object();
	for (size_t i = 0; i < record->artefacts.count; i++) {
		const struct record_artefact *artefact = &record->artefacts.items[i];
		json_t *item = json_object();
		json_object_set_new(item, "release", json_text(artefact->release));
		json_object_set_new(item, "kind", json_text(artefact->kind));
		json_object_set_new(item, "place", json_text(artefact->place));
		json_object_set_new(json, artefact->step, item);
	}
	return json;
}

static json_t *outputs_to_json(const struct record *record)
{
	json_t *json = json_array();
	for (size_t i = 0; i < record->outputs.count; i++) {
		const struct record_output *output = &record->outputs.items[i];
		json_t *item = json_object();
		json_object_set_new(item, "stage", json_text(output->stage));
		json_object_set_new(item, "name", json_text(output->name));
		json_object_set_new(item, "value", json_text(output->value));
		json_array_append_new(json, item);
	}
	return json;
}

static void texts_to_json(json_t *json, const char *key, const struct text_list *list)
{
	json_t *array = list->count ? json_array() : NULL;
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_text(list->items[i]));
	if (array)
		json_object_set_new(json, key, array);
}

/* What a rollback to this release needs. Most records have none of it and stay short. */
static void release_to_json(const struct record *record, json_t *json)
{
	if (record->artefacts.count)
		json_object_set_new(json, "artefacts", artefacts_to_json(record));
	if (record->outputs.count)
		json_object_set_new(json, "outputs", outputs_to_json(record));
	texts_to_json(json, "irreversible", &record->irreversible);
}

json_t *record_to_json(const struct record *record)
{
	json_t *json = json_object();
	for (size_t i = 0; i < COUNT(texts); i++)
		json_object_set_new(json, texts[i].key,
				    json_text(*text_at(record, texts[i].offset)));
	for (size_t i = 0; i < COUNT(times); i++)
		json_object_set_new(json, times[i].key,
				    json_time(*time_at(record, times[i].offset)));
	json_object_set_new(json, "exit_code", json_integer(record->exit_code));
	json_object_set_new(json, "owed", owed_to_json(record));
	json_object_set_new(json, "durations", durations_to_json(record));
	json_t *stages = json_object();
	for (size_t i = 0; i < record->stages.count; i++)
		json_object_set_new(stages, record->stages.items[i].stage,
				    json_text(record->stages.items[i].commit));
	json_object_set_new(json, "stages", stages);
	texts_to_json(json, "remarks", &record->remarks);
	release_to_json(record, json);
	if (record->verdicts)
		json_object_set(json, "verdicts", record->verdicts);
	if (record->approvals)
		json_object_set(json, "approvals", record->approvals);
	return json;
}

static void lists_from_json(struct arena *arena, const json_t *json, struct record *record)
{
	size_t i;
	json_t *item;
	const char *stage;
	json_array_foreach(json_object_get(json, "owed"), i, item)
	{
		struct record_owed owed = {
			.kind = json_text_get(arena, item, "kind"),
			.name = json_text_get(arena, item, "name"),
			.since = json_text_get(arena, item, "since"),
			.reason = json_text_get(arena, item, "reason"),
		};
		if (owed.kind && owed.name)
			vec_push(arena, &record->owed, owed);
	}
	json_array_foreach(json_object_get(json, "durations"), i, item)
	{
		struct record_duration duration = {
			.stage = json_text_get(arena, item, "stage"),
			.step = json_text_get(arena, item, "step"),
			.milliseconds = json_integer_value(json_object_get(item, "ms")),
		};
		if (duration.stage && duration.step)
			vec_push(arena, &record->durations, duration);
	}
	json_object_foreach(json_object_get(json, "stages"), stage, item)
	{
		struct record_stage live = {arena_string(arena, stage), NULL};
		if (!json_is_string(item))
			continue;
		live.commit = arena_string(arena, json_string_value(item));
		vec_push(arena, &record->stages, live);
	}
}

static void release_from_json(struct arena *arena, const json_t *json, struct record *record)
{
	size_t i;
	json_t *item;
	const char *step;
	json_object_foreach(json_object_get(json, "artefacts"), step, item)
	{
		struct record_artefact artefact = {
			.step = arena_string(arena, step),
			.release = json_text_get(arena, item, "release"),
			.kind = json_text_get(arena, item, "kind"),
			.place = json_text_get(arena, item, "place"),
		};
		if (artefact.release && artefact.kind)
			vec_push(arena, &record->artefacts, artefact);
	}
	json_array_foreach(json_object_get(json, "outputs"), i, item)
	{
		struct record_output output = {
			.stage = json_text_get(arena, item, "stage"),
			.name = json_text_get(arena, item, "name"),
			.value = json_text_get(arena, item, "value"),
		};
		if (output.stage && output.name && output.value)
			vec_push(arena, &record->outputs, output);
	}
	json_list_get(arena, json, "irreversible", &record->irreversible);
	json_list_get(arena, json, "remarks", &record->remarks);
}

int record_from_json(struct arena *arena, const json_t *json, struct record *record,
		     struct error *err)
{
	*record = (struct record){0};
	if (!json_is_object(json))
		return error_set(err, "a deploy record is not a JSON object");
	json_texts_get(arena, json, texts, COUNT(texts), record);
	for (size_t i = 0; i < COUNT(times); i++) {
		const char *text = json_text_get(arena, json, times[i].key);
		if (text && time_parse(text, time_at(record, times[i].offset), err) < 0)
			return error_wrap(err, "'%s' of a deploy record", times[i].key);
	}
	if (!record->id)
		return error_set(err, "a deploy record has no id");
	record->exit_code = (int)json_integer_value(json_object_get(json, "exit_code"));
	record->verdicts = json_object_get(json, "verdicts");
	record->approvals = json_object_get(json, "approvals");
	record->follows = json_text_get(arena, json, "follows");
	lists_from_json(arena, json, record);
	release_from_json(arena, json, record);
	record->json = json;
	return 0;
}

static void stage_set(struct arena *arena, struct record *record, const char *stage,
		      const char *commit)
{
	for (size_t i = 0; i < record->stages.count; i++)
		if (strcmp(record->stages.items[i].stage, stage) == 0) {
			record->stages.items[i].commit = commit;
			return;
		}
	struct record_stage live = {stage, commit};
	vec_push(arena, &record->stages, live);
}

void record_follow(struct arena *arena, struct record *record, const struct record *newest,
		   bool went_live, const struct text_list *stages)
{
	const struct record *from = went_live && record->restored ? record->restored : newest;
	record->follows = newest ? newest->version : "";
	release_carry(arena, record, from, went_live, stages);
	if (went_live) {
		record->live = record->commit;
		record->live_at = record->finished;
		record->live_by = record->deployer;
		record->live_id = record->id;
		for (size_t i = 0; stages && i < stages->count; i++)
			stage_set(arena, record, stages->items[i], record->commit);
		return;
	}
	record->live = newest ? newest->live : NULL;
	record->live_at = newest ? newest->live_at : 0;
	record->live_by = newest ? newest->live_by : NULL;
	record->live_id = newest ? newest->live_id : NULL;
}

struct list_reader {
	struct arena *arena;
	struct record_list *list;
};

static int list_take(void *context, const char *version, json_t *value, struct error *err)
{
	struct list_reader *reader = context;
	struct record record;
	if (record_from_json(reader->arena, value, &record, err) < 0)
		return error_wrap(err, "record %.16s", version);
	record.version = arena_string(reader->arena, version);
	json_incref(value);
	vec_push(reader->arena, &reader->list->records, record);
	return 0;
}

int record_list_read(struct store *store, struct arena *arena, const char *env, size_t limit,
		     struct record_list *list, struct error *err)
{
	struct list_reader reader = {arena, list};
	*list = (struct record_list){0};
	if (store_read(store, env, limit, list_take, &reader, err) == 0)
		return 0;
	record_list_release(list);
	return -1;
}

void record_list_release(struct record_list *list)
{
	for (size_t i = 0; i < list->records.count; i++) {
		json_decref((json_t *)(uintptr_t)list->records.items[i].json);
		list->records.items[i].json = NULL;
		list->records.items[i].verdicts = NULL;
		list->records.items[i].approvals = NULL;
	}
	list->records.count = 0;
}

const char *record_env_flag(const struct record_list *list, char text[RECORD_ENV_FLAG])
{
	const char *env = list->records.count ? list->records.items[0].env : NULL;
	text[0] = '\0';
	if (env)
		snprintf(text, RECORD_ENV_FLAG, " -e %s", env);
	return text;
}

const struct record *record_list_find(const struct record_list *list, const char *id,
				      struct error *err)
{
	const struct record *exact = NULL, *found = NULL;
	char flag[RECORD_ENV_FLAG];
	size_t matches = 0;
	for (size_t i = 0; i < list->records.count; i++) {
		const struct record *record = &list->records.items[i];
		if (!*id || !text_starts_with(record->id, id))
			continue;
		if (strcmp(record->id, id) == 0)
			exact = record;
		if (!found || strcmp(found->id, record->id) != 0)
			matches++;
		found = record;
	}
	if (exact || matches == 1)
		return exact ? exact : found;
	if (matches)
		error_set(err, "'%s' is the beginning of %zu deploys' IDs", id, matches);
	else
		error_set(err, "there is no deploy '%s'", id);
	error_hint(err, "`shipit%s history` lists them", record_env_flag(list, flag));
	error_code(err, EXIT_USAGE);
	return NULL;
}

/* What somebody else's newer record owes is owed behind ours too, unless ours speaks of it. */
static void owed_merge(struct arena *arena, struct record *record, const struct record *other)
{
	for (size_t i = 0; i < other->owed.count; i++) {
		const struct record_owed *owed = &other->owed.items[i];
		bool there = false;
		for (size_t j = 0; j < record->owed.count; j++)
			there |= strcmp(record->owed.items[j].kind, owed->kind) == 0 &&
				 strcmp(record->owed.items[j].name, owed->name) == 0;
		if (!there && text_equal(owed->since, other->id))
			vec_push(arena, &record->owed, *owed);
	}
}

/* Stages that went live with this record, before anything was carried on to it. */
static struct text_list own_stages(struct arena *arena, const struct record *record)
{
	struct text_list list = {0};
	for (size_t i = 0; i < record->stages.count; i++)
		if (text_equal(record->stages.items[i].commit, record->commit))
			vec_push(arena, &list, record->stages.items[i].stage);
	return list;
}

/* Behind whoever was quicker: what he changed counts as the state before this record. */
static int record_rebase(struct store *store, struct arena *arena, struct record *record,
			 bool went_live, struct error *err)
{
	struct store_fetch fetch = {.env = record->env};
	struct record_list list = {0};
	if (store_fetch(store, &fetch, err) < 0 ||
	    record_list_read(store, arena, record->env, 1, &list, err) < 0)
		return -1;
	if (list.records.count) {
		int64_t live_at = record->live_at;
		struct text_list stages = own_stages(arena, record);
		record_follow(arena, record, &list.records.items[0], went_live, &stages);
		if (went_live && live_at)
			record->live_at = live_at;
		owed_merge(arena, record, &list.records.items[0]);
	}
	record_list_release(&list);
	return 0;
}

/* The record as it goes behind tip, signed when there is a key. A new reference, or NULL. */
static json_t *record_seal(const struct record *record, const char *tip, struct error *err)
{
	json_t *json = record_to_json(record);
	json_object_set_new(json, "follows", json_string(tip));
	if (!record->key || signed_make(json, SIGNED_RECORD, record->key, err) == 0)
		return json;
	json_decref(json);
	return NULL;
}

#define APPEND_TRIES 20

/* The record and its company in one write. 0, 1 or -1 as store_write; company hears of a 0. */
static int record_write(struct store *store, struct arena *arena, struct record *record,
			const char *tip, const struct record_company *company, struct error *err)
{
	struct store_change changes[1 + RECORD_COMPANY_MAXIMUM] = {
		{STORE_CHAIN, record_seal(record, tip, err), tip, ""}};
	if (!changes[0].value)
		return -1;
	size_t count = company ? company->changes(company->context, changes + 1) : 0;
	int status = store_write(store, record->env, changes, count + 1, err);
	if (status == 0)
		record->version = record->follows = arena_string(arena, changes[0].version);
	if (status == 0 && company && company->written)
		company->written(company->context, changes + 1, count, 0);
	for (size_t i = 0; i <= count; i++)
		json_decref(changes[i].value);
	return status;
}

int record_append_with(struct store *store, struct arena *arena, struct record *record,
		       bool went_live, const struct record_company *company, struct error *err)
{
	for (int try = 0; try < APPEND_TRIES; try++) {
		char tip[STORE_VERSION_SIZE];
		if (store_tip(store, record->env, tip, err) < 0)
			return -1;
		if (try == 0 && record->follows && strcmp(record->follows, tip) != 0) {
			if (record_rebase(store, arena, record, went_live, err) < 0 ||
			    store_tip(store, record->env, tip, err) < 0)
				return -1;
		}
		int status = record_write(store, arena, record, tip, company, err);
		if (status <= 0)
			return status;
		if (record_rebase(store, arena, record, went_live, err) < 0)
			return -1;
		if (company && company->written)
			company->written(company->context, NULL, 0, 1);
	}
	return error_set(err, "cannot append the record of %s: others were quicker %d times",
			 record->id, APPEND_TRIES);
}

int record_append(struct store *store, struct arena *arena, struct record *record, bool went_live,
		  struct error *err)
{
	return record_append_with(store, arena, record, went_live, NULL, err);
}
