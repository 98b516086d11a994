/* Any bytes as a server's answer in XML, to each kind of request; the first byte chooses. */
#include <stdint.h>

#include "net/s3_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct s3_reading reading = {.answer = {.code = "", .etag = ""}};
	struct s3_answer *answer = &reading.answer;
	struct buffer body;
	size_t length = 0;

	if (!size)
		return 0;
	buffer_init(&body, size);
	buffer_add(&body, data + 1, size - 1);
	answer->status = *data & 0x80 ? 403 : 200;
	s3_xml_read((*data & 0x7f) % S3_ACTIONS, &body, &reading);
	for (size_t i = 0; i < answer->object_count; i++)
		length += strlen(answer->objects[i].key) + strlen(answer->objects[i].etag);
	for (size_t i = 0; i < answer->refusal_count; i++)
		length += strlen(answer->refusals[i].key) + strlen(answer->refusals[i].code) +
			  strlen(answer->refusals[i].message);
	length += strlen(answer->code) + strlen(answer->etag);
	if (length > 16 * size + 64)
		abort();
	arena_release(&reading.arena);
	buffer_release(&body);
	return 0;
}
