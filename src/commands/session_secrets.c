/* Where a session's sealed secrets come from, and the key that opens them. */
#include "commands/session_secrets.h"

#include "base/file.h"
#include "base/text.h"
#include "commands/deploy_run.h"
#include "commands/session_people.h"
#include "crypto/sealed_file.h"
#include "git/repository.h"
#include "git/treesource.h"
#include "services/secrets.h"

struct session_secrets {
	char tip[COMMIT_TEXT];	/* of the default branch when file was read */
	bool read, present;
	struct sealed_file file;
	const char *where;
	struct identity own;	/* for a session that nobody has asked who is there */
	bool own_opened;
};

bool session_has_sealed(const struct session *session)
{
	for (size_t i = 0; i < session->config->secrets.count; i++)
		if (session->config->secrets.items[i].sealed)
			return true;
	return false;
}

const char *session_sealed_path(const struct session *session)
{
	const char *path = path_join(session->arena, path_folder(session->arena,
								 session->config->file),
				     SEALED_FILE);
	return text_starts_with(path, "./") ? path + 2 : path;
}

int session_default_tip(const struct session *session, char tip[])
{
	return session->default_branch &&
	       repository_remote_tip(session->repository, session->config->remote,
				     session->default_branch, tip) == 1;
}

static int parse(struct session *session, const struct buffer *bytes, struct error *err)
{
	struct session_secrets *secrets = session->secrets;
	struct diagnostics diagnostics;
	const char *copy = arena_bytes(session->arena, bytes->data, bytes->length);
	diagnostics_init(&diagnostics, session->arena);
	secrets->present = true;
	if (sealed_file_parse(&diagnostics, session_sealed_path(session), copy, bytes->length,
			      &secrets->file) == 0)
		return 0;
	diagnostics_result(&diagnostics, err);
	return error_wrap(err, "%s", secrets->where);
}

/* 1 read, 0 there is none, -1. */
static int read_commit(struct session *session, const char *commit, struct buffer *bytes,
		       struct error *err)
{
	const char *path = session_sealed_path(session);
	return path[0] == '/' ? 0 : commit_read_file(session->repository, commit, path, bytes,
						     err);
}

static int read_folder(struct session *session, struct buffer *bytes)
{
	struct error ignored = {0};
	const char *path = path_join(session->arena, session->root, session_sealed_path(session));
	return file_exists(path) && file_read(path, bytes, &ignored) == 0;
}

/* The default branch has none yet: as the release brings it, else as it lies here. */
static int read_elsewhere(struct session *session, const char *why, struct buffer *bytes,
			  struct error *err)
{
	struct session_secrets *secrets = session->secrets;
	const char *path = session_sealed_path(session);
	int found = 0;
	if (session->commit && session->config->workspace != WORKSPACE_HERE)
		found = read_commit(session, session->commit, bytes, err);
	if (found > 0)
		secrets->where = arena_format(session->arena, "%s of %.7s", path, session->commit);
	if (found == 0 && (!session->commit || path[0] == '/' ||
			   session->config->workspace == WORKSPACE_HERE))
		found = read_folder(session, bytes);
	if (found > 0 && why)
		call_note(session->call, "%s: sealed secrets are those of %s", why,
			  secrets->where == path ? "the working tree" : secrets->where);
	return found;
}

static int read_file(struct session *session, const char *tip, struct error *err)
{
	struct session_secrets *secrets = session->secrets;
	const char *remote = session->config->remote, *path = session_sealed_path(session);
	struct buffer bytes CLEANUP(buffer_release);
	const char *why = NULL;
	int found = 0;
	buffer_init(&bytes, SEALED_FILE_MAXIMUM);
	secrets->where = path;
	secrets->present = false;
	if (*tip && path[0] != '/') {
		secrets->where = arena_format(session->arena, "%s of %s/%s", path, remote,
					      session->default_branch);
		found = read_commit(session, tip, &bytes, err);
		why = arena_format(session->arena, "%s is not on %s/%s yet", path, remote,
				   session->default_branch);
	}
	if (found == 0) {
		const char *missing = secrets->where;
		secrets->where = path;
		found = read_elsewhere(session, why, &bytes, err);
		if (found == 0)
			secrets->where = missing;
	}
	return found > 0 ? parse(session, &bytes, err) : found;
}

/* Anew when the default branch has moved since. */
static int refresh_file(struct session *session, struct error *err)
{
	struct session_secrets *secrets = session->secrets;
	char tip[COMMIT_TEXT] = "";
	if (session_default_tip(session, tip) == 0)
		tip[0] = '\0';
	if (secrets->read && strcmp(tip, secrets->tip) == 0)
		return 0;
	secrets->read = false;
	if (read_file(session, tip, err) < 0)
		return -1;
	memcpy(secrets->tip, tip, sizeof(tip));
	secrets->read = true;
	return 0;
}

static int unlock(struct session *session, const struct secret_key **key, struct error *err)
{
	struct session_secrets *secrets = session->secrets;
	struct identity *identity = &secrets->own;
	bool may_ask = !session->options.looking && !deploy_writes_json(session->call);
	if (session->people)
		identity = &session->people->identity;
	else if (!secrets->own_opened && identity_open(session->arena, identity, err) < 0)
		return -1;
	secrets->own_opened = identity == &secrets->own;
	if (!identity->key && !identity->locked) {
		error_set(err, "%s", identity->why ? identity->why : "there is no key");
		return error_code(err, EXIT_FAILED);
	}
	if (identity_unlock(session->arena, identity, may_ask, err) < 0)
		return -1;
	*key = identity->key;
	return 0;
}

static int on_sealed(void *context, struct sealed_source *source, struct error *err)
{
	struct session *session = context;
	if (!session->secrets)
		session->secrets = arena_new(session->arena, struct session_secrets);
	if (refresh_file(session, err) < 0 || unlock(session, &source->key, err) < 0)
		return -1;
	source->where = session->secrets->where;
	source->file = session->secrets->present ? &session->secrets->file : NULL;
	return 0;
}

const char *session_secret(struct session *session, const char *name, struct error *err)
{
	const struct secret_options options = {
		.arena = session->arena,
		.config = session->config,
		.directory = session->root,
		.sealed = on_sealed,
		.context = session,
	};
	return secret_read(&options, name, err);
}

void session_secrets_close(struct session *session)
{
	if (session->secrets)
		identity_close(&session->secrets->own);
	session->secrets = NULL;
}
