/* Signals that wait until a thing is done. */
#include <pthread.h>
#include <signal.h>

#include "proc/loop.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
#define COUNT (sizeof(numbers) / sizeof(*numbers))

/* Which of them came during signals_note; a handler can be told nothing else. */
static volatile sig_atomic_t noted[COUNT];

static void change_mask(int how)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT; i++)
		sigaddset(&set, numbers[i]);
	pthread_sigmask(how, &set, NULL);
}

void signals_hold(void)
{
	change_mask(SIG_BLOCK);
}

void signals_let(void)
{
	change_mask(SIG_UNBLOCK);
}

static void note(int signal)
{
	for (size_t i = 0; i < COUNT; i++)
		if (numbers[i] == signal)
			noted[i] = 1;
}

bool signals_note(void (*call)(void *context), void *context)
{
	struct sigaction before[COUNT], noting = {.sa_handler = note};
	bool any = false;
	sigemptyset(&noting.sa_mask);
	for (size_t i = 0; i < COUNT; i++) {
		noted[i] = 0;
		sigaction(numbers[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(numbers[i], &noting, NULL);
	}
	signals_let();
	call(context);
	signals_hold();
	for (size_t i = 0; i < COUNT; i++) {
		sigaction(numbers[i], &before[i], NULL);
		if (noted[i])
			raise(numbers[i]);
		any = any || noted[i];
	}
	return any;
}
