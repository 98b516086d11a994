/* A signal before anything runs is remembered; whoever waits looks. */
#include "proc/interrupt.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;

static void on_signal(int number)
{
	if (arrived)
		_exit(128 + number);
	arrived = number;
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
	int number = arrived;

	arrived = 0;
	return number;
}

void interrupt_give_back(int number)
{
	if (!arrived)
		arrived = number;
}

int interrupt_signal(void)
{
	return arrived;
}

int interrupt_check(struct error *err)
{
	return arrived ? error_set(err, "interrupted") : 0;
}
