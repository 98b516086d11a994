/* What a rollback runs, what it cannot take back, and what it needs that may be gone. */
#include <unistd.h>

#include "base/text.h"
#include "commands/rollback.h"
#include "commands/session_internal.h"
#include "commands/session_people.h"
#include "commands/session_secrets.h"
#include "git/change.h"
#include "git/repository.h"
#include "git/treesource.h"
#include "plan/migration.h"
#include "state/signed.h"

int session_choose_release(struct session *session, struct error *err)
{
	const struct record *release;

	if (release_choose(&session->records, session->options.release, &session->release, err) < 0)
		return -1;
	release = session->release.release;
	if (!release->commit) {
		error_set(err, "the record of the release %s does not say which commit it is",
			  release->id);
		return error_code(err, EXIT_FAILED);
	}
	session->commit = release->commit;
	session->branch = release->branch;
	session_bring_commit(session, session->commit);
	if (repository_has_commit(session->repository, session->commit))
		return 0;
	error_set(err,
		  "commit %.12s of the release %s is not in this repository, nor on the remote",
		  session->commit, release->id);
	error_hint(err, "roll back from a clone that has it, or to another release by its ID: "
			"'shipit -e %s history' lists them", session->config->env);
	return error_code(err, EXIT_FAILED);
}

static void add_steps(struct session *session, struct text_list *list,
		      const struct text_list *steps, const char *deploy)
{
	for (size_t i = 0; steps && i < steps->count; i++)
		text_list_add(session->arena, list,
			      arena_format(session->arena, "%s of %s is marked irreversible",
					   steps->items[i], deploy));
}

/* What a migration file destroys at a commit; none when it is not there. */
static int read_migration(struct session *session, const char *commit, const char *path,
			  struct migration *migration, struct error *err)
{
	struct buffer text CLEANUP(buffer_release);

	buffer_init(&text, (size_t)4 << 20);
	*migration = (struct migration){0};
	if (commit_read_file(session->repository, commit, path, &text, err) < 0)
		return -1;
	migration_read(session->arena, path, text.data, text.length, migration);
	return 0;
}

static bool has_finding(const struct migration *migration, const char *what)
{
	for (size_t i = 0; i < migration->findings.count; i++)
		if (text_equal(migration->findings.items[i].what, what))
			return true;
	return false;
}

static int add_migration(struct session *session, struct text_list *list, const char *path,
			 struct error *err)
{
	struct migration live, target;

	if (read_migration(session, session->live, path, &live, err) < 0 ||
	    read_migration(session, session->commit, path, &target, err) < 0)
		return -1;
	for (size_t i = 0; i < live.findings.count; i++) {
		const struct migration_finding *finding = &live.findings.items[i];

		if ((finding->effects & MIGRATION_DESTROYS) && !has_finding(&target, finding->what))
			text_list_add(session->arena, list,
				      arena_format(session->arena, "%s:%zu: %s", path,
						   finding->line, finding->what));
	}
	return 0;
}

/* The release cannot run on what a migration behind it has dropped, renamed or retyped. */
static int add_migrations(struct session *session, struct text_list *list, struct error *err)
{
	const struct change *change = session->change;

	if (change->live_unknown) {
		text_list_add(
			session->arena, list,
			arena_format(session->arena,
				     "what was migrated since cannot be known: the live commit "
				     "%.12s is not in this repository",
				     session->live));
		return 0;
	}
	for (size_t i = 0; session->live && i < change->files.count; i++)
		if (change->files.items[i].status != 'A' &&
		    migration_kind(change->files.items[i].path) != MIGRATION_NONE &&
		    add_migration(session, list, change->files.items[i].path, err) < 0)
			return -1;
	return 0;
}

static struct text_list find_irreversible(struct session *session,
					  const struct rollback_request *request)
{
	struct text_list list = {0};

	add_steps(session, &list, request->irreversible, request->deploy);
	for (size_t i = 0; i < session->release.passed; i++) {
		const struct record *passed = &session->records.records.items[i];

		add_steps(session, &list, &passed->irreversible, passed->id);
	}
	return list;
}

/* Whether what is rolled back was deployed by the very person: by the signature of its record where
 * there are keys, for whatever else it says of its deployer is a label. */
static int find_own(struct session *session, const struct rollback_request *request, bool *own,
		    struct error *err)
{
	const struct record *live = release_live(&session->records, 0);
	struct error ignored = {0};

	*own = request->deploy != NULL;
	if (*own || !live)
		return 0;
	if (session_people_gather(session, err) < 0)
		return -1;
	if (!session->facts.person.roster_has_keys)
		*own = text_equal(live->deployer, session->deployer);
	else if (session->people->identity.known)
		*own = !signed_check(live->json, SIGNED_RECORD,
				     &session->people->identity.public_key, &ignored);
	return 0;
}

struct plan *rollback_plan(struct session *session, const struct rollback_request *request,
			   struct error *err)
{
	struct plan_flags flags = *request->flags;
	struct text_list irreversible = find_irreversible(session, request);
	bool own;

	if (add_migrations(session, &irreversible, err) < 0 ||
	    find_own(session, request, &own, err) < 0)
		return NULL;
	flags.rollback = (struct plan_rollback){
		.release = session->release.release,
		.build = request->build,
		.irreversible = irreversible,
		.own = own,
	};
	return session_plan(session, &flags, clock_now(session->call->clock), err);
}

static const char *value_of(void *context, const char *name)
{
	struct session *session = context;
	const char *value = config_var(session->config, name);
	struct error ignored = {0};

	return value ? value : session_secret(session, name, &ignored);
}

static void check_kept(struct session *session, const struct plan_step *step,
		       struct text_list *missing)
{
	const struct step_kind *kind = step_kind_find(step->config->kind);
	const struct step_services services = {.values = {.get = value_of, .context = session}};
	const struct step_request request = {
		.arena = session->arena,
		.config = session->config,
		.step = step->config,
		.half = step->half,
		.release = step->kept->release,
		.commit = session->commit,
		.services = &services,
	};
	struct error err = {0};

	if (kind && kind->kept && !kind->kept(&request, step->kept->place, &err))
		text_list_add(session->arena, missing,
			      arena_format(session->arena, "%s.%s: %s", step->stage, step->name,
					   err.message));
}

struct text_list rollback_missing(struct session *session, const struct plan *plan)
{
	struct text_list missing = {0};

	for (size_t i = 0; i < plan->steps.count; i++) {
		const struct plan_step *step = &plan->steps.items[i];
		const char *use = plan_lost_use(plan, step);

		if (use)
			text_list_add(session->arena, &missing,
				      arena_format(session->arena,
						   "%s.%s uses what %s makes, which is not kept",
						   step->stage, step->name, use));
		if (step->selected && step->kept)
			check_kept(session, step, &missing);
	}
	return missing;
}

struct variables rollback_answers(struct session *session, const struct plan *plan)
{
	const struct pipeline *pipeline = session->config->pipeline;
	struct variables answers = {0};

	for (size_t i = 0; i < pipeline->ask.count; i++) {
		const struct ask_config *ask = &pipeline->ask.items[i];
		struct variable answer = {ask->name, ask->fallback};

		for (size_t o = 0; o < plan->rollback->outputs.count; o++) {
			const struct record_output *kept = &plan->rollback->outputs.items[o];

			if (!*kept->stage && !strcmp(kept->name, ask->name))
				answer.value = kept->value;
		}
		if (answer.value)
			vec_push(session->arena, &answers.list, answer);
	}
	return answers;
}
