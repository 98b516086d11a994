/* Reading a journal that anything may have written, what a resume makes of it, and what a step left
 * in SHIPIT_OUTPUT. */
#include <stdint.h>

#include "run/journal.h"
#include "run/run_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What it says of each step must not contradict itself. */
static void judge(struct run_past *past)
{
	for (size_t i = 0; i < past->steps.count; i++) {
		const struct run_past_step *step = &past->steps.items[i];
		if (run_past_finished(step) && run_past_unknown(step))
			abort();
		if (run_past_find(past, step->stage, step->name, step->action) != step)
			abort();
	}
	json_decref(run_past_stopped(past));
}

static int write_again(void *context, const struct event *event)
{
	struct buffer *out = context;
	buffer_clear(out);
	event_write_json(out, event);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct variables outputs = {0};
	struct error err = {0};
	struct buffer out;
	size_t bad;
	buffer_init(&out, 1 << 20);
	journal_read((const char *)bytes, length, &bad, write_again, &out);
	judge(run_past_parse(&arena, (const char *)bytes, length));
	if (outputs_parse(&arena, (const char *)bytes, length, &outputs, &err) && !*err.message)
		abort();
	buffer_release(&out);
	return 0;
}
