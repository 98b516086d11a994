/* The head of an environment: fetched, kept in this clone, compared with what was there before. */
#include "state/store_s3_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"

#define HEAD_VERSION 1

const char *s3_head_record(const json_t *head, size_t index)
{
	const char *name = json_string_value(json_array_get(json_object_get(head, "chain"), index));
	return name ? name : "";
}

long s3_record_number(const char *name)
{
	return strtol(name, NULL, 10);
}

void s3_head_version(const json_t *head, const char *name, char version[STORE_VERSION_SIZE])
{
	const json_t *entry = json_object_get(json_object_get(head, "entries"), name);
	version[0] = '\0';
	if (!entry)
		return;
	char *text = json_dumps(entry, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		abort();
	hash_bytes_hex(text, strlen(text), version);
	free(text);
}

bool s3_is_record_name(const json_t *name)
{
	const char *text = json_string_value(name);
	return text && strlen(text) == S3_NAME_LENGTH && strspn(text, "0123456789") == 8 &&
	       text[8] == '-' && strspn(text + 9, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

static json_t *head_parse(const struct buffer *bytes, const char *place, struct error *err)
{
	json_t *head = store_value_read(bytes->data, bytes->length, place, err), *name;
	size_t i;
	if (!head)
		return NULL;
	bool fits = json_integer_value(json_object_get(head, "version")) == HEAD_VERSION &&
		    json_is_array(json_object_get(head, "chain")) &&
		    json_is_object(json_object_get(head, "entries")) &&
		    json_is_array(json_object_get(head, "writes"));
	json_array_foreach(json_object_get(head, "chain"), i, name)
	{
		fits = fits && s3_is_record_name(name);
	}
	if (fits)
		return head;
	json_decref(head);
	error_set(err, "%s is not a state that this version can read", place);
	error_hint(err, "was it written by a newer shipit, or by hand? An older version of the "
			"object, where the bucket keeps them, can take its place");
	return NULL;
}

/* ---- what this clone keeps; failing to do so harms nothing but its memory ---- */

static json_t *seen_read(const struct s3_env *env)
{
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct buffer bytes;
	json_t *head = NULL;
	buffer_init(&bytes, S3_HEAD_MAXIMUM);
	if (env->seen &&
	    file_read(path_join(&arena, env->seen, "head.json"), &bytes, &ignored) == 0)
		head = head_parse(&bytes, env->seen, &ignored);
	buffer_release(&bytes);
	arena_release(&arena);
	return head;
}

static void seen_write(const struct s3_env *env)
{
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	const char *path = env->seen ? path_join(&arena, env->seen, "head.json") : NULL;
	char *text = env->head ? json_dumps(env->head, JSON_SORT_KEYS) : NULL;
	if (path && !text)
		remove(path);
	if (path && text && folder_make(env->seen, 0777, &ignored) == 0 &&
	    file_write(path, text, strlen(text), 0644, &ignored) < 0)
		error_clear(&ignored);
	free(text);
	arena_release(&arena);
}

static void seen_at_write(struct store *store)
{
	const struct s3_store *self = s3_store_of(store);
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	store->seen_at = clock_now(&clock_system);
	if (self->seen && folder_make(self->seen, 0777, &ignored) == 0) {
		const char *text = arena_format(&arena, "%lld\n", (long long)store->seen_at);
		if (file_write(path_join(&arena, self->seen, "at"), text, strlen(text), 0644,
			       &ignored) < 0)
			error_clear(&ignored);
	}
	arena_release(&arena);
}

void s3_env_set(struct s3_env *env, json_t *head, const char *etag)
{
	bool same = head && env->head && json_equal(head, env->head);
	json_decref(env->head);
	env->head = head;
	env->fresh = true;
	snprintf(env->etag, sizeof(env->etag), "%s", etag);
	if (!same)
		seen_write(env);
}

/* ---- comparing ---- */

static bool head_names(const json_t *head, const char *name)
{
	for (size_t i = 0; *s3_head_record(head, i); i++)
		if (strcmp(s3_head_record(head, i), name) == 0)
			return true;
	return false;
}

/* Shouts when the chain is no longer a continuation of what this clone has seen. */
static void heads_compare(struct store *store, struct s3_env *env, const json_t *old,
			  const json_t *new)
{
	const char *place = s3_store_of(store)->name;
	const char *before = s3_head_record(old, 0), *now = s3_head_record(new, 0);
	char there[STORE_VERSION_SIZE];
	if (!*before || strcmp(before, now) == 0)
		return;
	if (!*now) {
		store_warn(store,
			   "the deploy records of '%s' are gone from %s; the newest was %.17s "
			   "when this clone last saw them",
			   env->name, place, before);
		return;
	}
	if (s3_record_number(now) < s3_record_number(before) && head_names(old, now)) {
		store_warn(store,
			   "the deploy records of '%s' in %s became shorter: from %.17s back to "
			   "%.17s",
			   env->name, place, before, now);
		return;
	}
	s3_chain_find(store, env, new, s3_record_number(before), there);
	if (strcmp(there, before) != 0)
		store_warn(store,
			   "the deploy records of '%s' in %s were replaced by others: %.17s does "
			   "not follow %.17s",
			   env->name, place, now, before);
}

/* ---- fetching ---- */

static struct s3_env *env_find(struct store *store, const char *name)
{
	struct s3_store *self = s3_store_of(store);
	struct arena *arena = &store->arena;
	for (size_t i = 0; i < self->envs.count; i++)
		if (strcmp(self->envs.items[i]->name, name) == 0)
			return self->envs.items[i];
	struct s3_env *env = arena_new(arena, struct s3_env);
	const char *part = store_name_encode(arena, name);
	env->name = arena_string(arena, name);
	env->folder = arena_format(arena, "%s%s/", self->prefix, part);
	env->seen = self->seen ? path_join(arena, self->seen, part) : NULL;
	vec_push(arena, &self->envs, env);
	return env;
}

/* The head as it is there now: *head is NULL when there is none. */
static int head_get(struct store *store, const struct s3_env *env, json_t **head,
		    char etag[S3_ETAG_SIZE], struct error *err)
{
	struct arena arena = ARENA_INIT;
	const char *key = arena_format(&arena, "%shead.json", env->folder);
	const char *place = arena_format(&arena, "s3://%s/%s", s3_store_of(store)->bucket, key);
	struct s3_call call = s3_call_get(key);
	*head = NULL;
	etag[0] = '\0';
	int status = s3_calls_run(store, &call, 1, err);
	if (status == 0 && call.outcome == S3_DONE) {
		*head = head_parse(&call.body, place, err);
		snprintf(etag, S3_ETAG_SIZE, "%s", call.etag);
		status = *head ? 0 : -1;
	} else if (status == 0 && call.outcome != S3_MISSING) {
		status = s3_call_failed(
			&call, arena_format(&arena, "cannot read the state in %s", place), err);
		if (!err->hint[0])
			error_hint(err, "--offline uses what was seen last");
	}
	s3_calls_release(&call, 1);
	arena_release(&arena);
	return status;
}

int s3_env_load(struct store *store, struct s3_env *env, struct error *err)
{
	json_t *seen = seen_read(env), *head; /* read first: what is kept is never newer */
	char etag[S3_ETAG_SIZE];
	if (head_get(store, env, &head, etag, err) < 0) {
		json_decref(seen);
		return -1;
	}
	heads_compare(store, env, env->head ? env->head : seen, head);
	if (!env->head) {
		env->head = seen; /* what s3_env_set need not write again */
		seen = NULL;
	}
	json_decref(seen);
	s3_env_set(env, head, etag);
	seen_at_write(store);
	return 0;
}

struct s3_env *s3_env_get(struct store *store, const char *name, struct error *err)
{
	struct s3_env *env = env_find(store, name);
	if (env->fresh)
		return env;
	if (!store->offline)
		return s3_env_load(store, env, err) < 0 ? NULL : env;
	json_decref(env->head);
	env->head = seen_read(env);
	env->fresh = true;
	return env;
}
