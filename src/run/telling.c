/* Those who tell outside services: when they may, and how long they are waited for. */
#include "proc/loop.h"
#include "run/run_internal.h"

/* A rollback within a deploy is told by that deploy's own. */
static const struct run_telling *own(const struct run *run)
{
	bool alone = run->options->nested || run->tasks_alone || run->recovers;

	return alone ? NULL : run->options->telling;
}

static void begin(struct run *run, const struct run_telling *telling)
{
	if (run->told_begun)
		return;
	run->told_begun = true;
	telling->begun(telling->context, &run->services);
}

void telling_begin(struct run *run)
{
	const struct run_telling *telling = own(run);

	if (telling && secrets_ready_notify(run))
		begin(run, telling);
}

static void make_ready(struct run *run, const struct run_telling *telling)
{
	if (run->told_ready)
		return;
	run->told_ready = true;
	begin(run, telling);
	telling->ready(telling->context, &run->services);
}

void telling_ready(struct run *run)
{
	const struct run_telling *telling = own(run);

	if (!telling)
		return;
	secrets_ready_outside(run);
	make_ready(run, telling);
}

void telling_passed(struct run *run)
{
	const struct run_telling *telling = run->options->telling;

	if (telling && !run->tasks_alone)
		telling->passed(telling->context, &run->options->identity);
}

void telling_wait(struct run *run)
{
	const struct run_telling *telling = own(run);

	if (!telling)
		return;
	run->looking = true;
	make_ready(run, telling);
	run->waiting = true;
	while (!run->signals && telling->busy(telling->context))
		if (loop_run(run->loop))
			break;
	run->waiting = false;
}
