/* secrets.sealed.yml as anybody with the right to push may leave it. What is read can be written
 * and read again; what nobody sealed to this key is never opened by it. */
#include <stdint.h>

#include "base/text.h"
#include "crypto/sealed_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char owner[] = "RWRBtefiG+3ieRSZMZfKYlAGGnJtfzKQqqEycH6SBta244qC8AgYp1EO";

static int parse(struct arena *arena, const char *text, size_t length, struct sealed_file *file)
{
	struct diagnostics diagnostics;
	struct error err = {0};
	int result;
	diagnostics_init(&diagnostics, arena);
	result = sealed_file_parse(&diagnostics, "secrets.sealed.yml", text, length, file);
	if (result < 0 && (diagnostics_result(&diagnostics, &err) == 0 || !*err.message))
		abort();
	return result;
}

static void open_all(const struct sealed_file *file, const struct secret_key *key)
{
	struct public_key known;
	struct error err = {0};
	if (public_key_parse(owner, &known, &err) < 0)
		abort();
	for (size_t i = 0; i < file->entries.count; i++) {
		const struct sealed_value *sealed = &file->entries.items[i].value;
		struct buffer out CLEANUP(buffer_release);
		buffer_init(&out, SEAL_VALUE_MAXIMUM);
		if (seal_open(sealed, key, &out, &err) == 0 || !*err.message || out.length)
			abort();
		if (seal_place(sealed, &known) >= (int)sealed->to.count)
			abort();
	}
}

static void read_again(struct arena *arena, const struct sealed_file *file)
{
	struct buffer out CLEANUP(buffer_release);
	struct sealed_file again;
	buffer_init(&out, SEALED_FILE_MAXIMUM);
	sealed_file_write(file, &out);
	if (out.overflowed)
		return;
	if (parse(arena, out.data, out.length, &again) < 0 ||
	    again.entries.count != file->entries.count)
		abort();
	for (size_t i = 0; i < again.entries.count; i++) {
		const struct sealed_value *one = &file->entries.items[i].value;
		const struct sealed_value *other = &again.entries.items[i].value;
		if (!text_equal(one->name, other->name) || one->length != other->length ||
		    memcmp(one->bytes, other->bytes, one->length) != 0 ||
		    one->to.count != other->to.count || one->known.count != other->known.count)
			abort();
		for (size_t j = 0; j < one->to.count; j++)
			if (!text_equal(one->to.items[j], other->to.items[j]))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct secret_key *key CLEANUP(secret_key_cleanup) = secret_key_new();
	struct sealed_file file;
	if (parse(&arena, arena_bytes(&arena, data, size), size, &file) == 0) {
		open_all(&file, key);
		read_again(&arena, &file);
	}
	return 0;
}
