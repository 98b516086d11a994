/* Reading a journal that anything may have written, and what a step left in SHIPIT_OUTPUT. */
#include <stdint.h>

#include "run/journal.h"
#include "run/run_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

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
	if (outputs_parse(&arena, (const char *)bytes, length, &outputs, &err) && !*err.message)
		abort();
	buffer_release(&out);
	return 0;
}
