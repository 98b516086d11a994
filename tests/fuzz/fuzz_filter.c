/* Whatever a child prints: what comes out is UTF-8, holds nothing that a terminal or a CI acts on,
 * and is not changed by a second pass. */
#include <assert.h>
#include <stdint.h>

#include "base/text.h"
#include "ui/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned kinds[] = {FILTER_PLAIN, FILTER_GITHUB, FILTER_BUILDKITE};

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		struct buffer once, twice;

		buffer_init(&once, (size_t)64 << 20);
		buffer_init(&twice, (size_t)64 << 20);
		filter_text(&once, (const char *)data, size, kinds[kind]);
		assert(text_is_utf8(once.data, once.length, NULL));
		for (size_t i = 0; i < once.length; i++)
			assert((unsigned char)once.data[i] >= 0x20 || once.data[i] == '\n' ||
			       once.data[i] == '\t');
		assert(filter_clean(once.data, once.length, kinds[kind]));
		filter_text(&twice, once.data, once.length, kinds[kind]);
		assert(once.length == twice.length &&
		       memcmp(once.data, twice.data, once.length) == 0);
		if (filter_clean((const char *)data, size, kinds[kind]))
			assert(once.length == size && memcmp(once.data, data, size) == 0);
		buffer_release(&once);
		buffer_release(&twice);
	}
	return 0;
}
