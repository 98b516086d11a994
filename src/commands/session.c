/* Opens what a command stands on: repository, config, store, records. The target is in target.c. */
#include "commands/session.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/interrupted.h"
#include "commands/session_internal.h"
#include "commands/session_people.h"
#include "commands/session_secrets.h"
#include "crypto/key.h"
#include "git/change.h"
#include "git/command.h"
#include "git/pattern.h"
#include "git/repository.h"
#include "git/treesource.h"
#include "git/worktree.h"
#include "steps/kind.h"
#include "ui/annotate.h"

int session_open_repository(struct session *session, struct call *call, struct error *err)
{
	if (!session->arena) {
		session->call = call;
		session->arena = call->arena;
		diagnostics_init(&session->diagnostics, call->arena);
	}
	session->repository = repository_open(session->arena, call->folder, err);
	if (!session->repository)
		return -1;
	session->root = session->repository->root;
	session->common_dir = session->repository->common_dir;
	return 0;
}

/* --config below the repository is a path from its root; elsewhere it is read as it is. */
static const char *named_config(struct session *session, struct error *err)
{
	struct arena *arena = session->arena;
	const char *path = path_join(arena, session->call->folder, session->call->config);
	size_t length = strlen(session->root);

	path = path_normal(arena, path);
	if (!file_exists(path)) {
		error_set(err, "there is no file '%s', which --config or SHIPIT_CONFIG names",
			  path);
		error_code(err, EXIT_USAGE);
		return NULL;
	}
	if (strncmp(path, session->root, length) == 0 && path[length] == '/')
		return path + length + 1;
	return path;
}

/* Where deploy.yml is: on disk, or at least at the top of the commit that is looked at. */
static int find_config(struct session *session, struct error *err)
{
	if (session->call->config) {
		session->config_path = named_config(session, err);
		return session->config_path ? 0 : -1;
	}
	session->config_path =
		config_find(session->arena, session->root, session->call->folder, err);
	if (!session->config_path) {
		error_clear(err);
		session->config_path = "deploy.yml";
	}
	return 0;
}

void session_print_diagnostics(struct session *session, struct error *err)
{
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 1 << 20);
	diagnostics_write(&session->diagnostics, &out);
	ui_annotate(&session->diagnostics, &out);
	terminal_write(STDERR_FILENO, out.data, out.length);
	error_clear(err);
	error_code(err, EXIT_USAGE);
}

struct config *session_load_quietly(struct session *session, const struct config_source *source,
				    const char *path, struct diagnostics *diagnostics,
				    struct error *err)
{
	size_t kind_count;
	const struct step_kind_keys *kinds = step_kind_rows(session->arena, &kind_count);
	const struct config_options options = {
		.source = source,
		.path = path,
		.env = session->config->env,
		.kinds = kinds,
		.kind_count = kind_count,
		.check_pattern = pattern_check,
		.without_pipeline = true,
	};

	return config_load(session->arena, &options, diagnostics, err);
}

struct config *session_load(struct session *session, const struct config_source *source,
			    bool without_pipeline, struct error *err)
{
	size_t kind_count;
	const struct step_kind_keys *kinds = step_kind_rows(session->arena, &kind_count);
	const struct config_options options = {
		.source = source,
		.path = session->config_path,
		.env = session->call->env,
		.kinds = kinds,
		.kind_count = kind_count,
		.check_pattern = pattern_check,
		.check_key = public_key_check,
		.without_pipeline = without_pipeline,
		.every_environment = session->options.every_environment,
	};
	struct config *config = config_load(session->arena, &options, &session->diagnostics, err);

	if (!config && session->diagnostics.errors)
		session_print_diagnostics(session, err);
	return config;
}

/* Whether that commit has the deploy.yml, be it one that cannot be read. */
bool session_commit_has_config(struct session *session, const char *commit)
{
	struct buffer bytes CLEANUP(buffer_release);
	struct error ignored = { 0 };

	buffer_init(&bytes, 8 << 20);
	return commit_read_file(session->repository, commit, session->config_path, &bytes,
				&ignored) != 0;
}

/* `state` and `remote` come from the tip of the remote's default branch; while that has no
 * deploy.yml, from the working tree, said aloud. */
struct config *session_load_base(struct session *session, struct error *err)
{
	const char *remote = "origin";
	struct config_source source = config_source_folder(session->root);
	char tip[COMMIT_TEXT];
	bool alone = !session->options.with_pipeline;

	session->default_branch =
		repository_default_branch(session->repository, session->arena, remote);
	if (session->options.working_tree || session->config_path[0] == '/')
		return session_load(session, &source, alone, err);
	if (session->default_branch &&
	    repository_remote_tip(session->repository, remote, session->default_branch, tip)) {
		if (session_commit_has_config(session, tip)) {
			if (config_source_commit(session->repository, session->arena, tip, &source,
						 err) < 0)
				return NULL;
			return session_load(session, &source, alone, err);
		}
		if (!session->said_working_tree &&
		    file_exists(path_join(session->arena, session->root,
					  session->config_path)))
			call_note(session->call,
				  "%s is not on %s/%s yet: 'state' and 'remote' are taken from "
				  "the working tree",
				  session->config_path, remote, session->default_branch);
		session->said_working_tree = true;
	}
	return session_load(session, &source, alone, err);
}

int session_open_store(struct session *session, struct error *err)
{
	const struct config *config = session->config;
	const struct store_options options = {
		.state = config->state,
		.folder = config->file[0] == '/'
				  ? path_folder(session->arena, config->file)
				  : path_join(session->arena, session->root, config->folder),
		.work_dir = session->root,
		.common_dir = session->common_dir,
		.remote = config->remote,
		.offline = session->options.offline,
	};

	store_free(session->store);
	session->warnings_told = 0;
	session->store = store_open(&options, err);
	return session->store ? 0 : -1;
}

/* One round trip: the state, and where the store is the git remote, its branches too. */
static int fetch_once(struct session *session, struct error *err)
{
	struct text_list refspecs = { 0 };
	struct buffer listing CLEANUP(buffer_release);
	const char *remote = session->config->remote;
	const struct store_fetch request = {
		.env = session->options.every_environment ? NULL : session->config->env,
		.refspecs = &refspecs,
		.listing = &listing,
	};

	buffer_init(&listing, (size_t)64 << 20);

	session->has_remote = repository_has_remote(session->repository, remote);
	vec_push(session->arena, &refspecs,
		 arena_format(session->arena, "+refs/heads/*:refs/remotes/%s/*", remote));
	if (store_fetch(session->store, &request, err) < 0)
		return -1;
	if (session->has_remote && !session->options.offline &&
	    !store_fetches_refspecs(session->store) &&
	    (session->options.with_branches || session_has_sealed(session)) &&
	    git_fetch(session->repository, remote, &listing, err) < 0)
		return -1;
	git_fetched_branches(session->repository, session->arena, remote, listing.data);
	return 0;
}

/* git stumbles over a checkout that died in the making, be it in another environment. */
static int fetch(struct session *session, struct error *err)
{
	if (fetch_once(session, err) < 0) {
		if (!strstr(err->message, "worktrees/"))
			return -1;
		if (!worktree_mend(session->repository, session->arena))
			return error_hint(err, "a checkout of this repository is broken: find it "
					  "with git worktree list, and end it with git worktree "
					  "remove --force PATH, or git worktree prune");
		error_clear(err);
		call_note(session->call, "A checkout that died in the making is made anew.");
		if (fetch_once(session, err) < 0)
			return -1;
	}
	const struct text_list *warnings = store_warnings(session->store);
	for (; session->warnings_told < warnings->count; session->warnings_told++)
		call_note(session->call, "WARNING: %s", warnings->items[session->warnings_told]);
	return 0;
}

static int read_records(struct session *session, struct error *err)
{
	record_list_release(&session->records);
	record_list_release(&session->history);
	return record_list_read(session->store, session->arena, session->config->env,
				session->options.rollback ? SESSION_HISTORY : SESSION_RECORDS,
				&session->records, err);
}

int session_check_here(struct session *session, struct error *err)
{
	struct repository *repository = session->repository;
	struct head head;

	if (session->config->workspace != WORKSPACE_HERE)
		return 0;
	if (repository_head(repository, session->arena, &head, err) < 0)
		return -1;
	if (!strcmp(head.id, session->commit))
		return 0;
	error_set(err, "'workspace: here' runs what is checked out, which is %s and not %s",
		  repository_short(repository, session->arena, head.id),
		  repository_short(repository, session->arena, session->commit));
	error_hint(err, "git checkout %s first",
		   repository_short(repository, session->arena, session->commit));
	return error_code(err, EXIT_USAGE);
}

int session_refresh(struct session *session, struct error *err)
{
	const char *env = session->config->env;
	const char *known = session->records.records.count
				    ? session->records.records.items[0].version
				    : "";
	char tip[STORE_VERSION_SIZE];

	if (fetch(session, err) < 0 || store_tip(session->store, env, tip, err) < 0)
		return -1;
	if (text_equal(tip, known))
		return 0;
	return read_records(session, err);
}

const struct record_list *session_history(struct session *session, struct error *err)
{
	if (session->options.rollback || session->records.records.count < SESSION_RECORDS)
		return &session->records;
	if (!session->history.records.count &&
	    record_list_read(session->store, session->arena, session->config->env, SESSION_HISTORY,
			     &session->history, err) < 0)
		return NULL;
	return &session->history;
}

int session_open_state(struct session *session, struct error *err)
{
	const char *state, *remote;

	session->config = session_load_base(session, err);
	if (!session->config)
		return -1;
	if (session->options.without_store)
		return 0;
	if (session_open_store(session, err) < 0 || fetch(session, err) < 0)
		return -1;
	/* What was just fetched may say that the state is kept elsewhere. */
	state = session->config->state;
	remote = session->config->remote;
	session->config = session_load_base(session, err);
	if (!session->config)
		return -1;
	if ((!text_equal(state, session->config->state) ||
	     !text_equal(remote, session->config->remote)) &&
	    (session_open_store(session, err) < 0 || fetch(session, err) < 0))
		return -1;
	return read_records(session, err);
}

int session_open(struct session *session, struct call *call, const struct session_options *options,
		 struct error *err)
{
	session->options = *options;
	if (session_open_repository(session, call, err) < 0 || find_config(session, err) < 0 ||
	    session_open_state(session, err) < 0)
		return -1;
	session->deployer = repository_deployer(session->repository, session->arena);
	if (session->store && !session->options.unwarned)
		interrupted_notice(session);
	return 0;
}

int session_open_files(struct session *session, struct call *call,
		       const struct session_options *options, struct error *err)
{
	session->options = *options;
	if (session_open_repository(session, call, err) < 0 || find_config(session, err) < 0)
		return -1;
	session->deployer = repository_deployer(session->repository, session->arena);
	return 0;
}

static int read_changed(void *context, const struct changed_file *file, struct changed_text *text,
			struct error *err)
{
	const struct session *session = context;

	return change_read_text(session->repository, session->arena, file, text, err);
}

/* The records as they were before the deploy that is planned again. */
static struct record_list records_before(const struct session *session)
{
	struct record_list list = session->records;

	while (session->options.again && list.records.count &&
	       text_equal(list.records.items[0].id, session->options.again_id)) {
		list.records.items++;
		list.records.count--;
	}
	return list;
}

struct plan *session_plan(struct session *session, const struct plan_flags *flags, int64_t now,
			  struct error *err)
{
	const struct record_list records = records_before(session);

	if (session_people_gather(session, err) < 0)
		return NULL;
	const struct plan_input input = {
		.config = session->config,
		.change = session->change,
		.fingerprints = session->fingerprints,
		.everything_reason = session->everything_reason,
		.commit = session->commit,
		.previous = session->live,
		.branch = session->branch,
		.records = &records,
		.flags = *flags,
		.facts = session->facts,
		.now = now,
		.live_config = session->live_config,
		.read_file = read_changed,
		.approvals = session_approvals,
		.context = session,
	};
	struct plan *plan = plan_new(session->arena, &input, &session->diagnostics, err);

	session->flags = *flags;
	if (!plan && session->diagnostics.errors)
		session_print_diagnostics(session, err);
	return plan;
}

void session_close(struct session *session)
{
	session_secrets_close(session);
	session_people_close(session);
	store_free(session->store);
	record_list_release(&session->records);
	record_list_release(&session->history);
	if (session->repository)
		repository_close(&session->repository);
	session->store = NULL;
}
