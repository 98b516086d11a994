/* Writing to the store in S3: records first, which nobody sees yet, then the head by one
 * conditional write, which makes all changes at once or none. */
#include "state/store_s3_internal.h"

#include <poll.h>
#include <string.h>

#include "base/text.h"
#include "crypto/hash.h"

enum { WRITE_TRIES = 20, PAUSE = 50 };

/* One store_write under way. */
struct s3_write {
	struct store *store;
	struct s3_env *env;
	struct store_change *changes;
	size_t count;
	struct arena arena;
	const char *head_key, *place;
	char nonce[STORE_NONCE_SIZE]; /* the same through all tries: any of them may be the one */
};

static bool is_chain(const struct store_change *change)
{
	return strcmp(change->name, STORE_CHAIN) == 0;
}

/* Whether all that the changes expect is there. */
static bool expectations_hold(const struct s3_write *self)
{
	char version[STORE_VERSION_SIZE];
	for (size_t i = 0; i < self->count; i++) {
		const struct store_change *change = &self->changes[i];
		if (is_chain(change))
			snprintf(version, sizeof(version), "%s",
				 s3_head_record(self->env->head, 0));
		else
			s3_head_version(self->env->head, change->name, version);
		if (strcmp(version, change->expected) != 0)
			return false;
	}
	return true;
}

/* ---- the record ---- */

/* The newest `most` names of the head, behind `name` when it is given. */
static json_t *names_list(const json_t *head, const char *name, size_t most)
{
	json_t *list = json_array();
	if (name)
		json_array_append_new(list, json_string(name));
	for (size_t i = 0; json_array_size(list) < most && *s3_head_record(head, i); i++)
		json_array_append_new(list, json_string(s3_head_record(head, i)));
	return list;
}

static char *record_text(const struct s3_write *self, struct store_change *change, size_t *length)
{
	const json_t *head = self->env->head;
	json_t *object = json_pack("{s:o, s:O}", "before", names_list(head, NULL, S3_BEFORE),
				   "record", change->value);
	char *text = json_dumps(object, JSON_SORT_KEYS | JSON_INDENT(1)), hash[HASH_HEX_SIZE];
	json_decref(object);
	if (!text)
		abort();
	*length = strlen(text);
	snprintf(change->version, STORE_VERSION_SIZE, "%08ld-%s",
		 s3_record_number(s3_head_record(head, 0)) + 1,
		 hash_bytes_hex(text, *length, hash));
	return text;
}

/* An object that no head names, when nothing comes of the write, is never looked at. */
static int record_send(struct s3_write *self, struct store_change *change, struct error *err)
{
	size_t length;
	char *text = record_text(self, change, &length);
	const char *key = arena_format(&self->arena, "%s" STORE_CHAIN "/%s.json", self->env->folder,
				       change->version);
	struct s3_call call = s3_call_put(key, text, length);
	int status = s3_calls_run(self->store, &call, 1, err);
	if (status == 0 && call.outcome != S3_DONE)
		status = s3_call_failed(&call, "cannot write a deploy record", err);
	if (status == 0)
		s3_record_keep(self->env, change->version, text, length);
	s3_calls_release(&call, 1);
	free(text);
	return status;
}

/* Sets nonces and looks whether all can be written; sends what is not part of the head. */
static int changes_prepare(struct s3_write *self, struct error *err)
{
	for (size_t i = 0; i < self->count; i++) {
		struct store_change *change = &self->changes[i];
		size_t length;
		change->version[0] = '\0';
		char *text = change->value ? store_value_write(change->value, &length, err) : NULL;
		if (change->value && !text)
			return -1;
		free(text);
		if (is_chain(change) && change->value && record_send(self, change, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the head ---- */

static json_t *head_empty(void)
{
	return json_pack("{s:i, s:[], s:{}, s:[], s:b}", "version", 1, "chain", "entries", "writes",
			 "locks", 0);
}

static void head_change(json_t *head, struct store_change *change)
{
	json_t *entries = json_object_get(head, "entries");
	if (is_chain(change)) {
		json_object_set_new(head, "chain", names_list(head, change->version, S3_LISTED));
	} else if (change->value) {
		json_object_set_new(entries, change->name, json_deep_copy(change->value));
		s3_head_version(head, change->name, change->version);
	} else {
		json_object_del(entries, change->name);
	}
}

static json_t *head_next(const struct s3_write *self)
{
	json_t *head = self->env->head ? json_deep_copy(self->env->head) : head_empty();
	json_t *writes = json_object_get(head, "writes");
	json_array_insert_new(writes, 0, json_string(self->nonce));
	while (json_array_size(writes) > S3_WRITES)
		json_array_remove(writes, S3_WRITES);
	for (size_t i = 0; i < self->count; i++)
		head_change(head, &self->changes[i]);
	return head;
}

static bool head_has_nonce(const json_t *head, const char *nonce)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(head, "writes"), i, item)
	{
		const char *text = json_string_value(item);
		if (text && strcmp(text, nonce) == 0)
			return true;
	}
	return false;
}

/* Whether the request may have been done although no good answer came. */
static bool may_be_done(const struct s3_call *call)
{
	return call->outcome == S3_CONFLICT || call->status < 300 || call->status >= 500;
}

/* What is there now says whether it was ours that was written. 0 it was, 1 not, -1. */
static int head_read_back(struct s3_write *self, struct error *err)
{
	if (s3_env_load(self->store, self->env, err) < 0)
		return -1;
	return head_has_nonce(self->env->head, self->nonce) ? 0 : 1;
}

/* One conditional write of the head. 0 done, 1 somebody was quicker, -1. */
static int head_put(struct s3_write *self, json_t *head, struct error *err)
{
	struct s3_env *env = self->env;
	char *text = json_dumps(head, JSON_SORT_KEYS | JSON_INDENT(1));
	if (!text)
		abort();
	if (strlen(text) > S3_HEAD_MAXIMUM) {
		free(text);
		return error_set(err, "%s: there is too much in it", self->place);
	}
	struct s3_call call = s3_call_put(self->head_key, text, strlen(text));
	if (env->head)
		call.request.if_match = env->etag;
	else
		call.request.if_none_match = "*";
	int status = s3_calls_run(self->store, &call, 1, err);
	if (status == 0 && call.outcome == S3_DONE) {
		s3_env_set(env, json_incref(head), call.etag);
		env->fresh = call.etag[0] != '\0';
	} else if (status == 0) {
		struct error ignored = {0};
		status = may_be_done(&call) ? head_read_back(self, &ignored) : 1;
		if (call.outcome != S3_CONFLICT && status != 0)
			status = s3_call_failed(&call, self->place, err);
		else if (status < 0)
			*err = ignored;
	}
	s3_calls_release(&call, 1);
	free(text);
	return status;
}

/* ---- whether conditions are heeded ---- */

static int no_locking(struct store *store, const struct s3_call *call, struct error *err)
{
	const char *name = s3_store_of(store)->name;
	const char *header = call->request.if_match ? "If-Match" : "If-None-Match";
	if (call->outcome == S3_DONE)
		error_set(err,
			  "%s does not heed %s: something was written over what was there, so two "
			  "deploys could run at once",
			  name, header);
	else
		error_set(err, "%s has no conditional writes (%s: %s)", name, header,
			  call->failure.message);
	error_hint(err,
		   "keep the state where there are some (Amazon S3, R2, MinIO, Ceph), or write "
		   "`state: git`");
	return error_code(err, EXIT_USAGE);
}

/* Writes text once more over what is at key, under conditions that do not hold. */
static int conditions_try(struct store *store, const char *key, const char *text, struct error *err)
{
	struct s3_call calls[] = {
		s3_call_put(key, text, strlen(text)),
		s3_call_put(key, text, strlen(text)),
	};
	calls[0].request.if_none_match = "*";
	calls[1].request.if_match = "\"00000000000000000000000000000000\"";
	int status = s3_calls_run(store, calls, 2, err);
	for (size_t i = 0; i < 2 && status == 0; i++) {
		const struct s3_call *call = &calls[i];
		if (call->outcome == S3_CONFLICT)
			continue;
		if (call->outcome == S3_DONE || call->status == 400 || call->status == 501)
			status = no_locking(store, call, err);
		else
			status = s3_call_failed(call, "cannot try conditional writes", err);
	}
	s3_calls_release(calls, 2);
	return status;
}

/* What is left behind is harmless, and nobody could do more about it. */
static void object_remove(struct store *store, const char *key)
{
	struct error ignored = {0};
	struct s3_call call = {.request = {.action = S3_DELETE, .key = key}};
	if (s3_calls_run(store, &call, 1, &ignored) < 0)
		error_clear(&ignored);
	s3_calls_release(&call, 1);
}

/* A new head stays only where conditions are heeded. The next head says that they are; until then
 * each writer looks. */
static int locks_verify(struct s3_write *self, struct error *err)
{
	json_t *head = self->env->head;
	if (json_is_true(json_object_get(head, "locks")))
		return 0;
	char *text = json_dumps(head, JSON_SORT_KEYS | JSON_INDENT(1));
	if (!text)
		abort();
	int status = conditions_try(self->store, self->head_key, text, err);
	if (status == 0)
		json_object_set_new(head, "locks", json_true());
	else if (err->exit_code == EXIT_USAGE)
		object_remove(self->store, self->head_key);
	self->env->fresh = self->env->fresh && status == 0;
	free(text);
	return status;
}

/* ---- the write ---- */

static int write_run(struct s3_write *self, struct error *err)
{
	for (int try = 0; try < WRITE_TRIES; try++) {
		if (!expectations_hold(self))
			return 1;
		if (try == 0 && changes_prepare(self, err) < 0)
			return -1;
		if (try > 0)
			poll(NULL, 0, (int)random_below((uint32_t)(PAUSE * try)));
		json_t *head = head_next(self);
		int status = head_put(self, head, err);
		json_decref(head);
		if (status == 0)
			status = locks_verify(self, err);
		if (status <= 0)
			return status;
	}
	return error_set(err, "%s: others were quicker %d times", self->place, WRITE_TRIES);
}

int s3_store_write(struct store *store, const char *env, struct store_change *changes, size_t count,
		   struct error *err)
{
	struct s3_write self = {.store = store, .changes = changes, .count = count};
	int status = -1;
	self.env = s3_env_get(store, env, err);
	if (self.env) {
		self.head_key = arena_format(&self.arena, "%shead.json", self.env->folder);
		self.place = arena_format(&self.arena, "cannot write s3://%s/%s",
					  s3_store_of(store)->bucket, self.head_key);
		random_hex(self.nonce, sizeof(self.nonce));
		status = write_run(&self, err);
	}
	if (status < 0)
		error_wrap(err, "cannot write the state of '%s'", env);
	arena_release(&self.arena);
	return status;
}

/* ---- check --online ---- */

static int probe_put(struct store *store, struct s3_call *call, struct error *err)
{
	int status = s3_calls_run(store, call, 1, err);
	if (status == 0 && call->outcome != S3_DONE)
		status = call->status == 400 || call->status == 501
				 ? no_locking(store, call, err)
				 : s3_call_failed(call, "cannot write there", err);
	s3_calls_release(call, 1);
	return status;
}

static int probe_run(struct store *store, const char *key, const char *text, struct error *err)
{
	struct s3_call first = s3_call_put(key, text, strlen(text));
	first.request.if_none_match = "*";
	if (probe_put(store, &first, err) < 0 || conditions_try(store, key, text, err) < 0)
		return -1;
	struct s3_call next = s3_call_put(key, text, strlen(text));
	next.request.if_match = first.etag;
	if (probe_put(store, &next, err) < 0)
		return -1;
	struct s3_call get = s3_call_get(key);
	int status = s3_calls_run(store, &get, 1, err);
	if (status == 0 && (get.outcome != S3_DONE || get.body.length != strlen(text)))
		status = s3_call_failed(&get, "cannot read what was written", err);
	s3_calls_release(&get, 1);
	return status;
}

int s3_store_probe(struct store *store, struct error *err)
{
	struct arena arena = ARENA_INIT;
	char nonce[STORE_NONCE_SIZE];
	random_hex(nonce, sizeof(nonce));
	const struct s3_store *self = s3_store_of(store);
	const char *key = arena_format(&arena, "%sprobe-%s.json", self->prefix, nonce);
	const char *text = arena_format(&arena, "{\"probe\": \"%s\"}\n", nonce);
	int status = probe_run(store, key, text, err);
	object_remove(store, key);
	if (status < 0)
		error_wrap(err, "cannot keep the state in %s", self->name);
	arena_release(&arena);
	return status;
}
