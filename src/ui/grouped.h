/* Renderers for CI systems that fold output into groups: one step streams inside its group while
 * the others are held back, so that groups never interleave. */
#pragma once
#include "ui/renderer.h"

/* How one CI writes it; NULL functions write nothing. */
struct dialect {
	unsigned commands; /* enum filter_commands that the children must not say */
	/* number tells groups of one name apart; now is in ms since 1970. */
	void (*open)(struct buffer *out, const char *label, int number, int64_t now);
	void (*close)(struct buffer *out, int number, bool failed, int64_t now);
	/* Before a line that is not inside a step's group. */
	void (*outside)(struct buffer *out);
	/* Has the CI hide a secret. */
	void (*mask)(struct buffer *out, const char *value);
	/* A failure or warning that the CI shows at the top; text is without newlines. */
	void (*annotate)(struct buffer *out, enum event_level level, const char *text);
};

struct grouped {
	struct ui ui;
	const struct dialect *dialect;
	struct running running;
	struct running_step *foreground;
	bool open;             /* the foreground has a group: it has said something */
	int number;            /* ... of that number */
	struct buffer pending; /* what comes behind the foreground's group */
	int groups;            /* so far */
	bool inside;           /* the last thing written belongs to a step's group */
};

void grouped_start(struct ui *ui, const struct dialect *dialect);
void grouped_stop(struct ui *ui);
