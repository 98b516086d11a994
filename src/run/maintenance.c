/* Stopping halts in order, and starting them again in reverse, whatever happens in between. */
#include "base/text.h"
#include "proc/loop.h"
#include "run/maintenance_internal.h"

static void note_failure(struct maintenance *maintenance, const struct halt *halt)
{
	if (maintenance->failure.halt)
		return;
	maintenance->failure = (struct maintenance_failure){
		.halt = halt->name, .reason = halt->reason, .log = halt->log};
}

static void wait_for_all(struct maintenance *maintenance)
{
	while (maintenance->active)
		if (loop_run(maintenance->options.loop))
			break;
}

static void say_let_alone(const struct halt *halt)
{
	event_message(halt->maintenance->options.events, LEVEL_INFO,
		      halt->kept ? "maintenance: %s was stopped by hand: it is left alone"
				 : "maintenance: %s is not running: it is left alone",
		      halt->name);
}

/* What runs is wanted stopped; -1 when that cannot be told of one. */
static int look_at_all(struct maintenance *maintenance, struct error *err)
{
	for (size_t i = 0; i < maintenance->count; i++)
		if (!maintenance->halts[i].kind->blind)
			halt_begin(&maintenance->halts[i], HALT_LOOK);
	wait_for_all(maintenance);
	for (size_t i = 0; i < maintenance->count && !maintenance->signals; i++) {
		struct halt *halt = &maintenance->halts[i];

		if (!halt->failed)
			continue;
		note_failure(maintenance, halt);
		error_set(err, "nobody can tell whether %s runs: %s", halt->name, halt->reason);
		return error_hint(err, "Nothing was stopped. See to maintenance.halts.%s in "
				  "deploy.yml.", halt->name);
	}
	if (maintenance->signals)
		return -1;
	for (size_t i = 0; i < maintenance->count; i++) {
		struct halt *halt = &maintenance->halts[i];

		halt->wanted = halt->kind->blind ? !halt->kept : halt->runs != HALT_STANDS;
		if (halt->wanted && !halt->stopped)
			halt_narrow(halt);
		else if (!halt->wanted && !halt->stopped)
			say_let_alone(halt);
	}
	return 0;
}

/* Several at once where that is allowed: from index first up to the first one behind them. */
static size_t stop_some(struct maintenance *maintenance, size_t first)
{
	size_t next = first;

	do {
		struct halt *halt = &maintenance->halts[next++];

		if (halt->wanted)
			halt_begin(halt, HALT_STOP);
	} while (maintenance->together && next < maintenance->count &&
		 !maintenance->halts[next - 1].kind->blind);
	wait_for_all(maintenance);
	return next;
}

static bool may_go_on(const struct maintenance *maintenance)
{
	const struct maintenance_options *options = &maintenance->options;

	return !options->may_go_on || options->may_go_on(options->context);
}

static int stop_all(struct maintenance *maintenance, struct error *err)
{
	for (size_t next = 0; next < maintenance->count;) {
		size_t first = next;

		if (maintenance->signals || !may_go_on(maintenance))
			return -1;
		next = stop_some(maintenance, first);
		for (; first < next; first++) {
			const struct halt *halt = &maintenance->halts[first];

			if (!halt->wanted || !halt->failed)
				continue;
			note_failure(maintenance, halt);
			return error_set(err, "%s could not be stopped: %s", halt->name,
					 halt->reason);
		}
	}
	return maintenance->signals ? -1 : 0;
}

static bool wants_any(const struct maintenance *maintenance)
{
	for (size_t i = 0; i < maintenance->count; i++)
		if (maintenance->halts[i].wanted)
			return true;
	return false;
}

int maintenance_on(struct maintenance *maintenance, struct error *err)
{
	const struct maintenance_options *options = &maintenance->options;
	int result;

	error_clear(err);
	maintenance->signals = 0;
	result = look_at_all(maintenance, err);
	if (result == 0 && wants_any(maintenance) && options->announce)
		result = options->announce(options->context, err);
	if (result == 0)
		result = stop_all(maintenance, err);
	for (size_t i = 0; i < maintenance->count; i++)
		maintenance->halts[i].wanted = false;
	return result;
}

static void shout(const struct halt *halt)
{
	const struct maintenance_options *options = &halt->maintenance->options;
	struct event event = {
		.type = EVENT_MESSAGE, .level = LEVEL_ERROR, .bell = true, .exit_code = -1};
	json_t *how = halt_json(halt);
	struct buffer command;

	buffer_init(&command, (size_t)64 << 10);
	maintenance_command(how, &command);
	event.text = arena_format(options->arena, "%s %s: %s. Now type: %s",
				  halt->kind->blind ? "the page was not taken away"
						    : halt->name,
				  halt->kind->blind ? "by its command" : "DOES NOT RUN AGAIN",
				  halt->reason, command.data);
	event_emit(options->events, &event);
	buffer_release(&command);
	json_decref(how);
}

static size_t start_some(struct maintenance *maintenance, size_t last)
{
	size_t next = last;

	do {
		struct halt *halt = &maintenance->halts[--next];

		if (halt->stopped)
			halt_begin(halt, HALT_START);
	} while (maintenance->together && next > 0 && !maintenance->halts[next - 1].kind->blind);
	wait_for_all(maintenance);
	return next;
}

int maintenance_off(struct maintenance *maintenance)
{
	int result = 0;

	maintenance->signals = 0;
	for (size_t next = maintenance->count; next > 0;)
		next = start_some(maintenance, next);
	for (size_t i = 0; i < maintenance->count; i++) {
		struct halt *halt = &maintenance->halts[i];

		if (!halt->stopped)
			continue;
		note_failure(maintenance, halt);
		shout(halt);
		result = -1;
	}
	return result;
}

void maintenance_interrupt(struct maintenance *maintenance)
{
	maintenance->signals++;
	for (size_t i = 0; i < maintenance->count; i++)
		halt_hurry(&maintenance->halts[i]);
}

struct text_list maintenance_stopped(const struct maintenance *maintenance)
{
	struct text_list names = {0};

	for (size_t i = 0; i < maintenance->count; i++)
		if (maintenance->halts[i].stopped)
			text_list_add(maintenance->options.arena, &names,
				      maintenance->halts[i].name);
	return names;
}

const struct maintenance_failure *maintenance_failed(const struct maintenance *maintenance)
{
	return maintenance->failure.halt ? &maintenance->failure : NULL;
}
