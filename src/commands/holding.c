/* Taking the lease of an environment: look, take or queue, keep. */
#include "commands/holding.h"

#include <poll.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "proc/child.h"
#include "proc/interrupt.h"
#include "proc/loop.h"
#include "proc/machine.h"

enum {
	POLL = 1000,	/* ms between two looks of who waits; an eighth of short leases */
	RECENT = 8,	/* records that may be of this very second */
};

/* One try to get an environment, until it is ours or somebody stands in the way for good. */
struct attempt {
	struct session *session;
	const struct holding_options *options;
	struct holding *holding;
	const char *env;
	struct lock_facts lock;
	struct ticket ticket;	/* token NULL: not in the queue */
	int64_t beat_at, give_up_at;	/* machine_clock */
	const char *told;
};

static enum lock_obstacle obstacle_of(const struct lock_facts *lock,
				      const struct holding_options *options)
{
	enum lock_obstacle obstacle = lock_obstacle(lock);

	if ((obstacle == LOCK_INTERRUPTED || obstacle == LOCK_DAMAGED) && options->recovers)
		return LOCK_FREE;
	if ((obstacle == LOCK_HOLD || obstacle == LOCK_QUEUE) && options->past_hold)
		return LOCK_FREE;
	return obstacle;
}

int holding_check(struct session *session, const struct holding_options *options,
		  struct error *err)
{
	struct lock_facts lock;
	enum lock_obstacle obstacle;
	int result = 0;

	if (lock_read(session, session->config->env, &lock, err) < 0)
		return -1;
	obstacle = obstacle_of(&lock, options);
	if (obstacle != LOCK_FREE && !(options->patience && lock_is_worth_waiting(obstacle)))
		result = lock_refuse(session, &lock, obstacle, err);
	lock_release(&lock);
	return result;
}

int holding_check_hold(struct session *session, struct error *err)
{
	struct lock_facts lock = { .env = session->config->env };
	int held = hold_read(session->store, session->arena, lock.env,
			     clock_now(session->call->clock), &lock.hold, err);

	return held > 0 ? lock_refuse(session, &lock, LOCK_HOLD, err) : held;
}

/* ---- taking ---- */

static int make_folder(struct attempt *self, struct error *err)
{
	struct session *session = self->session;
	struct record_list recent;	/* as of now: who waited has older ones */
	const struct deploy_name name = { .commit = self->options->commit,
					  .now = clock_now(session->call->clock),
					  .records = &recent };
	int result;

	if (!self->options->with_folder)
		return 0;
	if (record_list_read(session->store, session->arena, self->env, RECENT, &recent, err) < 0)
		return -1;
	result = deploy_folder_create(session->arena, session->common_dir, &name,
				      &self->holding->folder, err);
	record_list_release(&recent);
	return result;
}

static void drop_folder(struct holding *holding)
{
	struct error ignored = { 0 };

	if (holding->folder.path && tree_remove(holding->folder.path, &ignored) < 0)
		call_note(holding->session->call, "%s", ignored.message);
	holding->folder = (struct deploy_folder){ 0 };
}

static void tell_overtaken(struct attempt *self)
{
	const struct lease *over = &self->lock.lease;
	char text[32];

	call_note(self->session->call,
		  "Taking over the lease of %s that %s on %s left behind (%s%s%s, before go-live): "
		  "it was not renewed for %s.", self->env, over->holder ? over->holder : "somebody",
		  over->host ? over->host : "?", over->command ? over->command : "deploy",
		  over->id ? " " : "", over->id ? over->id : "",
		  duration_format(text, over->length));
}

static int start_keeper(struct attempt *self, int64_t begun, struct error *err)
{
	struct holding *holding = self->holding;
	struct session *session = self->session;
	const struct keeper_options options = {
		.store = session->store, .env = self->env, .lease = &holding->lease, .taken = begun,
	};
	struct error ignored = { 0 };

	holding->keeper = keeper_start(&options, err);
	if (holding->keeper)
		return 0;
	if (lease_free(session->store, session->arena, self->env, &holding->lease, &ignored) < 0)
		call_note(session->call, "%s", ignored.message);
	lease_release(&holding->lease);
	return -1;
}

/* The queue without us and those who are gone, when that is worth writing. */
static size_t add_queue(struct attempt *self, struct store_change *changes)
{
	struct queue *queue = &self->lock.queue;

	if (self->ticket.token)
		queue_drop(queue, self->ticket.token);
	if (!queue->changed || !queue->version[0])
		return 0;
	changes[0] = queue_change(queue);
	return 1;
}

static struct lease_request request_of(struct attempt *self, struct store_change *also,
				       size_t count)
{
	const struct holding_options *options = self->options;
	struct session *session = self->session;
	struct lease_request request = {
		.env = self->env, .command = options->command,
		.id = options->with_folder ? self->holding->folder.id : options->id,
		.holder = session->deployer, .commit = options->commit,
		.previous = options->previous, .reason = options->reason,
		.since = clock_now(session->call->clock), .length = session->config->lease,
		.phase = options->phase, .also = also, .also_count = count,
	};

	if (!self->lock.leased)
		return request;
	request.over = &self->lock.lease;
	if (options->recovers && !self->lock.lease.damaged) {
		request.phase = self->lock.lease.phase;
		request.work = self->lock.lease.work;
	}
	return request;
}

/* 0 it is ours, 1 somebody was quicker, -1. */
static int take(struct attempt *self, struct error *err)
{
	struct session *session = self->session;
	struct holding *holding = self->holding;
	size_t given = self->options->also_count, own;
	struct store_change *also = arena_array(session->arena, given + 1, sizeof(*also));
	int64_t begun = machine_clock();
	int status;

	if (make_folder(self, err) < 0)
		return -1;
	for (size_t i = 0; i < given; i++)
		also[i] = self->options->also[i];
	own = add_queue(self, also + given);
	const struct lease_request request = request_of(self, also, given + own);
	signals_hold();
	status = lease_take(session->store, session->arena, &request, &holding->lease, err);
	signals_let();
	for (size_t i = 0; i < own; i++)
		json_decref(also[given + i].value);
	if (status != 0) {
		drop_folder(holding);
		if (status < 0 && !err->exit_code)
			error_code(err, EXIT_USAGE);
		if (status < 0 && !err->hint[0])
			error_hint(err, "the lease and the record of a deploy are kept there; "
				   "`state` in deploy.yml names other places");
		return status;
	}
	self->ticket.token = NULL;
	if (self->lock.leased) {
		holding->over = self->lock.lease;
		json_incref(holding->over.body);
		if (!self->options->recovers)
			tell_overtaken(self);
	}
	return start_keeper(self, begun, err);
}

/* ---- waiting ---- */

/* 0; a lost race is no matter: the next look tells. */
static int write_queue(struct attempt *self, struct error *err)
{
	struct store_change change = queue_change(&self->lock.queue);
	int status = store_write(self->session->store, self->env, &change, 1, err);

	json_decref(change.value);
	return status;
}

static struct ticket ticket_new(struct attempt *self)
{
	struct arena *arena = self->session->arena;
	char token[33], host[MACHINE_HOST], machine[MACHINE_NAME];

	random_hex(token, sizeof(token));
	return (struct ticket){
		.token = arena_string(arena, token), .holder = self->session->deployer,
		.host = arena_string(arena, machine_host(host)),
		.machine = arena_string(arena, machine_name(machine)),
		.pid = getpid(), .pid_started = process_start_time(getpid()),
		.since = clock_now(self->session->call->clock),
		.length = self->session->config->lease,
	};
}

/* Keeps our ticket in the queue alive. */
static int keep_ticket(struct attempt *self, struct error *err)
{
	int64_t now = machine_clock();
	int status;

	if (!self->ticket.token)
		self->ticket = ticket_new(self);
	if (queue_place(&self->lock.queue, self->ticket.token) >= 0 && now < self->beat_at)
		return 0;
	queue_set(&self->lock.queue, self->session->arena, &self->ticket);
	status = write_queue(self, err);
	if (status == 0)
		self->beat_at = now + self->ticket.length / 4;
	return status < 0 ? -1 : 0;
}

/* Out of the queue, so that nobody waits for us. Dying does the same, only later. */
static void leave_queue(struct attempt *self)
{
	struct error ignored = { 0 };
	int interrupted = interrupt_take();

	for (int try = 0; self->ticket.token && try < 5; try++) {
		if (try > 0 && lock_look_again(self->session, &self->lock, &ignored) < 0)
			break;
		queue_drop(&self->lock.queue, self->ticket.token);
		if (write_queue(self, &ignored) <= 0)
			break;
	}
	self->ticket.token = NULL;
	interrupt_give_back(interrupted);
}

static void tell_waiting(struct attempt *self, enum lock_obstacle obstacle)
{
	struct session *session = self->session;
	int place = self->ticket.token ? queue_place(&self->lock.queue, self->ticket.token) : 0;
	const char *key = arena_format(session->arena, "%s %d %d",
				       self->lock.leased ? self->lock.lease.token : "",
				       (int)self->lock.lease.phase, place);

	if (text_equal(key, self->told))
		return;
	self->told = key;
	call_note(session->call, "waiting: %s%s",
		  lock_sentence(session->arena, &self->lock, obstacle,
				clock_now(session->call->clock)),
		  place > 0 ? arena_format(session->arena, " (%d before you)", place) : "");
}

static void wait_a_little(const struct attempt *self)
{
	int64_t pause = self->session->config->lease / 8;

	pause = pause < POLL ? pause : POLL;
	pause += random_below((uint32_t)pause + 1) / 4;
	poll(NULL, 0, (int)pause);
}

/* Our turn: nobody has it, and nobody in the queue was there before us. */
static bool is_our_turn(const struct attempt *self, enum lock_obstacle obstacle)
{
	if (obstacle == LOCK_FREE)
		return true;
	return obstacle == LOCK_QUEUE && self->ticket.token &&
	       queue_place(&self->lock.queue, self->ticket.token) == 0;
}

static int give_up(struct attempt *self, enum lock_obstacle obstacle, struct error *err)
{
	char text[32];

	lock_refuse(self->session, &self->lock, obstacle, err);
	return error_wrap(err, "waited for %s in vain",
			  duration_format(text, self->options->patience));
}

/* Waits for the next look. 0 look again, -1 do not. */
static int wait_once(struct attempt *self, enum lock_obstacle obstacle, struct error *err)
{
	if (!self->options->patience || !lock_is_worth_waiting(obstacle))
		return lock_refuse(self->session, &self->lock, obstacle, err);
	if (machine_clock() >= self->give_up_at)
		return give_up(self, obstacle, err);
	if (keep_ticket(self, err) < 0)
		return -1;
	tell_waiting(self, obstacle);
	wait_a_little(self);
	return interrupt_check(err);
}

static int get(struct attempt *self, struct error *err)
{
	int status = lock_read(self->session, self->env, &self->lock, err);

	while (status == 0) {
		enum lock_obstacle obstacle = obstacle_of(&self->lock, self->options);

		if (self->lock.leased && self->lock.state == LEASE_MINE)
			return make_folder(self, err);
		if (is_our_turn(self, obstacle)) {
			status = take(self, err);
			if (status <= 0)
				return status;
		} else if (wait_once(self, obstacle, err) < 0) {
			return -1;
		}
		status = lock_look_again(self->session, &self->lock, err);
	}
	return status;
}

int holding_take(struct session *session, const struct holding_options *options,
		 struct holding *holding, struct error *err)
{
	struct attempt attempt = {
		.session = session, .options = options, .holding = holding,
		.env = session->config->env, .give_up_at = machine_clock() + options->patience,
	};
	int status;

	*holding = (struct holding){ .session = session };
	status = get(&attempt, err);
	if (attempt.ticket.token)
		leave_queue(&attempt);
	lock_release(&attempt.lock);
	return status;
}

/* ---- having it ---- */

struct store *holding_borrow(struct holding *holding)
{
	struct store *store = keeper_borrow(holding->keeper);

	return store ? store : holding->session->store;
}

void holding_return(struct holding *holding)
{
	keeper_return(holding->keeper);
}

void holding_begun(struct holding *holding)
{
	holding->begun = true;
}

void holding_leave(struct holding *holding)
{
	holding->leave = true;
}

void holding_end(struct holding *holding)
{
	struct error err = { 0 };
	int interrupted = interrupt_take();

	if (holding->leave) {
		keeper_leave(holding->keeper);
	} else if (keeper_end(holding->keeper, &err) < 0) {
		call_note(holding->session->call, "the lease could not be freed: %s", err.message);
		call_note(holding->session->call, "  shipit -e %s recover frees it",
			  holding->session->config->env);
	}
	holding->keeper = NULL;
	lease_release(&holding->over);
	if (!holding->begun)
		drop_folder(holding);
	interrupt_give_back(interrupted);
}
