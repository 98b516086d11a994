/* A signal before anything runs is remembered; whoever waits looks. */
#include "proc/interrupt.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int arrived; /* set by a handler, read by the lease's thread too */
static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal's handler must not wait for a lock");

static void on_signal(int number)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&arrived, &none, number))
		_exit(128 + number);
}

void interrupt_watch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	/* No SA_RESTART: a read from the terminal must end. */
	struct sigaction action = {.sa_handler = on_signal}, now;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		bool ignored = !sigaction(numbers[i], NULL, &now) && now.sa_handler == SIG_IGN;

		if (!ignored || numbers[i] != SIGHUP)	/* nohup stays nohup */
			sigaction(numbers[i], &action, NULL);
	}
}

int interrupt_take(void)
{
	return atomic_exchange(&arrived, 0);
}

void interrupt_give_back(int number)
{
	int none = 0;

	atomic_compare_exchange_strong(&arrived, &none, number);
}

int interrupt_signal(void)
{
	return arrived;
}

int interrupt_check(struct error *err)
{
	return arrived ? error_set(err, "interrupted") : 0;
}
