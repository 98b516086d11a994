/* The memory of hashes between runs: records sorted by key, in a file of this machine alone. */
#include <unistd.h>
#include <zlib.h>

#include "assets/scan_internal.h"
#include "base/file.h"

/* Times move in ticks of up to 10 ms; where a file system counts whole seconds, two of those. */
#define TICK 20000000
#define COARSE_TICK 2000000000

static const char magic[16] = "shipit hashes 1\n";

struct record {
	struct file_stamp stamp;
	unsigned char hash[HASH_SIZE];
	uint32_t length; /* of the key that follows */
	uint32_t check;  /* of record and key, this field being 0 */
};

static uint32_t check_of(struct record record, const char *key)
{
	uLong sum;

	record.check = 0;
	sum = crc32(0, (const Bytef *)&record, sizeof(record));
	return (uint32_t)crc32(sum, (const Bytef *)key, record.length);
}

/* One record and its key; false at the end, or where it is damaged. */
static bool read_record(FILE *file, struct record *record, char key[ASSET_KEY_MAXIMUM + 1])
{
	if (fread(record, sizeof(*record), 1, file) != 1 || record->length > ASSET_KEY_MAXIMUM ||
	    fread(key, 1, record->length, file) != record->length)
		return false;
	key[record->length] = 0;
	return check_of(*record, key) == record->check;
}

void hash_cache_read(const char *path, struct scanned *files, size_t count)
{
	FILE *file = fopen(path, "re");
	char head[sizeof(magic)], key[ASSET_KEY_MAXIMUM + 1];
	struct record record;
	size_t i = 0;

	if (!file)
		return;
	if (fread(head, sizeof(head), 1, file) != 1 || memcmp(head, magic, sizeof(magic)) != 0) {
		fclose(file);
		return;
	}
	while (i < count && read_record(file, &record, key)) {
		int order = 0;

		while (i < count && (order = strcmp(files[i].key, key)) < 0)
			i++;
		if (i == count || order > 0 || !stamps_equal(&files[i].stamp, &record.stamp))
			continue;
		memcpy(files[i].hash, record.hash, HASH_SIZE);
		files[i].known = true;
	}
	fclose(file);
}

static bool is_settled(const struct file_stamp *stamp, int64_t begun)
{
	int64_t tick = stamp->changed % 1000000000 ? TICK : COARSE_TICK;

	return stamp->changed + tick < begun && stamp->modified + tick < begun;
}

static bool write_records(FILE *file, const struct scanned *files, size_t count, int64_t begun)
{
	if (fwrite(magic, sizeof(magic), 1, file) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct record record;

		if (!is_settled(&files[i].stamp, begun))
			continue;
		memset(&record, 0, sizeof(record));
		record.stamp = files[i].stamp;
		record.length = (uint32_t)strlen(files[i].key);
		memcpy(record.hash, files[i].hash, HASH_SIZE);
		record.check = check_of(record, files[i].key);
		if (fwrite(&record, sizeof(record), 1, file) != 1 ||
		    fwrite(files[i].key, 1, record.length, file) != record.length)
			return false;
	}
	return true;
}

void hash_cache_write(const char *path, const struct scanned *files, size_t count, int64_t begun)
{
	struct arena arena = ARENA_INIT;
	char *beside = arena_format(&arena, "%s.%ld", path, (long)getpid());
	FILE *file = fopen(beside, "we");
	bool written = file && write_records(file, files, count, begun);

	if (file && fclose(file) != 0)
		written = false;
	if (!written || rename(beside, path) < 0)
		unlink(beside);
	arena_release(&arena);
}
