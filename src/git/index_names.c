/* Files of one name in the index: where it is what was last checked out, it names the files of a
 * whole tree without reading a folder of it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "git/tree_internal.h"

enum {
	HEADER = 12,
	ENTRY_MODE = 24,	/* places in an entry */
	ENTRY_FLAGS = 60,
	ENTRY_NAME = 62,
	FLAG_EXTENDED = 0x4000,
	FLAG_STAGE = 0x3000,
};

struct index_file {
	const unsigned char *at, *end;
	uint32_t version, count;
};

static uint32_t number_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One entry; false for what only git itself should read. */
static bool read_entry(struct index_file *file, struct arena *arena, const char *name,
		       struct text_list *paths)
{
	const unsigned char *entry = file->at, *start, *zero;
	size_t length, wanted = strlen(name);
	unsigned flags;

	if (file->end - entry < ENTRY_NAME + 3)
		return false;
	flags = (unsigned)entry[ENTRY_FLAGS] << 8 | entry[ENTRY_FLAGS + 1];
	start = entry + ENTRY_NAME + (flags & FLAG_EXTENDED ? 2 : 0);
	zero = memchr(start, 0, (size_t)(file->end - start));
	if (!zero || (flags & FLAG_STAGE) ||
	    (number_at(entry + ENTRY_MODE) & 0170000) == MODE_FOLDER)
		return false;
	length = (size_t)(zero - start);
	if (length >= wanted && !memcmp(zero - wanted, name, wanted) &&
	    (length == wanted || zero[-(ptrdiff_t)wanted - 1] == '/') &&
	    (number_at(entry + ENTRY_MODE) & 0170000) == 0100000)
		text_list_add(arena, paths, arena_bytes(arena, (const char *)start, length));
	file->at = entry + (((size_t)(zero - entry) + 8) & ~(size_t)7);
	return file->at <= file->end;
}

/* The id of the tree that all of the index is, as git noted it when it wrote that tree. */
static bool read_tree_id(const struct index_file *file, git_oid *tree)
{
	const unsigned char *at = file->at;

	while (file->end - at >= 8) {
		uint32_t length = number_at(at + 4);
		const unsigned char *body = at + 8, *line;

		if ((size_t)(file->end - body) < length)
			return false;
		if (memcmp(at, "TREE", 4)) {
			if (at[0] < 'A' || at[0] > 'Z')
				return false;	/* split, sparse: git must understand it */
			at = body + length;
			continue;
		}
		line = memchr(body, '\n', length);
		if (!line || body[0] || body[1] == '-' ||
		    (size_t)(body + length - line) < 1 + GIT_OID_RAWSZ)
			return false;
		memcpy(tree->id, line + 1, GIT_OID_RAWSZ);
		return true;
	}
	return false;
}

static bool read_index(struct index_file *file, struct arena *arena, const char *name,
		       struct text_list *paths, git_oid *tree)
{
	if (memcmp(file->at, "DIRC", 4))
		return false;
	file->version = number_at(file->at + 4);
	file->count = number_at(file->at + 8);
	if (file->version != 2 && file->version != 3)
		return false;
	file->at += HEADER;
	for (uint32_t i = 0; i < file->count; i++)
		if (!read_entry(file, arena, name, paths))
			return false;
	return read_tree_id(file, tree);
}

bool index_names(const struct repository *repository, struct arena *arena, const char *name,
		 struct text_list *paths, git_oid *tree)
{
	int fd = open(arena_format(arena, "%s/index", repository->git_dir), O_RDONLY | O_CLOEXEC);
	struct text_list found = {0};
	struct stat status;
	bool known = false;
	void *bytes;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0 && status.st_size >= HEADER + GIT_OID_RAWSZ) {
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			struct index_file file = {.at = bytes};

			file.end = file.at + status.st_size - GIT_OID_RAWSZ;
			known = read_index(&file, arena, name, &found, tree);
			munmap(bytes, (size_t)status.st_size);
		}
	}
	close(fd);
	if (known)
		*paths = found;
	return known;
}
