/* The keeper: one thread that renews a lease, and what others ask of it. */
#include "run/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "proc/loop.h"
#include "proc/machine.h"

enum {
	RENEW_EVERY = 30000,	/* ms; a fourth of the length when that is less */
	RETRY_LEAST = 200,
	NOTE_AFTER = 1000,	/* ms for which notes are gathered */
};

struct keeper {
	/* Held through each use of the store, the lease and the arena. */
	pthread_mutex_t store_mutex;
	struct store *store;
	const char *env;
	struct lease *lease;
	struct arena arena;
	bool freed;
	const char *token; /* these two never change: any thread reads them */
	int64_t length;

	pthread_mutex_t mutex; /* for what follows, never held for long */
	struct lease_news news; /* to be written yet */
	json_t *work;
	bool pending, ending;
	int64_t due; /* machine_clock: when what is pending is to be written */
	int64_t good; /* machine_clock when the last write that was done began */
	bool lost, stop_asked, lost_told, stop_told;
	char lost_text[512], stop_text[512];
	struct loop_waker *waker;
	keeper_news_fn *call;
	void *context;

	pthread_t thread;
	int wake[2]; /* a pipe that ends the thread's wait */
};

static int64_t renew_every(const struct keeper *self)
{
	int64_t fourth = self->length / 4;
	return fourth < RENEW_EVERY ? fourth : RENEW_EVERY;
}

/* For how long after a write nobody else can have taken it, with a margin for our own doings. */
static int64_t trusted_for(const struct keeper *self)
{
	return self->length - self->length / 8;
}

static void wake_thread(struct keeper *self)
{
	ssize_t written = write(self->wake[1], "", 1);
	(void)written; /* a full pipe wakes it too */
}

static void tell_loop(struct keeper *self)
{
	pthread_mutex_lock(&self->mutex);
	if (self->waker && ((self->lost && !self->lost_told) ||
			    (self->stop_asked && !self->stop_told)))
		loop_wake(self->waker);
	pthread_mutex_unlock(&self->mutex);
}

/* ---- writing; with store_mutex held ---- */

static void note_lost(struct keeper *self)
{
	const struct lease *now = self->lease;
	pthread_mutex_lock(&self->mutex);
	self->lost = true;
	if (now->token)
		snprintf(self->lost_text, sizeof(self->lost_text),
			 "the lease of '%s' was lost: %s on %s has it now (%s)", self->env,
			 now->holder ? now->holder : "somebody", now->host ? now->host : "?",
			 now->command ? now->command : "?");
	else
		snprintf(self->lost_text, sizeof(self->lost_text),
			 "the lease of '%s' was lost: somebody ended it", self->env);
	pthread_mutex_unlock(&self->mutex);
}

static void note_stop(struct keeper *self)
{
	const struct lease *now = self->lease;
	pthread_mutex_lock(&self->mutex);
	self->stop_asked = true;
	snprintf(self->stop_text, sizeof(self->stop_text), "%s asked this deploy to stop%s%s",
		 now->stop_by, now->stop_reason ? ": " : "",
		 now->stop_reason ? now->stop_reason : "");
	pthread_mutex_unlock(&self->mutex);
}

struct taken_news {
	struct lease_news news;
	json_t *work;
	bool any;
};

static struct taken_news news_take(struct keeper *self)
{
	pthread_mutex_lock(&self->mutex);
	struct taken_news taken = {
		{self->news.phase, self->work}, self->work, self->pending};
	self->news.phase = -1;
	self->work = NULL;
	self->pending = false;
	pthread_mutex_unlock(&self->mutex);
	return taken;
}

/* What could not be written waits for the next time, unless something newer does. */
static void news_give_back(struct keeper *self, struct taken_news *taken)
{
	pthread_mutex_lock(&self->mutex);
	if (self->news.phase < 0)
		self->news.phase = taken->news.phase;
	if (!self->work) {
		self->work = taken->work;
		taken->work = NULL;
	}
	self->pending = self->pending || taken->any;
	pthread_mutex_unlock(&self->mutex);
}

static bool is_over(struct keeper *self)
{
	pthread_mutex_lock(&self->mutex);
	bool over = self->lost;
	pthread_mutex_unlock(&self->mutex);
	return over || self->freed;
}

static int renew(struct keeper *self, struct error *err)
{
	int64_t begun = machine_clock();
	enum lease_kept kept = LEASE_LOST;
	if (is_over(self))
		return 0;
	struct taken_news taken = news_take(self);
	int status = lease_renew(self->store, &self->arena, self->env, self->lease, &taken.news,
				 &kept, err);
	if (status < 0) {
		news_give_back(self, &taken);
	} else if (kept == LEASE_LOST) {
		note_lost(self);
	} else {
		pthread_mutex_lock(&self->mutex);
		self->good = begun;
		pthread_mutex_unlock(&self->mutex);
		if (kept == LEASE_STOP_ASKED)
			note_stop(self);
	}
	json_decref(taken.work);
	return status;
}

static int renew_locked(struct keeper *self, struct error *err)
{
	pthread_mutex_lock(&self->store_mutex);
	int status = renew(self, err);
	pthread_mutex_unlock(&self->store_mutex);
	tell_loop(self);
	return status;
}

/* ---- the thread ---- */

/* Waits for so many ms, or until it is woken. False: it is to end. */
static bool wait_for(struct keeper *self, int64_t milliseconds)
{
	struct pollfd woken = {.fd = self->wake[0], .events = POLLIN};
	char bytes[64];
	if (milliseconds > 0 && poll(&woken, 1, (int)milliseconds) > 0)
		while (read(self->wake[0], bytes, sizeof(bytes)) > 0)
			;
	pthread_mutex_lock(&self->mutex);
	bool ending = self->ending;
	pthread_mutex_unlock(&self->mutex);
	return !ending;
}

static int64_t last_good(struct keeper *self)
{
	pthread_mutex_lock(&self->mutex);
	int64_t good = self->good;
	pthread_mutex_unlock(&self->mutex);
	return good;
}

/* When the thread is to write next; failed: when the last try failed, or 0. */
static int64_t next_write(struct keeper *self, int64_t failed)
{
	int64_t every = renew_every(self), retry = every / 4;
	if (failed)
		return failed + (retry > RETRY_LEAST ? retry : RETRY_LEAST);
	pthread_mutex_lock(&self->mutex);
	int64_t next = self->good + every;
	if (self->pending && self->due < next)
		next = self->due;
	pthread_mutex_unlock(&self->mutex);
	return next;
}

static void *keep(void *context)
{
	struct keeper *self = context;
	int64_t failed = 0;
	while (wait_for(self, next_write(self, failed) - machine_clock())) {
		if (machine_clock() < next_write(self, failed))
			continue;
		struct error err = {0};
		failed = renew_locked(self, &err) < 0 ? machine_clock() : 0;
		pthread_mutex_lock(&self->store_mutex);
		bool over = is_over(self);
		pthread_mutex_unlock(&self->store_mutex);
		if (over)
			break;
	}
	return NULL;
}

static int pipe_open(int ends[2], struct error *err)
{
	if (pipe(ends) < 0)
		return error_set_errno(err, errno, "cannot open a pipe");
	for (int i = 0; i < 2; i++) {
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
		fcntl(ends[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static void keeper_free(struct keeper *self)
{
	loop_waker_free(self->waker);
	close(self->wake[0]);
	close(self->wake[1]);
	json_decref(self->work);
	lease_release(self->lease);
	pthread_mutex_destroy(&self->store_mutex);
	pthread_mutex_destroy(&self->mutex);
	arena_release(&self->arena);
	free(self);
}

/* Signals belong to the main thread. */
static int thread_start(struct keeper *self)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&self->thread, NULL, keep, self);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

struct keeper *keeper_start(const struct keeper_options *options, struct error *err)
{
	struct keeper *self = calloc(1, sizeof(*self));
	if (!self)
		abort();
	if (pipe_open(self->wake, err) < 0) {
		free(self);
		return NULL;
	}
	self->store = options->store;
	self->env = arena_string(&self->arena, options->env);
	self->lease = options->lease;
	self->token = arena_string(&self->arena, self->lease->token);
	self->length = self->lease->length;
	self->news = (struct lease_news)LEASE_NEWS_INIT;
	self->good = options->taken;
	pthread_mutex_init(&self->store_mutex, NULL);
	pthread_mutex_init(&self->mutex, NULL);
	int result = thread_start(self);
	if (!result)
		return self;
	json_incref(self->lease->body); /* it stays the caller's */
	keeper_free(self);
	error_set_errno(err, result, "cannot start a thread that keeps the lease");
	return NULL;
}

static void thread_end(struct keeper *self)
{
	pthread_mutex_lock(&self->mutex);
	self->ending = true;
	pthread_mutex_unlock(&self->mutex);
	wake_thread(self);
	pthread_join(self->thread, NULL);
}

int keeper_end(struct keeper *self, struct error *err)
{
	if (!self)
		return 0;
	thread_end(self);
	int status = is_over(self) ? 0
				   : lease_free(self->store, &self->arena, self->env, self->lease,
						err);
	keeper_free(self);
	return status;
}

void keeper_leave(struct keeper *self)
{
	if (!self)
		return;
	thread_end(self);
	keeper_free(self);
}

/* ---- what others ask ---- */

const char *keeper_token(const struct keeper *self)
{
	return self ? self->token : NULL;
}

struct store *keeper_borrow(struct keeper *self)
{
	if (!self)
		return NULL;
	pthread_mutex_lock(&self->store_mutex);
	return self->store;
}

void keeper_return(struct keeper *self)
{
	if (!self)
		return;
	pthread_mutex_unlock(&self->store_mutex);
	tell_loop(self);
}

static void news_set(struct keeper *self, int phase, const json_t *work, int64_t after)
{
	int64_t due = machine_clock() + after;
	pthread_mutex_lock(&self->mutex);
	if (!self->pending || due < self->due)
		self->due = due;
	self->news.phase = phase;
	if (work) {
		json_decref(self->work);
		self->work = json_deep_copy(work);
	}
	self->pending = true;
	pthread_mutex_unlock(&self->mutex);
}

/* -1 when it is known to be lost. */
static int check_lost(struct keeper *self, struct error *err)
{
	pthread_mutex_lock(&self->mutex);
	bool lost = self->lost;
	if (lost) {
		error_set(err, "%s", self->lost_text);
		error_hint(err, "look at it and at `shipit -e %s status` before you deploy again",
			   self->env);
		error_code(err, EXIT_REFUSED);
	}
	pthread_mutex_unlock(&self->mutex);
	return lost ? -1 : 0;
}

int keeper_set(struct keeper *self, enum lease_phase phase, const json_t *work, struct error *err)
{
	if (!self)
		return 0;
	news_set(self, (int)phase, work, 0);
	if (renew_locked(self, err) < 0)
		return error_wrap(err, "the lease cannot be verified");
	return check_lost(self, err);
}

void keeper_note(struct keeper *self, enum lease_phase phase, const json_t *work)
{
	if (!self)
		return;
	news_set(self, (int)phase, work, work || phase == LEASE_BEHIND ? 0 : NOTE_AFTER);
	wake_thread(self);
}

int keeper_verify(struct keeper *self, struct error *err)
{
	if (!self)
		return 0;
	if (check_lost(self, err) < 0)
		return -1;
	if (machine_clock() - last_good(self) < trusted_for(self))
		return 0;
	if (renew_locked(self, err) < 0) {
		error_wrap(err, "the lease of '%s' was not renewed for too long", self->env);
		return error_code(err, EXIT_REFUSED);
	}
	return check_lost(self, err);
}

bool keeper_change(struct keeper *self, int phase, struct store_change *change)
{
	if (!self || is_over(self))
		return false;
	const struct lease_news news = {.phase = phase};
	*change = (struct store_change){
		.name = LEASE_ENTRY,
		.value = phase >= 0 ? lease_body(self->lease, &news) : NULL,
		.expected = self->lease->version,
	};
	return true;
}

void keeper_changed(struct keeper *self, const struct store_change *change)
{
	if (!change->value)
		self->freed = true;
	else
		lease_set_body(self->lease, &self->arena, json_incref(change->value),
			       change->version);
}

void keeper_look_again(struct keeper *self)
{
	struct error ignored = {0};
	struct lease now;
	if (!self || is_over(self) ||
	    lease_read(self->store, &self->arena, self->env, &now, &ignored) < 0)
		return;
	bool ours = now.token && text_equal(now.token, self->lease->token);
	lease_release(self->lease);
	*self->lease = now;
	if (!ours)
		note_lost(self);
}

static void loop_woken(void *context)
{
	struct keeper *self = context;
	pthread_mutex_lock(&self->mutex);
	bool lost = self->lost && !self->lost_told, stop = self->stop_asked && !self->stop_told;
	self->lost_told = self->lost_told || lost;
	self->stop_told = self->stop_told || stop;
	pthread_mutex_unlock(&self->mutex);
	if (stop && self->call)
		self->call(self->context, KEEPER_STOP, self->stop_text);
	if (lost && self->call)
		self->call(self->context, KEEPER_LOST, self->lost_text);
}

int keeper_listen(struct keeper *self, struct loop *loop, keeper_news_fn *call, void *context,
		  struct error *err)
{
	if (!self)
		return 0;
	struct loop_waker *waker = NULL;
	if (call) {
		waker = loop_waker_new(loop, loop_woken, self, err);
		if (!waker)
			return -1;
	}
	pthread_mutex_lock(&self->mutex);
	struct loop_waker *before = self->waker;
	self->waker = waker;
	self->call = call;
	self->context = context;
	pthread_mutex_unlock(&self->mutex);
	loop_waker_free(before);
	tell_loop(self);
	return 0;
}
