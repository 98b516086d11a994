/* What a deploy stands on before it runs. */
#include "commands/deploy_begin.h"

#include "base/file.h"
#include "commands/deploy_run.h"
#include "commands/start.h"
#include "git/worktree.h"
#include "sound/sound.h"
#include "ui/ui.h"

static bool builds(const struct plan *plan)
{
	for (size_t i = 0; i < plan->stages.count; i++)
		if (plan->stages.items[i].phase == PHASE_BEFORE && plan->stages.items[i].selected)
			return true;
	return false;
}

int deploy_note_start(const struct session *session, const struct plan *plan,
		      const struct deploy_folder *folder, const struct deploy_note *note,
		      struct error *err)
{
	struct start start = {
		.env = session->config->env,
		.command = note->command,
		.deployer = session->deployer,
		.commit = plan->commit,
		.previous = plan->previous,
		.recorded = session->records.records.count ? session->records.records.items[0].live
							   : NULL,
		.from = session->options.from,
		.claimed = session->facts.live_claimed,
		.branch = session->branch,
		.flags = session->flags,
		.release = plan->rollback ? plan->rollback->id : NULL,
		.build = plan->rollback && builds(plan),
		.locks = note->locks,
		.rollback = note->rollback,
	};

	if (note->answers)
		start.answers = *note->answers;
	return start_write(folder, &start, err);
}

static bool is_here(const struct session *session, const struct plan *plan)
{
	return session->config->workspace == WORKSPACE_HERE && !plan->rollback;
}

static const char *checkout_name(const struct session *session, const struct plan *plan)
{
	const char *env = session->config->env;

	return plan->rollback ? arena_format(session->arena, "%s+rollback", env) : env;
}

const char *deploy_kept_checkout(struct session *session, const struct plan *plan, const char *id)
{
	struct error ignored = { 0 };
	const char *path = session->root;

	if (!is_here(session, plan))
		path = worktree_path(session->repository, session->arena,
				     checkout_name(session, plan), &ignored);

	return path && checkout_is_claimed(session->repository, session->arena, path, id) ? path
											    : NULL;
}

const char *deploy_checkout(struct session *session, const struct plan *plan, const char *id,
			    struct error *err)
{
	const char *ci = getenv("CI"), *root = session->root;
	const struct worktree_options options = {
		.env = checkout_name(session, plan),
		.commit = plan->commit,
		.clean_all =
			session->config->clean_written ? session->config->clean_all : ci && *ci,
		.may_ask = terminal_present() && !deploy_writes_json(session->call),
	};

	if (!is_here(session, plan))
		root = worktree_prepare(session->repository, session->arena, &options, err);
	if (root && checkout_claim(session->repository, session->arena, root, id, err) == 0)
		return root;
	return NULL;
}

const char *deploy_sound(struct session *session, const char *root)
{
	struct error problem = { 0 };
	const char *team = path_join(session->arena, session->config->folder, "sounds");
	const char *const folders[] = {
		path_join(session->arena, root, team),
		path_join(session->arena, root, session->config->folder),
		data_path(session->arena, "sounds"), NULL,
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

struct event_sink *deploy_open_ui(const struct session *session, struct error *err)
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

int deploy_write_plan(const struct plan *plan, const struct deploy_folder *folder,
		      struct error *err)
{
	json_t *json = plan_to_json(plan);
	char *text = json_dumps(json, JSON_INDENT(2));
	int result;

	json_decref(json);
	if (!text)
		return error_set(err, "cannot write the plan as JSON");
	result = file_write(folder->plan, text, strlen(text), 0644, err);
	free(text);
	return result;
}
