/* Which files a slug has, its tree and its commit. */
#include "git/slug.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "git/tree_internal.h"

#define TRIMMED_SHOWN 5
#define TREE_MAXIMUM ((size_t)256 << 20)

struct choosing {
	struct arena *arena;
	const struct pattern_list *exclude;
	struct slug *slug;
	git_odb *odb;
	struct error *err;
};

static int blob_size(git_odb *odb, const unsigned char *id, size_t *size, struct error *err)
{
	git_oid oid;
	git_object_t type;

	memcpy(oid.id, id, GIT_OID_RAWSZ);
	if (git_odb_read_header(size, &type, odb, &oid) < 0)
		return libgit2_error(err, "cannot read the size of a file of a commit");
	return 0;
}

static int leave_out(struct choosing *choosing, const struct tree_difference *file)
{
	struct slug *slug = choosing->slug;
	size_t length = strcspn(file->path, "/"), size = 0;
	struct slug_trimmed *last =
		slug->trimmed.count ? &slug->trimmed.items[slug->trimmed.count - 1] : NULL;

	if (file->new_mode != MODE_SUBMODULE &&
	    blob_size(choosing->odb, file->new_id, &size, choosing->err) < 0)
		return -1;
	slug->left_out++;
	slug->left_out_bytes += (int64_t)size;
	if (!last || last->length != length || memcmp(last->name, file->path, length) != 0) {
		struct slug_trimmed trimmed = {
			.name = arena_bytes(choosing->arena, file->path, length), .length = length};
		vec_push(choosing->arena, &slug->trimmed, trimmed);
		last = &slug->trimmed.items[slug->trimmed.count - 1];
	}
	last->files++;
	return 0;
}

static int choose(void *context, const struct tree_difference *file)
{
	struct choosing *choosing = context;
	struct slug_file chosen = {.mode = file->new_mode};

	if (choosing->exclude->count && pattern_list_matches(choosing->exclude, file->path,
							     file->new_mode == MODE_SUBMODULE))
		return leave_out(choosing, file);
	chosen.path = arena_bytes(choosing->arena, file->path, file->length);
	memcpy(chosen.id, file->new_id, sizeof(chosen.id));
	vec_push(choosing->arena, &choosing->slug->files, chosen);
	return 0;
}

int slug_choose(const struct repository *repository, struct arena *arena, const char *commit,
		const struct pattern_list *exclude, struct slug *slug, struct error *err)
{
	struct choosing choosing = {
		.arena = arena, .exclude = exclude, .slug = slug, .err = err};
	git_oid tree;
	int result;

	*slug = (struct slug){0};
	if (commit_tree_id(repository, commit, &tree, err) < 0)
		return -1;
	if (git_repository_odb(&choosing.odb, repository->handle) < 0)
		return libgit2_error(err, "cannot open the repository's objects");
	result = tree_diff(repository, NULL, tree.id, choose, &choosing, err);
	git_odb_free(choosing.odb);
	if (result == 0 && !slug->files.count) {
		error_set(err, "nothing of commit %.12s is left for the slug", commit);
		return error_hint(err, "look at its 'exclude'");
	}
	return result;
}

int slug_size(const struct repository *repository, const struct slug *slug, int64_t *bytes,
	      struct error *err)
{
	git_odb *odb = NULL;
	int result = 0;

	*bytes = 0;
	if (git_repository_odb(&odb, repository->handle) < 0)
		return libgit2_error(err, "cannot open the repository's objects");
	for (size_t i = 0; result == 0 && i < slug->files.count; i++) {
		const struct slug_file *file = &slug->files.items[i];
		size_t size = 0;

		if (file->mode != MODE_SUBMODULE)
			result = blob_size(odb, file->id, &size, err);
		*bytes += (int64_t)size;
	}
	git_odb_free(odb);
	return result;
}

static int most_files_first(const void *one, const void *other)
{
	const struct slug_trimmed *a = one, *b = other;

	if (a->files != b->files)
		return a->files < b->files ? 1 : -1;
	return strcmp(a->name, b->name);
}

const char *slug_trimmed_words(struct arena *arena, const struct slug *slug)
{
	struct slug_trimmed *sorted;
	size_t count = slug->trimmed.count, shown = count < TRIMMED_SHOWN ? count : TRIMMED_SHOWN;
	struct buffer text CLEANUP(buffer_release);
	char size[32];

	buffer_init(&text, (size_t)1 << 20);
	if (!count)
		return NULL;
	sorted = arena_array(arena, count, sizeof(*sorted));
	memcpy(sorted, slug->trimmed.items, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), most_files_first);
	buffer_add_format(&text, "%lld file%s left out (%s):", (long long)slug->left_out,
			  slug->left_out == 1 ? "" : "s", size_format(size, slug->left_out_bytes));
	for (size_t i = 0; i < shown; i++)
		buffer_add_format(&text, "%s %s %lld", i ? "," : "", sorted[i].name,
				  (long long)sorted[i].files);
	if (shown < count)
		buffer_add_format(&text, ", %zu more", count - shown);
	return arena_string(arena, text.data);
}

struct tree_writer {
	git_odb *odb;
	const struct slug_file *files;
	struct error *err;
};

static void add_entry(struct buffer *tree, unsigned mode, const char *name, size_t length,
		      const unsigned char *id)
{
	buffer_add_format(tree, "%o ", mode);
	buffer_add(tree, name, length);
	buffer_add_char(tree, '\0');
	buffer_add(tree, id, GIT_OID_RAWSZ);
}

/* Files from..to are those of one folder, whose path is so many bytes long. They stand in git's
 * order already. */
static int write_folder(const struct tree_writer *writer, size_t from, size_t to, size_t prefix,
			git_oid *id)
{
	const struct slug_file *files = writer->files;
	struct buffer tree CLEANUP(buffer_release);
	size_t next;

	buffer_init(&tree, TREE_MAXIMUM);
	for (size_t i = from; i < to; i = next) {
		const char *name = files[i].path + prefix;
		size_t length = strcspn(name, "/");
		git_oid inner;

		next = i + 1;
		if (!name[length]) {
			add_entry(&tree, files[i].mode, name, length, files[i].id);
			continue;
		}
		while (next < to && !strncmp(files[next].path + prefix, name, length + 1))
			next++;
		if (write_folder(writer, i, next, prefix + length + 1, &inner) < 0)
			return -1;
		add_entry(&tree, MODE_FOLDER, name, length, inner.id);
	}
	if (tree.overflowed)
		return error_set(writer->err, "a folder of the slug has too many files");
	if (git_odb_write(id, writer->odb, tree.data, tree.length, GIT_OBJECT_TREE) < 0)
		return libgit2_error(writer->err, "cannot write the slug's tree");
	return 0;
}

int slug_write_tree(const struct repository *repository, const struct slug *slug,
		    char id[COMMIT_TEXT], struct error *err)
{
	struct tree_writer writer = {.files = slug->files.items, .err = err};
	git_oid tree;
	int result;

	if (git_repository_odb(&writer.odb, repository->handle) < 0)
		return libgit2_error(err, "cannot open the repository's objects");
	result = write_folder(&writer, 0, slug->files.count, 0, &tree);
	git_odb_free(writer.odb);
	if (result == 0)
		git_oid_tostr(id, COMMIT_TEXT, &tree);
	return result;
}

static int commit_find(const struct repository *repository, const char *id, git_commit **commit,
		       struct error *err)
{
	git_oid oid;

	if (git_oid_fromstr(&oid, id) == 0 &&
	    git_commit_lookup(commit, repository->handle, &oid) == 0)
		return 0;
	return libgit2_error(err, "cannot read a commit");
}

int slug_write_commit(const struct repository *repository, const struct slug_commit *commit,
		      char id[COMMIT_TEXT], struct error *err)
{
	struct buffer text CLEANUP(buffer_release);
	git_buf author = {0};
	git_commit *source = NULL;
	git_odb *odb = NULL;
	git_oid oid;
	int result = -1;

	buffer_init(&text, (size_t)1 << 20);
	if (commit_find(repository, commit->source, &source, err) < 0)
		return -1;
	buffer_add_format(&text, "tree %s\n", commit->tree);
	if (commit->parent)
		buffer_add_format(&text, "parent %s\n", commit->parent);
	if (git_commit_header_field(&author, source, "author") == 0)
		buffer_add_format(&text, "author %s\n", author.ptr);
	buffer_add_format(&text,
			  "committer shipit <shipit@localhost> %lld +0000\n\n"
			  "Slug of %.12s\n\nSlug-Of: %s\nDeploy: %s\n",
			  (long long)git_commit_time(source), commit->source, commit->source,
			  commit->deploy);
	if (git_repository_odb(&odb, repository->handle) < 0 ||
	    git_odb_write(&oid, odb, text.data, text.length, GIT_OBJECT_COMMIT) < 0)
		libgit2_error(err, "cannot write the slug's commit");
	else
		result = 0;
	if (result == 0)
		git_oid_tostr(id, COMMIT_TEXT, &oid);
	git_odb_free(odb);
	git_buf_dispose(&author);
	git_commit_free(source);
	return result;
}

int slug_read_commit(const struct repository *repository, struct arena *arena, const char *id,
		     const char **deploy, char tree[COMMIT_TEXT], char parent[COMMIT_TEXT],
		     struct error *err)
{
	git_commit *commit = NULL;
	const char *trailer;

	if (commit_find(repository, id, &commit, err) < 0)
		return -1;
	trailer = strstr(git_commit_message(commit), "\nSlug-Of: ");
	trailer = trailer ? strstr(trailer, "\nDeploy: ") : NULL;
	*deploy = "";
	if (trailer) {
		trailer += strlen("\nDeploy: ");
		*deploy = arena_bytes(arena, trailer, strcspn(trailer, "\n"));
	}
	git_oid_tostr(tree, COMMIT_TEXT, git_commit_tree_id(commit));
	*parent = '\0';
	if (git_commit_parentcount(commit))
		git_oid_tostr(parent, COMMIT_TEXT, git_commit_parent_id(commit, 0));
	git_commit_free(commit);
	return 0;
}
