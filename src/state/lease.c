/* The lease: its body, who may have it, and taking, renewing, freeing it by compare-and-swap. */
#include "state/lease.h"

#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "proc/child.h"
#include "proc/machine.h"
#include "state/sighting.h"

#define TOKEN_SIZE 33
#define TRIES 5
#define LONGEST (INT64_C(24) * 3600000) /* ms: no forged length locks for ever */

static const char *const phases[] = {
	[LEASE_BEFORE] = "before", [LEASE_MAINTENANCE] = "maintenance", [LEASE_GO_LIVE] = "go_live",
	[LEASE_BEHIND] = "behind", [LEASE_SMOKE] = "smoke", [LEASE_TASKS] = "tasks",
	[LEASE_DEFERRED] = "deferred",
};

const char *lease_phase_name(enum lease_phase phase)
{
	return phases[phase];
}

static enum lease_phase phase_of(const char *name)
{
	for (size_t i = 0; name && i < sizeof(phases) / sizeof(*phases); i++)
		if (strcmp(phases[i], name) == 0)
			return (enum lease_phase)i;
	return LEASE_GO_LIVE;
}

/* The texts of a lease, by key: reading and writing are this table. */
static const struct json_row texts[] = {
	{"token", offsetof(struct lease, token)},
	{"id", offsetof(struct lease, id)},
	{"command", offsetof(struct lease, command)},
	{"holder", offsetof(struct lease, holder)},
	{"host", offsetof(struct lease, host)},
	{"machine", offsetof(struct lease, machine)},
	{"commit", offsetof(struct lease, commit)},
	{"previous", offsetof(struct lease, previous)},
	{"reason", offsetof(struct lease, reason)},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Fills lease from its body, whose reference it takes. */
static void lease_parse(struct lease *lease, struct arena *arena, json_t *body, const char *version)
{
	struct error ignored = {0};
	const json_t *stop = json_object_get(body, "stop");
	*lease = (struct lease){.body = body};
	json_texts_get(arena, body, texts, COUNT(texts), lease);
	lease->pid = json_integer_value(json_object_get(body, "pid"));
	lease->pid_started = json_integer_value(json_object_get(body, "pid_started"));
	lease->length = json_integer_value(json_object_get(body, "length"));
	lease->phase = phase_of(json_string_value(json_object_get(body, "phase")));
	lease->stop_by = json_text_get(arena, stop, "by");
	lease->stop_reason = json_text_get(arena, stop, "reason");
	lease->work = json_object_get(body, "work");
	const char *since = json_string_value(json_object_get(body, "since"));
	if (since && time_parse(since, &lease->since, &ignored) < 0)
		lease->since = 0;
	snprintf(lease->version, sizeof(lease->version), "%s", version);
}

static void lease_damage(struct lease *lease, const char *why, const char *version)
{
	*lease = (struct lease){.damaged = why, .phase = LEASE_GO_LIVE};
	snprintf(lease->version, sizeof(lease->version), "%s", version);
}

void lease_release(struct lease *lease)
{
	json_decref(lease->body);
	lease->body = NULL;
	lease->work = NULL;
}

void lease_set_body(struct lease *lease, struct arena *arena, json_t *body, const char *version)
{
	char kept[STORE_VERSION_SIZE];
	json_t *old = lease->body;
	snprintf(kept, sizeof(kept), "%s", version);
	lease_parse(lease, arena, body, kept);
	json_decref(old);
}

int lease_read(struct store *store, struct arena *arena, const char *env, struct lease *lease,
	       struct error *err)
{
	char version[STORE_VERSION_SIZE];
	json_t *body;
	*lease = (struct lease){0};
	if (store_get(store, env, LEASE_ENTRY, &body, version, err) < 0) {
		if (!*version)
			return error_wrap(err, "cannot read who holds '%s'", env);
		lease_damage(lease, arena_string(arena, err->message), version);
		error_clear(err);
		return 1;
	}
	if (!body)
		return 0;
	lease_parse(lease, arena, body, version);
	if (!lease->token || !*lease->token || lease->length <= 0) {
		lease_release(lease);
		lease_damage(lease, "it names no token or no length", version);
	}
	return 1;
}

/* Whether the comma-separated tokens hold this one. */
static bool tokens_have(const char *tokens, const char *token)
{
	size_t length = strlen(token);
	for (; tokens && *tokens; tokens += strcspn(tokens, ","), tokens += *tokens == ',')
		if (strncmp(tokens, token, length) == 0 && strchr(",", tokens[length]))
			return true;
	return false;
}

enum lease_state lease_judge(const struct lease *lease, const struct lease_view *view)
{
	bool here = lease->machine && *view->machine &&
		    strcmp(lease->machine, view->machine) == 0;
	int64_t length = lease->length < LONGEST ? lease->length : LONGEST;
	if (lease->damaged)
		return LEASE_DAMAGED;
	if (lease->token && tokens_have(view->tokens, lease->token))
		return LEASE_MINE;
	if (here && lease->pid > 0)
		return view->runs(lease->pid, lease->pid_started) ? LEASE_HELD : LEASE_DEAD;
	return view->seen_for >= length ? LEASE_EXPIRED : LEASE_HELD;
}

enum lease_state lease_look(const struct lease *lease, const char *env, const char *common_dir)
{
	char machine[MACHINE_NAME];
	const struct lease_view view = {
		.tokens = getenv(LEASE_VARIABLE),
		.machine = machine_name(machine),
		.runs = process_runs,
		.seen_for = common_dir && *common_dir ? sighting_age(common_dir, env, LEASE_ENTRY,
								     lease->version)
						      : 0,
	};
	return lease_judge(lease, &view);
}

bool lease_may_be_overtaken(const struct lease *lease, enum lease_state state)
{
	return state == LEASE_EXPIRED && lease->phase == LEASE_BEFORE;
}

/* The body of a lease that this process takes now. */
static json_t *body_new(const struct lease_request *request)
{
	char token[TOKEN_SIZE], machine[MACHINE_NAME], host[MACHINE_HOST], since[32];
	json_t *body = json_object();
	random_hex(token, sizeof(token));
	json_text_set(body, "token", token);
	json_text_set(body, "id", request->id);
	json_text_set(body, "command", request->command);
	json_text_set(body, "holder", request->holder);
	json_text_set(body, "host", machine_host(host));
	json_text_set(body, "machine", machine_name(machine));
	json_text_set(body, "commit", request->commit);
	json_text_set(body, "previous", request->previous);
	json_text_set(body, "reason", request->reason);
	json_text_set(body, "since", time_format(since, request->since));
	json_text_set(body, "phase", lease_phase_name(request->phase));
	json_object_set_new(body, "pid", json_integer(getpid()));
	json_object_set_new(body, "pid_started", json_integer(process_start_time(getpid())));
	json_object_set_new(body, "length", json_integer(request->length));
	if (request->work)
		json_object_set_new(body, "work", json_deep_copy(request->work));
	return body;
}

int lease_take(struct store *store, struct arena *arena, const struct lease_request *request,
	       struct lease *lease, struct error *err)
{
	size_t count = request->also_count + 1;
	struct store_change *changes = arena_array(arena, count, sizeof(*changes));
	json_t *body = body_new(request);
	changes[0] = (struct store_change){LEASE_ENTRY, body,
					   request->over ? request->over->version : "", ""};
	for (size_t i = 0; i < request->also_count; i++)
		changes[i + 1] = request->also[i];
	int status = store_write(store, request->env, changes, count, err);
	for (size_t i = 0; i < request->also_count; i++)
		request->also[i] = changes[i + 1];
	if (status == 0)
		lease_parse(lease, arena, body, changes[0].version);
	else
		json_decref(body);
	return status;
}

json_t *lease_body(const struct lease *lease, const struct lease_news *news)
{
	json_t *body = json_copy(lease->body);
	if (news->phase >= 0)
		json_text_set(body, "phase", lease_phase_name((enum lease_phase)news->phase));
	if (news->work)
		json_object_set_new(body, "work", json_deep_copy(news->work));
	return body;
}

/* After a lost race: the lease as it is in the store now. 1 when it is still ours. */
static int lease_reread(struct store *store, struct arena *arena, const char *env,
			struct lease *lease, struct error *err)
{
	const struct store_fetch fetch = {.env = env};
	struct lease now;
	if (store_fetch(store, &fetch, err) < 0 || lease_read(store, arena, env, &now, err) < 0)
		return -1;
	bool ours = now.token && text_equal(now.token, lease->token);
	lease_release(lease);
	*lease = now;
	return ours;
}

/* Puts body (taken) in the place of the lease. 0, 1 or -1 as store_write. */
static int lease_put(struct store *store, struct arena *arena, const char *env, struct lease *lease,
		     json_t *body, struct error *err)
{
	struct store_change change = {LEASE_ENTRY, body, lease->version, ""};
	int status = store_write(store, env, &change, 1, err);
	if (status == 0)
		lease_set_body(lease, arena, body, change.version);
	else
		json_decref(body);
	return status;
}

int lease_renew(struct store *store, struct arena *arena, const char *env, struct lease *lease,
		const struct lease_news *news, enum lease_kept *kept, struct error *err)
{
	int status = 1;
	for (int try = 0; status == 1 && try < TRIES; try++) {
		int ours = try == 0 ? 1 : lease_reread(store, arena, env, lease, err);
		if (ours < 0)
			return -1;
		if (!ours) {
			*kept = LEASE_LOST;
			return 0;
		}
		status = lease_put(store, arena, env, lease, lease_body(lease, news), err);
	}
	if (status == 1)
		return error_set(err, "the lease of '%s' was changed by others %d times", env,
				 TRIES);
	*kept = lease->stop_by ? LEASE_STOP_ASKED : LEASE_KEPT;
	return status;
}

int lease_free(struct store *store, struct arena *arena, const char *env, struct lease *lease,
	       struct error *err)
{
	int status = 1;
	for (int try = 0; status == 1 && try < TRIES; try++) {
		int ours = try == 0 ? 1 : lease_reread(store, arena, env, lease, err);
		if (ours <= 0)
			return ours;
		struct store_change change = {LEASE_ENTRY, NULL, lease->version, ""};
		status = store_write(store, env, &change, 1, err);
	}
	return status == 1 ? error_set(err, "the lease of '%s' was changed by others %d times", env,
				       TRIES)
			   : status;
}

int lease_stop(struct store *store, struct arena *arena, const char *env, const struct lease *lease,
	       const char *by, const char *reason, struct error *err)
{
	struct lease now = *lease;
	json_incref(now.body);
	int status = 1;
	for (int try = 0; status == 1 && try < TRIES; try++) {
		int same = try == 0 ? 1 : lease_reread(store, arena, env, &now, err);
		if (same <= 0) {
			status = same < 0 ? -1 : 1;
			break;
		}
		json_t *body = json_copy(now.body), *stop = json_object();
		json_text_set(stop, "by", by);
		json_text_set(stop, "reason", reason);
		json_object_set_new(body, "stop", stop);
		status = lease_put(store, arena, env, &now, body, err);
	}
	lease_release(&now);
	return status;
}

char *lease_variable(struct arena *arena, const char *token)
{
	const char *outer = getenv(LEASE_VARIABLE);
	return outer && *outer ? arena_format(arena, "%s,%s", token, outer)
			       : arena_string(arena, token);
}
