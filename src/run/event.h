/* The stream that a deploy becomes: typed events, their JSON lines, and who reads them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"

struct redactor;

enum event_type {
	EVENT_NONE,
	EVENT_DEPLOY_STARTED,
	EVENT_STAGE_STARTED,
	EVENT_STAGE_FINISHED,
	EVENT_STEP_STARTED, /* the intent: in the journal before the step runs */
	EVENT_STEP_PROCESS, /* pid and start time of what a step started */
	EVENT_STEP_OUTPUT,  /* never in the journal; see event_output */
	EVENT_STEP_FINISHED,
	EVENT_MAINTENANCE_INTENT,
	EVENT_MAINTENANCE_ON,
	EVENT_MAINTENANCE_OFF,
	EVENT_COUNTDOWN, /* someone watches: go-live in so many seconds */
	EVENT_GO_LIVE,
	EVENT_SMOKE_CHECK,
	EVENT_TASK_SELECTED,
	EVENT_TASK_SKIPPED,
	EVENT_MARKER,
	EVENT_NOTIFY,
	EVENT_GUARD,
	EVENT_WAITING, /* text says for what; empty text: no longer */
	EVENT_MESSAGE, /* a sentence for the person, with a level */
	EVENT_DEFERRED_FINISHED,
	EVENT_DEPLOY_FINISHED, /* the verdict */
	EVENT_TYPES
};

/* One enum for every `status` field: a step's, a deploy's, a check's, a guard's. */
enum event_status {
	STATUS_NONE,
	STATUS_OK,
	STATUS_FAILED,
	STATUS_TIMED_OUT,
	STATUS_CANCELLED,
	STATUS_SKIPPED,
	STATUS_CACHED,
	STATUS_RESUMED,
	STATUS_FAILED_LIVE, /* deploys only, to here ... */
	STATUS_ROLLED_BACK,
	STATUS_INTERRUPTED, /* ... */
	STATUS_PASS,        /* guards only, to the end */
	STATUS_WARN,
	STATUS_REFUSE,
	STATUS_COUNT
};

enum event_level { LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

/* Why a task was selected or skipped; NULL and 0 where it does not apply. */
struct event_because {
	const char *path, *pattern, *trailer, *flag, *reason;
	int64_t count;
	int64_t line; /* of path, from 1; 0: the whole file (never of a task) */
};

/* A plain value: the texts belong to the emitter and live as long as the call. Which fields an
 * event has is in the table in event.c (and spec 6); the others are ignored. NULL texts are left
 * out of the JSON, but for `previous`, which is null then. Numbers marked (*) are left out when 0,
 * exit_code when negative or when signal is set. */
struct event {
	enum event_type type;
	int64_t time; /* wall clock, ms; 0: event_emit stamps it */
	uint64_t seq; /* 0: event_emit counts it */

	const char *id, *app, *env, *commit, *previous, *deployer, *plan;
	const char *branch, *url; /* deploy.started */
	const char *stage, *step;
	const char *action; /* of a step: NULL or "prepare", "publish", "undo" */
	const char *span;   /* step.started: its id in the deploy's trace */
	enum event_status status;
	int64_t attempt;    /* from 1 */
	int64_t duration;   /* duration_ms */
	int64_t estimate;   /* estimate_ms (*), of what starts */
	int64_t exit_code;  /* -1: there is none */
	const char *signal; /* "SIGTERM" */
	const char *reason;
	bool allowed;     /* of a failed step: allow_failure */
	bool interactive; /* of a step: it has the terminal, draw nothing */
	bool tasks_only;  /* deploy.started, .finished: of `shipit task`, nothing goes live */
	const char *rollback; /* deploy.started, .finished: ID of the release that is live again */
	bool recovers;    /* likewise: of `shipit recover`, what was interrupted is put right */
	const char *log;  /* path of the step's log file */
	const char *place; /* of a step: where what it prepared is kept */
	const char *name; /* a check, marker, message, guard */
	const char *halt, *task;
	const char *how;		/* maintenance.intent: JSON, see run/maintenance.h */
	struct event_because because;
	const char *stream, *line;      /* step.output: "stdout" or "stderr" */
	int64_t pid, pid_started;       /* step.process; the latter in the system's own ticks */
	int64_t seconds;                /* countdown: left until go-live; 0: now */
	enum event_level level;         /* message */
	const char *text;               /* message, waiting */
	bool bell;                      /* message: ring the terminal's bell too */
	const char *failed_step;        /* deploy.finished: STAGE.STEP of the first cause */
	const struct text_list *owed;   /* deploy.finished: names of what is owed now */
	const struct text_list *advice; /* deploy.finished: what to do, a sentence each */
	/* deploy.finished: what went not quite well, a sentence each */
	const struct text_list *remarks;
};

/* Output of a step: whole lines, each with its "\n" (the last may lack it at the end of the
 * stream, and a piece of a line too long for the reader's buffer may). Secrets are out of it
 * already; escape sequences are not. */
struct event_output {
	const char *stage, *step;
	const char *stream; /* "stdout" or "stderr" */
	const char *bytes;
	size_t length;
};

/* A reader of events. Embed it first in a struct of one's own; NULL functions are not called. All
 * are called on the deploy's thread; none may emit events. */
struct event_hub;
struct event_sink {
	void (*event)(struct event_sink *sink, const struct event *event);
	void (*output)(struct event_sink *sink, const struct event_output *output);
	/* About ten times a second while something runs, for clocks and spinners. */
	void (*tick)(struct event_sink *sink);
	/* A secret that the reader's own reader should hide too (::add-mask::). */
	void (*mask)(struct event_sink *sink, const char *value);
	/* While hub->gathering, event() may hold back what it writes until this is called. */
	void (*flush)(struct event_sink *sink);
	struct event_hub *hub; /* set by event_hub_add */
};

#define EVENT_SINKS 8
struct event_hub {
	const struct clock *clock; /* NULL: clock_system */
	const struct redactor *redactor; /* takes secrets out of events' texts; may be NULL */
	uint64_t seq;              /* of the last event */
	bool gathering;            /* event_flush will be called before the loop waits */
	struct event_sink *sinks[EVENT_SINKS];
	size_t count;
};

/* Readers are called in the order in which they were added. The journal puts itself before those
 * that are there already: what a person sees is on disk. */
void event_hub_add(struct event_hub *hub, struct event_sink *sink);
void event_hub_add_first(struct event_hub *hub, struct event_sink *sink);
void event_hub_remove(struct event_hub *hub, struct event_sink *sink);
/* Gives it time and seq; event_emit does it too when that has not been done. */
void event_stamp(struct event_hub *hub, struct event *event);
void event_emit(struct event_hub *hub, struct event *event);
void event_emit_output(struct event_hub *hub, const struct event_output *output);
void event_tick(struct event_hub *hub);
void event_flush(struct event_hub *hub);
void event_mask(struct event_hub *hub, const char *value);
/* No reader wants ticks: the runner needs no timer for them. */
bool event_wants_ticks(const struct event_hub *hub);
/* A message event in one line. */
void event_message(struct event_hub *hub, enum event_level level, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* "step.finished", "timed_out"; the reverse answers EVENT_NONE, STATUS_NONE for what is unknown. */
const char *event_type_name(enum event_type type);
enum event_type event_type_parse(const char *name);
const char *event_status_name(enum event_status status);
enum event_status event_status_parse(const char *name);

/* Appends the event as one line of JSON with its "\n"; bytes that are not UTF-8 become U+FFFD. */
void event_write_json(struct buffer *out, const struct event *event);
/* Appends text as a JSON string with its quotes: the same writer, for who needs it fast. */
void event_write_string(struct buffer *out, const char *text, size_t length);
/* Reads one line of JSON (with or without "\n"); texts are copied into the arena. Fields that
 * are unknown are skipped, an unknown event gives type EVENT_NONE. -1 when it is no event. */
int event_read_json(struct arena *arena, const char *line, size_t length, struct event *event,
		    struct error *err) MUST_USE;
