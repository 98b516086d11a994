/* Reads who has an environment, and says it in words. */
#include "commands/lock_facts.h"

#include <time.h>

#include "base/text.h"

int lock_read(struct session *session, const char *env, struct lock_facts *lock, struct error *err)
{
	int64_t now = clock_now(session->call->clock);
	int there;

	*lock = (struct lock_facts){ .env = env };
	there = hold_read(session->store, session->arena, env, now, &lock->hold, err);
	if (there < 0)
		return -1;
	lock->held = there;
	there = lease_read(session->store, session->arena, env, &lock->lease, err);
	if (there < 0)
		return -1;
	lock->leased = there;
	if (there)
		lock->state = lease_look(&lock->lease, env, session->common_dir);
	if (queue_read(session->store, session->arena, env, session->common_dir, &lock->queue,
		       err) == 0)
		return 0;
	lock_release(lock);
	return -1;
}

int lock_look_again(struct session *session, struct lock_facts *lock, struct error *err)
{
	const char *env = lock->env;
	const struct store_fetch request = { .env = env };

	lock_release(lock);
	if (store_fetch(session->store, &request, err) < 0)
		return -1;
	return lock_read(session, env, lock, err);
}

void lock_release(struct lock_facts *lock)
{
	lease_release(&lock->lease);
}

enum lock_obstacle lock_obstacle(const struct lock_facts *lock)
{
	bool leased = lock->leased && !lease_may_be_overtaken(&lock->lease, lock->state);

	if (leased && lock->state == LEASE_MINE)
		return LOCK_FREE;
	if (leased && lock->state == LEASE_HELD)
		return LOCK_LEASE;
	if (leased && lock->state == LEASE_DAMAGED)
		return LOCK_DAMAGED;
	if (leased)
		return LOCK_INTERRUPTED;
	if (lock->held)
		return LOCK_HOLD;
	return lock->queue.tickets.count ? LOCK_QUEUE : LOCK_FREE;
}

static const char *how_far(enum lease_phase phase)
{
	static const char *const words[] = {
		[LEASE_BEFORE] = "before go-live, production is as it was",
		[LEASE_MAINTENANCE] = "in maintenance",
		[LEASE_GO_LIVE] = "in its go-live stage",
		[LEASE_BEHIND] = "live, in the stages behind go-live",
		[LEASE_SMOKE] = "live, in its smoke test",
		[LEASE_TASKS] = "live, running its tasks",
		[LEASE_DEFERRED] = "done but for its deferred tasks",
	};

	return words[phase];
}

static const char *ago_text(struct arena *arena, int64_t age)
{
	char text[32];

	if (age < 1000)
		return "just now";
	return arena_format(arena, "%s ago", duration_format(text, age / 1000 * 1000));
}

/* "14:22 (3m10s ago)", with the day when that was long ago. */
static const char *since_text(struct arena *arena, int64_t since, int64_t now)
{
	time_t moment = (time_t)(since / 1000);
	char text[32] = "?";
	struct tm local;

	if (localtime_r(&moment, &local))
		strftime(text, sizeof(text),
			 now - since > 12 * INT64_C(3600000) ? "%Y-%m-%d %H:%M" : "%H:%M", &local);
	return arena_format(arena, "%s (%s)", text, ago_text(arena, now - since));
}

static const char *known(const char *text)
{
	return text && *text ? text : "somebody";
}

/* "deploy 20261123-142233-9f8e7d6 of 9f8e7d6" */
static const char *work_text(struct arena *arena, const struct lease *lease)
{
	const char *command = lease->command ? lease->command : "deploy";

	if (lease->id && lease->commit)
		return arena_format(arena, "%s %s of %.7s", command, lease->id, lease->commit);
	return lease->id ? arena_format(arena, "%s %s", command, lease->id) : command;
}

static bool is_maintenance(const struct lease *lease)
{
	return text_equal(lease->command, "maintenance");
}

static const char *lease_sentence(struct arena *arena, const struct lock_facts *lock, int64_t now)
{
	const struct lease *lease = &lock->lease;
	const char *why = lease->reason ? arena_format(arena, " (%s)", lease->reason) : "";
	const char *stop = lease->stop_by
		? arena_format(arena, "; %s has asked it to stop", lease->stop_by) : "";

	return arena_format(arena, "%s is taken by %s on %s since %s: %s%s, %s%s", lock->env,
			    known(lease->holder), known(lease->host),
			    since_text(arena, lease->since, now), work_text(arena, lease), why,
			    how_far(lease->phase), stop);
}

static const char *interrupted_sentence(struct arena *arena, const struct lock_facts *lock,
					int64_t now)
{
	const struct lease *lease = &lock->lease;

	if (is_maintenance(lease))
		return arena_format(arena, "'%s' of %s by %s on %s, begun %s, was interrupted",
				    lease->reason ? lease->reason : "maintenance", lock->env,
				    known(lease->holder), known(lease->host),
				    since_text(arena, lease->since, now));
	return arena_format(arena, "the %s to %s by %s on %s, begun %s, was interrupted %s; %s",
			    work_text(arena, lease), lock->env, known(lease->holder),
			    known(lease->host), since_text(arena, lease->since, now),
			    how_far(lease->phase), lock->state == LEASE_DEAD
			    ? "its process is gone" : "nothing was heard of it for too long");
}

static const char *hold_sentence(struct arena *arena, const struct lock_facts *lock, int64_t now)
{
	const struct hold *hold = &lock->hold;
	const char *until = "";
	char text[32];

	if (hold->until)
		until = arena_format(arena, ", for %s more",
				     duration_format(text, (hold->until - now) / 1000 * 1000));
	return arena_format(arena, "%s is locked by %s on %s since %s%s: %s", lock->env,
			    known(hold->by), known(hold->host),
			    since_text(arena, hold->since, now), until,
			    hold->reason ? hold->reason : "no reason was given");
}

const char *lock_sentence(struct arena *arena, const struct lock_facts *lock,
			  enum lock_obstacle obstacle, int64_t now)
{
	const struct ticket *first = lock->queue.tickets.items;

	switch (obstacle) {
	case LOCK_FREE:
		return NULL;
	case LOCK_HOLD:
		return hold_sentence(arena, lock, now);
	case LOCK_LEASE:
		return lease_sentence(arena, lock, now);
	case LOCK_INTERRUPTED:
		return interrupted_sentence(arena, lock, now);
	case LOCK_DAMAGED:
		return arena_format(arena, "nobody can say who holds %s: its lease in the state "
				    "store is damaged (%s)", lock->env, lock->lease.damaged);
	case LOCK_QUEUE:
		break;
	}
	return arena_format(arena, "%s on %s waits for %s since %s%s", known(first->holder),
			    known(first->host), lock->env, since_text(arena, first->since, now),
			    lock->queue.tickets.count > 1 ? ", and others behind" : "");
}

const char *lock_advice(struct arena *arena, const struct lock_facts *lock,
			enum lock_obstacle obstacle)
{
	const char *env = lock->env;
	const char *id = lock->lease.id ? arena_format(arena, " %s", lock->lease.id) : "";

	switch (obstacle) {
	case LOCK_FREE:
		return "";
	case LOCK_HOLD:
		return arena_format(arena, "when it may go on: shipit -e %s unlock (--force ends "
				    "somebody else's)", env);
	case LOCK_LEASE:
		return arena_format(arena, "wait for your turn: shipit -e %s deploy --wait; ask it "
				    "to end: shipit -e %s stop%s", env, env, id);
	case LOCK_INTERRUPTED:
		if (is_maintenance(&lock->lease))
			return arena_format(arena, "start again what it had stopped: shipit -e %s "
					    "maintenance off", env);
		if (text_equal(lock->lease.command, "task"))
			return arena_format(arena, "put right what it left behind: shipit -e %s "
					    "recover%s", env, id);
		return arena_format(arena, "go on with it: shipit -e %s resume%s; or undo what it "
				    "left behind: shipit -e %s recover%s", env, id, env, id);
	case LOCK_DAMAGED:
		return arena_format(arena, "when no deploy runs any more, put right what one may "
				    "have left behind: shipit -e %s recover; or only free it: "
				    "shipit -e %s unlock --force", env, env);
	case LOCK_QUEUE:
		break;
	}
	return arena_format(arena, "wait for your turn: shipit -e %s deploy --wait", env);
}

int lock_refuse(struct session *session, const struct lock_facts *lock,
		enum lock_obstacle obstacle, struct error *err)
{
	error_set(err, "%s", lock_sentence(session->arena, lock, obstacle,
					   clock_now(session->call->clock)));
	error_hint(err, "%s", lock_advice(session->arena, lock, obstacle));
	return error_code(err, EXIT_REFUSED);
}

json_t *lock_json(const struct lock_facts *lock)
{
	static const char *const states[] = {
		[LEASE_MINE] = "held", [LEASE_HELD] = "held", [LEASE_DEAD] = "dead",
		[LEASE_EXPIRED] = "expired", [LEASE_DAMAGED] = "damaged",
	};
	const struct lease *lease = &lock->lease;
	const struct hold *hold = &lock->hold;
	char since[32];

	if (lock->leased)
		return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s}", "kind", "lease",
				 "holder", lease->holder, "host", lease->host, "since",
				 lease->damaged ? NULL : time_format(since, lease->since), "reason",
				 lease->damaged ? lease->damaged : lease->reason, "phase",
				 lease->damaged ? NULL : lease_phase_name(lease->phase), "id",
				 lease->id, "state",
				 states[lock->state]);
	if (lock->held)
		return json_pack("{s:s, s:s?, s:s?, s:s, s:s?, s:n, s:s?}", "kind", "hold",
				 "holder", hold->by, "host", hold->host, "since",
				 time_format(since, hold->since), "reason", hold->reason, "phase",
				 "id", hold->id);
	return json_null();
}

struct text_list lock_waiting(struct arena *arena, const struct lock_facts *lock, int64_t now)
{
	struct text_list lines = { 0 };

	for (size_t i = 0; i < lock->queue.tickets.count; i++) {
		const struct ticket *ticket = &lock->queue.tickets.items[i];

		text_list_add(arena, &lines,
			      arena_format(arena, "%zu. %s on %s since %s", i + 1,
					   known(ticket->holder), known(ticket->host),
					   since_text(arena, ticket->since, now)));
	}
	return lines;
}

json_t *lock_waiting_json(const struct lock_facts *lock)
{
	json_t *list = lock->queue.tickets.count ? json_array() : NULL;

	for (size_t i = 0; i < lock->queue.tickets.count; i++) {
		const struct ticket *ticket = &lock->queue.tickets.items[i];
		char since[32];

		json_array_append_new(list, json_pack("{s:s?, s:s?, s:s}", "holder",
						      ticket->holder, "host", ticket->host,
						      "since", time_format(since, ticket->since)));
	}
	return list;
}

bool lock_is_worth_waiting(enum lock_obstacle obstacle)
{
	return obstacle == LOCK_LEASE || obstacle == LOCK_QUEUE;
}

int lock_tell_plan(struct session *session, bool waits, struct error *err)
{
	struct lock_facts lock;
	enum lock_obstacle obstacle;

	if (lock_read(session, session->config->env, &lock, err) < 0)
		return -1;
	obstacle = lock_obstacle(&lock);
	session->facts.lock = lock_sentence(session->arena, &lock, obstacle,
					    clock_now(session->call->clock));
	session->facts.waits = waits && lock_is_worth_waiting(obstacle);
	lock_release(&lock);
	return 0;
}
