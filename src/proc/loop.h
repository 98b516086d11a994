/* The loop: one thread runs a deploy; timers, signals and off-loop work come through here. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct loop;
struct uv_loop_s;

/* NULL with err. Everything started on a loop must have ended before loop_free; what was left is
 * closed there. */
struct loop *loop_new(struct error *err) MUST_USE;
void loop_free(struct loop *loop);
/* For net, whose libcurl needs libuv's own handles. */
struct uv_loop_s *loop_uv(struct loop *loop);

/* Runs until loop_stop is called (returns 0) or nothing is left that could happen (returns -1). */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Calls for what has happened already, without waiting. */
void loop_poll(struct loop *loop);
/* Monotonic milliseconds of this pass, cheap. */
int64_t loop_now(const struct loop *loop);

/* Calls after delay ms, then every `every` ms (0: once). */
struct loop_timer;
struct loop_timer *loop_timer_start(struct loop *loop, int64_t delay, int64_t every,
				    void (*call)(void *context), void *context);
/* A new delay for the same timer, running or over; cheap enough for every chunk of output. */
void loop_timer_again(struct loop_timer *timer, int64_t delay);
/* Ends and frees it, from its own call too. NULL is allowed. */
void loop_timer_stop(struct loop_timer *timer);

/* SIGINT, SIGTERM and SIGHUP go to call instead of ending the program, until call is NULL. -1 also
 * when one has come before (interrupt.h). */
int loop_on_signal(struct loop *loop, void (*call)(void *context, int signal), void *context,
		   struct error *err) MUST_USE;

/* Calls each time before the loop waits for something to happen: what was gathered meanwhile goes
 * out then. NULL ends it. */
void loop_before_wait(struct loop *loop, void (*call)(void *context), void *context);

/* work runs on another thread, then done on the loop. */
int loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
	      void *context, struct error *err) MUST_USE;
/* The same on a thread of its own: for what takes long, or itself waits for loop_work (whose
 * threads are few). No signal is handled on it. */
int loop_thread(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
		void *context, struct error *err) MUST_USE;

/* Calls on the loop's thread soon after loop_wake was called from any other; several wakes may be
 * one call. It keeps no loop running. */
struct loop_waker;
struct loop_waker *loop_waker_new(struct loop *loop, void (*call)(void *context), void *context,
				  struct error *err) MUST_USE;
void loop_wake(struct loop_waker *waker);
/* No wake may come any more. NULL is allowed. */
void loop_waker_free(struct loop_waker *waker);

/* SIGINT, SIGTERM and SIGHUP wait until signals_let: what is begun is done whole. For the calling
 * thread and those that it starts. */
void signals_hold(void);
void signals_let(void);
