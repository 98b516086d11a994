/* libuv's loop with what a deploy needs of it: timers, signals, work on other threads. */
#include "proc/interrupt.h"
#include "proc/loop_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct loop_timer {
	uv_timer_t uv;
	void (*call)(void *context);
	void *context;
	int64_t every;
};

struct loop_task {
	uv_work_t uv;
	void (*work)(void *context);
	void (*done)(void *context);
	void *context;
};

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);
	if (!memory)
		abort();
	return memory;
}

struct loop *loop_new(struct error *err)
{
	struct loop *loop = allocate(sizeof(*loop));
	loop->null_input = -1;
	int result = uv_loop_init(&loop->uv);
	if (result) {
		error_set(err, "cannot start the event loop: %s", uv_strerror(result));
		free(loop);
		return NULL;
	}
	return loop;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	if (loop->null_input >= 0)
		close(loop->null_input);
	free(loop->read_buffer);
	free(loop);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped && uv_run(&loop->uv, UV_RUN_ONCE))
		;
	return loop->stopped ? 0 : -1;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	uv_stop(&loop->uv);
}

void loop_poll(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_NOWAIT);
}

int64_t loop_now(const struct loop *loop)
{
	return (int64_t)uv_now(&loop->uv);
}

static void timer_fired(uv_timer_t *uv)
{
	struct loop_timer *timer = uv->data;
	timer->call(timer->context);
}

struct loop_timer *loop_timer_start(struct loop *loop, int64_t delay, int64_t every,
				    void (*call)(void *context), void *context)
{
	struct loop_timer *timer = allocate(sizeof(*timer));
	timer->call = call;
	timer->context = context;
	timer->every = every;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	loop_timer_again(timer, delay);
	return timer;
}

void loop_timer_again(struct loop_timer *timer, int64_t delay)
{
	uv_timer_start(&timer->uv, timer_fired, delay > 0 ? (uint64_t)delay : 0,
		       (uint64_t)timer->every);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void loop_timer_stop(struct loop_timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->uv, timer_closed);
}

static void signal_arrived(uv_signal_t *uv, int signal)
{
	struct loop *loop = uv->data;
	if (loop->on_signal)
		loop->on_signal(loop->signal_context, signal);
}

int loop_on_signal(struct loop *loop, void (*call)(void *context, int signal), void *context,
		   struct error *err)
{
	static const int numbers[LOOP_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
	loop->on_signal = call;
	loop->signal_context = context;
	for (int i = 0; i < LOOP_SIGNALS && !loop->signals_open; i++) {
		uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
		uv_unref((uv_handle_t *)&loop->signals[i]);
	}
	loop->signals_open = true;
	for (int i = 0; i < LOOP_SIGNALS; i++) {
		struct sigaction now;
		bool ignored = !sigaction(numbers[i], NULL, &now) && now.sa_handler == SIG_IGN;
		int result = 0;
		if (!call)
			uv_signal_stop(&loop->signals[i]);
		else if (!ignored || numbers[i] != SIGHUP)	/* nohup stays nohup */
			result = uv_signal_start(&loop->signals[i], signal_arrived, numbers[i]);
		if (result)
			return error_set(err, "cannot watch for signals: %s", uv_strerror(result));
	}
	return call ? interrupt_check(err) : 0;
}

static void about_to_wait(uv_prepare_t *uv)
{
	struct loop *loop = uv->data;
	loop->before_wait(loop->before_wait_context);
}

void loop_before_wait(struct loop *loop, void (*call)(void *context), void *context)
{
	if (!loop->prepare_open) {
		uv_prepare_init(&loop->uv, &loop->prepare);
		loop->prepare.data = loop;
		loop->prepare_open = true;
	}
	loop->before_wait = call;
	loop->before_wait_context = context;
	if (!call) {
		uv_prepare_stop(&loop->prepare);
		return;
	}
	uv_prepare_start(&loop->prepare, about_to_wait);
	uv_unref((uv_handle_t *)&loop->prepare);
}

static void task_work(uv_work_t *uv)
{
	struct loop_task *task = uv->data;
	task->work(task->context);
}

static void task_done(uv_work_t *uv, int status)
{
	struct loop_task *task = uv->data;
	(void)status;
	task->done(task->context);
	free(task);
}

int loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
	      void *context, struct error *err)
{
	struct loop_task *task = allocate(sizeof(*task));
	*task = (struct loop_task){.work = work, .done = done, .context = context};
	task->uv.data = task;
	int result = uv_queue_work(&loop->uv, &task->uv, task_work, task_done);
	if (result) {
		free(task);
		return error_set(err, "cannot start a thread: %s", uv_strerror(result));
	}
	return 0;
}

struct loop_thread {
	uv_async_t ended;
	pthread_t thread;
	void (*work)(void *context);
	void (*done)(void *context);
	void *context;
};

static void *thread_work(void *context)
{
	struct loop_thread *thread = context;
	thread->work(thread->context);
	uv_async_send(&thread->ended);
	return NULL;
}

static void thread_closed(uv_handle_t *handle)
{
	struct loop_thread *thread = handle->data;
	if (thread->done)
		thread->done(thread->context);
	free(thread);
}

static void thread_ended(uv_async_t *ended)
{
	struct loop_thread *thread = ended->data;
	pthread_join(thread->thread, NULL);
	uv_close((uv_handle_t *)ended, thread_closed);
}

static int thread_start(struct loop_thread *thread)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&thread->thread, NULL, thread_work, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

int loop_thread(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
		void *context, struct error *err)
{
	struct loop_thread *thread = allocate(sizeof(*thread));
	*thread = (struct loop_thread){.work = work, .done = done, .context = context};
	int result = uv_async_init(&loop->uv, &thread->ended, thread_ended);
	if (result) {
		free(thread);
		return error_set(err, "cannot start a thread: %s", uv_strerror(result));
	}
	thread->ended.data = thread;
	result = thread_start(thread);
	if (result) {
		thread->done = NULL;
		uv_close((uv_handle_t *)&thread->ended, thread_closed);
		return error_set_errno(err, result, "cannot start a thread");
	}
	return 0;
}

struct loop_waker {
	uv_async_t uv;
	void (*call)(void *context);
	void *context;
};

static void woken(uv_async_t *uv)
{
	struct loop_waker *waker = uv->data;
	waker->call(waker->context);
}

struct loop_waker *loop_waker_new(struct loop *loop, void (*call)(void *context), void *context,
				  struct error *err)
{
	struct loop_waker *waker = allocate(sizeof(*waker));
	int result = uv_async_init(&loop->uv, &waker->uv, woken);
	if (result) {
		free(waker);
		error_set(err, "cannot listen to another thread: %s", uv_strerror(result));
		return NULL;
	}
	waker->call = call;
	waker->context = context;
	waker->uv.data = waker;
	uv_unref((uv_handle_t *)&waker->uv);
	return waker;
}

void loop_wake(struct loop_waker *waker)
{
	uv_async_send(&waker->uv);
}

static void waker_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void loop_waker_free(struct loop_waker *waker)
{
	if (waker)
		uv_close((uv_handle_t *)&waker->uv, waker_closed);
}
