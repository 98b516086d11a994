/* Carries a plan out: checkout, readers of events, the run. */
#include "commands/deploy_internal.h"

#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/announce.h"
#include "commands/deploy_begin.h"
#include "commands/interrupted.h"
#include "commands/session_people.h"
#include "commands/session_secrets.h"
#include "commands/start.h"
#include "git/change.h"
#include "proc/loop.h"
#include "ui/job.h"
#include "ui/ui.h"

enum { COUNTDOWN = 3 };		/* seconds before the foghorn, when someone watches */

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
	if (ui_format_check(format, err) < 0)
		return -1;
	if (jobs && (strtol(jobs, &end, 10) < 1 || *end || strtol(jobs, NULL, 10) > 10000)) {
		error_set(err, "-j takes a number from 1 to 10000, not '%s'", jobs);
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

static void add_changed(struct deploy *deploy)
{
	const struct change *change = deploy->plan->change;

	for (size_t i = 0; change && i < change->files.count; i++)
		vec_push(deploy->session->arena, &deploy->options.changed,
			 change->files.items[i].path);
}

/* The commit with which a stage last went live, for smoke.commit.of. */
static const char *on_stage_commit(void *context, const char *stage)
{
	const struct deploy *deploy = context;
	const struct record_list *list = &deploy->session->records;
	const struct record *record = deploy->plan->rollback;

	if (!record && list->records.count)
		record = &list->records.items[0];
	for (size_t i = 0; record && i < record->stages.count; i++)
		if (!strcmp(record->stages.items[i].stage, stage))
			return record->stages.items[i].commit;
	return NULL;
}

static const char *on_secret(void *context, const char *name, struct error *err)
{
	struct deploy *deploy = context;

	return session_secret(deploy->session, name, err);
}

static enum run_rollback on_roll_back(void *context, const struct run_result *result,
				      struct text_list *advice)
{
	struct deploy *deploy = context;
	const struct rollback_within within = {
		.session = deploy->session,
		.plan = deploy->plan,
		.id = deploy->folder.id,
		.folder = &deploy->folder,
		.result = result,
		.hub = deploy->hub,
		.loop = deploy->options.loop,
		.announcer = deploy->announcer,
		.holding = deploy->holding,
		.again = deploy->options.rolling_back ? deploy->again->rollback : NULL,
	};

	return rollback_within(&within, advice);
}

/* What was done already, what is halted already, the checkout as it was left or a new one. */
static int add_past(struct deploy *deploy, struct error *err)
{
	const struct deploy_again *again = deploy->again;
	struct run_options *options = &deploy->options;

	if (halted_look(deploy->holding, &deploy->halted, err) < 0)
		return -1;
	options->kept_halts = deploy->halted.halts;
	if (again) {
		options->root = again->root;
		options->past = again->past->past;
		options->rolling_back = again->rollback != NULL;
		deploy->stopped = run_past_stopped(options->past);
		if (json_array_size(deploy->stopped))
			options->stopped_halts = deploy->stopped;
	}
	if (!options->root)
		options->root = deploy_checkout(deploy->session, deploy->plan, deploy->folder.id,
						err);
	return options->root ? 0 : -1;
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
		.telling = announcer_telling(deploy->announcer),
		.trace = announcer_trace(deploy->announcer),
		.verdict = deploy_on_verdict,
		.secret = on_secret,
		.stage_commit = on_stage_commit,
		.context = deploy,
	};
	options->outputs = *answers;
	add_changed(deploy);
	if (add_past(deploy, err) < 0)
		return -1;
	options->sound = deploy->tasks_alone ? NULL : deploy_sound(session, options->root);
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
	announcer_begin(deploy->announcer, deploy->options.loop);
	if (deploy->again && deploy->again->recover)
		code = run_recover(deploy->plan, &deploy->options, result, err);
	else if (deploy->tasks_alone)
		code = run_tasks(deploy->plan, &deploy->options, result, err);
	else
		code = run_deploy(deploy->plan, &deploy->options, result, err);
	if (!deploy->within) {
		announcer_free(deploy->announcer);
		loop_free(deploy->options.loop);
	}
	if (code < 0)
		return -1;
	if (deploy->record.id && !deploy->within && !deploy->unrecorded)
		deploy_record_deferred(deploy, result);
	if (!deploy->within)
		keep_few(deploy->session);
	return result->exit_code;
}

static void deploy_release(struct deploy *deploy)
{
	json_decref(deploy->result.halted);
	json_decref(deploy->stopped);
	halted_release(&deploy->halted);
}

static void add_announcer(struct deploy *deploy)
{
	const struct announce_options options = {
		.session = deploy->session,
		.plan = deploy->plan,
		.id = deploy->folder.id,
		.folder = deploy->folder.path,
		.run = &deploy->options,
		.hub = deploy->hub,
		.past = deploy->again ? deploy->again->past->past : NULL,
	};

	if (!deploy->tasks_alone && !(deploy->again && deploy->again->recover))
		deploy->announcer = announcer_new(&options);
}

static int run(struct deploy *deploy, const struct variables *answers, struct error *err)
{
	struct session *session = deploy->session;
	struct event_sink *ui CLEANUP(ui_cleanup) = deploy_open_ui(session, err);
	struct event_sink *job CLEANUP(job_cleanup) = job_new();
	const struct deploy_note note = {
		.command = deploy->tasks_alone ? "task"
			   : deploy->plan->rollback ? "rollback" : "deploy",
		.answers = answers,
		.rollback = deploy->again && deploy->again->rollback
				    ? deploy->again->past->start.rollback : NULL,
		.locks = deploy->hold,
	};
	int code;

	if (!ui || session_people_prove(session, err) < 0)
		return -1;
	deploy->hub = &deploy->own_hub;
	deploy->hub->clock = session->call->clock;
	deploy->folder = deploy->again ? deploy->again->past->folder : deploy->holding->folder;
	event_hub_add(deploy->hub, ui);
	if (job)
		event_hub_add(deploy->hub, job);
	add_announcer(deploy);
	code = deploy_note_start(session, deploy->plan, &deploy->folder, &note, err) < 0 ||
			       deploy_write_plan(deploy->plan, &deploy->folder, err) < 0 ||
			       fill_options(deploy, answers, err) < 0
		       ? -1
		       : run_with_loop(deploy, err);
	if (code >= 0)
		holding_begun(deploy->holding);
	deploy_release(deploy);
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

/* The deploy that it is a part of says so before anything of it is run. */
static int begin_within(struct deploy *deploy, const struct variables *answers, struct error *err)
{
	const struct rollback_within *within = deploy->within;
	struct session *session = deploy->session;
	const struct deploy_note note = { .command = "rollback", .answers = answers,
					  .locks = true };
	const struct deploy_name name = { .commit = deploy->plan->commit,
					  .now = clock_now(session->call->clock),
					  .records = &session->records };

	if (within->again)
		deploy->folder = within->again->past->folder;
	else if (deploy_folder_create(session->arena, session->common_dir, &name, &deploy->folder,
				      err) < 0)
		return -1;
	if (deploy_note_start(session, deploy->plan, &deploy->folder, &note, err) < 0 ||
	    deploy_write_plan(deploy->plan, &deploy->folder, err) < 0 ||
	    start_note_rollback(session->arena, within->folder, deploy->folder.id, err) < 0)
		return -1;
	return fill_options(deploy, answers, err);
}

int deploy_run_within(struct session *session, const struct plan *plan,
		      const struct variables *answers, const struct rollback_within *within,
		      enum run_rollback *done, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = within->holding,
				 .hold = true, .within = within, .hub = within->hub,
				 .again = within->again, .announcer = within->announcer };
	int code = begin_within(&deploy, answers, err);

	if (code == 0) {
		announcer_roll_back(deploy.announcer, plan);
		code = run_with_loop(&deploy, err);
	}
	deploy_release(&deploy);
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

int deploy_run_again(struct session *session, const struct plan *plan, struct holding *holding,
		     const struct deploy_again *again, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = holding,
				 .again = again, .hold = again->past->start.locks,
				 .tasks_alone = again->past->past->tasks_only };

	return run(&deploy, &again->past->start.answers, err);
}

int deploy_run_tasks(struct session *session, const struct plan *plan, struct holding *holding,
		     const struct variables *answers, struct error *err)
{
	struct deploy deploy = { .session = session, .plan = plan, .holding = holding,
				 .tasks_alone = true };

	return run(&deploy, answers, err);
}
