/* A commit's files for those who read configuration, and fingerprints. */
#include "git/treesource.h"

#include <git2.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "git/tree_internal.h"

struct commit_source {
	const struct repository *repository;
	git_oid tree;
};

static int read_file_of_tree(const struct repository *repository, const git_oid *tree_id,
			     const char *path, struct buffer *out, struct error *err)
{
	git_tree *tree = NULL;
	git_tree_entry *entry = NULL;
	git_blob *blob = NULL;
	char size[32];
	int code = git_tree_lookup(&tree, repository->handle, tree_id), result = -1;

	if (code == 0)
		code = git_tree_entry_bypath(&entry, tree, path);
	if (code == GIT_ENOTFOUND || (code == 0 && git_tree_entry_type(entry) != GIT_OBJECT_BLOB)) {
		result = 0;
	} else if (code < 0 ||
		   git_blob_lookup(&blob, repository->handle, git_tree_entry_id(entry)) < 0) {
		libgit2_error(err, "cannot read a file of a commit");
		error_wrap(err, "%s", path);
	} else if (git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK) {
		error_set(err, "%s is a symbolic link, which is not followed in a commit", path);
		error_code(err, EXIT_USAGE);
	} else if (buffer_add(out, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob)) < 0) {
		error_set(err, "%s is larger than %s", path,
			  size_format(size, (int64_t)out->maximum));
		error_code(err, EXIT_USAGE);
	} else {
		result = 1;
	}
	git_blob_free(blob);
	git_tree_entry_free(entry);
	git_tree_free(tree);
	return result;
}

static int source_read(void *context, const char *path, struct buffer *out, struct error *err)
{
	struct commit_source *source = context;

	return read_file_of_tree(source->repository, &source->tree, path, out, err);
}

int commit_read_file(const struct repository *repository, const char *commit, const char *path,
		     struct buffer *out, struct error *err)
{
	git_oid tree;

	if (commit_tree_id(repository, commit, &tree, err) < 0)
		return -1;
	return read_file_of_tree(repository, &tree, path, out, err);
}

/* Where the files of a name are, kept for the tree that was asked for last: a new tree costs a walk
 * over what differs, not over everything. */
struct places {
	struct arena *arena;
	const char *name;
	struct text_list paths;
	struct text_list gone;
	git_oid tree;
};

static int places_collect(void *context, const struct tree_difference *difference)
{
	struct places *places = context;
	size_t length = strlen(places->name), start = difference->length - length;
	bool was, is;

	if (difference->length < length || strcmp(difference->path + start, places->name) ||
	    (start && difference->path[start - 1] != '/'))
		return 0;
	was = (difference->old_mode & 0170000) == 0100000;
	is = (difference->new_mode & 0170000) == 0100000;
	if (was == is)
		return 0;
	text_list_add(places->arena, is ? &places->paths : &places->gone,
		      arena_bytes(places->arena, difference->path, difference->length));
	return 0;
}

static char *places_file(struct arena *arena, const struct repository *repository, const char *name)
{
	return arena_format(arena, "%s/shipit/cache/places-%s", repository->common_dir, name);
}

/* True when something is known: "<tree id>\n", paths each ended by a NUL, "end\n". */
static bool places_read(struct places *places, const struct repository *repository)
{
	struct error ignored = {0};
	struct buffer bytes;
	bool known = false;
	git_odb *odb = NULL;

	buffer_init(&bytes, (size_t)4 << 20);
	if (file_read(places_file(places->arena, repository, places->name), &bytes,
		      &ignored) == 0 &&
	    bytes.length > COMMIT_TEXT + 3 && bytes.data[COMMIT_TEXT - 1] == '\n' &&
	    !memcmp(bytes.data + bytes.length - 4, "end\n", 4) &&
	    git_oid_fromstrn(&places->tree, bytes.data, COMMIT_TEXT - 1) == 0 &&
	    git_repository_odb(&odb, repository->handle) == 0)
		known = git_odb_exists(odb, &places->tree) == 1;
	git_odb_free(odb);
	for (size_t at = COMMIT_TEXT; known && at < bytes.length - 4;) {
		char *path = arena_string(places->arena, bytes.data + at);

		at += strlen(path) + 1;
		text_list_add(places->arena, &places->paths, path);
	}
	buffer_release(&bytes);
	return known;
}

/* Another start than a tree that was looked at before. */
static bool places_from_index(struct places *places, const struct repository *repository)
{
	git_odb *odb = NULL;
	bool known = false;

	if (!index_names(repository, places->arena, places->name, &places->paths, &places->tree))
		return false;
	if (git_repository_odb(&odb, repository->handle) == 0)
		known = git_odb_exists(odb, &places->tree) == 1;
	git_odb_free(odb);
	if (!known)
		places->paths = (struct text_list) {0};
	return known;
}

static void places_write(const struct places *places, const struct repository *repository,
			 const git_oid *tree)
{
	struct error ignored = {0};
	struct buffer bytes;
	char id[COMMIT_TEXT];

	buffer_init(&bytes, (size_t)4 << 20);
	buffer_add_format(&bytes, "%s\n", git_oid_tostr(id, sizeof(id), tree));
	for (size_t i = 0; i < places->paths.count; i++)
		buffer_add(&bytes, places->paths.items[i], strlen(places->paths.items[i]) + 1);
	buffer_add_text(&bytes, "end\n");
	if (!bytes.overflowed &&
	    folder_make(arena_format(places->arena, "%s/shipit/cache", repository->common_dir),
			0755, &ignored) == 0 &&
	    file_write(places_file(places->arena, repository, places->name), bytes.data,
		       bytes.length, 0644, &ignored) < 0)
		error_clear(&ignored);	/* a cache that cannot be kept costs time only */
	buffer_release(&bytes);
}

static void places_remove_gone(struct places *places)
{
	size_t kept = 0;

	if (!places->gone.count)
		return;
	for (size_t i = 0; i < places->paths.count; i++)
		if (!text_list_has(&places->gone, places->paths.items[i]))
			places->paths.items[kept++] = places->paths.items[i];
	places->paths.count = kept;
}

static int source_list(void *context, struct arena *arena, const char *name,
		       struct text_list *paths, struct error *err)
{
	struct commit_source *source = context;
	struct places places = {.arena = arena, .name = name};
	bool cached = places_read(&places, source->repository);
	bool known = cached || places_from_index(&places, source->repository);

	if (!cached || git_oid_cmp(&places.tree, &source->tree)) {
		if (tree_diff(source->repository, known ? places.tree.id : NULL, source->tree.id,
			      places_collect, &places, err) < 0)
			return -1;
		places_remove_gone(&places);
		text_list_sort(&places.paths);
		places_write(&places, source->repository, &source->tree);
	}
	for (size_t i = 0; i < places.paths.count; i++)
		text_list_add(arena, paths, places.paths.items[i]);
	return 0;
}

int config_source_commit(const struct repository *repository, struct arena *arena,
			 const char *commit, struct config_source *source, struct error *err)
{
	struct commit_source *context = arena_new(arena, struct commit_source);

	context->repository = repository;
	if (commit_tree_id(repository, commit, &context->tree, err) < 0)
		return -1;
	*source = (struct config_source) {
		.read = source_read,
		.list = source_list,
		.context = context,
		.description = arena_format(arena, "commit %s",
					    repository_short(repository, arena, commit)),
	};
	return 0;
}

struct fingerprints {
	const struct pattern_list *lists;
	struct hash *hashes;
	size_t count;
};

static int fingerprints_add(void *context, const struct tree_difference *difference)
{
	struct fingerprints *fingerprints = context;
	char id[HASH_HEX_SIZE];
	bool is_folder = (difference->new_mode & 0170000) == MODE_SUBMODULE;

	hex_format(difference->new_id, GIT_OID_RAWSZ, id);
	for (size_t i = 0; i < fingerprints->count; i++) {
		struct hash *hash = &fingerprints->hashes[i];

		if (!pattern_list_matches(&fingerprints->lists[i], difference->path, is_folder))
			continue;
		hash_add(hash, difference->path, difference->length + 1);
		hash_add(hash, id, GIT_OID_HEXSZ);
		hash_add(hash, "\n", 1);
	}
	return 0;
}

int commit_fingerprints(const struct repository *repository, struct arena *arena,
			const char *commit, const struct pattern_list *lists, size_t count,
			const char **texts, struct error *err)
{
	struct fingerprints fingerprints = {.lists = lists, .count = count};
	char hex[HASH_HEX_SIZE];
	git_oid tree;

	if (!count)
		return 0;
	fingerprints.hashes = arena_array(arena, count, sizeof(struct hash));
	for (size_t i = 0; i < count; i++)
		hash_init(&fingerprints.hashes[i]);
	if (commit_tree_id(repository, commit, &tree, err) < 0 ||
	    tree_diff(repository, NULL, tree.id, fingerprints_add, &fingerprints, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		hash_finish_hex(&fingerprints.hashes[i], hex);
		texts[i] = arena_bytes(arena, hex, 16);
	}
	return 0;
}
