/* What renderers share inside this room: their table, the running steps, the words. */
#pragma once
#include "ui/filter.h"
#include "ui/ui.h"

struct renderer;

/* Embedded first in every renderer's own struct. */
struct ui {
	struct event_sink sink; /* first: the door casts */
	const struct renderer *renderer;
	struct ui_options options; /* with real descriptors */
	int fd;                    /* where this renderer writes */
	bool color;
	bool gone;         /* the reader went away: write nothing more */
	struct buffer out; /* written by ui_flush */
};

struct renderer {
	const char *name, *help;
	bool to_output;               /* writes to options.output, not to progress */
	size_t size;                  /* of its struct */
	void (*start)(struct ui *ui); /* sets the sink's functions */
	void (*stop)(struct ui *ui);  /* may be NULL */
};

extern const struct renderer renderer_tty, renderer_plain, renderer_json, renderer_github,
	renderer_gitlab, renderer_buildkite;

/* Writes ui->out to ui->fd and empties it. */
void ui_flush(struct ui *ui);

/* Steps that run now, in the order of their start. */
struct running_step {
	char *stage, *step, *action; /* action may be NULL */
	char *label;                 /* "stage.step", with the action behind it */
	int64_t started;             /* clock_monotonic */
	int64_t estimate, attempt;
	bool interactive;
	int64_t bytes;      /* printed so far */
	struct buffer tail; /* the end of its output, unfiltered */
	struct buffer head; /* the grouped renderers': held back output */
};

struct running {
	struct running_step **items;
	size_t count, capacity;
	size_t tail_size; /* bytes of output to keep of each */
};

struct running_step *running_add(struct running *running, const struct event *started);
struct running_step *running_find(const struct running *running, const char *stage,
				  const char *step);
void running_remove(struct running *running, struct running_step *step);
void running_release(struct running *running);
void running_output(const struct running *running, struct running_step *step, const char *bytes,
		    size_t length);
/* "waiting for stage/step (41s of ~50s)": the longest still to go, by estimates. */
void running_waiting(struct buffer *out, const struct running *running, int64_t now);
/* "41s of ~50s", "41s" */
void running_elapsed(struct buffer *out, const struct running_step *step, int64_t now);
/* The last lines of the tail, filtered, each behind the indent and with its newline. */
void running_tail(struct buffer *out, const struct running_step *step, size_t lines,
		  const char *indent);

/* How much an event's line matters: the renderer decides from where on it shows lines. */
enum weight { WEIGHT_NONE, WEIGHT_DETAIL, WEIGHT_NORMAL, WEIGHT_IMPORTANT };
enum weight words_weight(const struct event *event);
/* The event as a line for a person, with "\n"; nothing for weight none and deploy.finished. */
void words_event(struct buffer *out, const struct event *event, bool color);
/* The verdict and what to do, several lines; for deploy.finished. */
void words_verdict(struct buffer *out, const struct event *event, bool color);
/* Text of others made harmless, on one line. */
void words_clean(struct buffer *out, const char *text);
/* "stage.step" with the action behind it. */
void words_step(struct buffer *out, const char *stage, const char *step, const char *action);
bool words_failed(const struct event *event);
/* "14:22:33", the time of an event in the local zone. */
void words_time(struct buffer *out, const struct event *event);
