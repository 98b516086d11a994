/* The new text of a changed file, and which of its lines the change adds. */
#include <git2.h>

#include "git/change_internal.h"
#include "git/tree_internal.h"

#define TEXT_MAXIMUM ((size_t)16 << 20) /* beyond, nobody looks into it */

struct adding {
	struct arena *arena;
	struct changed_text *text;
};

static void add_line(struct adding *adding, size_t line)
{
	struct changed_text *text = adding->text;

	if (text->added.count) {
		struct line_span *last = &text->added.items[text->added.count - 1];

		if (last->first + last->count == line) {
			last->count++;
			return;
		}
	}
	vec_push(adding->arena, &text->added, ((struct line_span){line, 1}));
}

static int note_line(const git_diff_delta *delta, const git_diff_hunk *hunk,
		     const git_diff_line *line, void *context)
{
	(void)delta;
	(void)hunk;
	if (line->origin == GIT_DIFF_LINE_ADDITION && line->new_lineno > 0)
		add_line(context, (size_t)line->new_lineno);
	return 0;
}

static bool is_text(const char *bytes, size_t length)
{
	return length <= TEXT_MAXIMUM && !(length && memchr(bytes, '\0', length));
}

static int compare(struct adding *adding, const char *old, size_t old_length, struct error *err)
{
	struct changed_text *text = adding->text;
	git_diff_options options;

	git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
	options.context_lines = 0;
	options.flags = GIT_DIFF_FORCE_TEXT;
	if (git_diff_buffers(old, old_length, NULL, text->text, text->length, NULL, &options, NULL,
			     NULL, NULL, note_line, adding) < 0)
		return libgit2_error(err, "cannot compare two versions of a file");
	return 0;
}

static int read_texts(git_odb *odb, struct arena *arena, const struct changed_file *file,
		      struct changed_text *text, struct error *err)
{
	struct adding adding = {arena, text};
	git_odb_object *old = NULL, *new = NULL;
	const char *bytes;
	int status = -1;

	if (blob_read(odb, file->new_id, &new, err) < 0)
		return -1;
	bytes = git_odb_object_data(new);
	if (!is_text(bytes, git_odb_object_size(new))) {
		status = 0;
	} else if (!file->old_mode || blob_read(odb, file->old_id, &old, err) == 0) {
		text->length = git_odb_object_size(new);
		text->text = arena_bytes(arena, bytes, text->length);
		status = compare(&adding, old ? git_odb_object_data(old) : "",
				 old ? git_odb_object_size(old) : 0, err);
	}
	git_odb_object_free(old);
	git_odb_object_free(new);
	return status;
}

int change_read_text(const struct repository *repository, struct arena *arena,
		     const struct changed_file *file, struct changed_text *text, struct error *err)
{
	git_odb *odb = NULL;
	int status;

	*text = (struct changed_text){0};
	if (!file->new_mode || file->is_folder || (file->new_mode & 0170000) == 0120000)
		return 0;
	if (git_repository_odb(&odb, repository->handle) < 0)
		return libgit2_error(err, "cannot open the repository's objects");
	status = read_texts(odb, arena, file, text, err);
	git_odb_free(odb);
	return status;
}

bool changed_text_adds(const struct changed_text *text, size_t line)
{
	for (size_t i = 0; i < text->added.count; i++)
		if (line >= text->added.items[i].first &&
		    line - text->added.items[i].first < text->added.items[i].count)
			return true;
	return false;
}
