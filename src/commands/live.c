/* The live release's own deploy.yml: whose guards, roster, branch and protection count too, so that
 * nobody deploys himself past them. */
#include "base/text.h"
#include "commands/session_internal.h"
#include "git/change.h"
#include "git/command.h"
#include "git/repository.h"
#include "git/treesource.h"

/* What production runs by the records; --from only pretends. */
static const char *live_release(const struct session *session)
{
	if (session->records.records.count)
		return session->records.records.items[0].live;
	return session->options.from ? NULL : session->live;
}

static void add_note(struct session *session, const char *note)
{
	vec_push(session->arena, &session->facts.notes, note);
}

void session_bring_commit(struct session *session, const char *commit)
{
	struct error problem = {0};

	if (repository_has_commit(session->repository, commit) || !session->has_remote ||
	    session->options.offline)
		return;
	if (git_fetch_commit(session->repository, session->config->remote, commit, false,
			     &problem) < 0)
		add_note(session, arena_format(session->arena, "%s", problem.message));
}

static bool is_same(const struct session *session, const char *path, const struct buffer *bytes)
{
	for (size_t i = 0; i < session->config->files.count; i++) {
		const struct config_file *file = &session->config->files.items[i];

		if (!strcmp(file->path, path))
			return file->length == bytes->length &&
			       !memcmp(file->bytes, bytes->data, bytes->length);
	}
	return false;
}

/* Where the live release has it: at the same place, else at the top; NULL: nowhere. */
static const char *find_file(struct session *session, const char *commit, struct buffer *bytes,
			     struct error *err)
{
	const char *const paths[] = {session->config_path, "deploy.yml"};

	for (size_t i = 0; i < 2; i++) {
		int found = commit_read_file(session->repository, commit, paths[i], bytes, err);

		if (found)
			return found < 0 ? NULL : paths[i];
	}
	return NULL;
}

static void load(struct session *session, const char *commit, const char *path)
{
	struct diagnostics diagnostics;
	struct config_source source;
	struct error problem = {0};

	diagnostics_init(&diagnostics, session->arena);
	if (config_source_commit(session->repository, session->arena, commit, &source, &problem) ==
	    0)
		session->live_config =
			session_load_quietly(session, &source, path, &diagnostics, &problem);
	if (!session->live_config)
		add_note(session,
			 arena_format(session->arena,
				      "WARNING: the guards of the live release %.7s do not count, "
				      "for its %s cannot be read here: %s",
				      commit, path, problem.message));
}

int session_load_live(struct session *session, struct error *err)
{
	struct buffer bytes CLEANUP(buffer_release);
	const char *commit = live_release(session), *path;

	buffer_init(&bytes, NODE_FILE_MAXIMUM);
	if (!commit || session->config_path[0] == '/' ||
	    (!strcmp(commit, session->commit) && session->config->workspace != WORKSPACE_HERE))
		return 0;
	session_bring_commit(session, commit);
	if (!repository_has_commit(session->repository, commit)) {
		add_note(session,
			 arena_format(session->arena,
				      "WARNING: the guards of the live release do not count: "
				      "its commit %.7s is not in this repository",
				      commit));
		return 0;
	}
	path = find_file(session, commit, &bytes, err);
	if (!path && err->message[0])
		return -1;
	if (path && !is_same(session, path, &bytes))
		load(session, commit, path);
	return 0;
}

int64_t session_undone(const struct session *session)
{
	const char *live = live_release(session);

	if (!live || !strcmp(live, session->commit))
		return 0;
	if (session->change && text_equal(live, session->live) && !session->change->everything)
		return (int64_t)session->change->undone;
	return repository_count(session->repository, session->commit, live);
}
