/* shipit stop: asks the running deploy, wherever it runs, to end. */
#include "base/text.h"
#include "commands/lock_facts.h"

static const struct option_row stop_options[] = {
	{ "message", 'm', "TEXT", "why, for who is stopped", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};

/* 0, or -1 when what runs is another one. */
static int check_id(const struct lock_facts *lock, const char *id, struct error *err)
{
	const char *running = lock->lease.id;

	if (!id || (*id && running && text_starts_with(running, id)))
		return 0;
	error_set(err, "what runs on %s is %s, not '%s'", lock->env,
		  running ? running : lock->lease.command, id);
	return error_code(err, EXIT_USAGE);
}

static int ask(struct session *session, const struct lock_facts *lock, struct error *err)
{
	struct call *call = session->call;
	const char *reason = options_value(&call->options, "message");
	int status = lease_stop(session->store, session->arena, lock->env, &lock->lease,
				session->deployer, reason, err);

	if (status < 0)
		return -1;
	if (status == 1) {
		call_note(call, "It ended just now by itself.");
		return EXIT_DONE;
	}
	call_note(call, "Asked to stop: %s.",
		  lock_sentence(session->arena, lock, LOCK_LEASE, clock_now(call->clock)));
	call_note(call, "It sees this when it renews its lease, within half a minute, and ends as "
		  "by Ctrl-C.");
	return EXIT_DONE;
}

static int stop(struct session *session, const struct lock_facts *lock, struct error *err)
{
	const struct call *call = session->call;
	const char *id = call->options.arguments.count ? call->options.arguments.items[0] : NULL;
	enum lock_obstacle obstacle = lock_obstacle(lock);

	if (!lock->leased) {
		call_note(call, "Nothing runs on %s.", lock->env);
		return EXIT_DONE;
	}
	if (obstacle == LOCK_DAMAGED)
		return lock_refuse(session, lock, obstacle, err);
	if (check_id(lock, id, err) < 0)
		return -1;
	if (obstacle != LOCK_INTERRUPTED)
		return ask(session, lock, err);
	return lock_refuse(session, lock, obstacle, err);
}

static int run_stop(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	struct lock_facts lock CLEANUP(lock_release) = { 0 };
	const struct session_options options = { 0 };

	if (session_open(&session, call, &options, err) < 0 ||
	    lock_read(&session, session.config->env, &lock, err) < 0)
		return -1;
	return stop(&session, &lock, err);
}

const struct command command_stop = {
	.name = "stop",
	.arguments = "[ID]",
	.summary = "ask the running deploy, wherever it is, to end",
	.options = stop_options,
	.run = run_stop,
	.arguments_most = 1,
};
