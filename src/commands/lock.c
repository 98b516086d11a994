/* shipit lock and unlock: the hold on an environment's deploys. */
#include "base/text.h"
#include "commands/lock_facts.h"
#include "commands/session_people.h"
#include "proc/machine.h"
#include "state/deploys.h"

enum { TRIES = 5 };

static const struct option_row lock_options[] = {
	{ "message", 'm', "TEXT", "why, for who is refused", 0 },
	{ "for", 0, "8h", "it ends by itself then", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};
static const struct option_row unlock_options[] = {
	{ "force", 0, NULL, "also somebody else's; kept in the history", 0 },
	{ "message", 'm', "TEXT", "why, for the history", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};

static int too_often(const char *env, struct error *err)
{
	return error_set(err, "the lock of '%s' was changed by others %d times", env, TRIES);
}

static int print_lock(struct session *session, const struct lock_facts *lock, struct error *err)
{
	return session->call->json ? call_print_json(lock_json(lock), err) : EXIT_DONE;
}

/* ---- lock ---- */

static int read_until(const struct call *call, int64_t *until, struct error *err)
{
	const char *text = options_value(&call->options, "for");
	int64_t length;

	*until = 0;
	if (!text)
		return 0;
	if (duration_parse(text, &length, err) < 0 || length <= 0) {
		error_set(err, "--for takes a duration like 8h, not '%s'", text);
		return error_code(err, EXIT_USAGE);
	}
	*until = clock_now(call->clock) + length;
	return 0;
}

static void say_locked(struct session *session, const struct lock_facts *lock)
{
	int64_t now = clock_now(session->call->clock);

	call_note(session->call, "%s is locked: nobody deploys until `shipit -e %s unlock`%s.",
		  lock->env, lock->env, lock->hold.until ? ", or until it ends by itself" : "");
	if (lock->leased && lock->state == LEASE_HELD)
		call_note(session->call, "What runs goes on: %s.",
			  lock_sentence(session->arena, lock, LOCK_LEASE, now));
}

static int put_hold(struct session *session, struct lock_facts *lock, int64_t until,
		    struct error *err)
{
	struct call *call = session->call;
	char host[MACHINE_HOST];
	int status = 1;

	for (int try = 0; status == 1 && try < TRIES; try++) {
		if (try > 0 && lock_look_again(session, lock, err) < 0)
			return -1;
		if (lock->held && !text_equal(lock->hold.by, session->deployer))
			return lock_refuse(session, lock, LOCK_HOLD, err);
		lock->hold.by = session->deployer;
		lock->hold.host = arena_string(session->arena, machine_host(host));
		lock->hold.reason = options_value(&call->options, "message");
		lock->hold.id = NULL;
		lock->hold.since = clock_now(call->clock);
		lock->hold.until = until;
		status = hold_put(session->store, lock->env, &lock->hold, err);
	}
	lock->held = status == 0;
	return status == 1 ? too_often(lock->env, err) : status;
}

static int run_lock(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	struct lock_facts lock CLEANUP(lock_release) = { 0 };
	const struct session_options options = { 0 };
	int64_t until;

	if (read_until(call, &until, err) < 0 ||
	    session_open(&session, call, &options, err) < 0 ||
	    lock_read(&session, session.config->env, &lock, err) < 0 ||
	    put_hold(&session, &lock, until, err) < 0)
		return -1;
	say_locked(&session, &lock);
	return print_lock(&session, &lock, err);
}

const struct command command_lock = {
	.name = "lock",
	.summary = "put a hold on an environment: nobody deploys until it is unlocked",
	.details = "A deploy that runs goes on. No flag of deploy passes a hold.",
	.options = lock_options,
	.run = run_lock,
};

/* ---- unlock ---- */

/* The hold goes, and a lease that nobody can read. */
static size_t force_changes(void *context, struct store_change *changes)
{
	const struct lock_facts *lock = context;
	size_t count = 0;

	if (lock->held)
		changes[count++] = (struct store_change){ .name = HOLD_ENTRY,
							  .expected = lock->hold.version };
	if (lock->leased && lock->lease.damaged)
		changes[count++] = (struct store_change){ .name = LEASE_ENTRY,
							  .expected = lock->lease.version };
	return count;
}

/* What was ended by force, for the history. */
static const char *ended_text(struct session *session, const struct lock_facts *lock)
{
	const char *why = options_value(&session->call->options, "message");
	const char *hold = "", *lease = "";

	if (lock->held)
		hold = arena_format(session->arena, "ended the hold of %s (%s)",
				    lock->hold.by ? lock->hold.by : "nobody knows whom",
				    lock->hold.reason ? lock->hold.reason
						      : "no reason was given");
	if (lock->leased && lock->lease.damaged)
		lease = arena_format(session->arena, "%sfreed a damaged lease (%s)",
				     lock->held ? "; " : "", lock->lease.damaged);
	return arena_format(session->arena, "%s%s%s%s", hold, lease, why ? ": " : "",
			    why ? why : "");
}

static struct record record_of(struct session *session, const struct lock_facts *lock)
{
	const struct record *newest = session->records.records.count
					      ? &session->records.records.items[0] : NULL;
	const char *live = newest ? newest->live : NULL;
	int64_t now = clock_now(session->call->clock);
	char host[MACHINE_HOST];
	const struct deploy_name name = { .commit = live ? live : "0000000", .now = now,
					  .records = &session->records };
	struct record record = {
		.id = record_id_new(session->arena, &name),
		.app = session->config->app, .env = lock->env, .kind = "unlock",
		.commit = live, .previous = live, .deployer = session->deployer,
		.host = arena_string(session->arena, machine_host(host)),
		.started = now, .finished = now, .status = "ok",
		.reason = ended_text(session, lock),
	};

	for (size_t i = 0; newest && i < newest->owed.count; i++)
		vec_push(session->arena, &record.owed, newest->owed.items[i]);
	record_follow(session->arena, &record, newest, false, &(struct text_list){ 0 });
	return record;
}

/* Somebody else's, or damaged: it goes and a record of it comes, in one. */
static int end_by_force(struct session *session, struct lock_facts *lock, struct error *err)
{
	const struct record_company company = { .changes = force_changes, .context = lock };
	struct record record = record_of(session, lock);

	if (session_people_prove(session, err) < 0)
		return -1;
	record.key = session_key(session);
	return record_append_with(session->store, session->arena, &record, false, &company, err);
}

static int end_own(struct session *session, struct lock_facts *lock, struct error *err)
{
	struct store_change change = { .name = HOLD_ENTRY, .expected = lock->hold.version };
	int status = store_write(session->store, lock->env, &change, 1, err);

	if (status == 1) {
		error_set(err, "the hold on '%s' was changed just now", lock->env);
		error_hint(err, "look at it: shipit -e %s status", lock->env);
		return error_code(err, EXIT_REFUSED);
	}
	return status;
}

static int check_own(struct session *session, const struct lock_facts *lock, bool force,
		     struct error *err)
{
	enum lock_obstacle obstacle = lock_obstacle(lock);

	if (force && (lock->held || obstacle == LOCK_DAMAGED))
		return 0;
	if (obstacle == LOCK_LEASE || obstacle == LOCK_INTERRUPTED || obstacle == LOCK_DAMAGED)
		return lock_refuse(session, lock, obstacle, err);
	if (!lock->held || text_equal(lock->hold.by, session->deployer))
		return 0;
	error_set(err, "%s", lock_sentence(session->arena, lock, LOCK_HOLD,
					   clock_now(session->call->clock)));
	error_hint(err, "%s%s%s it all the same: shipit -e %s unlock --force",
		   lock->hold.by ? "ask " : "", lock->hold.by ? lock->hold.by : "",
		   lock->hold.by ? ", or end" : "end", lock->env);
	return error_code(err, EXIT_REFUSED);
}

static int end_hold(struct session *session, struct lock_facts *lock, struct error *err)
{
	struct call *call = session->call;
	bool damaged = lock->leased && lock->lease.damaged;
	bool own = text_equal(lock->hold.by, session->deployer) && !damaged;
	const char *was;

	if (check_own(session, lock, options_has(&call->options, "force"), err) < 0)
		return -1;
	if (!lock->held && !damaged) {
		call_note(call, "%s is not locked.", lock->env);
		return 0;
	}
	was = lock_sentence(session->arena, lock, damaged ? LOCK_DAMAGED : LOCK_HOLD,
			    clock_now(call->clock));
	if ((own ? end_own(session, lock, err) : end_by_force(session, lock, err)) < 0)
		return -1;
	lock->held = false;
	if (damaged)
		lock_release(lock);
	lock->leased = lock->leased && !damaged;
	call_note(call, own ? "%s is unlocked." : "%s is unlocked, by force.", lock->env);
	if (!own)
		call_note(call, "  %s", was);
	if (damaged)
		call_note(call, "What a deploy may have left behind is not known: look at %s, and "
			  "at what it halts.", lock->env);
	return 0;
}

static int run_unlock(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	struct lock_facts lock CLEANUP(lock_release) = { 0 };
	const struct session_options options = { 0 };

	if (session_open(&session, call, &options, err) < 0 ||
	    lock_read(&session, session.config->env, &lock, err) < 0 ||
	    end_hold(&session, &lock, err) < 0)
		return -1;
	return print_lock(&session, &lock, err);
}

const struct command command_unlock = {
	.name = "unlock",
	.summary = "end the hold on an environment",
	.details = "It never ends a running deploy: `shipit stop` asks for that.",
	.options = unlock_options,
	.run = run_unlock,
};
