/* The records: objects that never change, named by number and content, so that this clone keeps
 * them and asks for each only once. */
#include "state/store_s3_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"

#define BATCH 64 /* records that are asked for at once */

static bool text_is_of(const char *name, const char *text, size_t length)
{
	char hash[HASH_HEX_SIZE];
	return strcmp(hash_bytes_hex(text, length, hash), name + 9) == 0;
}

/* Whoever can write the bucket can write any object: its names become paths here. */
static json_t *object_parse(const char *text, size_t length, const char *place, struct error *err)
{
	json_t *object = store_value_read(text, length, place, err), *name;
	const json_t *before = json_object_get(object, "before");
	bool fits = json_is_array(before) && json_object_get(object, "record");
	size_t i;
	json_array_foreach(before, i, name)
	{
		fits = fits && s3_is_record_name(name);
	}
	if (!object || fits)
		return object;
	json_decref(object);
	error_set(err, "%s is not a record that this version can read", place);
	return NULL;
}

static char *kept_path(struct arena *arena, const struct s3_env *env, const char *name)
{
	return arena_format(arena, "%s/" STORE_CHAIN "/%s.json", env->seen, name);
}

/* Not synced: what a dying machine leaves of it does not fit its name, and is asked for again. */
void s3_record_keep(const struct s3_env *env, const char *name, const char *text, size_t length)
{
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	char nonce[17];
	if (!env->seen)
		return;
	const char *path = kept_path(&arena, env, name);
	random_hex(nonce, sizeof(nonce));
	const char *draft = arena_format(&arena, "%s.%s", path, nonce);
	if (folder_make(path_folder(&arena, path), 0777, &ignored) == 0) {
		int file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		bool whole = file >= 0 && write(file, text, length) == (ssize_t)length;
		if (file >= 0 && (close(file) < 0 || !whole || rename(draft, path) < 0))
			unlink(draft);
	}
	arena_release(&arena);
}

static json_t *kept_read(const struct s3_env *env, const char *name)
{
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct buffer bytes;
	json_t *object = NULL;
	buffer_init(&bytes, S3_HEAD_MAXIMUM);
	if (env->seen && file_read(kept_path(&arena, env, name), &bytes, &ignored) == 0 &&
	    text_is_of(name, bytes.data, bytes.length))
		object = object_parse(bytes.data, bytes.length, name, &ignored);
	buffer_release(&bytes);
	arena_release(&arena);
	return object;
}

static json_t *record_parse(struct store *store, const struct s3_env *env, const char *name,
			    const struct s3_call *call, struct error *err)
{
	char place[1024];
	snprintf(place, sizeof(place), "s3://%s/%s", s3_store_of(store)->bucket, call->request.key);
	if (call->outcome == S3_MISSING) {
		error_set(err, "the deploy record %s is missing", place);
		return NULL;
	}
	if (call->outcome != S3_DONE) {
		s3_call_failed(call, "cannot read a deploy record", err);
		return NULL;
	}
	if (!text_is_of(name, call->body.data, call->body.length)) {
		error_set(err, "the deploy record %s is damaged: it is not what its name says",
			  place);
		error_hint(err, "somebody or something else changed it; restore it from a backup "
				"or an older version of the object");
		return NULL;
	}
	s3_record_keep(env, name, call->body.data, call->body.length);
	return object_parse(call->body.data, call->body.length, place, err);
}

/* Asks for those that are not there yet. */
static int records_ask(struct store *store, struct s3_env *env, const char *const *names,
		       json_t **objects, size_t count, struct error *err)
{
	struct arena arena = ARENA_INIT;
	struct s3_call *calls = arena_array(&arena, count, sizeof(*calls));
	size_t *places = arena_array(&arena, count, sizeof(*places)), asked = 0;
	for (size_t i = 0; i < count; i++) {
		if (objects[i])
			continue;
		places[asked] = i;
		calls[asked++] = s3_call_get(
			arena_format(&arena, "%s" STORE_CHAIN "/%s.json", env->folder, names[i]));
	}
	int status = asked ? s3_calls_run(store, calls, asked, err) : 0;
	for (size_t i = 0; i < asked && status == 0; i++) {
		size_t at = places[i];
		objects[at] = record_parse(store, env, names[at], &calls[i], err);
		status = objects[at] ? 0 : -1;
	}
	s3_calls_release(calls, asked);
	arena_release(&arena);
	return status;
}

int s3_records_get(struct store *store, struct s3_env *env, const char *const *names,
		   json_t **objects, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		objects[i] = kept_read(env, names[i]);
	return store->offline ? 0 : records_ask(store, env, names, objects, count, err);
}

void s3_chain_find(struct store *store, struct s3_env *env, const json_t *head, long number,
		   char name[STORE_VERSION_SIZE])
{
	struct error ignored = {0};
	json_t *list = json_incref(json_object_get(head, "chain")), *object;
	name[0] = '\0';
	for (size_t i = 0; i < json_array_size(list);) {
		const char *at = json_string_value(json_array_get(list, i));
		if (s3_record_number(at) <= number || i + 1 < json_array_size(list)) {
			if (s3_record_number(at) == number)
				snprintf(name, STORE_VERSION_SIZE, "%s", at);
			if (s3_record_number(at) <= number)
				break;
			i++;
			continue;
		}
		if (s3_records_get(store, env, &at, &object, 1, &ignored) < 0 || !object)
			break;
		json_decref(list);
		list = json_incref(json_object_get(object, "before"));
		json_decref(object);
		i = 0;
	}
	json_decref(list);
}

struct reader {
	struct arena arena;
	VEC(const char *) names; /* that are known so far */
	size_t next;
	store_record_fn *record;
	void *context;
};

static void names_add(struct reader *reader, const json_t *list)
{
	size_t i;
	json_t *name;
	json_array_foreach(list, i, name)
	{
		const char *copy = arena_string(&reader->arena, json_string_value(name));
		vec_push(&reader->arena, &reader->names, copy);
	}
}

/* Hands on the next count records. 1: no more. */
static int batch_read(struct store *store, struct s3_env *env, struct reader *reader, size_t count,
		      struct error *err)
{
	json_t *objects[BATCH] = {0};
	const char *const *names = reader->names.items + reader->next;
	int status = s3_records_get(store, env, names, objects, count, err);
	for (size_t i = 0; i < count && status == 0; i++) {
		if (!objects[i]) {
			store_warn(store,
				   "this clone has not seen the records of '%s' before %.17s",
				   env->name, names[i]);
			status = 1;
			break;
		}
		status = reader->record(reader->context, names[i],
					json_object_get(objects[i], "record"), err);
	}
	reader->next += count;
	if (status == 0 && reader->next == reader->names.count)
		names_add(reader, json_object_get(objects[count - 1], "before"));
	for (size_t i = 0; i < count; i++)
		json_decref(objects[i]);
	return status;
}

int s3_store_read(struct store *store, const char *name, size_t limit, store_record_fn *record,
		  void *context, struct error *err)
{
	struct reader reader = {.record = record, .context = context};
	struct s3_env *env = s3_env_get(store, name, err);
	int status = env ? 0 : -1;
	if (env)
		names_add(&reader, json_object_get(env->head, "chain"));
	while (status == 0 && reader.next < reader.names.count && (!limit || reader.next < limit)) {
		size_t count = reader.names.count - reader.next;
		count = count < BATCH ? count : BATCH;
		if (limit && count > limit - reader.next)
			count = limit - reader.next;
		status = batch_read(store, env, &reader, count, err);
	}
	arena_release(&reader.arena);
	return status < 0 ? -1 : 0;
}
