/* The record of a deploy: what it owes, what it keeps, and what goes to the store along with it. */
#include "base/file.h"
#include "base/text.h"
#include "commands/deploy_internal.h"
#include "commands/interrupted.h"
#include "commands/session_people.h"
#include "proc/machine.h"
#include "state/hold.h"

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
	memset(&deploy->record.owed, 0, sizeof(deploy->record.owed));
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

	deploy->record.durations.count = deploy->record.durations.capacity = 0;
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

/* What failed and why, as one sentence of history. */
static const char *cause(struct arena *arena, const struct run_result *result)
{
	if (!result->reason || !result->cause_step)
		return result->reason;
	return arena_format(arena, "%s.%s: %s", result->cause_stage, result->cause_step,
			    result->reason);
}

static void fill_record(struct deploy *deploy, const struct run_result *result)
{
	struct session *session = deploy->session;
	struct record *record = &deploy->record;
	struct text_list stages = { 0 };
	char host[MACHINE_HOST];
	const struct record *newest = session->records.records.count ?
		&session->records.records.items[0] : NULL;

	*record = (struct record){
		.id = deploy->folder.id, .app = session->config->app, .env = session->config->env,
		.kind = deploy->tasks_alone ? "task"
			: deploy->plan->rollback ? "rollback" : "deploy",
		.commit = deploy->plan->commit, .previous = deploy->plan->previous,
		.branch = session->branch, .deployer = session->deployer,
		.host = arena_string(session->arena, machine_host(host)),
		.started = result->started, .finished = result->finished,
		.status = event_status_name(result->status), .exit_code = result->exit_code,
		.plan = deploy->plan->digest, .reason = cause(session->arena, result),
		.verdicts = verdicts_json(deploy->plan),
		.approvals = deploy->tasks_alone ? NULL : session_approvals_used(session),
		.key = session_key(session),
		.irreversible = result->irreversible,
		.remarks = result->remarks,
	};
	fill_release(deploy, result);
	for (size_t i = 0; i < deploy->plan->stages.count; i++)
		if (deploy->plan->stages.items[i].selected &&
		    !text_list_has(&result->unchanged, deploy->plan->stages.items[i].name))
			vec_push(session->arena, &stages, deploy->plan->stages.items[i].name);
	if (deploy->again && deploy->again->recover)
		record->kind = "recover";
	fill_owed(deploy, result);
	fill_durations(deploy, result, 0);
	record_follow(session->arena, record, newest, result->live && !deploy->tasks_alone,
		      &stages);
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
	size_t count = 0;

	/* The record of its rollback could not be written: `recover` has to. */
	if (!deploy->within && !deploy->holding->leave)
		count = keeper_change(deploy->holding->keeper, phase, changes);

	count += halted_note_change(deploy->session, deploy->store, deploy->folder.id, deploy->left,
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

/* It was killed behind its verdict: that stands in the records. */
static bool verdict_is_stored(struct deploy *deploy)
{
	const struct interrupted *past = deploy->again ? deploy->again->past : NULL;

	if (!past || !past->record || past->past->status != STATUS_OK)
		return false;
	deploy->record = *past->record;
	deploy->record.follows = past->record->version;
	deploy->record.key = session_key(deploy->session);
	deploy->record.verdicts = deploy->record.approvals = NULL;
	return true;
}

int deploy_on_verdict(void *context, struct run_result *result, struct error *err)
{
	struct deploy *deploy = context;
	json_t *json;
	char *text;
	int code;

	if (verdict_is_stored(deploy))
		return 0;
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
	/* Nobody may deploy on top of a state that does not know what is live. */
	deploy->unrecorded = !deploy->tasks_alone &&
			     (result->live || (result->touched && !result->undone));
	if (deploy->unrecorded) {
		holding_leave(deploy->holding);
		error_hint(err, "As soon as the state can be written: shipit -e %s recover %s",
			   deploy->session->config->env, deploy->folder.id);
	}
	return code;
}

void deploy_record_deferred(struct deploy *deploy, const struct run_result *result)
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
