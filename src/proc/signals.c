/* Signals that wait until a thing is done. */
#include <pthread.h>
#include <signal.h>

#include "proc/loop.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

static void change_mask(int how)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
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
