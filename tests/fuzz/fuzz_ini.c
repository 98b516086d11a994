/* ~/.aws/config from anywhere: all texts lie within the file, and each section's settings are found
 * again. */
#include <stdint.h>

#include "net/credentials_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct ini *ini, const char *text)
{
	if (text < ini->bytes || text + strlen(text) > ini->bytes + ini->length)
		abort();
}

static void check_section(struct arena *arena, const struct ini *ini,
			  const struct ini_section *section)
{
	struct text_list words = {0};
	struct error err = {0};

	check_text(ini, section->name);
	if (ini_section(ini, section->name) != section)
		abort();
	for (size_t i = 0; i < section->entries.count; i++) {
		const struct ini_entry *entry = &section->entries.items[i];
		check_text(ini, entry->key);
		check_text(ini, entry->value);
		if (ini_entry(section, entry->key) != entry || entry->line <= section->line)
			abort();
		ini_nested(arena, entry->value, "endpoint_url");
		if (words_split(arena, entry->value, &words, &err) && !err.message[0])
			abort();
		container_url_allowed(entry->value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error err = {0};
	struct ini ini;
	char *bytes;

	if (size > 16384)
		return 0;
	bytes = malloc(size + 1);
	if (!bytes)
		abort();
	if (size)
		memcpy(bytes, data, size);
	bytes[size] = '\0';
	if (!ini_parse(&arena, "config", bytes, size, &ini, &err))
		for (size_t i = 0; i < ini.sections.count; i++)
			check_section(&arena, &ini, &ini.sections.items[i]);
	else if (err.line < 1 || !err.message[0])
		abort();
	ini_release(&ini);
	return 0;
}
