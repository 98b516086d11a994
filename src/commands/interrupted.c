/* Finds the deploy whose process died, and says what it left behind. */
#include "commands/interrupted.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "commands/maintenance.h"
#include "proc/child.h"
#include "proc/interrupt.h"
#include "proc/machine.h"
#include "state/halted.h"
#include "ui/renderer.h"

static const struct record *record_among(const struct record_list *list, const char *id)
{
	for (size_t i = 0; list && i < list->records.count; i++)
		if (text_equal(list->records.items[i].id, id))
			return &list->records.items[i];
	return NULL;
}

static const struct record *record_of(struct session *session, const char *id)
{
	struct error ignored = { 0 };
	const struct record *record = record_among(&session->records, id);

	return record ? record : record_among(session_history(session, &ignored), id);
}

/* A verdict that was stored counts, though the journal does not have it yet. */
static void add_record(struct session *session, struct interrupted *found)
{
	found->record = record_of(session, found->id);
	if (!found->record || found->past->verdict)
		return;
	found->past->verdict = true;
	found->past->status = event_status_parse(found->record->status);
}

static int find_folder(struct session *session, const char *id, struct deploy_folder *folder)
{
	struct error none = { 0 };

	if (deploy_folder_find(session->arena, session->common_dir, id, folder, &none) < 0 ||
	    !text_equal(folder->id, id) || !file_exists(folder->start))
		return -1;
	return 0;
}

/* Of the rollback that it had begun, which begins none itself. */
static int open_rollback(struct session *session, struct interrupted *found, struct error *err)
{
	const char *id = found->start.rollback;
	struct deploy_folder folder;

	if (!id || text_equal(found->start.command, "rollback") ||
	    find_folder(session, id, &folder) < 0)
		return 0;
	found->rollback = arena_new(session->arena, struct interrupted);
	if (interrupted_open(session, &folder, found->rollback, err) < 0)
		return -1;
	if (!text_equal(found->rollback->start.command, "rollback"))
		found->rollback = NULL;
	return 0;
}

int interrupted_open(struct session *session, const struct deploy_folder *folder,
		     struct interrupted *found, struct error *err)
{
	found->id = folder->id;
	found->folder = *folder;
	if (start_read(session->arena, folder, &found->start, err) < 0)
		return -1;
	found->past = run_past_read(session->arena, folder->events, err);
	if (!found->past)
		return -1;
	if (!found->env)
		found->env = found->start.env ? found->start.env : found->past->env;
	if (!found->command)
		found->command = found->past->tasks_only ? "task" : "deploy";
	add_record(session, found);
	return open_rollback(session, found, err);
}

/* A lease's work is that of the rollback when one had begun: then the deploy itself had gone live
 * before. */
static void read_work(struct session *session, struct interrupted *found)
{
	const struct lease *lease = &found->lock.lease;
	const char *id = json_string_value(json_object_get(lease->work, "rollback"));
	const char *release = json_string_value(json_object_get(lease->work, "release"));
	struct interrupted *owner = found;

	if (id && release) {
		found->past = run_past_from_work(session->arena, NULL, LEASE_SMOKE);
		found->rollback = owner = arena_new(session->arena, struct interrupted);
		owner->id = arena_string(session->arena, id);
		owner->start.previous = lease->commit;
	}
	owner->start.env = owner->env = found->env;
	owner->start.command = owner->command = owner == found ? found->command : "rollback";
	owner->start.deployer = lease->holder;
	if (release)
		owner->start.release = arena_string(session->arena, release);
	owner->start.locks = release != NULL;
	owner->past = run_past_from_work(session->arena, lease->work, (int)lease->phase);
	if (owner->id)
		add_record(session, owner);
}

/* By hand: here its journal tells what it had stopped, elsewhere the entry what it had meant to. */
static int look_at_maintenance(struct session *session, struct interrupted *found,
			       struct error *err)
{
	const struct lease *lease = &found->lock.lease;
	struct halted halted CLEANUP(halted_release) = { 0 };
	struct run_past *past;
	const json_t *halt;
	size_t i;

	found->start = (struct start){ .env = found->env, .command = found->command,
				       .deployer = lease->holder, .machine = lease->machine };
	past = found->lock.state == LEASE_DEAD
		? run_past_read(session->arena, maintenance_journal(session, found->env), err)
		: run_past_from_work(session->arena, NULL, LEASE_BEFORE);
	if (!past || halted_read(session->store, session->arena, found->env, &halted, err) < 0)
		return -1;
	found->past = past;
	json_array_foreach(past->halts.count ? NULL : halted.halts, i, halt)
	{
		const struct run_past_halt known = {
			.name = json_text_get(session->arena, halt, "halt"),
		};

		if (known.name)
			vec_push(session->arena, &past->halts, known);
	}
	return 0;
}

/* Its start.json is damaged; its journal need not be. Of a rollback within it the lease tells. */
static bool read_journal(struct session *session, struct interrupted *found,
			 const struct deploy_folder *folder)
{
	const struct lease *lease = &found->lock.lease;
	struct error unreadable = { 0 };

	if (json_object_get(lease->work, "rollback"))
		return false;
	found->past = run_past_read(session->arena, folder->events, &unreadable);
	if (!found->past || !found->past->started)
		return false;
	found->folder = *folder;
	found->start.machine = lease->machine;
	add_record(session, found);
	return true;
}

/* Its journal tells most; where that is on another machine, or cannot be read, the lease tells
 * enough. */
static int look_closer(struct session *session, struct interrupted *found, struct error *err)
{
	const struct lease *lease = &found->lock.lease;
	struct interrupted fresh = *found;
	struct error damaged = { 0 };
	struct deploy_folder folder = { 0 };

	found->id = lease->id;
	found->command = lease->command ? lease->command : "deploy";
	if (text_equal(found->command, "maintenance"))
		return look_at_maintenance(session, found, err);
	if (found->id && find_folder(session, found->id, &folder) == 0) {
		if (interrupted_open(session, &folder, found, &damaged) == 0)
			return 0;
		call_note(session->call, "%s: what the lease says has to do", damaged.message);
		fresh.id = lease->id;
		fresh.command = found->command;
		*found = fresh;
	}
	found->start = (struct start){
		.env = found->env, .command = found->command, .commit = lease->commit,
		.previous = lease->previous, .recorded = lease->previous,
		.deployer = lease->holder,
	};
	if (folder.path && read_journal(session, found, &folder))
		return 0;
	read_work(session, found);
	if (found->rollback && found->id)
		add_record(session, found);
	return 0;
}

/* A damaged lease says nothing: whether a deploy to that environment did not come to its end here
 * is all that can be known. */
static int look_here(struct session *session, struct interrupted *found, struct error *err)
{
	struct deploy_list list;

	if (deploy_list_read(session->arena, session->common_dir, &list, err) < 0)
		return -1;
	found->command = "deploy";
	found->start = (struct start){ .env = found->env, .command = found->command };
	found->past = run_past_from_work(session->arena, NULL, LEASE_BEFORE);
	for (size_t i = 0; i < list.folders.count; i++) {
		const struct deploy_folder *folder = &list.folders.items[i];
		struct error unreadable = { 0 };
		struct start start;

		if (deploy_folder_finished(folder) ||
		    start_read(session->arena, folder, &start, &unreadable) <= 0 ||
		    !text_equal(start.env, found->env))
			continue;
		found->command = start.command;
		return interrupted_open(session, folder, found, err);
	}
	return 0;
}

static bool is_left_behind(const struct lock_facts *lock)
{
	return lock->leased && (lock->state == LEASE_DEAD || lock->state == LEASE_EXPIRED ||
				lock->state == LEASE_DAMAGED);
}

int interrupted_find(struct session *session, const char *env, struct interrupted *found,
		     struct error *err)
{
	int result;

	*found = (struct interrupted){ .env = env };
	if (lock_read(session, env, &found->lock, err) < 0)
		return -1;
	if (!is_left_behind(&found->lock)) {
		lock_release(&found->lock);
		return 0;
	}
	result = found->lock.lease.damaged ? look_here(session, found, err)
					   : look_closer(session, found, err);
	if (result == 0)
		return 1;
	lock_release(&found->lock);
	return -1;
}

void interrupted_release(struct interrupted *found)
{
	lock_release(&found->lock);
}

/* ---- in words ---- */

static void add_steps(struct buffer *out, const char *title, const struct run_past *past,
		      bool (*chosen)(const struct run_past_step *step))
{
	size_t count = 0;

	for (size_t i = 0; i < past->steps.count; i++) {
		const struct run_past_step *step = &past->steps.items[i];

		if (!chosen(step))
			continue;
		buffer_add_text(out, count++ ? ", " : title);
		words_step(out, step->stage, step->name, NULL);
	}
	if (count)
		buffer_add_char(out, '\n');
}

static bool touched(const struct run_past_step *step)
{
	return run_past_touched(step) && run_past_finished(step);
}

/* Only then does a pid of its journal mean anything. */
static bool is_of_this_boot(const struct interrupted *found)
{
	char machine[MACHINE_NAME];

	return !found->past->elsewhere &&
	       text_equal(found->start.machine, machine_name(machine));
}

static void add_halts(struct buffer *out, const struct run_past *past)
{
	size_t count = 0;

	for (size_t i = 0; i < past->halts.count; i++)
		if (past->halts.items[i].state != PAST_HALT_OFF) {
			buffer_add_text(out, count++ ? ", " : "  stopped, and not started again: ");
			words_clean(out, past->halts.items[i].name);
		}
	if (count)
		buffer_add_char(out, '\n');
}

static void describe_past(const struct interrupted *found, struct buffer *out)
{
	if (!found->past->live)
		add_steps(out, "  done in production: ", found->past, touched);
	add_steps(out, "  under way, nobody knows whether it finished: ", found->past,
		  run_past_unknown);
	if (is_of_this_boot(found))
		add_steps(out, "  still running: ", found->past, run_past_survives);
	add_halts(out, found->past);
}

static void describe(struct session *session, const struct interrupted *found,
		     struct buffer *out)
{
	int64_t now = clock_now(session->call->clock);
	enum lock_obstacle obstacle = found->lock.lease.damaged ? LOCK_DAMAGED : LOCK_INTERRUPTED;

	buffer_add_text(out, "WARNING: ");
	words_clean(out, lock_sentence(session->arena, &found->lock, obstacle, now));
	buffer_add_char(out, '\n');
	if (found->lock.lease.damaged && found->id) {
		buffer_add_format(out, "  on this machine the %s ", found->command);
		words_clean(out, found->id);
		buffer_add_text(out, start_runs(&found->start)
				? " is under way\n" : " did not come to its end\n");
	}
	describe_past(found, out);
	if (found->rollback) {
		buffer_add_text(out, "  its smoke test had failed, and its rollback ");
		words_clean(out, found->rollback->id);
		buffer_add_text(out, found->rollback->past->live ? " went live\n" : " had begun\n");
		describe_past(found->rollback, out);
	}
	buffer_add_text(out, "  ");
	words_clean(out, lock_advice(session->arena, &found->lock, obstacle));
	buffer_add_char(out, '\n');
}

static void notice(struct session *session, const char *env)
{
	struct buffer text CLEANUP(buffer_release);
	struct buffer folded CLEANUP(buffer_release);
	struct interrupted found;
	struct error err = { 0 };
	int known = interrupted_find(session, env, &found, &err);

	buffer_init(&text, 1 << 20);
	buffer_init(&folded, 1 << 21);
	if (known < 0)
		call_note(session->call, "%s", err.message);
	if (known <= 0)
		return;
	describe(session, &found, &text);
	interrupted_release(&found);
	text_fold(&folded, text.data, text.length, terminal_columns(STDERR_FILENO));
	terminal_write(STDERR_FILENO, folded.data, folded.length);
}

void interrupted_notice(struct session *session)
{
	const struct config *config = session->config;

	if (!session->options.every_environment || session->call->env) {
		notice(session, config->env);
		return;
	}
	for (size_t i = 0; i < config->environments.count; i++)
		notice(session, config->environments.items[i].name);
}

int interrupted_refuse(struct session *session, struct error *err)
{
	struct interrupted found;
	int known = interrupted_find(session, session->config->env, &found, err);

	if (known <= 0)
		return known;
	if (lock_obstacle(&found.lock) == LOCK_DAMAGED) {
		known = lock_refuse(session, &found.lock, LOCK_DAMAGED, err);
		interrupted_release(&found);
		return known;
	}
	if (lock_obstacle(&found.lock) != LOCK_INTERRUPTED) {
		interrupted_release(&found);
		return 0;
	}
	error_set(err, "nothing was run: the %s%s%s was interrupted, and comes first",
		  found.lock.lease.command ? found.lock.lease.command : "deploy",
		  found.lock.lease.id ? " " : "", found.lock.lease.id ? found.lock.lease.id : "");
	error_hint(err, "%s", lock_advice(session->arena, &found.lock, LOCK_INTERRUPTED));
	known = error_code(err, EXIT_REFUSED);
	interrupted_release(&found);
	return known;
}

/* ---- what still runs ---- */

static void pause_for(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* TERM to its group, KILL after the grace. */
static void stop_survivor(const struct run_past_step *step)
{
	kill((pid_t)-step->pid, SIGTERM);
	kill((pid_t)-step->pid, SIGCONT);
	for (int waited = 0; waited < CHILD_GRACE && run_past_survives(step); waited += 50)
		pause_for(50);
	if (run_past_survives(step))
		kill((pid_t)-step->pid, SIGKILL);
}

static int wait_for_step(const struct run_past_step *step, struct error *err)
{
	while (run_past_survives(step) && !interrupt_signal())
		pause_for(50);
	return interrupt_check(err);
}

static int wait_for_halt(const struct run_past_halt *halt, const struct call *call,
			 struct error *err)
{
	if (halt->pid > 0 && process_runs(halt->pid, halt->started))
		call_note(call, "a command of %s still runs (pid %lld): waiting for its end",
			  halt->name, (long long)halt->pid);
	while (halt->pid > 0 && process_runs(halt->pid, halt->started) && !interrupt_signal())
		pause_for(50);
	return interrupt_check(err);
}

int interrupted_end_survivors(const struct interrupted *found, const struct call *call,
			      struct error *err)
{
	const struct run_past *past = found->past;

	if (found->rollback && interrupted_end_survivors(found->rollback, call, err) < 0)
		return -1;
	if (!is_of_this_boot(found))
		return 0;
	for (size_t i = 0; i < past->steps.count; i++) {
		const struct run_past_step *step = &past->steps.items[i];
		bool production = step->go_live || past->live;

		if (!run_past_survives(step))
			continue;
		call_note(call, "%s.%s of the interrupted deploy still runs (pid %lld): %s",
			  step->stage, step->name, (long long)step->pid,
			  production ? "waiting for its end" : "stopping it");
		if (!production)
			stop_survivor(step);
		if (wait_for_step(step, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < past->halts.count; i++)
		if (wait_for_halt(&past->halts.items[i], call, err) < 0)
			return -1;
	return 0;
}
