/* A deploy's maintenance: before its go-live stage and behind it, whatever came of that. */
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "run/maintenance.h"
#include "run/run_internal.h"

static int announce(void *context, struct error *err)
{
	return work_set(context, LEASE_MAINTENANCE, err);
}

static void changed(void *context)
{
	work_note(context);
}

static bool may_go_on(void *context)
{
	return run_may_go_on(context);
}

int halts_prepare(struct run *run, struct error *err)
{
	const struct run_options *options = run->options;
	const struct maintenance_config *config = &options->config->maintenance;
	struct maintenance_options maintenance = {
		.loop = run->loop,
		.arena = run->arena,
		.events = run->events,
		.journal = run->journal,
		.directory = options->root,
		.environment = run->environment,
		.logs = path_join(run->arena, options->folder, "logs"),
		.grace = options->grace,
		.kept = options->kept_halts,
		.stopped = options->stopped_halts,
		.announce = announce,
		.may_go_on = may_go_on,
		.changed = changed,
		.context = run,
	};

	if ((run->tasks_alone || !run->plan->maintenance) && !options->stopped_halts)
		return 0;
	if (maintenance_check(config, err))
		return -1;
	run->maintenance = maintenance_new(config, &maintenance);
	return 0;
}

/* The log of what printed something. */
static const char *told_in(const char *log)
{
	struct stat status;

	return log && !stat(log, &status) && status.st_size ? log : NULL;
}

static void fail(struct run *run, const char *reason)
{
	const struct maintenance_failure *failure = maintenance_failed(run->maintenance);

	run_fail(run, MAINTENANCE_STAGE, failure ? failure->halt : NULL,
		 failure ? failure->reason : reason,
		 failure ? told_in(failure->log) : NULL);
}

bool halts_stop(struct run *run)
{
	struct error err = {0};
	int result;

	if (!run->maintenance || !run->plan->maintenance)
		return true;
	run->phase = RUN_HALTING;
	run->signals = 0;
	run->waiting = true;
	result = maintenance_on(run->maintenance, &err);
	run->waiting = false;
	if (result && err.message[0])
		fail(run, err.message);
	if (result && err.hint[0])
		text_list_add(run->arena, &run->result->advice, arena_string(run->arena, err.hint));
	return !result;
}

/* Whether what a failed undo left behind keeps halts stopped. */
static bool held(const struct run *run)
{
	const struct run_result *result = run->result;

	return run->options->config->maintenance.hold && result->touched && !result->live &&
	       !result->undone;
}

static void note_halted(struct run *run)
{
	json_t *left = maintenance_json(run->maintenance);

	json_decref(run->result->halted);
	run->result->halted = json_array_size(left) ? json_incref(left) : NULL;
	json_decref(left);
}

void halts_start(struct run *run)
{
	if (!run->maintenance || run->halts_over)
		return;
	run->halts_over = true;
	if (held(run)) {
		event_message(run->events, LEVEL_WARNING,
			      "an undo failed: what was halted stays so (if_undo_fails: hold)");
	} else {
		run->phase = RUN_STARTING;
		run->signals = 0;
		run->waiting = true;
		if (maintenance_off(run->maintenance))
			fail(run, NULL);
		run->waiting = false;
	}
	note_halted(run);
}

void halts_interrupt(struct run *run)
{
	static const char *const words[] = {"", "interrupted", "interrupted again: stopping",
					    "interrupted again: killing"};
	int times = run->signals < 3 ? run->signals : 3;

	event_message(run->events, LEVEL_WARNING, "%s%s", words[times],
		      times > 1 ? " what runs; what was halted is started again all the same"
		      : run->phase == RUN_HALTING ? ": what was halted is started again"
						  : ": what was halted is started again first");
	maintenance_interrupt(run->maintenance);
}

void halts_advise(struct run *run)
{
	struct text_list *advice = &run->result->advice;
	const json_t *halt;
	size_t i;

	json_array_foreach(run->result->halted, i, halt)
	{
		const char *name = json_string_value(json_object_get(halt, "halt"));
		bool page = text_equal(name, MAINTENANCE_PAGE);
		struct buffer command;

		buffer_init(&command, (size_t)64 << 10);
		maintenance_command(halt, &command);
		text_list_add(run->arena, advice,
			      arena_format(run->arena,
					   page ? "The %s is still shown. Take it away: %s"
						: "%s does not run. Start it: %s",
					   page ? "maintenance page" : name, command.data));
		buffer_release(&command);
	}
	if (run->result->halted)
		text_list_add(run->arena, advice,
			      arena_format(run->arena,
					   "All of it at once: shipit -e %s maintenance off",
					   run->options->identity.env));
}
