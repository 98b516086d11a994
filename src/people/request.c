/* Requests: what a deploy that was refused for want of approval leaves behind. */
#include "base/clock.h"
#include "base/json.h"
#include "people/approval.h"

#define KEPT (7 * APPROVAL_HOLDS) /* an older request is swept away by the next one */
#define PLAN_MAXIMUM ((size_t)256 << 10)
#define TRIES 5

static const struct json_row lists[] = {
	{"only", offsetof(struct plan_flags, only)},
	{"skip", offsetof(struct plan_flags, skip)},
	{"task", offsetof(struct plan_flags, task)},
	{"no_task", offsetof(struct plan_flags, no_task)},
};
#define LIST_COUNT (sizeof(lists) / sizeof(lists[0]))

static struct text_list *list_at(struct plan_flags *flags, const struct json_row *row)
{
	return (struct text_list *)(void *)((char *)flags + row->offset);
}

static json_t *flags_to_json(struct plan_flags flags)
{
	json_t *json = json_object();
	for (size_t i = 0; i < LIST_COUNT; i++)
		json_list_set(json, lists[i].key, list_at(&flags, &lists[i]));
	json_object_set_new(json, "redeploy", json_boolean(flags.redeploy));
	if (flags.maintenance)
		json_object_set_new(json, "maintenance", json_string(flags.maintenance));
	return json;
}

static struct plan_flags flags_from_json(struct arena *arena, const json_t *json)
{
	struct plan_flags flags = {
		.redeploy = json_is_true(json_object_get(json, "redeploy")),
		.maintenance = json_text_get(arena, json, "maintenance"),
	};
	for (size_t i = 0; i < LIST_COUNT; i++)
		json_list_get(arena, json, lists[i].key, list_at(&flags, &lists[i]));
	return flags;
}

/* What a person is shown; the long lists of a large change are left out. */
static json_t *plan_shortened(const struct plan *plan)
{
	json_t *json = plan_to_json(plan);
	if (json_dumpb(json, NULL, 0, JSON_COMPACT) > PLAN_MAXIMUM) {
		json_object_del(json, "changed");
		json_object_del(json, "commits");
	}
	return json;
}

static json_t *request_to_json(const struct plan *plan, const struct request *request,
			       const char *id)
{
	char at[32];
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s, s:o, s:o}", "app",
			 plan->app, "env", plan->env, "id", id, "digest", plan->digest, "commit",
			 plan->commit, "previous", plan->previous, "from", request->from,
			 "deployer", request->deployer, "at", time_format(at, request->at), "flags",
			 flags_to_json(request->flags), "plan", plan_shortened(plan));
}

void request_release(struct request *request)
{
	json_decref(request->value);
	request->value = NULL;
	request->plan = NULL;
}

/* 1 it is a request, 0 there is none, or something else. */
static int request_read(struct store *store, struct arena *arena, const char *env,
			const char *entry, struct request *request)
{
	struct error ignored = {0};
	*request = (struct request){0};
	if (store_get(store, env, entry, &request->value, request->version, &ignored) < 0 ||
	    !request->value)
		return 0;
	request->id = json_text_get(arena, request->value, "id");
	request->digest = json_text_get(arena, request->value, "digest");
	request->commit = json_text_get(arena, request->value, "commit");
	request->from = json_text_get(arena, request->value, "from");
	request->deployer = json_text_get(arena, request->value, "deployer");
	request->flags = flags_from_json(arena, json_object_get(request->value, "flags"));
	request->plan = json_object_get(request->value, "plan");
	const char *at = json_text_get(arena, request->value, "at");
	if (at && time_parse(at, &request->at, &ignored) < 0)
		request->at = 0;
	if (request->id && request->digest && request->commit &&
	    strcmp(request->id, entry + strlen("request-")) == 0)
		return 1;
	request_release(request);
	return 0;
}

/* The requests that are there: the one for the digest, and deletions of those that are old. */
struct request_look {
	const char *same;
	VEC(struct store_change) changes;
};

static int requests_look(struct store *store, struct arena *arena, const struct plan *plan,
			 int64_t now, struct request_look *look, struct error *err)
{
	struct text_list names = {0};
	if (store_names(store, plan->env, "request-", arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		struct request other;
		if (!request_read(store, arena, plan->env, names.items[i], &other))
			continue;
		if (other.at < now - KEPT) {
			struct store_change drop = {names.items[i], NULL,
						    arena_string(arena, other.version), ""};
			vec_push(arena, &look->changes, drop);
		} else if (strcmp(other.digest, plan->digest) == 0) {
			look->same = other.id;
		}
		request_release(&other);
	}
	return 0;
}

static const char *new_id(struct arena *arena, const struct plan *plan, int64_t now, int number)
{
	char stamp[32];
	const char *base = arena_format(arena, "%s-%.7s", time_stamp(stamp, now), plan->commit);
	return number == 1 ? base : arena_format(arena, "%s-%d", base, number);
}

int request_leave(struct store *store, struct arena *arena, const struct plan *plan,
		  const struct request *request, const char **id, struct error *err)
{
	const struct store_fetch fetch = {.env = plan->env};
	for (int try = 1; try <= TRIES; try++) {
		struct request_look look = {0};
		if (requests_look(store, arena, plan, request->at, &look, err) < 0)
			return -1;
		*id = look.same;
		if (*id)
			return 0;
		*id = new_id(arena, plan, request->at, try);
		json_t *value = request_to_json(plan, request, *id);
		if (!value)
			return error_set(err, "the plan is not valid text (UTF-8)");
		struct store_change put = {arena_format(arena, "request-%s", *id), value, "", ""};
		vec_push(arena, &look.changes, put);
		int result = store_write(store, plan->env, look.changes.items, look.changes.count,
					 err);
		json_decref(value);
		if (result <= 0)
			return result;
		if (store_fetch(store, &fetch, err) < 0)
			return -1;
	}
	return error_set(err, "others changed the requests of %s meanwhile", plan->env);
}

int request_find(struct store *store, struct arena *arena, const char *env, const char *id,
		 struct request *request, struct error *err)
{
	struct text_list names = {0};
	const char *prefix = arena_format(arena, "request-%s", id);
	if (store_names(store, env, prefix, arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (strcmp(names.items[i], prefix) == 0) {
			names.items[0] = names.items[i];
			names.count = 1;
		}
	if (names.count == 1 && request_read(store, arena, env, names.items[0], request))
		return 0;
	if (names.count > 1)
		error_set(err, "'%s' is the beginning of %zu requests' IDs", id, names.count);
	else
		error_set(err, "there is no request '%s' in %s: it was used up, or never was", id,
			  env);
	error_hint(err, "the deploy that was refused says which ID to approve");
	return error_code(err, EXIT_USAGE);
}
