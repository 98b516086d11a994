/* Migrations from anywhere: whatever is in them, no reader leaves them, hangs, or makes up lines
 * that are not there. The first byte chooses the language. */
#include <assert.h>
#include <stdint.h>

#include "plan/migration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {"a/migrations/1.py", "db/migrate/1.rb", "migrations/1.sql"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct migration migration;
	size_t lines = 1;
	char *text;

	if (!size || size > 1 << 16)
		return 0;
	text = arena_bytes(&arena, data + 1, size - 1);
	for (size_t i = 0; i + 1 < size; i++)
		lines += text[i] == '\n';
	migration_read(&arena, paths[data[0] % 3], text, size - 1, &migration);
	for (size_t i = 0; i < migration.findings.count; i++) {
		const struct migration_finding *finding = &migration.findings.items[i];

		assert(finding->line >= 1 && finding->line <= finding->last);
		assert(finding->last <= lines);
	}
	return 0;
}
