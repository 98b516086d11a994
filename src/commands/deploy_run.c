/* Carries a plan out: checkout, readers of events, the run, the record. */
#include "commands/deploy_run.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/halted_note.h"
#include "commands/session_people.h"
#include "git/change.h"
#include "git/worktree.h"
#include "proc/loop.h"
#include "run/run.h"
#include "services/secrets.h"
#include "sound/sound.h"
#include "state/hold.h"
#include "state/deploys.h"
#include "ui/ui.h"

enum { COUNTDOWN = 3 };		/* seconds before the foghorn, when someone watches */

struct deploy {
	struct session *session;
	const struct plan *plan;
	struct deploy_folder folder;
	struct event_hub own_hub, *hub;
	struct run_options options;
	struct record record;
	size_t durations;	/* of the result that are in the record */
	struct holding *holding;
	struct halted halted;	/* in the store before the deploy, and with its record */
	const json_t *left;	/* halts that are still stopped at the verdict */
	bool tasks_alone, deferring;
	struct store *store;	/* while the record is written */
	bool hold, locks, locked;	/* a rollback is to lock the environment, does, did */
	const struct rollback_within *within;	/* NULL: a command of its own */
	struct run_result result;
};

bool deploy_writes_json(const struct call *call)
{
	const char *format = options_value(&call->options, "format");

	return call->json || (format && strcmp(format, "json") == 0);
}

static const char *jobs_text(const struct call *call)
{
	return options_value(&call->options, "jobs");
}

int deploy_check_format(const struct call *call, struct error *err)
{
	const char *format = options_value(&call->options, "format");
	const char *jobs = jobs_text(call);
	char *end;

	if (call->json && format && strcmp(format, "json") != 0) {
		error_set(err, "--json is --format json: it does not go with --format %s", format);
		return error_code(err, EXIT_USAGE);
	}
	if (jobs && (strtol(jobs, &end, 10) < 1 || *end || strtol(jobs, NULL, 10) > 10000)) {
		error_set(err, "-j takes a number from 1 to 10000, not '%s'", jobs);
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

static struct event_sink *open_ui(struct session *session, struct error *err)
{
	const struct call *call = session->call;
	struct ui_options options = UI_OPTIONS_INIT;

	options.format = call->json ? "json" : options_value(&call->options, "format");
	options.color = call->color;
	options.quiet = call->quiet;
	options.verbose = call->verbose;
	options.clock = call->clock;
	return ui_new(&options, err);
}

static const char *find_sound(struct deploy *deploy)
{
	struct session *session = deploy->session;
	struct error problem = { 0 };
	const char *team = path_join(session->arena, session->config->folder, "sounds");
	const char *builtin = data_path(session->arena, "sounds");
	const char *const folders[] = {
		path_join(session->arena, deploy->options.root, team),
		path_join(session->arena, deploy->options.root, session->config->folder),
		builtin, NULL,
	};
	bool silent = false;
	const char *file;

	if (options_has(&session->call->options, "silent") || !session->config->sound_go_live)
		return NULL;
	file = sound_find(session->arena, session->config->sound_go_live, folders, &silent,
			  &problem);
	if (!file && !silent)
		call_note(session->call, "no sound: %s", problem.message);
	return file;
}

static int write_plan(struct deploy *deploy, struct error *err)
{
	json_t *json = plan_to_json(deploy->plan);
	char *text = json_dumps(json, JSON_INDENT(2));
	int result;

	json_decref(json);
	if (!text)
		return error_set(err, "cannot write the plan as JSON");
	result = file_write(deploy->folder.plan, text, strlen(text), 0644, err);
	free(text);
	return result;
}

static void add_changed(struct deploy *deploy)
{
	const struct change *change = deploy->plan->change;

	for (size_t i = 0; change && i < change->files.count; i++)
		vec_push(deploy->session->arena, &deploy->options.changed,
			 change->files.items[i].path);
}

/* ---- the record ---- */

static const char *since_of(const struct deploy *deploy, const char *kind, const char *name)
{
	for (size_t i = 0; i < deploy->plan->owed.count; i++) {
		const struct record_owed *owed = &deploy->plan->owed.items[i];

		if (!strcmp(owed->kind, kind) && !strcmp(owed->name, name))
			return owed->since;
	}
	return deploy->folder.id;
}

static void owe(struct deploy *deploy, const char *kind, const char *name, const char *reason)
{
	struct record_owed owed = { .kind = kind, .name = name, .reason = reason,
				    .since = since_of(deploy, kind, name) };

	for (size_t i = 0; i < deploy->record.owed.count; i++)
		if (!strcmp(deploy->record.owed.items[i].kind, kind) &&
		    !strcmp(deploy->record.owed.items[i].name, name))
			return;
	vec_push(deploy->session->arena, &deploy->record.owed, owed);
}

/* Whether what is owed is a task that was selected. */
static bool runs_now(const struct plan *plan, const struct record_owed *owed)
{
	for (size_t i = 0; !strcmp(owed->kind, "task") && i < plan->tasks.count; i++)
		if (!strcmp(plan->tasks.items[i].name, owed->name))
			return plan->tasks.items[i].step.selected;
	return false;
}

static void fill_owed(struct deploy *deploy, const struct run_result *result)
{
	deploy->record.owed.count = 0;
	for (size_t i = 0; deploy->tasks_alone && i < deploy->plan->owed.count; i++)
		if (!runs_now(deploy->plan, &deploy->plan->owed.items[i]))
			vec_push(deploy->session->arena, &deploy->record.owed,
				 deploy->plan->owed.items[i]);
	/* What was done for a deploy that did not go live is not done for the next one. */
	for (size_t i = 0; !deploy->tasks_alone && !result->live && i < deploy->plan->owed.count;
	     i++)
		owe(deploy, deploy->plan->owed.items[i].kind, deploy->plan->owed.items[i].name,
		    deploy->plan->owed.items[i].reason);
	for (size_t i = 0; !deploy->tasks_alone && i < deploy->plan->withheld.count; i++) {
		const struct record_owed *withheld = &deploy->plan->withheld.items[i];

		owe(deploy, withheld->kind, withheld->name, withheld->reason);
	}
	for (size_t i = 0; i < result->owed.count; i++) {
		const struct run_owed *owed = &result->owed.items[i];

		owe(deploy, owed->kind, owed->name, owed->status == STATUS_NONE ? "deferred" :
		    event_status_name(owed->status));
	}
}

/* From the first-th of the result on. */
static void fill_durations(struct deploy *deploy, const struct run_result *result, size_t first)
{
	struct arena *arena = deploy->session->arena;

	deploy->record.durations.count = 0;
	deploy->durations = result->durations.count;
	for (size_t i = first; i < result->durations.count; i++) {
		const struct run_duration *duration = &result->durations.items[i];
		struct record_duration entry = { .milliseconds = duration->duration };
		const char *dot = strchr(duration->name, '.');

		if (!strcmp(duration->kind, "task") || !strcmp(duration->kind, "smoke")) {
			entry.stage = *duration->kind == 't' ? "tasks" : "smoke";
			entry.step = duration->name;
		} else if (!strcmp(duration->kind, "step") && dot) {
			entry.stage =
				arena_bytes(arena, duration->name, (size_t)(dot - duration->name));
			entry.step = dot + 1;
		} else {
			continue;
		}
		vec_push(arena, &deploy->record.durations, entry);
	}
}

static json_t *verdicts_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->guards.count; i++) {
		const struct plan_guard *guard = &plan->guards.items[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s?, s:b, s:s*}", "name", guard->name,
					"verdict", event_status_name(guard->verdict), "reason",
					guard->reason, "overridden", guard->overridden,
					"override_reason", guard->override_reason));
	}
	return list;
}

/* What a rollback to this release needs; of a rollback, what it went back to. */
static void fill_release(struct deploy *deploy, const struct run_result *result)
{
	struct record *record = &deploy->record;
	struct arena *arena = deploy->session->arena;

	for (size_t i = 0; i < result->artefacts.count; i++)
		vec_push(arena, &record->artefacts, result->artefacts.items[i]);
	for (size_t i = 0; i < result->outputs.count; i++)
		vec_push(arena, &record->outputs, result->outputs.items[i]);
	if (!deploy->plan->rollback)
		return;
	record->release = deploy->plan->rollback->id;
	record->restored = deploy->plan->rollback;
}

static void fill_record(struct deploy *deploy, const struct run_result *result)
{
	struct session *session = deploy->session;
	struct record *record = &deploy->record;
	struct text_list stages = { 0 };
	char host[256] = "";
	const struct record *newest = session->records.records.count ?
		&session->records.records.items[0] : NULL;

	gethostname(host, sizeof(host) - 1);
	*record = (struct record){
		.id = deploy->folder.id, .app = session->config->app, .env = session->config->env,
		.kind = deploy->tasks_alone ? "task" : deploy->plan->rollback ? "rollback" : "deploy",
		.commit = deploy->plan->commit, .previous = deploy->plan->previous,
		.branch = session->branch, .deployer = session->deployer,
		.host = arena_string(session->arena, host),
		.started = result->started, .finished = result->finished,
		.status = event_status_name(result->status), .exit_code = result->exit_code,
		.plan = deploy->plan->digest, .reason = result->reason,
		.verdicts = verdicts_json(deploy->plan),
		.approvals = deploy->tasks_alone ? NULL : session_approvals_used(session),
		.key = session_key(deploy->within ? deploy->within->session : session),
		.irreversible = result->irreversible,
	};
	fill_release(deploy, result);
	for (size_t i = 0; i < deploy->plan->stages.count; i++)
		if (deploy->plan->stages.items[i].selected)
			vec_push(session->arena, &stages, deploy->plan->stages.items[i].name);
	fill_owed(deploy, result);
	fill_durations(deploy, result, 0);
	record_follow(session->arena, record, newest, result->live && !deploy->tasks_alone,
		      &stages);
}

/* The commit with which a stage last went live, for smoke.commit.of. */
static const char *on_stage_commit(void *context, const char *stage)
{
	const struct deploy *deploy = context;
	const struct record_list *list = &deploy->session->records;

	if (!list->records.count)
		return NULL;
	const struct record *newest = &list->records.items[0];
	for (size_t i = 0; i < newest->stages.count; i++)
		if (!strcmp(newest->stages.items[i].stage, stage))
			return newest->stages.items[i].commit;
	return NULL;
}

static const char *on_secret(void *context, const char *name, struct error *err)
{
	struct deploy *deploy = context;

	return secret_read(deploy->session->arena, deploy->session->config, deploy->session->root,
			   name, err);
}

/* Whether deferred steps follow the verdict: then the lease stays till they are done. */
static bool defers(const struct plan *plan, const struct run_result *result)
{
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (plan->tasks.items[i].deferred && plan->tasks.items[i].step.selected)
			return result->live && result->status == STATUS_OK;
	return false;
}

/* Nobody ships the bad commit by accident; a lock that is there already stays as it is. */
static size_t hold_change(struct deploy *deploy, struct store *store,
			  struct store_change *change)
{
	struct session *session = deploy->session;
	struct record *record = &deploy->record;
	struct hold *hold = arena_new(session->arena, struct hold);
	struct error err = { 0 };
	int there = hold_read(store, session->arena, record->env,
			      clock_now(session->call->clock), hold, &err);

	deploy->locked = there > 0;
	if (there < 0)
		call_note(session->call, "%s", err.message);
	if (there)
		return 0;
	hold->by = session->deployer;
	hold->host = record->host;
	hold->id = record->id;
	hold->since = record->finished;
	hold->until = 0;
	hold->reason = arena_format(session->arena, "rolled back from %.7s to %.7s",
				    record->previous, record->commit);
	*change = (struct store_change){ HOLD_ENTRY, hold_to_json(hold), hold->version, "" };
	deploy->locked = true;
	return 1;
}

/* What goes with the record: a lock behind a rollback, and the lease's end, which is not that of a
 * rollback within a deploy. */
static size_t company_changes(void *context, struct store_change *changes)
{
	struct deploy *deploy = context;
	int phase = deploy->deferring ? (int)LEASE_DEFERRED : -1;
	size_t count = !deploy->within && keeper_change(deploy->holding->keeper, phase, changes);

	count += halted_note_change(deploy->session, deploy->folder.id, deploy->left,
				    &deploy->halted, &changes[count]);
	if (deploy->locks)
		count += hold_change(deploy, deploy->store, changes + count);
	return count;
}

static void company_written(void *context, const struct store_change *changes, size_t count,
			    int written)
{
	struct deploy *deploy = context;

	if (written)
		keeper_look_again(deploy->holding->keeper);
	else if (count && !strcmp(changes[0].name, LEASE_ENTRY))
		keeper_changed(deploy->holding->keeper, changes);
}

/* The record, and in the same write the end of the lease, or that deferred steps follow. */
static int append(struct deploy *deploy, bool went_live, struct error *err)
{
	const struct record_company company = { company_changes, company_written, deploy };
	int result;

	deploy->store = holding_borrow(deploy->holding);
	deploy->locks = deploy->hold && went_live;
	result = record_append_with(deploy->store, deploy->session->arena, &deploy->record,
				    went_live, &company, err);
	holding_return(deploy->holding);
	if (result == 0 && deploy->locked)
		event_message(deploy->hub, LEVEL_INFO,
			      "%s is locked, so that nobody deploys by accident; to end that: "
			      "shipit -e %s unlock", deploy->record.env, deploy->record.env);
	return result;
}

/* The verdict is known: the record goes to the store and beside the logs. */
static int on_verdict(void *context, struct run_result *result, struct error *err)
{
	struct deploy *deploy = context;
	json_t *json;
	char *text;
	int code;

	fill_record(deploy, result);
	deploy->left = result->halted;
	deploy->deferring = defers(deploy->plan, result);
	code = append(deploy, result->live && !deploy->tasks_alone, err);
	json = record_to_json(&deploy->record);
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	if (text) {
		struct error ignored = { 0 };

		if (file_write(deploy->folder.record, text, strlen(text), 0644, &ignored) < 0)
			call_note(deploy->session->call, "%s", ignored.message);
		free(text);
	}
	json_decref(deploy->record.verdicts);
	json_decref(deploy->record.approvals);
	deploy->record.verdicts = deploy->record.approvals = NULL;
	if (code == 0)
		return 0;
	error_wrap(err, "the record of this deploy could not be stored");
	if (result->live || (result->touched && !result->undone)) {
		holding_leave(deploy->holding);
		error_hint(err, "As soon as the state can be written: shipit -e %s recover %s",
			   deploy->session->config->env, deploy->folder.id);
	}
	return code;
}

/* What was deferred is done now, or failed: the record said that it is owed, so say what is left.
 */
static void record_deferred(struct deploy *deploy, const struct run_result *result)
{
	struct error problem = { 0 };
	size_t before = deploy->record.owed.count;

	fill_owed(deploy, result);
	if (deploy->record.owed.count == before)
		return;
	deploy->record.kind = "deferred";
	deploy->record.started = deploy->record.finished;
	deploy->record.finished = clock_now(deploy->session->call->clock);
	fill_durations(deploy, result, deploy->durations);
	deploy->deferring = false;
	deploy->left = NULL;
	if (append(deploy, false, &problem) < 0)
		call_note(deploy->session->call,
			  "what the deferred tasks came to could not be stored: %s",
			  problem.message);
}

/* ---- the run ---- */

static enum run_rollback on_roll_back(void *context, const struct run_result *result,
				      struct text_list *advice)
{
	struct deploy *deploy = context;
	const struct rollback_within within = {
		.session = deploy->session,
		.plan = deploy->plan,
		.id = deploy->folder.id,
		.result = result,
		.hub = deploy->hub,
		.loop = deploy->options.loop,
		.holding = deploy->holding,
	};

	return rollback_within(&within, advice);
}

static int prepare_checkout(struct deploy *deploy, struct error *err)
{
	struct session *session = deploy->session;
	const char *ci = getenv("CI");
	const struct worktree_options options = {
		.env = deploy->plan->rollback
			? arena_format(session->arena, "%s+rollback", session->config->env)
			: session->config->env,
		.commit = deploy->plan->commit,
		.clean_all =
			session->config->clean_written ? session->config->clean_all : ci && *ci,
		.may_ask = terminal_present() && !deploy_writes_json(session->call),
	};

	if (session->config->workspace == WORKSPACE_HERE && !deploy->plan->rollback) {
		deploy->options.root = session->root;
		return 0;
	}
	deploy->options.root = worktree_prepare(session->repository, session->arena, &options, err);
	return deploy->options.root ? 0 : -1;
}

static int fill_options(struct deploy *deploy, const struct variables *answers, struct error *err)
{
	struct session *session = deploy->session;
	const char *jobs = jobs_text(session->call);
	struct run_options *options = &deploy->options;

	*options = (struct run_options){
		.arena = session->arena,
		.events = deploy->hub,
		.keeper = deploy->holding->keeper,
		.config = session->config,
		.identity =
			{
				.id = deploy->folder.id,
				.app = session->config->app,
				.env = session->config->env,
				.commit = deploy->plan->commit,
				.previous = deploy->plan->previous,
				.branch = session->branch,
				.url = session->config->url,
				.deployer = session->deployer,
			},
		.folder = deploy->folder.path,
		.fingerprints = session->fingerprints,
		.jobs = jobs ? (int)strtol(jobs, NULL, 10) : 0,
		.nested = deploy->within,
		.roll_back = deploy->plan->rollback ? NULL : on_roll_back,
		.verdict = on_verdict,
		.secret = on_secret,
		.stage_commit = on_stage_commit,
		.context = deploy,
	};
	options->outputs = *answers;
	add_changed(deploy);
	if (halted_look(deploy->holding, &deploy->halted, err) < 0 ||
	    prepare_checkout(deploy, err) < 0)
		return -1;
	options->kept_halts = deploy->halted.halts;
	options->sound = deploy->tasks_alone ? NULL : find_sound(deploy);
	options->countdown =
		options->sound && terminal_present() && !session->call->yes ? COUNTDOWN : 0;
	return 0;
}

/* Old records go; that is no reason to fail. */
static void keep_few(struct session *session)
{
	struct error ignored = { 0 };
	const struct deploy_keep keep = {session->config->keep_deploys, session->config->keep_days};

	if (deploy_list_prune(session->arena, session->common_dir, keep,
			      clock_now(session->call->clock), NULL, &ignored) < 0)
		call_note(session->call, "%s", ignored.message);
}

static int run_with_loop(struct deploy *deploy, struct error *err)
{
	struct run_result *result = &deploy->result;
	int code;

	deploy->options.loop = deploy->within ? deploy->within->loop : loop_new(err);
	if (!deploy->options.loop)
		return -1;
	code = deploy->tasks_alone ? run_tasks(deploy->plan, &deploy->options, result, err)
				   : run_deploy(deploy->plan, &deploy->options, result, err);
	if (!deploy->within)
		loop_free(deploy->options.loop);
	if (code < 0)
		return -1;
	if (deploy->record.id && !deploy->within)
		record_deferred(deploy, result);
	json_decref(result->halted);
	halted_release(&deploy->halted);
	if (!deploy->within)
		keep_few(deploy->session);
	return result->exit_code;
}

static int run(struct deploy *deploy, const struct variables *answers, struct error *err)
{
	struct session *session = deploy->session;
	struct event_sink *ui CLEANUP(ui_cleanup) = open_ui(session, err);
	int code;

	if (!ui || session_people_prove(session, err) < 0)
		return -1;
	deploy->hub = &deploy->own_hub;
	deploy->hub->clock = session->call->clock;
	deploy->folder = deploy->holding->folder;
	event_hub_add(deploy->hub, ui);
	code = write_plan(deploy, err) < 0 || fill_options(deploy, answers, err) < 0
		? -1 : run_with_loop(deploy, err);
	if (code >= 0)
		holding_begun(deploy->holding);
	return code;
}

int deploy_run(struct session *session, const struct plan *plan, struct holding *holding,
	       const struct variables *answers, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = holding };

	return run(&deploy, answers, err);
}

int deploy_run_rollback(struct session *session, const struct plan *plan, struct holding *holding,
			const struct variables *answers, bool hold, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = holding,
				 .hold = hold };

	return run(&deploy, answers, err);
}

int deploy_run_within(struct session *session, const struct plan *plan,
		      const struct variables *answers, const struct rollback_within *within,
		      enum run_rollback *done, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = within->holding,
				 .hold = true, .within = within, .hub = within->hub };
	int code;

	if (deploy_folder_create(session->arena, session->common_dir, plan->commit,
				 clock_now(session->call->clock), &deploy.folder, err) < 0 ||
	    write_plan(&deploy, err) < 0 || fill_options(&deploy, answers, err) < 0)
		return -1;
	code = run_with_loop(&deploy, err);
	if (code < 0)
		return -1;
	*done = !deploy.result.live ? RUN_NOT_ROLLED_BACK
		: code ? RUN_ROLLED_BACK_FAILED : RUN_ROLLED_BACK;
	if (!code)
		return 0;
	error_hint(err, "What the rollback did: shipit -e %s show %s", plan->env,
		   deploy.folder.id);
	return error_set(err, "the rollback %s failed: %s", deploy.folder.id,
			 deploy.result.reason ? deploy.result.reason : "it was interrupted");
}

int deploy_run_tasks(struct session *session, const struct plan *plan, struct holding *holding,
		     const struct variables *answers, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = holding,
				 .tasks_alone = true };

	return run(&deploy, answers, err);
}
