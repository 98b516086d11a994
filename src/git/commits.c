/* The commits of a change: who wrote them, and what their trailers ask for. */
#include <git2.h>
#include <strings.h>

#include "base/text.h"
#include "git/change_internal.h"
#include "git/command.h"
#include "git/tree_internal.h"
#include "proc/child.h"

struct ids {
	git_oid *items;
	size_t count, capacity;
};

/* hidden NULL: all of tip's history, by time; most 0: any number. -1 when it is not whole here
 * (shallow): git itself must walk it then. */
static int walk_range(const struct repository *repository, struct arena *arena, const char *tip,
		      const char *hidden, size_t most, struct ids *ids)
{
	git_revwalk *walk = NULL;
	git_oid one, other;
	int code = -1;

	if (repository->shallow || git_oid_fromstr(&one, tip) < 0 ||
	    (hidden && git_oid_fromstr(&other, hidden) < 0) ||
	    git_revwalk_new(&walk, repository->handle) < 0)
		return -1;
	if (!hidden)
		git_revwalk_sorting(walk, GIT_SORT_TIME);
	if (git_revwalk_push(walk, &one) == 0 && (!hidden || git_revwalk_hide(walk, &other) == 0))
		while ((!most || ids->count < most) && (code = git_revwalk_next(&one, walk)) == 0)
			vec_push(arena, ids, one);
	git_revwalk_free(walk);
	return code == GIT_ITEROVER || (most && ids->count == most) ? 0 : -1;
}

static int list_range(const struct repository *repository, struct arena *arena, const char *tip,
		      const char *hidden, size_t most, struct ids *ids, struct error *err)
{
	struct child_result result;
	struct git_options options = {
		.folder = repository->root,
		.arguments = (const char *[]) {"rev-list",
			arena_format(arena, "--max-count=%d", most ? (int)most : -1), tip,
			hidden ? arena_format(arena, "^%s", hidden) : tip, "--", NULL},
	};
	int status;

	if (walk_range(repository, arena, tip, hidden, most, ids) == 0)
		return 0;
	ids->count = 0;
	status = git_run_ok(&options, &result, err);
	for (const char *line = result.output.data; status == 0 && line && *line;) {
		git_oid oid;

		if (git_oid_fromstrn(&oid, line, GIT_OID_HEXSZ) == 0)
			vec_push(arena, ids, oid);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	child_result_release(&result);
	return status;
}

/* A copy that is valid UTF-8 and has no control characters. */
static char *clean_text(struct arena *arena, const char *text)
{
	char *copy = arena_string(arena, text ? text : "");
	size_t length = strlen(copy), bad;

	for (size_t from = 0; !text_is_utf8(copy + from, length - from, &bad); from += bad)
		copy[from + bad] = '?';
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	return copy;
}

static void add_trailers(struct arena *arena, const git_commit *commit, const char *id,
			 struct change *change)
{
	git_message_trailer_array trailers = {0};
	const char *message = git_commit_message(commit);

	if (!message || !strcasestr(message, "Deploy-"))
		return;
	if (git_message_trailers(&trailers, message) < 0)
		return;
	for (size_t i = 0; i < trailers.count; i++) {
		const char *key = trailers.trailers[i].key;
		struct change_trailer trailer = {
			.value = clean_text(arena, trailers.trailers[i].value),
			.commit = id,
		};

		if (!strcasecmp(key, "Deploy-Task"))
			vec_push(arena, &change->tasks, trailer);
		else if (!strcasecmp(key, "Deploy-Note"))
			vec_push(arena, &change->notes, trailer);
	}
	git_message_trailer_array_free(&trailers);
}

static void add_commit(struct arena *arena, const git_commit *commit, const git_oid *oid,
		       struct change *change)
{
	const git_signature *author = git_commit_author(commit);
	struct change_commit entry = {
		.author = clean_text(arena, author ? author->name : ""),
		.email = clean_text(arena, author ? author->email : ""),
		.time = (int64_t)git_commit_time(commit) * 1000,
	};
	char id[COMMIT_TEXT];

	entry.id = arena_string(arena, git_oid_tostr(id, sizeof(id), oid));
	if (!change->everything)
		add_trailers(arena, commit, entry.id, change);
	if (change->commits.count >= CHANGE_COMMITS)
		return;
	entry.subject = clean_text(arena, git_commit_summary((git_commit *)(uintptr_t)commit));
	vec_push(arena, &change->commits, entry);
}

struct author {
	const char *text;
	size_t commits;
};

static int compare_authors(const void *one, const void *other)
{
	const struct author *a = one, *b = other;

	if (a->commits != b->commits)
		return a->commits > b->commits ? -1 : 1;
	return strcmp(a->text, b->text);
}

static void count_authors(struct arena *arena, struct change *change)
{
	struct { struct author *items; size_t count, capacity; } authors = {0};

	for (size_t i = 0; i < change->commits.count; i++) {
		const struct change_commit *commit = &change->commits.items[i];
		const char *text = arena_format(arena, "%s <%s>", commit->author, commit->email);
		size_t at = 0;

		while (at < authors.count && strcmp(authors.items[at].text, text))
			at++;
		if (at == authors.count)
			vec_push(arena, &authors, ((struct author) {text, 0}));
		authors.items[at].commits++;
	}
	if (authors.count)
		qsort(authors.items, authors.count, sizeof(*authors.items), compare_authors);
	for (size_t i = 0; i < authors.count; i++)
		text_list_add(arena, &change->authors, authors.items[i].text);
}

static int add_commits(const struct repository *repository, struct arena *arena,
		       const struct ids *ids, struct change *change, struct error *err)
{
	for (size_t i = 0; i < ids->count; i++) {
		git_commit *commit = NULL;

		if (git_commit_lookup(&commit, repository->handle, &ids->items[i]) < 0)
			return libgit2_error(err, "cannot read a commit");
		add_commit(arena, commit, &ids->items[i], change);
		git_commit_free(commit);
	}
	change->commit_count = ids->count;
	count_authors(arena, change);
	return 0;
}

int change_read_history(const struct repository *repository, struct arena *arena,
			struct change *change, struct error *err)
{
	struct ids ids = {0};

	if (list_range(repository, arena, change->target, NULL, CHANGE_HISTORY + 1, &ids, err) < 0)
		return error_wrap(err, "cannot list the commits of %.12s", change->target);
	change->commits_incomplete = repository->shallow || ids.count > CHANGE_HISTORY;
	if (ids.count > CHANGE_HISTORY)
		ids.count = CHANGE_HISTORY;
	return add_commits(repository, arena, &ids, change, err);
}

int change_read_commits(const struct repository *repository, struct arena *arena,
			struct change *change, struct error *err)
{
	struct ids ids = {0}, undone = {0};

	if (list_range(repository, arena, change->target, change->live, 0, &ids, err) < 0 ||
	    list_range(repository, arena, change->live, change->target, 0, &undone, err) < 0)
		return error_wrap(err, "cannot list the commits since %.12s", change->live);
	change->undone = undone.count;
	change->commits_incomplete = repository->shallow;
	return add_commits(repository, arena, &ids, change, err);
}
