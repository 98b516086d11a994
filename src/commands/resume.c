/* shipit resume, shipit recover: what to do about a deploy that was interrupted or failed. */
#include "base/text.h"
#include "commands/deploy_begin.h"
#include "commands/deploy_run.h"
#include "commands/interrupted.h"
#include "commands/maintenance.h"
#include "commands/resume_check.h"
#include "commands/session_people.h"
#include "ui/prompt.h"

static const struct option_row resume_options[] = {
	DEPLOY_RUN_OPTIONS,
	{ "step-done", 0, "STEP", "it was under way: it has finished, do not run it again",
	  OPTION_REPEATS },
	{ "step-again", 0, "STEP", "it was under way: run it again", OPTION_REPEATS },
	{ NULL, 0, NULL, NULL, 0 },
};

static const struct option_row recover_options[] = {
	DEPLOY_RUN_OPTIONS,
	{ NULL, 0, NULL, NULL, 0 },
};

/* The deploy that is meant: what was interrupted, or by its ID one that failed. 1, 0 there is none,
 * -1. */
static int find_deploy(struct session *session, struct interrupted *found, struct error *err)
{
	const struct text_list *arguments = &session->call->options.arguments;
	const char *wanted = arguments->count ? arguments->items[0] : NULL;
	int known = interrupted_find(session, session->config->env, found, err);
	struct deploy_folder folder;

	if (known < 0 || (known && (!wanted || (found->id && text_starts_with(found->id, wanted)))))
		return known;
	if (known) {
		error_set(err, "%s was interrupted, not %s", found->id ? found->id : found->command,
			  wanted);
		interrupted_release(found);
		return error_code(err, EXIT_REFUSED);
	}
	if (!wanted)
		return 0;
	*found = (struct interrupted){ 0 };
	if (deploy_folder_find(session->arena, session->common_dir, wanted, &folder, err) < 0)
		return -1;
	return interrupted_open(session, &folder, found, err) < 0 ? -1 : 1;
}

/* The newest deploy of the environment that ran here and did not end well. */
static int find_failed(struct session *session, struct interrupted *found, struct error *err)
{
	const struct record_list *list = &session->records;
	struct deploy_folder folder;
	struct error none = { 0 };

	if (!list->records.count || text_equal(list->records.items[0].status, "ok") ||
	    !text_equal(list->records.items[0].kind, "deploy") ||
	    deploy_folder_find(session->arena, session->common_dir, list->records.items[0].id,
			       &folder, &none) < 0)
		return 0;
	*found = (struct interrupted){ 0 };
	return interrupted_open(session, &folder, found, err) < 0 ? -1 : 1;
}

/* The target as it was then. The first session has found the deploy; this one plans it. nested: it
 * is the rollback that a deploy had begun. */
static struct plan *plan_again(struct session *session, struct call *call,
			       const struct interrupted *found, bool nested, struct error *err)
{
	const struct start *start = &found->start;
	const struct session_options target = {
		.again = start, .again_id = found->id, .unwarned = true,
		.rollback = start->release != NULL, .release = start->release,
		.from = nested ? start->previous : start->from,
	};
	const struct rollback_request request = { .flags = &start->flags, .build = start->build };

	call->env = found->start.env;
	if (session_open_target(session, call, &target, err) < 0 ||
	    session_people_identify(session, err) < 0)
		return NULL;
	if (start->release)
		return rollback_plan(session, &request, err);
	return session_plan(session, &found->start.flags, clock_now(call->clock), err);
}

static const struct plan_stage *stage_of(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->stages.count; i++)
		if (text_equal(plan->stages.items[i].name, name))
			return &plan->stages.items[i];
	return NULL;
}

/* What was built is gone: everything before go-live is run again. */
static void build_again(const struct plan *plan, struct run_past *past)
{
	for (size_t i = 0; i < past->steps.count; i++) {
		const struct plan_stage *stage = stage_of(plan, past->steps.items[i].stage);

		if (stage && stage->phase == PHASE_BEFORE)
			past->steps.items[i].again = true;
	}
}

static const struct step_config *step_config_of(const struct plan *plan,
						const struct run_past_step *step)
{
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (text_equal(step->stage, "tasks") &&
		    text_equal(plan->tasks.items[i].name, step->name))
			return plan->tasks.items[i].step.config;
	for (size_t i = 0; i < plan->steps.count; i++)
		if (text_equal(plan->steps.items[i].stage, step->stage) &&
		    text_equal(plan->steps.items[i].name, step->name))
			return plan->steps.items[i].config;
	return NULL;
}

static int ask_about(struct call *call, const struct interrupted *found,
		     struct run_past_step *step, struct error *err)
{
	const char *name = arena_format(call->arena, "%s.%s", step->stage, step->name);
	const struct prompt prompt = {
		.refuse = deploy_writes_json(call),
		.flag = arena_format(call->arena, "--step-done %s or --step-again %s", name, name),
	};
	bool yes = false;

	if (!prompt.refuse && terminal_present() && found->folder.path)
		call_note(call, "What %s said: shipit -e %s logs %s %s", name, found->env,
			  found->id, name);
	if (prompt_yes(&prompt,
		       arena_format(call->arena, "%s was under way when the deploy was "
				    "interrupted, and nobody knows whether it finished. Run it "
				    "again?", name),
		       &yes, err) < 0)
		return -1;
	step->again = yes;
	if (!yes && prompt_yes(&prompt, arena_format(call->arena, "Has %s finished, so that the "
						     "deploy goes on behind it?", name),
			       &step->done, err) < 0)
		return -1;
	if (step->again || step->done)
		return 0;
	error_set(err, "not resumed: it is not known whether %s finished", name);
	return error_code(err, EXIT_REFUSED);
}

/* What was under way: again when it may be, else as somebody says. */
static int settle_unknown(struct call *call, const struct plan *plan,
			  const struct interrupted *found, struct error *err)
{
	struct run_past *past = found->past;
	const struct text_list done = options_values(call->arena, &call->options, "step-done");
	const struct text_list again = options_values(call->arena, &call->options, "step-again");

	for (size_t i = 0; i < done.count; i++)
		if (run_past_answer(past, done.items[i], true, err) < 0)
			return -1;
	for (size_t i = 0; i < again.count; i++)
		if (run_past_answer(past, again.items[i], false, err) < 0)
			return -1;
	for (size_t i = 0; i < past->steps.count; i++) {
		struct run_past_step *step = &past->steps.items[i];
		const struct step_config *config = step_config_of(plan, step);

		if (!run_past_unknown(step))
			continue;
		if (!config || config->idempotent)
			step->again = true;
		else if (ask_about(call, found, step, err) < 0)
			return -1;
	}
	return 0;
}

/* What resume and recover have in their hands. */
struct work {
	struct session looking, session, back;
	struct interrupted found;
	struct holding holding;
	struct plan *plan;
	struct deploy_again rollback;	/* that the deploy had begun; past NULL: none */
	bool recover;
};

/* What could not go on is as interrupted as it was: its lease stays for the next try. */
static void work_release(struct work *work)
{
	if (work->found.lock.leased && !work->holding.begun)
		holding_leave(&work->holding);
	holding_end(&work->holding);
	interrupted_release(&work->found);
	session_close(&work->back);
	session_close(&work->session);
	session_close(&work->looking);
}

/* 1 found, 0 there is nothing to do, -1. */
static int look(struct work *work, struct call *call, struct error *err)
{
	const struct session_options look = { .unwarned = true };
	const struct holding_options options = { .recovers = true, .past_hold = true };
	int known;

	work->holding.session = &work->session;
	if (deploy_check_format(call, err) < 0 ||
	    session_open(&work->looking, call, &look, err) < 0)
		return -1;
	/* Of a deploy that may be alive nothing is taken. */
	if (holding_check(&work->looking, &options, err) < 0)
		return -1;
	known = find_deploy(&work->looking, &work->found, err);
	return known > 0 && resume_check_gone(&work->found, err) < 0 ? -1 : known;
}

/* What is left of the rollback that the deploy had begun, unless its record is there. */
static int plan_rollback(struct work *work, struct call *call, struct error *err)
{
	struct interrupted *found = work->found.rollback;
	struct deploy_again *again = &work->rollback;
	struct plan *plan;

	if (!found)
		return 0;
	*again = (struct deploy_again){ .past = found, .session = &work->back,
					.recover = work->recover };
	if (found->record)
		return 0;
	plan = plan_again(&work->back, call, found, true, err);
	if (!plan)
		return -1;
	again->plan = plan;
	again->root = deploy_kept_checkout(&work->back, plan, found->id);
	if (!again->root)
		build_again(plan, found->past);
	if (work->recover)
		return 0;
	return resume_check_plan(found, plan, err) < 0 ? -1
						  : settle_unknown(call, plan, found, err);
}

static int take(struct work *work, struct error *err)
{
	const struct interrupted *found = &work->found;
	const struct holding_options options = {
		.command = work->recover ? "recover" : found->command,
		.commit = found->start.commit, .previous = found->start.previous, .id = found->id,
		.phase = found->past->go_live ? LEASE_GO_LIVE : LEASE_BEFORE,
		.with_folder = !found->id, .recovers = true,
		.past_hold = work->recover || found->past->go_live,
	};

	return holding_take(&work->session, &options, &work->holding, err);
}

/* Where it was checked out, if that is still as it was left; or NULL. */
static const char *kept_root(struct work *work)
{
	return work->found.id ? deploy_kept_checkout(&work->session, work->plan, work->found.id)
			      : NULL;
}

static int carry_on(struct work *work, const char *root, struct error *err)
{
	struct session *session = &work->session;
	struct interrupted *found = &work->found;
	struct interrupted *back = found->rollback;
	const struct deploy_again again = {
		.past = found, .root = root, .recover = work->recover,
		.rollback = back ? &work->rollback : NULL,
	};

	if (back && !back->folder.path &&
	    deploy_folder_open(session->arena, session->common_dir, back->id, &back->folder,
			       err) < 0)
		return -1;
	if (!found->id)
		found->folder = work->holding.folder;
	else if (!found->folder.path &&
		 deploy_folder_open(session->arena, session->common_dir, found->id, &found->folder,
				    err) < 0)
		return -1;
	return deploy_run_again(session, work->plan, &work->holding, &again, err);
}

/* Behind go-live no guard stands in the way; before it, what was approved was used up then. */
static int check_guards(struct work *work, struct error *err)
{
	if (work->found.past->go_live || plan_check_guards(work->plan, err) == 0)
		return 0;
	session_people_request(&work->session, work->plan, &work->found.start.flags, err);
	return -1;
}

/* Under the lease. */
static int check_again(struct work *work, struct error *err)
{
	int result;

	holding_borrow(&work->holding);
	result = session_refresh(&work->session, err);
	if (result == 0)
		result = resume_check_live(&work->session, &work->found, err);
	if (result == 0 && !work->found.past->go_live)
		result = session_approvals_use(&work->session, work->plan, err);
	holding_return(&work->holding);
	return result;
}

static int nothing_to_resume(const struct session *session, struct error *err)
{
	error_set(err, "there is no deploy to %s that could be resumed here",
		  session->config->env);
	return error_code(err, EXIT_USAGE);
}

/* What was under way is known: of the rollback, when that had begun. */
static int settle(struct work *work, struct call *call, struct error *err)
{
	if (work->found.rollback)
		return plan_rollback(work, call, err);
	return settle_unknown(call, work->plan, &work->found, err);
}

static int resume(struct call *call, struct error *err)
{
	struct work work CLEANUP(work_release) = { 0 };
	struct interrupted *found = &work.found;
	int known = look(&work, call, err);
	const char *root;

	if (known == 0)
		known = find_failed(&work.looking, found, err);
	if (known <= 0)
		return known < 0 ? -1 : nothing_to_resume(&work.looking, err);
	if (resume_check(&work.looking, found, err) < 0)
		return -1;
	if (!found->lock.leased)
		found->rollback = NULL;	/* it has ended: the smoke test is made anew */
	work.plan = plan_again(&work.session, call, found, false, err);
	if (!work.plan || resume_check_plan(found, work.plan, err) < 0 ||
	    check_guards(&work, err) < 0)
		return -1;
	root = kept_root(&work);
	if (!root)
		build_again(work.plan, found->past);
	if (interrupted_end_survivors(found, call, err) < 0 || settle(&work, call, err) < 0 ||
	    take(&work, err) < 0 || check_again(&work, err) < 0)
		return -1;
	return carry_on(&work, root, err);
}

/* What died was no deploy: nothing is undone, and of its tasks nothing is known. */
static struct plan *plan_nothing(struct work *work, struct call *call, struct error *err)
{
	const struct session_options target = { .redeploy = true, .unwarned = true };
	struct plan *plan;

	work->found.past->tasks_only = true;
	call->env = work->found.env;
	if (session_open_target(&work->session, call, &target, err) < 0)
		return NULL;
	plan = session_plan(&work->session, &(struct plan_flags){ 0 }, clock_now(call->clock), err);
	for (size_t i = 0; plan && i < plan->tasks.count; i++)
		plan->tasks.items[i].step.selected = false;
	return plan;
}

static bool was_deploy(const struct interrupted *found)
{
	return found->id && found->start.commit && !found->past->tasks_only &&
	       !text_equal(found->command, "task") && !text_equal(found->command, "maintenance");
}

static int recover(struct call *call, struct error *err)
{
	struct work work CLEANUP(work_release) = { .recover = true };
	struct interrupted *found = &work.found;
	int known = look(&work, call, err);

	if (known < 0)
		return -1;
	if (known == 0 || !found->lock.leased) {
		if (deploy_writes_json(call))
			deploy_print_end(call, EXIT_DONE, "nothing to recover");
		call_note(call, "Nothing to recover: nothing was interrupted on %s.",
			  work.looking.config->env);
		return EXIT_DONE;
	}
	if (text_equal(found->command, "maintenance"))
		return maintenance_recover(&work.looking, err);
	work.plan = was_deploy(found) ? plan_again(&work.session, call, found, false, err)
				      : plan_nothing(&work, call, err);
	if (!work.plan || plan_rollback(&work, call, err) < 0 ||
	    interrupted_end_survivors(found, call, err) < 0 || take(&work, err) < 0)
		return -1;
	return carry_on(&work, kept_root(&work), err);
}

static int run_resume(struct call *call, struct error *err)
{
	return deploy_json_end(call, resume(call, err), err);
}

static int run_recover_command(struct call *call, struct error *err)
{
	return deploy_json_end(call, recover(call, err), err);
}

const struct command command_resume = {
	.name = "resume",
	.arguments = "[ID]",
	.summary = "go on with an interrupted or failed deploy; finished steps are not run again",
	.details = "A step that was under way is run again when it is idempotent; else you are "
		   "asked, or say it by --step-done and --step-again.",
	.options = resume_options,
	.run = run_resume,
	.arguments_most = 1,
};

const struct command command_recover = {
	.name = "recover",
	.arguments = "[ID]",
	.summary = "put right what an interrupted deploy left behind",
	.details = "Starts what it had stopped, runs its undo steps in reverse and frees its lock. "
		   "Behind the go-live stage nothing is undone: the commit is recorded as live.",
	.options = recover_options,
	.run = run_recover_command,
	.arguments_most = 1,
};
