/* Whose key is here, what its owner may do, who else is there and who approved. */
#include "commands/session_people.h"

#include "base/text.h"
#include "commands/deploy_run.h"
#include "commands/session_internal.h"
#include "crypto/key.h"
#include "git/pattern.h"
#include "git/repository.h"
#include "git/treesource.h"

const char *session_live_release(const struct session *session)
{
	if (session->records.records.count && session->records.records.items[0].live)
		return session->records.records.items[0].live;
	return session->options.from ? NULL : session->live;
}

static bool is_file(const struct config_file *file, const struct buffer *bytes)
{
	return file->length == bytes->length &&
	       memcmp(file->bytes, bytes->data, bytes->length) == 0;
}

/* Versions of deploy.yml that were read before; a history has few. */
static const struct config *config_known(const struct session *session, const struct buffer *bytes)
{
	for (size_t i = 0; i < session->config->files.count; i++)
		if (text_equal(session->config->files.items[i].path, session->config_path) &&
		    is_file(&session->config->files.items[i], bytes))
			return session->config;
	for (size_t i = 0; i < session->configs.count; i++)
		if (is_file(&session->configs.items[i].file, bytes))
			return session->configs.items[i].config;
	return NULL;
}

const struct config *session_config_at(struct session *session, const char *commit, bool *missing)
{
	struct buffer bytes CLEANUP(buffer_release);
	struct diagnostics diagnostics;
	struct config_source source;
	struct error ignored = {0};
	struct session_config known = {0};
	struct config_options options = {
		.source = &source,
		.path = session->config_path,
		.env = session->config->env,
		.check_pattern = pattern_check,
		.without_pipeline = true,
	};
	buffer_init(&bytes, NODE_FILE_MAXIMUM);
	if (missing)
		*missing = !repository_has_commit(session->repository, commit);
	if (session->config_path[0] == '/')
		return session->config;
	if (commit_read_file(session->repository, commit, session->config_path, &bytes,
			     &ignored) <= 0)
		return NULL;
	known.config = config_known(session, &bytes);
	diagnostics_init(&diagnostics, session->arena);
	if (known.config || config_source_commit(session->repository, session->arena, commit,
						 &source, &ignored) < 0)
		return known.config;
	known.config = config_load(session->arena, &options, &diagnostics, &ignored);
	known.file.bytes = arena_bytes(session->arena, bytes.data, bytes.length);
	known.file.length = bytes.length;
	if (known.config)
		vec_push(session->arena, &session->configs, known);
	return known.config;
}

static const struct config *chain_config_at(void *context, const char *commit, bool *missing)
{
	return session_config_at(context, commit, missing);
}

struct chain_view session_chain_view(struct session *session)
{
	return (struct chain_view){
		.app = session->config->app,
		.env = session->config->env,
		.config_at = chain_config_at,
		.context = session,
	};
}

/* deploy.yml as it is on the remote's default branch. */
static const struct config *merged_config(struct session *session)
{
	char tip[COMMIT_TEXT];
	if (!session->default_branch ||
	    repository_remote_tip(session->repository, session->config->remote,
				  session->default_branch, tip) != 1)
		return NULL;
	return session_config_at(session, tip, NULL);
}

/* The live release's, whose roster counts. When that commit is not here, or its deploy.yml is not
 * one that this version can read, what was merged stands for it: whoever could make the live commit
 * vanish would else be free of every roster. */
static const struct config *release_config(struct session *session, const char *live)
{
	bool missing;
	const struct config *config = session_config_at(session, live, &missing);
	if (config || (!missing && !session_commit_has_config(session, live)))
		return config;
	return merged_config(session);
}

/* Whoever reads the chain hears when its newest record is not what it should be. */
static void judge_newest(struct session *session)
{
	const struct chain_view view = session_chain_view(session);
	struct chain_judgement judgement;
	if (!session->records.records.count)
		return;
	chain_judge(session->arena, &view, &session->records, 0, &judgement);
	if (!judgement.problem)
		return;
	const char *note = arena_format(
		session->arena, "WARNING: the newest record, %s, does not fit: %s (shipit -e %s "
		"history --verify)", session->records.records.items[0].id, judgement.problem,
		session->config->env);
	vec_push(session->arena, &session->facts.notes, note);
}

static void look_for_others(struct session *session, struct plan_person *person)
{
	struct session_people *people = session->people;
	const struct beacon_place place = {session->store, session->config->app,
					   session->config->env};
	const struct public_key *own =
		people->identity.known ? &people->identity.public_key : NULL;
	struct text_list names = {0};
	const char *live = session_live_release(session);
	beacons_read(session->arena, &place, &people->rosters, clock_now(session->call->clock),
		     &people->online);
	for (size_t i = 0; i < people->online.list.count; i++) {
		const struct beacon *beacon = &people->online.list.items[i];
		if (rosters_role(&people->rosters, &beacon->key, NULL) != PLAN_TRAINED ||
		    (own && public_key_equal(own, &beacon->key)))
			continue;
		text_list_add(session->arena, &names, beacon->name);
	}
	/* The release that is live says where to ask: a commit cannot name its own Slack. */
	if (!names.count && person->role == PLAN_TRAINEE)
		session_presence(session, live ? release_config(session, live) : session->config,
				 &names);
	person->trained_online = names.count;
	if (names.count)
		person->online = text_join(session->arena, &names, ", ");
}

static const char *why_unknown(struct session *session)
{
	const struct session_people *people = session->people;
	char text[KEY_TEXT_SIZE];
	if (people->identity.why)
		return people->identity.why;
	public_key_format(&people->identity.public_key, text);
	if (people->name)
		return arena_format(session->arena,
				    "%s is in one of the two rosters that count, the live "
				    "release's and the one being deployed, and not in the other",
				    people->name);
	return arena_format(session->arena, "your key %s is not in the roster", text);
}

static void judge_person(struct session *session)
{
	struct session_people *people = session->people;
	struct plan_person *person = &session->facts.person;
	const struct public_key *key =
		people->identity.known ? &people->identity.public_key : NULL;
	people->role = rosters_role(&people->rosters, key, &people->name);
	*person = (struct plan_person){
		.roster_has_keys = rosters_have_keys(&people->rosters),
		.role = people->role,
		.name = people->name,
	};
	if (!person->roster_has_keys)
		return;
	if (person->role == PLAN_UNKNOWN)
		person->why = why_unknown(session);
	look_for_others(session, person);
}

/* A key that cannot be used stops whoever needs one; nobody else. */
static int open_identity(struct session *session, struct error *err)
{
	struct session_people *people = session->people;
	if (identity_open(session->arena, &people->identity, err) == 0)
		return 0;
	if (rosters_have_keys(&people->rosters))
		return -1;
	const char *note = arena_format(session->arena, "the record will not be signed: %s",
					err->message);
	vec_push(session->arena, &session->facts.notes, note);
	people->identity = (struct identity){.why = note};
	error_clear(err);
	return 0;
}

int session_people_gather(struct session *session, struct error *err)
{
	const char *live = session_live_release(session);
	struct session_people *people = session->people;
	if (people)
		return 0;
	people = session->people = arena_new(session->arena, struct session_people);
	if (live)
		roster_read(session->arena, release_config(session, live), &people->rosters.live);
	/* Commands that deploy nothing go by what was merged while nothing is live. */
	if (session->commit || !live)
		roster_read(session->arena, session->config, &people->rosters.target);
	if (open_identity(session, err) < 0)
		return -1;
	judge_person(session);
	judge_newest(session);
	return 0;
}

void session_people_hand_key(struct session *session, struct session *from)
{
	if (session == from || !session->people || !from->people)
		return;
	identity_close(&session->people->identity);
	session->people->identity = from->people->identity;
	from->people->identity = (struct identity){0};
	judge_person(session);
}

int session_people_renew(struct session *session, struct session *from, struct error *err)
{
	if (session_people_gather(session, err) < 0)
		return -1;
	session_people_hand_key(session, from);
	approvals_release(&session->people->approvals);
	session->people->digest[0] = '\0';
	judge_person(session);
	return 0;
}

static struct approval_view view_of(struct session *session, const char *digest)
{
	struct session_people *people = session->people;
	return (struct approval_view){
		.store = session->store,
		.app = session->config->app,
		.env = session->config->env,
		.digest = digest,
		.rosters = &people->rosters,
		.deployer = people->identity.known ? &people->identity.public_key : NULL,
		.records = &session->records,
		.now = clock_now(session->call->clock),
	};
}

/* Once for each digest; what we used up ourselves is still given. */
static int approvals_find(struct session *session, const char *digest, struct error *err)
{
	struct session_people *people = session->people;
	struct approval_view view = view_of(session, digest);
	if (strcmp(people->digest, digest) == 0)
		return 0;
	if (approvals_wait(session->arena, &view))
		view.records = session_history(session, err);
	if (!view.records)
		return -1;
	approvals_release(&people->approvals);
	people->used = false;
	if (approvals_read(session->arena, &view, &people->approvals, err) < 0)
		return -1;
	snprintf(people->digest, sizeof(people->digest), "%s", digest);
	return 0;
}

int session_approvals(void *context, const char digest[65], struct plan_approvals *approvals,
		      struct error *err)
{
	struct session *session = context;
	struct text_list names = {0};
	if (approvals_find(session, digest, err) < 0)
		return -1;
	const struct approval_list *given = &session->people->approvals;
	for (size_t i = 0; i < given->list.count; i++)
		text_list_add(session->arena, &names, given->list.items[i].name);
	*approvals = (struct plan_approvals){.given = names.count};
	if (names.count)
		approvals->by = text_join(session->arena, &names, ", ");
	return 0;
}

int session_people_prove(struct session *session, struct error *err)
{
	struct identity *identity;
	const char *passphrase = getenv(IDENTITY_PASSPHRASE);
	bool may_ask = !deploy_writes_json(session->call);
	if (session_people_gather(session, err) < 0)
		return -1;
	identity = &session->people->identity;
	if (identity->key || !identity->locked)
		return 0;
	/* Without a roster a signature is nice to have, and worth no question. */
	if (!rosters_have_keys(&session->people->rosters) && !(passphrase && *passphrase))
		return 0;
	bool claimed = identity->known;
	if (identity_unlock(session->arena, identity, may_ask, err) < 0)
		return -1;
	if (!claimed)
		judge_person(session);
	return 0;
}

const struct secret_key *session_key(const struct session *session)
{
	return session->people ? session->people->identity.key : NULL;
}

json_t *session_approvals_used(const struct session *session)
{
	const struct session_people *people = session->people;
	return people && people->used ? approvals_to_json(&people->approvals) : NULL;
}

int session_people_identify(struct session *session, struct error *err)
{
	if (session_people_gather(session, err) < 0)
		return -1;
	const struct identity *identity = &session->people->identity;
	return identity->locked && !identity->known ? session_people_prove(session, err) : 0;
}

int session_approvals_use(struct session *session, const struct plan *plan, struct error *err)
{
	const struct approval_view view = view_of(session, plan->digest);
	struct store_change *changes;
	size_t count;
	if (!rosters_have_keys(&session->people->rosters))
		return 0;
	if (approvals_find(session, plan->digest, err) < 0 ||
	    approvals_use(session->arena, &view, &session->people->approvals, &changes, &count,
			  err) < 0)
		return -1;
	session->people->used = true;
	if (!count)
		return 0;
	int result = store_write(session->store, session->config->env, changes, count, err);
	if (result <= 0)
		return result;
	error_set(err, "the approval of this plan was used up by somebody else just now");
	error_hint(err, "deploy again: a new request is left");
	return error_code(err, EXIT_REFUSED);
}

/* Whether a guard refuses that somebody's approval would satisfy. */
static bool wants_approval(const struct plan *plan)
{
	for (size_t i = 0; i < plan->guards.count; i++) {
		const struct plan_guard *guard = &plan->guards.items[i];
		if (guard->verdict == STATUS_REFUSE && !guard->overridden && guard->approvable)
			return true;
	}
	return false;
}

void session_people_request(struct session *session, const struct plan *plan,
			    const struct plan_flags *flags, struct error *err)
{
	const struct request request = {
		.from = session->options.from,
		.deployer = session->deployer,
		.at = clock_now(session->call->clock),
		.flags = *flags,
	};
	struct error problem = {0};
	const char *id;
	if (!wants_approval(plan))
		return;
	if (request_leave(session->store, session->arena, plan, &request, &id, &problem) < 0) {
		error_hint(err, "the request for an approval could not be left: %s",
			   problem.message);
		return;
	}
	const char *before = *err->hint ? arena_format(session->arena, "; %s", err->hint) : "";
	error_hint(err, "ask a trained deployer to run: shipit -e %s approve %s, then deploy "
		   "again%s", plan->env, id, before);
}

int session_online(struct session *session, const char *env, const char *live,
		   struct beacon_list *online, struct error *err)
{
	const struct beacon_place place = {session->store, session->config->app, env};
	struct text_list names = {0};
	struct rosters rosters = {0};
	size_t kept = 0;
	*online = (struct beacon_list){0};
	if (store_names(session->store, env, "beacon-", session->arena, &names, err) < 0)
		return -1;
	if (!names.count)
		return 0;
	roster_read(session->arena, live ? release_config(session, live) : session->config,
		    &rosters.live);
	beacons_read(session->arena, &place, &rosters, clock_now(session->call->clock), online);
	for (size_t i = 0; i < online->list.count; i++)
		if (rosters_role(&rosters, &online->list.items[i].key, NULL) == PLAN_TRAINED)
			online->list.items[kept++] = online->list.items[i];
	online->list.count = kept;
	return 0;
}

void session_people_close(struct session *session)
{
	if (!session->people)
		return;
	identity_close(&session->people->identity);
	approvals_release(&session->people->approvals);
	session->people = NULL;
}
