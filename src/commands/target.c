/* The target of a deploy: which commit, its config, what is live, what changed in between. */
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/interrupted.h"
#include "commands/session_internal.h"
#include "commands/session_people.h"
#include "commands/session_secrets.h"
#include "crypto/redact.h"
#include "git/change.h"
#include "git/command.h"
#include "git/glob.h"
#include "git/pattern.h"
#include "git/repository.h"
#include "git/treesource.h"
#include "services/live_commit.h"

enum {
	LARGE_INDEX = 2 << 20, /* bytes; some 20,000 files */
	DIRTY_WAIT = 2000, /* ms that a plan waits at most to say that something is uncommitted */
};

static void add_note(struct session *session, const char *note)
{
	vec_push(session->arena, &session->facts.notes, note);
}

static bool in_ci(void)
{
	const char *ci = getenv("CI");

	return ci && *ci && strcmp(ci, "false") != 0;
}

/* An environment with members stands for many; deploying one of them under its name would be wrong.
 */
static int refuse_pool(const struct session *session, struct error *err)
{
	const struct node *members = node_get(session->config->environment, "members");

	if (!members || !members->count)
		return 0;
	error_set(err,
		  "the environment '%s' is a pool (it has members), which this version of shipit "
		  "cannot deploy to",
		  session->config->env);
	error_hint(
		err,
		"make each member an environment of its own, or take out environments.%s.members",
		session->config->env);
	return error_code(err, EXIT_USAGE);
}

static bool is_here(const struct session *session)
{
	return session->config->workspace == WORKSPACE_HERE && !session->options.rollback;
}

/* The config of the commit that is deployed; with `workspace: here`, of the working tree. */
static int load_target(struct session *session, struct error *err)
{
	bool here = is_here(session);
	struct config_source source = config_source_folder(session->root);

	if (!here && session->config_path[0] != '/') {
		if (!session_commit_has_config(session, session->commit)) {
			error_set(err, "%s is not in commit %s, which would be deployed",
				  session->config_path,
				  repository_short(session->repository, session->arena,
						   session->commit));
			error_hint(err, "commit it and push, or name another commit by --ref");
			return error_code(err, EXIT_USAGE);
		}
	}
	if (!here && config_source_commit(session->repository, session->arena, session->commit,
					  &source, err) < 0)
		return -1;
	session->config = session_load(session, &source, false, err);
	return session->config ? refuse_pool(session, err) : -1;
}

struct url_values {
	struct session *session;
	struct redactor *redactor;
	struct error *err;	/* why a secret could not be read */
};

static const char *url_value(void *context, const char *name)
{
	struct url_values *values = context;
	struct session *session = values->session;
	const char *value = config_var(session->config, name);

	if (value)
		return value;
	value = session_secret(session, name, values->err);
	if (value)
		redactor_add(values->redactor, value);
	return value;
}

/* Asks production; what goes wrong is told without the secrets that its address may hold. */
static int ask_production(struct session *session, struct live_commit_request *request,
			  char shown[65], struct error *err)
{
	struct redactor *redactor = redactor_new();
	struct error unreadable = { 0 };
	struct url_values values = { session, redactor, &unreadable };
	const struct expand_lookup lookup = { url_value, &values };
	struct buffer clean CLEANUP(buffer_release);
	int result = -1;

	buffer_init(&clean, sizeof(err->message) * 4);
	request->url = expand_text(session->arena, request->url, &lookup, err);
	if (request->url)
		result = live_commit_ask(request, shown, err);
	else if (unreadable.message[0])
		*err = unreadable;
	if (result < 0) {
		redact_text(redactor, err->message, strlen(err->message), &clean);
		error_set(err, "%s", clean.data);
	}
	redactor_free(redactor);
	return result;
}

static const char *ask_for_commit(struct session *session)
{
	const struct live_commit_config *config = &session->config->live_commit;
	struct live_commit_request request = {
		.base = session->config->url,
		.url = config->url,
		.header = config->header,
		.json = config->json,
		.match = config->match,
		.timeout = config->timeout,
	};
	struct error problem = { 0 };
	char shown[65], whole[COMMIT_TEXT];
	const char *secret;

	if (!config->url || session->options.offline)
		return NULL;
	secret = looking_command_secret(session, config->url);
	if (secret) {
		text_list_add(session->arena, &session->facts.open,
			      arena_format(session->arena,
					   "what production itself says is live: known at deploy "
					   "(a command tells the secret %s)", secret));
		return NULL;
	}
	if (ask_production(session, &request, shown, &problem) < 0) {
		add_note(session, arena_format(session->arena,
					       "production did not say which commit is live: %s",
					       problem.message));
		return NULL;
	}
	if (repository_resolve(session->repository, shown, NULL, whole, &problem) < 0)
		return arena_string(session->arena, shown);
	return arena_string(session->arena, whole);
}

/* What production says of itself, asked once; a short form is resolved here. NULL: it does not
 * say. */
static const char *claimed_commit(struct session *session)
{
	if (!session->asked_production)
		session->claimed = ask_for_commit(session);
	session->asked_production = true;
	return session->claimed;
}

/* For --redeploy, task and exec: what is live by --from, the records or production. 1; 0 when
 * nothing is, or nobody says. */
static int choose_live(struct session *session, struct error *err)
{
	const struct record *newest = session->records.records.count ?
		&session->records.records.items[0] : NULL;
	const char *branch = session->config->branch;
	struct error ignored = { 0 };
	char whole[COMMIT_TEXT];

	if (session->options.from) {
		if (repository_resolve(session->repository, session->options.from,
				       session->config->remote, whole, err) < 0)
			return -1;
		session->commit = arena_string(session->arena, whole);
		return 1;
	}
	if (newest && newest->live) {
		session->commit = newest->live;
		session->branch = newest->branch;
		return 1;
	}
	session->commit = claimed_commit(session);
	if (!session->commit)
		return 0;
	session_bring_commit(session, session->commit);
	if (repository_resolve(session->repository, session->commit, NULL, whole, &ignored) < 0) {
		error_set(err, "production says that %.12s is live, which is not in this "
			  "repository%s", session->commit,
			  session->options.offline ? "" : ", nor on the remote");
		return error_code(err, EXIT_USAGE);
	}
	session->commit = session->claimed = arena_string(session->arena, whole);
	session->branch = branch && !glob_is_pattern(branch) ? branch : NULL;
	return 1;
}

static int choose_again(struct session *session)
{
	session->commit = session->options.again->commit;
	session->branch = session->options.again->branch;
	session_bring_commit(session, session->commit);
	return 1;
}

static int choose_commit(struct session *session, struct error *err)
{
	const struct choice_options options = {
		.ref = session->options.ref,
		.branch =
			session->config->branch ? session->config->branch : session->default_branch,
		.remote = session->has_remote ? session->config->remote : NULL,
		.ci = in_ci() || !session->has_remote || is_here(session),
	};
	struct choice choice;
	int chosen;

	if (session->options.rollback)
		return session_choose_release(session, err);
	chosen = session->options.again      ? choose_again(session)
	       : session->options.redeploy ? choose_live(session, err)
					   : 0;
	if (chosen)
		return chosen < 0 ? -1 : 0;
	if (repository_choose(session->repository, session->arena, &options, &choice, err) < 0)
		return -1;
	session->commit = arena_string(session->arena, choice.id);
	session->branch = choice.branch && *choice.branch ? choice.branch : NULL;
	if (session->options.branch)
		session->branch = session->options.branch;
	return 0;
}

/* By --from, by the records, by production itself; loud when the last two disagree. */
static int find_live(struct session *session, struct error *err)
{
	char from[COMMIT_TEXT];
	const char *claimed;

	if (session->options.again) {
		session->live = session->options.again->previous;
		session->facts.live_claimed = session->options.again->claimed;
		return 0;
	}
	if (session->options.from) {
		if (repository_resolve(session->repository, session->options.from,
				       session->config->remote, from, err) < 0)
			return -1;
		session->live = arena_string(session->arena, from);
		session->facts.live_known = true;
		return 0;
	}
	if (session->records.records.count)
		session->live = session->records.records.items[0].live;
	if (session->options.rollback)
		return 0;	/* production is not well: nobody waits for what it says */
	claimed = claimed_commit(session);
	if (claimed && !session->live) {
		session->live = claimed;
		add_note(session,
			 arena_format(session->arena,
				      "no record says what is live; production says %s", claimed));
	} else if (claimed && strcmp(claimed, session->live) != 0) {
		session->facts.live_claimed = claimed;
		add_note(
			session,
			arena_format(
				session->arena,
				"WARNING: the records say that %.12s is live, production itself "
				"says "
				"%.12s: somebody changed it without shipit; whatever changed since "
				"either counts",
				session->live, claimed));
	}
	return 0;
}

static int read_change(struct session *session, struct error *err)
{
	struct change_options options = {
		.live = session->live,
		.also = session->facts.live_claimed,
		.target = session->commit,
	};
	struct pattern_list ignore[2] = { 0 };
	bool both = session->live_config != NULL;

	if (session->live)
		session_bring_commit(session, session->live);
	if (options.also)
		session_bring_commit(session, options.also);
	session->change = arena_new(session->arena, struct change);
	if (change_read(session->repository, session->arena, &options, session->change, err) < 0)
		return -1;
	session->facts.live_known = session->live && !session->change->live_unknown;
	if (!session->live)
		session->everything_reason = "nothing is live yet";
	else if (session->change->live_unknown)
		session->everything_reason = arena_format(
			session->arena,
			"the live commit %.12s is not in this repository%s", session->live,
			session->options.offline ? ", and --offline does not fetch it"
						 : ", nor on the remote");
	if (pattern_list_compile(session->arena, &session->config->guards.size_ignore, &ignore[0],
				 err) < 0 ||
	    (both && pattern_list_compile(session->arena,
					  &session->live_config->guards.size_ignore, &ignore[1],
					  err) < 0))
		return -1;
	if (session->change->everything)
		return 0;
	if (change_count_lines(session->repository, session->change, ignore, both ? 2 : 1,
			       err) < 0)
		return -1;
	if (options.also && !repository_has_commit(session->repository, options.also)) {
		session->change->everything = true;
		session->everything_reason = arena_format(session->arena,
			"production says that %.12s is live, which is not in this repository",
			options.also);
	}
	return 0;
}

/* Looking at all files of a large working tree takes longer than all of a plan. */
static struct dirty_check *start_dirty_check(struct session *session)
{
	const char *index = path_join(session->arena, session->repository->git_dir, "index");
	struct stat status;

	if (!session->options.quick || stat(index, &status) || status.st_size <= LARGE_INDEX)
		return dirty_check_start(session->repository);
	add_note(session, "this working tree is large: whether something in it is uncommitted was "
			  "not looked at");
	return NULL;
}

static int find_branches(struct session *session, const char *remote, const char *wanted,
			 struct error *err)
{
	struct plan_facts *facts = &session->facts;
	struct text_list branches = { 0 };

	facts->branch_allowed =
		repository_is_tip(session->repository, remote, wanted, session->commit);
	if (facts->branch_allowed)
		return 0;
	if (repository_branches_with(session->repository, session->arena, remote, wanted,
				     session->commit, &branches, err) < 0)
		return -1;
	facts->branch_allowed = branches.count > 0;
	if (facts->branch_allowed ||
	    repository_is_tip(session->repository, remote, NULL, session->commit))
		return 0;
	if (repository_branches_with(session->repository, session->arena, remote, NULL,
				     session->commit, &branches, err) < 0)
		return -1;
	facts->unpushed = branches.count == 0;
	return 0;
}

/* --offline: how old is what this stands on? */
static void note_age(struct session *session)
{
	int64_t seen = store_seen_at(session->store), now = clock_now(session->call->clock);
	char when[32], age[32];

	if (!session->options.offline)
		return;
	if (!seen)
		add_note(
			session,
			"offline: the shared state was never fetched here, nothing is known of it");
	else if (now - seen < 1000)
		add_note(session,
			 "offline: the remote was not asked, its branches are as last fetched");
	else
		add_note(session, arena_format(session->arena,
					       "offline: the shared state is as of %s, %s ago",
					       time_format(when, seen),
					       duration_format(age, now - seen)));
}

static int gather_facts(struct session *session, struct dirty_check *check, struct error *err)
{
	struct plan_facts *facts = &session->facts;
	const char *remote = session->config->remote;
	const char *wanted =
		session->config->branch ? session->config->branch : session->default_branch;
	char tip[COMMIT_TEXT];
	struct dirty dirty = { 0 };

	facts->branch_wanted = wanted;
	facts->branch_allowed = true;
	facts->behind = -1;
	facts->undone = session_undone(session);
	note_age(session);
	announcements_note(session);
	if (session->options.looking)
		looking_hosts(session);
	if (check)
		dirty_check_finish(check, session->arena, DIRTY_WAIT, &dirty);
	facts->dirty = dirty.known ? dirty.count : 0;
	if (session->options.rollback)
		return 0;
	if (!session->has_remote) {
		add_note(session, arena_format(session->arena,
					       "there is no remote '%s': HEAD is deployed, and "
					       "whether it was pushed cannot be known",
					       remote));
		return 0;
	}
	if (find_branches(session, remote, wanted, err) < 0)
		return -1;
	if (facts->branch_allowed && session->live_config && session->live_config->branch) {
		facts->branch_wanted = session->live_config->branch;
		if (find_branches(session, remote, facts->branch_wanted, err) < 0)
			return -1;
	}
	if (session->branch &&
	    repository_remote_tip(session->repository, remote, session->branch, tip))
		facts->behind = repository_count(session->repository, session->commit, tip);
	return 0;
}

static int read_fingerprints(struct session *session, struct error *err)
{
	const struct config *config = session->config;
	size_t count = config->fingerprints.count;
	struct pattern_list *lists = arena_array(session->arena, count + 1, sizeof(*lists));
	const char **texts = arena_array(session->arena, count + 1, sizeof(*texts));

	for (size_t i = 0; i < count; i++)
		if (pattern_list_compile(session->arena, &config->fingerprints.items[i].patterns,
					 &lists[i], err) < 0)
			return -1;
	if (count && commit_fingerprints(session->repository, session->arena, session->commit,
					 lists, count, texts, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		vec_push(session->arena, &session->fingerprints.list,
			 ((struct variable){arena_format(session->arena, "SHIPIT_HASH_%s",
							 config->fingerprints.items[i].name),
					    texts[i]}));
	return 0;
}

int session_open_target(struct session *session, struct call *call,
			const struct session_options *options, struct error *err)
{
	struct session_options whole = *options;
	struct dirty_check *check;
	struct head head;
	int result = -1;

	whole.with_branches = !in_ci() && !options->rollback;
	if (session_open_files(session, call, &whole, err) < 0)
		return -1;
	if (repository_head(session->repository, session->arena, &head, err) < 0)
		return -1;
	check = options->rollback ? NULL : start_dirty_check(session);
	if (session_open_state(session, err) == 0 && choose_commit(session, err) == 0 &&
	    load_target(session, err) == 0 && find_live(session, err) == 0 &&
	    session_load_live(session, err) == 0 && read_change(session, err) == 0 &&
	    read_fingerprints(session, err) == 0)
		result = 0;
	if (result == 0 && !session->options.unwarned)
		interrupted_notice(session);
	if (result == 0)
		return gather_facts(session, check, err);
	if (check)
		dirty_check_finish(check, session->arena, 0, &(struct dirty){ 0 });
	return -1;
}

