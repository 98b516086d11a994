/* One try of a step, for those who share its work. */
#pragma once
#include "run/run_internal.h"
#include "run/step_log.h"

#define LINE_MAXIMUM ((size_t)64 << 10)

struct step_attempt {
	struct run_step *step;
	struct arena arena;
	struct step_request request;
	struct step_log log;
	struct redact_stream raw[2];	/* what may become a secret yet */
	struct buffer clean;		/* without secrets, of one piece of output */
	struct buffer line[2];		/* the beginnings of lines whose end has not come */
	struct loop_timer *timeout, *idle, *late, *retry, *save;
	void *running;
	int64_t begun;
	bool timed_out, over;
	bool log_told;			/* that it cannot be written */
	const char *reason;
};

/* Output of its process, to the log and, line by line, to whoever reads events; without secrets. */
void step_output_take(void *context, enum child_stream from, const char *bytes, size_t length);
/* There is no more: what was held back, which may have become a secret, comes too. */
void step_output_end(struct step_attempt *attempt);
/* All of it is in the log's file behind this. */
void step_output_close(struct step_attempt *attempt);
