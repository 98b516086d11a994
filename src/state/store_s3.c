/* The store in S3: its row of the table, and what is answered from a head. */
#include "state/store_s3_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

struct s3_store *s3_store_of(struct store *store)
{
	return store->data;
}

/* "bucket/any/prefix": whether the bucket can be one; what else is wrong with it, S3 says. */
static int bucket_check(const char *argument, struct error *err)
{
	size_t length = strcspn(argument, "/");
	if (length >= 3 && length <= 63 &&
	    strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		    length)
		return 0;
	error_set(err, "state 's3://%s' names no bucket", argument);
	error_hint(err, "write `state: s3://BUCKET/PREFIX`");
	return error_code(err, EXIT_USAGE);
}

static int bucket_open(struct store *store, const struct store_options *options, struct error *err)
{
	struct arena *arena = &store->arena;
	struct s3_store *self = arena_new(arena, struct s3_store);
	const char *argument = store->argument;
	size_t length = strcspn(argument, "/");
	store->data = self;
	if (bucket_check(argument, err) < 0)
		return -1;
	self->bucket = arena_bytes(arena, argument, length);
	argument += length;
	argument += strspn(argument, "/");
	self->prefix = argument;
	if (*argument && !text_ends_with(argument, "/"))
		self->prefix = arena_format(arena, "%s/", argument);
	self->name = arena_format(arena, "s3://%s", store->argument);
	if (options->common_dir)
		self->seen = arena_format(arena, "%s/shipit/seen/s3/%s", options->common_dir,
					  store_name_encode(arena, store->argument));
	return 0;
}

static void bucket_close(struct store *store)
{
	struct s3_store *self = s3_store_of(store);
	if (!self)
		return;
	s3_store_disconnect(self);
	for (size_t i = 0; i < self->envs.count; i++)
		json_decref(self->envs.items[i]->head);
}

static int64_t seen_at(struct store *store)
{
	const struct s3_store *self = s3_store_of(store);
	struct arena arena = ARENA_INIT;
	struct error ignored = {0};
	struct buffer text;
	int64_t at = 0;
	buffer_init(&text, 64);
	if (self->seen && file_read(path_join(&arena, self->seen, "at"), &text, &ignored) == 0)
		at = strtoll(text.data, NULL, 10);
	buffer_release(&text);
	arena_release(&arena);
	return at;
}

/* Without an environment each is asked for when it is first looked at. */
static int bucket_fetch(struct store *store, const struct store_fetch *fetch, struct error *err)
{
	struct s3_store *self = s3_store_of(store);
	store->seen_at = store->offline ? seen_at(store) : clock_now(&clock_system);
	for (size_t i = 0; i < self->envs.count; i++)
		if (!fetch->env || strcmp(self->envs.items[i]->name, fetch->env) == 0)
			self->envs.items[i]->fresh = false;
	return !fetch->env || s3_env_get(store, fetch->env, err) ? 0 : -1;
}

static int bucket_tip(struct store *store, const char *env, char version[STORE_VERSION_SIZE],
		      struct error *err)
{
	const struct s3_env *there = s3_env_get(store, env, err);
	if (!there)
		return -1;
	snprintf(version, STORE_VERSION_SIZE, "%s", s3_head_record(there->head, 0));
	return 0;
}

static int bucket_get(struct store *store, const char *env, const char *name, json_t **value,
		      char version[STORE_VERSION_SIZE], struct error *err)
{
	const struct s3_env *there = s3_env_get(store, env, err);
	if (!there)
		return -1;
	const json_t *entry = json_object_get(json_object_get(there->head, "entries"), name);
	s3_head_version(there->head, name, version);
	*value = entry ? json_deep_copy(entry) : NULL;
	return 0;
}

static int bucket_names(struct store *store, const char *env, const char *prefix,
			struct arena *arena, struct text_list *names, struct error *err)
{
	const struct s3_env *there = s3_env_get(store, env, err);
	const char *name;
	json_t *entry;
	if (!there)
		return -1;
	json_object_foreach(json_object_get(there->head, "entries"), name, entry)
	{
		if (text_starts_with(name, prefix))
			text_list_add(arena, names, name);
	}
	return 0;
}

const struct store_kind store_s3 = {
	.name = "s3",
	.prefix = "s3://",
	.help = "objects below s3://BUCKET/PREFIX",
	.check = bucket_check,
	.open = bucket_open,
	.close = bucket_close,
	.fetch = bucket_fetch,
	.tip = bucket_tip,
	.read = s3_store_read,
	.get = bucket_get,
	.names = bucket_names,
	.write = s3_store_write,
	.probe = s3_store_probe,
};
