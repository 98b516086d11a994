/* One act on one halt: its command, then looking until it stands or runs, all within its time. */
#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"
#include "crypto/redact.h"
#include "proc/loop.h"
#include "run/journal.h"
#include "run/maintenance_internal.h"
#include "state/deploys.h"

enum {
	FIRST_PAUSE = 50, /* ms between two looks; it doubles ... */
	SILENT_PAUSE = 200, /* ... from here on somebody is told ... */
	LAST_PAUSE = 1000, /* ... up to this */
	TRIES = 3, /* of a start that fails */
	TAIL = 4096, /* bytes of output that are shown */
};

static void look(struct halt *halt);
static void run_command(struct halt *halt);

static struct event event_of(const struct halt *halt, enum event_type type)
{
	return (struct event){.type = type, .halt = halt->name, .exit_code = -1};
}

static void emit_waiting(const struct halt *halt, const char *text)
{
	struct event event = {.type = EVENT_WAITING, .exit_code = -1, .text = text};

	event_emit(halt->maintenance->options.events, &event);
}

static void stop_timers(struct halt *halt)
{
	loop_timer_stop(halt->deadline);
	loop_timer_stop(halt->look_limit);
	loop_timer_stop(halt->again);
	halt->deadline = halt->look_limit = halt->again = NULL;
}

/* The act is over; reason NULL: it did what it should. */
static void settle(struct halt *halt, const char *reason)
{
	struct maintenance *maintenance = halt->maintenance;
	struct event event = event_of(halt, halt->act == HALT_STOP ? EVENT_MAINTENANCE_ON
								   : EVENT_MAINTENANCE_OFF);

	stop_timers(halt);
	buffer_release(&halt->answer);
	halt->failed = reason != NULL;
	halt->reason = reason;
	if (halt->act == HALT_START && !reason)
		halt->stopped = false;
	if (halt->pause > SILENT_PAUSE)
		emit_waiting(halt, "");
	event.status = reason ? STATUS_FAILED : STATUS_OK;
	event.reason = reason;
	event.duration = clock_monotonic() - halt->begun;
	if (halt->act != HALT_LOOK) {
		event_emit(maintenance->options.events, &event);
		if (maintenance->options.changed)
			maintenance->options.changed(maintenance->options.context);
	}
	if (--maintenance->active == 0)
		loop_stop(maintenance->options.loop);
}

static const char *too_late(const struct halt *halt)
{
	char text[32];

	return arena_format(halt->maintenance->options.arena, "%s within its timeout of %s",
			    halt->act == HALT_STOP ? "it did not stop" : "it did not start",
			    duration_format(text, halt->timeout));
}

static const char *why_not(const struct halt *halt)
{
	if (halt->problem)
		return halt->problem;
	if (halt->reason)
		return halt->reason;
	if (halt->late)
		return too_late(halt);
	return halt->act == HALT_STOP ? "it still runs" : "it does not run";
}

/* ---- what commands print ---- */

static void read_log(struct halt *halt, struct buffer *out)
{
	FILE *file = fopen(halt->log, "re");
	char bytes[TAIL];
	size_t count;
	struct stat status;
	int64_t from = halt->logged;

	if (!file)
		return;
	if (!fstat(fileno(file), &status) && status.st_size - from > TAIL)
		from = status.st_size - TAIL;
	if (!fseeko(file, (off_t)from, SEEK_SET) &&
	    (count = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buffer_add(out, bytes, count);
	fclose(file);
}

static void show_output(struct halt *halt, const struct buffer *bytes)
{
	struct event_hub *events = halt->maintenance->options.events;
	struct event_output output = {
		.stage = MAINTENANCE_STAGE, .step = halt->name, .stream = "stdout"};
	struct buffer clean;

	if (!bytes->length)
		return;
	buffer_init(&clean, SIZE_MAX / 2);
	redact_text(events->redactor, bytes->data, bytes->length, &clean);
	output.bytes = clean.data;
	output.length = clean.length;
	event_emit_output(events, &output);
	buffer_release(&clean);
}

static const char *last_line(const struct buffer *bytes, int *length)
{
	size_t end = bytes->length, start;

	while (end && (bytes->data[end - 1] == '\n' || bytes->data[end - 1] == ' '))
		end--;
	for (start = end; start && bytes->data[start - 1] != '\n';)
		start--;
	*length = end - start > 300 ? 300 : (int)(end - start);
	return bytes->data + start;
}

/* Shows what the command printed, and says how it ended. */
static const char *account(struct halt *halt, const struct child_exit *ended)
{
	struct arena *arena = halt->maintenance->options.arena;
	struct buffer bytes;
	const char *line, *text = NULL;
	char how[64];
	int length;

	buffer_init(&bytes, (size_t)TAIL * 2);
	read_log(halt, &bytes);
	show_output(halt, &bytes);
	line = last_line(&bytes, &length);
	if (ended->code != 0)
		text = arena_format(arena, "its %s command failed: %s%s%.*s",
				    halt->act == HALT_STOP ? "stop" : "start",
				    child_exit_text(how, ended), length ? ": " : "", length, line);
	buffer_release(&bytes);
	return text;
}

/* ---- looking ---- */

static void look_again(void *context)
{
	struct halt *halt = context;

	loop_timer_stop(halt->again);
	halt->again = NULL;
	if (halt->act == HALT_START && halt->problem)
		run_command(halt);
	else
		look(halt);
}

static void wait_a_little(struct halt *halt)
{
	struct maintenance *maintenance = halt->maintenance;

	if (halt->pause == SILENT_PAUSE)
		emit_waiting(halt, arena_format(maintenance->options.arena, "%s to %s", halt->name,
						halt->act == HALT_STOP ? "stop" : "run again"));
	halt->again = loop_timer_start(maintenance->options.loop, halt->pause, 0, look_again, halt);
	if (halt->pause < LAST_PAUSE)
		halt->pause *= 2;
}

/* A start command that has not ended although what it starts runs: it is let go of. */
static void let_go(struct halt *halt)
{
	if (!halt->command)
		return;
	child_leave(halt->command);
	halt->command = NULL;
	event_message(halt->maintenance->options.events, LEVEL_WARNING,
		      "%s runs, but its start command has not ended: it is left alone. Let it go "
		      "into the background.", halt->name);
}

static void answered(struct halt *halt)
{
	enum halt_runs wanted = halt->act == HALT_STOP ? HALT_STANDS : HALT_RUNS;

	if (halt->act == HALT_LOOK) {
		settle(halt, halt->runs == HALT_UNKNOWN ? halt->reason : NULL);
	} else if (halt->runs == wanted) {
		let_go(halt);
		settle(halt, NULL);
	} else if (halt->act == HALT_START && !halt->tries) {
		run_command(halt);
	} else if (halt->late && halt->command) {
		child_stop(halt->command); /* its end settles it */
	} else if (halt->late || halt->hurried || (halt->problem && halt->tries >= TRIES)) {
		settle(halt, why_not(halt));
	} else {
		wait_a_little(halt);
	}
}

static void looked(void *context, const struct child_exit *ended)
{
	struct halt *halt = context;
	struct arena *arena = halt->maintenance->options.arena;
	const char *reason = NULL;

	loop_timer_stop(halt->look_limit);
	halt->look_limit = NULL;
	halt->look = NULL;
	halt->runs = halt->kind->judge(arena, halt, ended, halt->answer.data, &reason);
	if (reason)
		halt->reason = reason;
	answered(halt);
}

static void hear(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct halt *halt = context;
	(void)stream;

	buffer_add(&halt->answer, bytes, length);
}

static void look_too_long(void *context)
{
	struct halt *halt = context;

	if (halt->look)
		child_stop(halt->look);
}

static const char *const *arguments_of(const struct halt *halt, enum halt_act act)
{
	struct arena *arena = halt->maintenance->options.arena;
	struct command_text command = halt->kind->command(arena, halt, act);
	struct text_list list = {0};
	const char *const shell[] = {"/bin/sh", "-eu", "-c", command.shell};

	for (size_t i = 0; command.shell && i < sizeof(shell) / sizeof(*shell); i++)
		vec_push(arena, &list, shell[i]);
	for (size_t i = 0; i < command.arguments.count; i++)
		vec_push(arena, &list, command.arguments.items[i]);
	vec_push(arena, &list, NULL);
	return list.items;
}

static void look(struct halt *halt)
{
	const struct maintenance_options *options = &halt->maintenance->options;
	struct error err = {0};
	struct child_options child = {
		.arguments = arguments_of(halt, HALT_LOOK),
		.environment = options->environment,
		.directory = options->directory,
		.grace = options->grace,
		.output = hear,
		.done = looked,
		.context = halt,
	};

	buffer_clear(&halt->answer);
	halt->reason = NULL;
	halt->look = child_start(options->loop, &child, &err);
	if (halt->look) {
		halt->look_limit = loop_timer_start(options->loop, halt->timeout, 0,
						    look_too_long, halt);
		return;
	}
	halt->runs = HALT_UNKNOWN;
	halt->reason = arena_string(options->arena, err.message);
	answered(halt);
}

/* ---- acting ---- */

static void commanded(void *context, const struct child_exit *ended)
{
	struct halt *halt = context;
	halt->command = NULL;
	halt->problem = account(halt, ended);
	if (halt->late)
		halt->problem = too_late(halt);
	if (halt->look)
		return; /* the time was up while it ran: that answer settles it */
	if (halt->kind->blind || (halt->problem && halt->act == HALT_STOP))
		settle(halt, halt->problem);
	else
		look(halt);
}

static void deadline_over(void *context)
{
	struct halt *halt = context;

	halt->late = true;
	if (halt->look)
		return;
	if (halt->act == HALT_START && !halt->kind->blind) {
		loop_timer_stop(halt->again);
		halt->again = NULL;
		look(halt);
	} else if (halt->command) {
		child_stop(halt->command);
	}
}

static void note_process(struct halt *halt)
{
	struct event event = {
		.type = EVENT_STEP_PROCESS, .stage = MAINTENANCE_STAGE, .step = halt->name,
		.action = halt->act == HALT_STOP ? "stop" : "start", .attempt = 1, .exit_code = -1,
		.pid = child_pid(halt->command), .pid_started = child_started(halt->command),
	};

	event_emit(halt->maintenance->options.events, &event);
}

static void run_command(struct halt *halt)
{
	const struct maintenance_options *options = &halt->maintenance->options;
	struct error err = {0};
	struct stat status;
	struct child_options child = {
		.arguments = arguments_of(halt, halt->act),
		.environment = options->environment,
		.directory = options->directory,
		.grace = options->grace,
		.log = halt->log,
		.starts_daemons = true,
		.done = commanded,
		.context = halt,
	};

	halt->tries++;
	halt->problem = NULL;
	halt->logged = stat(halt->log, &status) ? 0 : status.st_size;
	halt->command = child_start(options->loop, &child, &err);
	if (halt->command) {
		note_process(halt);
		return;
	}
	settle(halt, arena_string(options->arena, err.message));
}

/* The intent is on the disk now, or the disk is broken: then nothing more is stopped. */
static void announced(void *context)
{
	struct halt *halt = context;
	const struct maintenance_options *options = &halt->maintenance->options;
	struct error err = {0};

	if (options->journal && journal_check(options->journal, &err)) {
		halt->stopped = false;
		settle(halt, arena_string(options->arena, err.message));
		return;
	}
	run_command(halt);
}

static void announce(struct halt *halt)
{
	const struct maintenance_options *options = &halt->maintenance->options;
	struct event event = event_of(halt, EVENT_MAINTENANCE_INTENT);
	json_t *how = halt_json(halt);
	char *text = json_dumps(how, JSON_COMPACT);

	json_decref(how);
	event.how = text;
	halt->stopped = true;
	event_emit(options->events, &event);
	free(text);
	if (options->journal)
		journal_sync(options->journal, options->loop, announced, halt);
	else
		announced(halt);
}

void halt_begin(struct halt *halt, enum halt_act act)
{
	const struct maintenance_options *options = &halt->maintenance->options;
	const struct deploy_folder folder = {.logs = options->logs};

	halt->maintenance->active++;
	halt->act = act;
	halt->late = halt->hurried = halt->failed = false;
	halt->tries = 0;
	halt->reason = halt->problem = NULL;
	halt->pause = FIRST_PAUSE;
	halt->begun = clock_monotonic();
	halt->log = deploy_log_path(options->arena, &folder, MAINTENANCE_STAGE, halt->name);
	buffer_init(&halt->answer, (size_t)64 << 10);
	if (act != HALT_LOOK)
		halt->deadline = loop_timer_start(options->loop, halt->timeout, 0, deadline_over,
						  halt);
	if (act == HALT_STOP)
		announce(halt);
	else if (halt->kind->blind)
		run_command(halt);
	else
		look(halt);
}

static void hurry_child(struct child *child, int signals)
{
	if (!child)
		return;
	child_signal(child, signals > 2 ? SIGKILL : SIGTERM);
	child_signal(child, SIGCONT);
}

void halt_hurry(struct halt *halt)
{
	int signals = halt->maintenance->signals;

	if (signals < 2)
		return;
	halt->hurried = true;
	hurry_child(halt->command, signals);
	hurry_child(halt->look, signals);
	if (halt->again)
		loop_timer_again(halt->again, 0);
}
