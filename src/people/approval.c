/* Approvals: whose count for a plan, signing one, and using them up. */
#include "people/approval.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/text.h"
#include "people/beacon.h"
#include "state/signed.h"

#define PREFIX "approval-"

static const char *text_of(const json_t *value, const char *name)
{
	const char *text = json_string_value(json_object_get(value, name));
	return text ? text : "";
}

void approvals_release(struct approval_list *approvals)
{
	for (size_t i = 0; i < approvals->list.count; i++)
		json_decref(approvals->list.items[i].value);
	approvals->list.count = 0;
}

/* Whether a record says that this very approval let a deploy through. */
static bool was_used(const struct record_list *records, const struct approval *approval)
{
	const char *key = text_of(approval->value, "key");
	for (size_t i = 0; records && i < records->records.count; i++) {
		size_t at;
		json_t *used;
		json_array_foreach(records->records.items[i].approvals, at, used)
		{
			if (strcmp(text_of(used, "id"), approval->id) == 0 &&
			    strcmp(text_of(used, "key"), key) == 0)
				return true;
		}
	}
	return false;
}

static bool holds_now(const json_t *value, int64_t now)
{
	struct error ignored = {0};
	int64_t at;
	return time_parse(text_of(value, "at"), &at, &ignored) == 0 &&
	       at <= now + BEACON_TOLERANCE && now < at + APPROVAL_HOLDS;
}

/* Whose key it names; false when it is no trained person's, or the deployer's own. */
static bool approver_find(const struct approval_view *view, struct approval *approval)
{
	struct error ignored = {0};
	const char *deployer = NULL;
	if (public_key_parse(text_of(approval->value, "key"), &approval->key, &ignored) < 0 ||
	    rosters_role(view->rosters, &approval->key, &approval->name) != PLAN_TRAINED ||
	    !approval->name)
		return false;
	if (!view->deployer)
		return true;
	rosters_role(view->rosters, view->deployer, &deployer);
	return !public_key_equal(view->deployer, &approval->key) &&
	       !text_equal(deployer, approval->name);
}

bool approval_counts(const struct approval_view *view, struct approval *approval)
{
	struct error ignored = {0};
	const json_t *value = approval->value;
	approval->id = text_of(value, "id");
	return strcmp(text_of(value, "app"), view->app) == 0 &&
	       strcmp(text_of(value, "env"), view->env) == 0 &&
	       strcmp(text_of(value, "digest"), view->digest) == 0 &&
	       holds_now(value, view->now) && approver_find(view, approval) &&
	       signed_check(value, SIGNED_APPROVAL, &approval->key, &ignored) == 0 &&
	       !was_used(view->records, approval);
}

static bool has_name(const struct approval_list *approvals, const char *name)
{
	for (size_t i = 0; i < approvals->list.count; i++)
		if (strcmp(approvals->list.items[i].name, name) == 0)
			return true;
	return false;
}

bool approvals_wait(struct arena *arena, const struct approval_view *view)
{
	struct text_list names = {0};
	struct error ignored = {0};
	return store_names(view->store, view->env, PREFIX, arena, &names, &ignored) < 0 ||
	       names.count;
}

int approvals_read(struct arena *arena, const struct approval_view *view,
		   struct approval_list *approvals, struct error *err)
{
	struct text_list names = {0};
	*approvals = (struct approval_list){0};
	if (store_names(view->store, view->env, PREFIX, arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		struct approval approval = {.entry = names.items[i]};
		struct error ignored = {0};
		if (store_get(view->store, view->env, approval.entry, &approval.value,
			      approval.version, &ignored) < 0)
			continue;
		if (approval_counts(view, &approval) && !has_name(approvals, approval.name))
			vec_push(arena, &approvals->list, approval);
		else
			json_decref(approval.value);
	}
	return 0;
}

static const char *entry_name(struct arena *arena, const struct request *request,
			      const struct public_key *key)
{
	char id[KEY_ID_TEXT_SIZE];
	key_id_format(key->id, id);
	for (char *at = id; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return arena_format(arena, PREFIX "%s-%s", request->id, id);
}

int approval_put(struct store *store, const struct approval_view *view,
		 const struct request *request, const char *name, const struct secret_key *key,
		 struct error *err)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const struct public_key *public_key = secret_key_public(key);
	char at[32], until[32], text[KEY_TEXT_SIZE], version[STORE_VERSION_SIZE];
	const char *entry = entry_name(&arena, request, public_key);
	json_t *there = NULL;
	json_t *value = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "app", view->app, "env", view->env,
		"id", request->id, "digest", view->digest, "commit", request->commit, "name", name,
		"key", public_key_format(public_key, text), "at", time_format(at, view->now),
		"until", time_format(until, view->now + APPROVAL_HOLDS));
	int result = value ? signed_make(value, SIGNED_APPROVAL, key, err)
			   : error_set(err, "a name is not valid text (UTF-8)");
	if (result == 0)
		result = store_get(store, view->env, entry, &there, version, err);
	if (result == 0) {
		struct store_change put = {entry, value, version, ""};
		result = store_write(store, view->env, &put, 1, err);
	}
	json_decref(there);
	json_decref(value);
	return result == 1 ? error_set(err, "somebody else changed '%s' meanwhile", entry) : result;
}

/* The entries of that prefix whose digest it is. */
static int changes_add(struct arena *arena, const struct approval_view *view, const char *prefix,
		       struct store_change *changes, size_t maximum, size_t *count,
		       struct error *err)
{
	struct text_list names = {0};
	if (store_names(view->store, view->env, prefix, arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count && *count < maximum; i++) {
		char version[STORE_VERSION_SIZE];
		struct error ignored = {0};
		json_t *value = NULL;
		bool same = store_get(view->store, view->env, names.items[i], &value, version,
				      &ignored) == 0 &&
			    strcmp(text_of(value, "digest"), view->digest) == 0;
		json_decref(value);
		if (same)
			changes[(*count)++] = (struct store_change){
				names.items[i], NULL, arena_string(arena, version), ""};
	}
	return 0;
}

int approvals_use(struct arena *arena, const struct approval_view *view,
		  const struct approval_list *approvals, struct store_change **changes,
		  size_t *count, struct error *err)
{
	enum { MAXIMUM = 64 };
	struct store_change *list = arena_array(arena, MAXIMUM, sizeof(*list));
	*changes = list;
	*count = 0;
	for (size_t i = 0; i < approvals->list.count && *count < MAXIMUM; i++)
		list[(*count)++] = (struct store_change){approvals->list.items[i].entry, NULL,
							 approvals->list.items[i].version, ""};
	return changes_add(arena, view, "request-", list, MAXIMUM, count, err);
}

json_t *approvals_to_json(const struct approval_list *approvals)
{
	json_t *json = approvals->list.count ? json_array() : NULL;
	for (size_t i = 0; i < approvals->list.count; i++) {
		json_t *value = json_deep_copy(approvals->list.items[i].value);
		json_object_del(value, "nonce");
		json_array_append_new(json, value);
	}
	return json;
}
