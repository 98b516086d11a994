/* A blob, a tree and a commit around it, as git would write them; and refs. */
#include "git/write.h"

#include <git2.h>
#include <time.h>

#include "base/buffer.h"
#include "git/tree_internal.h"

static int object_write(const struct repository *repository, git_oid *id, const void *bytes,
			size_t length, git_object_t type, struct error *err)
{
	git_odb *odb = NULL;
	int status = git_repository_odb(&odb, repository->handle);

	if (status == 0)
		status = git_odb_write(id, odb, bytes, length, type);
	git_odb_free(odb);
	return status ? libgit2_error(err, "cannot write into the repository") : 0;
}

static int tree_write(const struct repository *repository, const char *name, const git_oid *blob,
		      git_oid *tree, struct error *err)
{
	struct buffer text CLEANUP(buffer_release);

	buffer_init(&text, 4096);
	buffer_add_format(&text, "100644 %s", name);
	buffer_add_char(&text, '\0');
	buffer_add(&text, blob->id, sizeof(blob->id));
	return object_write(repository, tree, text.data, text.length, GIT_OBJECT_TREE, err);
}

int commit_write(const struct repository *repository, const struct commit_file *file,
		 char id[COMMIT_TEXT], struct error *err)
{
	struct buffer text CLEANUP(buffer_release);
	char tree_text[COMMIT_TEXT];
	git_oid blob, tree, commit;
	long long now = (long long)time(NULL);

	buffer_init(&text, (size_t)1 << 16);
	if (object_write(repository, &blob, file->bytes, file->length, GIT_OBJECT_BLOB, err) < 0 ||
	    tree_write(repository, file->name, &blob, &tree, err) < 0)
		return -1;
	git_oid_tostr(tree_text, sizeof(tree_text), &tree);
	buffer_add_format(&text, "tree %s\n", tree_text);
	if (file->parent)
		buffer_add_format(&text, "parent %s\n", file->parent);
	buffer_add_format(&text, "author shipit <shipit@localhost> %lld +0000\n"
			  "committer shipit <shipit@localhost> %lld +0000\n\n%s", now, now,
			  file->message);
	if (object_write(repository, &commit, text.data, text.length, GIT_OBJECT_COMMIT, err) < 0)
		return -1;
	git_oid_tostr(id, COMMIT_TEXT, &commit);
	return 0;
}

int ref_write(const struct repository *repository, const char *name, const char *id,
	      struct error *err)
{
	git_reference *ref = NULL;
	git_oid oid;
	int status;

	if (!id) {
		status = git_reference_remove(repository->handle, name);
	} else {
		status = git_oid_fromstr(&oid, id);
		if (status == 0)
			status = git_reference_create(&ref, repository->handle, name, &oid, 1,
						      NULL);
	}
	git_reference_free(ref);
	return status && (id || status != GIT_ENOTFOUND)
		? libgit2_error(err, "cannot write a ref of the repository") : 0;
}
