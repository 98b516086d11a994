/* shipit approve: co-signs the plan of a deploy that was refused for want of it. */
#include "base/text.h"
#include "commands/deploy_flags.h"
#include "commands/session_people.h"
#include "ui/prompt.h"

/* The request in the chosen environment, or without -e in the first that has one of that ID. */
static int find_request(struct call *call, const char *id, struct request *request,
			struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	const struct session_options options = {.every_environment = true};
	const struct config *config;
	if (session_open(&session, call, &options, err) < 0)
		return -1;
	config = session.config;
	int found = request_find(session.store, call->arena, config->env, id, request, err);
	for (size_t i = 0; found < 0 && !call->env && i < config->environments.count; i++) {
		const char *env = config->environments.items[i].name;
		struct error other = {0};
		if (text_equal(env, config->env))
			continue;
		found = request_find(session.store, call->arena, env, id, request, &other);
		if (found == 0)
			call->env = arena_string(call->arena, env);
	}
	return found;
}

/* What is signed is the plan that this shipit makes of the same commit with the same flags: whoever
 * left the request cannot show one plan and have another one signed. */
static int check_plan(struct session *session, const struct plan *plan,
		      const struct request *request, struct error *err)
{
	if (strcmp(plan->digest, request->digest) == 0)
		return 0;
	const char *before = json_string_value(json_object_get(request->value, "previous"));
	if (!text_equal(before, plan->previous))
		error_set(err, "what is live on %s has changed since %s was asked for: its plan is "
			       "no longer right", session->config->env, request->id);
	else
		error_set(err, "the plan of %s is not the one that is made of %.7s here, so it is "
			       "not signed", request->id, request->commit);
	error_hint(err, "the deployer deploys again, which leaves a new request");
	return error_code(err, EXIT_REFUSED);
}

static int check_approver(struct session *session, struct error *err)
{
	const struct session_people *people = session->people;
	if (people->role == PLAN_TRAINED && people->name)
		return 0;
	if (session->facts.person.why)
		error_set(err, "only a trained deployer can approve: %s",
			  session->facts.person.why);
	else if (people->name)
		error_set(err, "only a trained deployer can approve, and %s is %s", people->name,
			  role_name(people->role));
	else
		error_set(err, "the roster of %s has no keys: there is nobody who could approve",
			  session->config->env);
	return error_code(err, EXIT_REFUSED);
}

static int ask(struct session *session, const struct plan *plan, const struct request *request,
	       struct error *err)
{
	struct call *call = session->call;
	const struct prompt prompt = {.assume_yes = call->yes, .refuse = call->json,
				      .flag = "--yes"};
	bool yes = false;
	if (!call->json && !call->quiet)
		plan_print(call, plan);
	if (prompt_yes(&prompt,
		       arena_format(call->arena, "Approve that %s deploys %.7s to %s?",
				    request->deployer ? request->deployer : "somebody",
				    plan->commit, plan->env),
		       &yes, err) < 0)
		return -1;
	if (yes)
		return 0;
	error_set(err, "not approved: you said no");
	return error_code(err, EXIT_REFUSED);
}

static int sign(struct session *session, const struct plan *plan, const struct request *request,
		struct error *err)
{
	const struct approval_view view = {
		.store = session->store,
		.app = plan->app,
		.env = plan->env,
		.digest = plan->digest,
		.now = clock_now(session->call->clock),
	};
	if (approval_put(session->store, &view, request, session->people->name,
			 session_key(session), err) < 0)
		return -1;
	if (session->call->json)
		return call_print_json(json_pack("{s:s, s:s, s:s, s:s}", "id", request->id, "env",
						 plan->env, "digest", plan->digest, "by",
						 session->people->name),
				       err);
	call_note(session->call, "%s approved %s for %s; it holds 24 hours, for one deploy.",
		  session->people->name, request->id, plan->env);
	return 0;
}

static int approve(struct call *call, struct request *request, struct error *err)
{
	struct session session CLEANUP(session_close) = {0};
	struct session_options target = {0};
	struct plan *plan;
	if (find_request(call, call->options.arguments.items[0], request, err) < 0)
		return -1;
	target.ref = request->commit;
	target.from = request->from;
	if (session_open_target(&session, call, &target, err) < 0 ||
	    session_people_identify(&session, err) < 0)
		return -1;
	plan = session_plan(&session, &request->flags, clock_now(call->clock), err);
	if (!plan || check_plan(&session, plan, request, err) < 0 ||
	    check_approver(&session, err) < 0 || ask(&session, plan, request, err) < 0 ||
	    session_people_prove(&session, err) < 0 || check_approver(&session, err) < 0)
		return -1;
	return sign(&session, plan, request, err);
}

static int run_approve(struct call *call, struct error *err)
{
	struct request request = {0};
	int result = approve(call, &request, err);
	request_release(&request);
	return result;
}

const struct command command_approve = {
	.name = "approve",
	.arguments = "ID",
	.summary = "co-sign a plan that waits for it",
	.details = "ID is what the refused deploy said. The plan is made anew here and must be the "
		   "same; the approval is of that plan alone, holds 24 hours and lets one deploy "
		   "through.",
	.run = run_approve,
	.arguments_least = 1,
	.arguments_most = 1,
};
