/* A two-pointer walk over raw trees that skips what is equal. */
#include "git/tree_internal.h"

#include "base/buffer.h"

#define DEPTH_MAXIMUM 2048
#define PATH_BYTES_MAXIMUM ((size_t)1 << 20)

struct walk {
	git_odb *odb;
	struct buffer path;
	tree_difference_fn *difference;
	void *context;
	int depth;
	struct error *err;
};

struct cursor {			/* over the entries of one tree */
	git_odb_object *object;
	const unsigned char *at, *end;
	struct tree_entry entry;
	bool done;
};

static void cursor_release(struct cursor *cursor)
{
	git_odb_object_free(cursor->object);
}

static int cursor_broken(struct walk *walk)
{
	return error_set(walk->err, "a tree object of this repository is damaged (below '%s'); "
			 "see git fsck", walk->path.data);
}

static int cursor_next(struct walk *walk, struct cursor *cursor)
{
	const unsigned char *p = cursor->at, *end = cursor->end, *zero;
	unsigned mode = 0;

	if (p == end) {
		cursor->done = true;
		return 0;
	}
	for (; p < end && *p >= '0' && *p <= '7' && mode < 01000000; p++)
		mode = mode << 3 | (unsigned)(*p - '0');
	if (p == end || *p++ != ' ')
		return cursor_broken(walk);
	zero = memchr(p, '\0', (size_t)(end - p));
	if (!zero || zero == p || end - zero < 1 + GIT_OID_RAWSZ)
		return cursor_broken(walk);
	cursor->entry = (struct tree_entry) {
		.name = (const char *)p,
		.length = (size_t)(zero - p),
		.mode = mode,
		.id = zero + 1,
	};
	cursor->at = zero + 1 + GIT_OID_RAWSZ;
	return 0;
}

static int cursor_open(struct walk *walk, struct cursor *cursor, const unsigned char *id)
{
	git_oid oid;

	if (!id) {
		cursor->done = true;
		return 0;
	}
	memcpy(oid.id, id, GIT_OID_RAWSZ);
	if (git_odb_read(&cursor->object, walk->odb, &oid) < 0)
		return libgit2_error(walk->err, "cannot read a folder of a commit");
	if (git_odb_object_type(cursor->object) != GIT_OBJECT_TREE)
		return cursor_broken(walk);
	cursor->at = git_odb_object_data(cursor->object);
	cursor->end = cursor->at + git_odb_object_size(cursor->object);
	return cursor_next(walk, cursor);
}

static bool is_folder(const struct tree_entry *entry)
{
	return (entry->mode & 0170000) == MODE_FOLDER;
}

/* git's order: folders sort as if a slash stood behind them. */
static int entry_compare(const struct tree_entry *one, const struct tree_entry *other)
{
	size_t shared = one->length < other->length ? one->length : other->length;
	int order = memcmp(one->name, other->name, shared);

	if (order)
		return order;
	int next = one->length > shared ? (unsigned char)one->name[shared] :
		   is_folder(one) ? '/' : 0;
	int other_next = other->length > shared ? (unsigned char)other->name[shared] :
			 is_folder(other) ? '/' : 0;

	return next - other_next;
}

static int walk_trees(struct walk *walk, const unsigned char *old_id, const unsigned char *new_id);

/* One name that differs; old or new is NULL where it is not there. */
static int walk_entry(struct walk *walk, const struct tree_entry *old, const struct tree_entry *new)
{
	const struct tree_entry *some = old ? old : new;
	size_t before = walk->path.length;
	int result;

	if (old && new && old->mode == new->mode && !memcmp(old->id, new->id, GIT_OID_RAWSZ))
		return 0;
	if (buffer_add(&walk->path, some->name, some->length) < 0)
		return error_set(walk->err, "a path of this repository is too long");
	if (is_folder(some)) {
		buffer_add_char(&walk->path, '/');
		result = walk_trees(walk, old ? old->id : NULL, new ? new->id : NULL);
	} else {
		struct tree_difference difference = {
			.path = walk->path.data,
			.length = walk->path.length,
			.old_mode = old ? old->mode : 0,
			.new_mode = new ? new->mode : 0,
			.old_id = old ? old->id : NULL,
			.new_id = new ? new->id : NULL,
		};
		result = walk->difference(walk->context, &difference);
	}
	walk->path.length = before;
	walk->path.data[before] = '\0';
	return result;
}

static int walk_cursors(struct walk *walk, struct cursor *old, struct cursor *new)
{
	while (!old->done || !new->done) {
		int order = old->done   ? 1
			    : new->done ? -1
					: entry_compare(&old->entry, &new->entry);

		if (walk_entry(walk, order <= 0 ? &old->entry : NULL,
			       order >= 0 ? &new->entry : NULL) != 0)
			return -1;
		if (order <= 0 && cursor_next(walk, old) < 0)
			return -1;
		if (order >= 0 && cursor_next(walk, new) < 0)
			return -1;
	}
	return 0;
}

static int walk_trees(struct walk *walk, const unsigned char *old_id, const unsigned char *new_id)
{
	CLEANUP(cursor_release) struct cursor old = {0};
	CLEANUP(cursor_release) struct cursor new = {0};
	int result;

	if (old_id && new_id && !memcmp(old_id, new_id, GIT_OID_RAWSZ))
		return 0;
	if (walk->depth >= DEPTH_MAXIMUM)
		return error_set(walk->err, "folders of this repository are nested too deeply");
	if (cursor_open(walk, &old, old_id) < 0 || cursor_open(walk, &new, new_id) < 0)
		return -1;
	walk->depth++;
	result = walk_cursors(walk, &old, &new);
	walk->depth--;
	return result;
}

int tree_diff(const struct repository *repository, const unsigned char *old_id,
	      const unsigned char *new_id, tree_difference_fn *difference, void *context,
	      struct error *err)
{
	struct walk walk = {.difference = difference, .context = context, .err = err};
	int result;

	if (git_repository_odb(&walk.odb, repository->handle) < 0)
		return libgit2_error(err, "cannot open the repository's objects");
	buffer_init(&walk.path, PATH_BYTES_MAXIMUM);
	result = walk_trees(&walk, old_id, new_id);
	buffer_release(&walk.path);
	git_odb_free(walk.odb);
	return result;
}
