/* What is told of a deploy, and when. */
#include "commands/notices.h"

#include "base/file.h"
#include "base/text.h"
#include "commands/session.h"
#include "config/expand.h"
#include "git/change.h"
#include "steps/kind.h"

enum { COMMITS_SHOWN = 10, PATHS_SHOWN = 10, DETAILS = 4000 };

struct notices {
	struct notices_options options;
	struct arena *arena;
	struct notify *notify;
	VEC(struct notice) waiting; /* for notices_begin */
	const char *failed_step, *reason; /* the first */
	size_t halted;
	bool live;
};

/* "9f8e7d6 in production": what every message is about. */
static const char *what(const struct notices *notices)
{
	const struct plan *plan = notices->options.plan;

	return arena_format(notices->arena, "%s %.7s", plan->app, plan->commit);
}

static const char *by(const struct notices *notices)
{
	const char *deployer = notices->options.session->deployer;

	return deployer ? arena_format(notices->arena, ", by %s", deployer) : "";
}

static void send(struct notices *notices, const struct notice *notice)
{
	if (notices->notify)
		notify_send(notices->notify, notice);
	else
		vec_push(notices->arena, &notices->waiting, *notice);
}

/* ---- the deploy ---- */

static const char *commits_text(const struct notices *notices)
{
	const struct change *change = notices->options.plan->change;
	struct buffer out;
	const char *text;

	if (!change || change->everything || notices->options.plan->rollback)
		return NULL;
	buffer_init(&out, DETAILS);
	for (size_t i = 0; i < change->commits.count && i < COMMITS_SHOWN; i++) {
		const struct change_commit *commit = &change->commits.items[i];
		buffer_add_format(&out, "%s%.7s %.200s (%.80s)", i ? "\n" : "", commit->id,
				  commit->subject, commit->author);
	}
	if (change->commit_count > COMMITS_SHOWN)
		buffer_add_format(&out, "\nand %zu more", change->commit_count - COMMITS_SHOWN);
	text = arena_string(notices->arena, out.data);
	buffer_release(&out);
	return text;
}

static void tell_started(struct notices *notices)
{
	const struct plan *plan = notices->options.plan;
	const char *text = arena_format(
		notices->arena, plan->rollback ? "%s is being rolled back to in %s%s"
					       : "%s is being deployed to %s%s",
		what(notices), plan->env, by(notices));
	const struct notice notice = {.event = "started",
				      .headline = text,
				      .text = text,
				      .details = commits_text(notices),
				      .status = "started"};

	send(notices, &notice);
}

static void tell_overrides(struct notices *notices)
{
	const struct plan *plan = notices->options.plan;
	struct text_list names = {0};
	const char *reason = NULL;

	for (size_t i = 0; i < plan->guards.count; i++) {
		const struct plan_guard *guard = &plan->guards.items[i];
		if (!guard->overridden)
			continue;
		text_list_add(notices->arena, &names, guard->name);
		reason = guard->override_reason;
	}
	if (!names.count)
		return;
	const struct notice notice = {
		.event = "override",
		.text = arena_format(notices->arena,
				     "%s to %s: the guard%s %s said no and %s overridden%s: %s",
				     what(notices), plan->env, names.count == 1 ? "" : "s",
				     text_join(notices->arena, &names, ", "),
				     names.count == 1 ? "was" : "were", by(notices),
				     reason ? reason : "no reason given"),
		.status = "override",
	};
	send(notices, &notice);
}

static const char *duration(const struct notices *notices, const struct event *event)
{
	char text[32];

	return arena_string(notices->arena, duration_format(text, event->duration));
}

void notices_live(struct notices *notices)
{
	const struct plan *plan;
	const char *text;

	if (!notices || notices->live)
		return;
	plan = notices->options.plan;
	notices->live = true;
	text = arena_format(notices->arena, plan->rollback ? "%s is live again in %s%s"
							   : "%s is live in %s%s",
			    what(notices), plan->env, by(notices));
	const struct notice notice = {.event = plan->rollback ? "rolled_back" : "live",
				      .headline = text,
				      .text = text,
				      .link = plan->url,
				      .status = plan->rollback ? "rolled_back" : "ok"};
	send(notices, &notice);
}

static const char *cause(const struct notices *notices, const struct event *event)
{
	const char *step = event->failed_step ? event->failed_step : notices->failed_step;
	const char *reason = event->reason ? event->reason : notices->reason;

	if (!step && !reason)
		return "";
	return arena_format(notices->arena, ": %s%s%s", step ? step : "",
			    step && reason ? ": " : "", reason ? reason : "");
}

static const char *outcome(enum event_status status)
{
	switch (status) {
	case STATUS_ROLLED_BACK:
		return " and was rolled back: the previous release is live again";
	case STATUS_FAILED_LIVE:
		return ": production has changed and needs attention";
	case STATUS_INTERRUPTED:
		return " was interrupted";
	default:
		return "; production is as it was";
	}
}

static void tell_ended(struct notices *notices, const struct event *event)
{
	const struct plan *plan = notices->options.plan;
	const char *status = event_status_name(event->status), *text;
	struct notice notice = {.event = "failed", .status = status};

	if (event->status == STATUS_OK) {
		notice.event = "finished";
		notice.headline = arena_format(
			notices->arena, plan->rollback ? "%s is live again in %s%s, after %s"
						       : "%s is live in %s%s, after %s",
			what(notices), plan->env, by(notices), duration(notices, event));
		send(notices, &notice);
		return;
	}
	if (event->status == STATUS_ROLLED_BACK)
		notice.event = "rolled_back";
	text = arena_format(notices->arena, "%s %s %s%s%s%s", what(notices),
			    event->status == STATUS_INTERRUPTED ? "to" : "failed in", plan->env,
			    outcome(event->status), by(notices), cause(notices, event));
	notice.headline = notice.text = text;
	if (event->advice && event->advice->count)
		notice.details = text_join(notices->arena, event->advice, "\n");
	send(notices, &notice);
}

/* ---- maintenance ---- */

static void tell_maintenance(struct notices *notices, bool on)
{
	const struct plan *plan = notices->options.plan;
	const struct notice notice = {
		.event = on ? "maintenance_on" : "maintenance_off",
		.text = arena_format(notices->arena, "maintenance of %s in %s is %s", plan->app,
				     plan->env, on ? "on" : "over"),
		.status = on ? "on" : "off",
	};

	send(notices, &notice);
}

static void halt_seen(struct notices *notices, const struct event *event)
{
	if (event->status == STATUS_FAILED)
		return;
	if (event->type == EVENT_MAINTENANCE_ON) {
		if (!notices->halted++)
			tell_maintenance(notices, true);
	} else if (notices->halted && !--notices->halted) {
		tell_maintenance(notices, false);
	}
}

/* ---- the configuration of production ---- */

static const char *paths_text(const struct notices *notices, const struct pattern_list *patterns,
			      size_t *count)
{
	const struct change *change = notices->options.plan->change;
	struct text_list paths = {0};

	*count = 0;
	for (size_t i = 0; i < change->files.count; i++) {
		const struct changed_file *file = &change->files.items[i];
		if (!pattern_list_matches(patterns, file->path, file->is_folder))
			continue;
		if (++*count <= PATHS_SHOWN)
			text_list_add(notices->arena, &paths, file->path);
	}
	if (*count > PATHS_SHOWN)
		text_list_add(notices->arena, &paths,
			      arena_format(notices->arena, "and %zu more", *count - PATHS_SHOWN));
	return text_join(notices->arena, &paths, "\n");
}

/* Without ${NAME}: what a secret is in makes no link. */
static const char *compare_link(const struct notices *notices)
{
	const struct plan *plan = notices->options.plan;
	const struct node *link = node_get(
		node_get(notices->options.session->config->notify, "config_changes"), "link");
	const struct service_deploy *deploy = notices->options.deploy;
	const struct fill_values values = {
		.app = plan->app, .env = plan->env, .commit = plan->commit,
		.previous = plan->previous, .branch = deploy->branch,
		.deployer = deploy->deployer, .id = deploy->id, .url = plan->url, .status = "ok",
	};

	if (!link || !plan->previous)
		return NULL;
	return fill_text(notices->arena, link->text, &values);
}

static const char *authors_text(const struct notices *notices)
{
	const struct change *change = notices->options.plan->change;

	return change->authors.count
		       ? arena_format(notices->arena, "; commits by %s",
				      text_join(notices->arena, &change->authors, ", "))
		       : "";
}

static void tell_config_changes(struct notices *notices)
{
	const struct plan *plan = notices->options.plan;
	const struct pattern_texts *texts = &notices->options.session->config->config_changes;
	struct pattern_list patterns;
	struct error ignored = {0};
	const char *paths;
	size_t count;

	if (!texts->list.count || !plan->change || plan->change->everything ||
	    pattern_list_compile(notices->arena, texts, &patterns, &ignored))
		return;
	paths = paths_text(notices, &patterns, &count);
	if (!count)
		return;
	const struct notice notice = {
		.event = "config_changes",
		.text = arena_format(notices->arena,
				     "%s: the configuration of %s has changed in %zu file%s%s%s",
				     what(notices), plan->env, count, count == 1 ? "" : "s",
				     by(notices), authors_text(notices)),
		.details = paths,
		.link = compare_link(notices),
		.status = "ok",
		.apart = true,
	};
	send(notices, &notice);
}

/* ---- the reader ---- */

static void step_ended(struct notices *notices, const struct event *event)
{
	if (event->allowed || notices->failed_step ||
	    (event->status != STATUS_FAILED && event->status != STATUS_TIMED_OUT))
		return;
	notices->failed_step =
		arena_format(notices->arena, "%s.%s", event->stage, event->step);
	notices->reason = event->reason ? arena_string(notices->arena, event->reason) : NULL;
}

void notices_event(struct notices *notices, const struct event *event)
{
	if (!notices)
		return;
	switch (event->type) {
	case EVENT_DEPLOY_STARTED:
		tell_started(notices);
		tell_overrides(notices);
		break;
	case EVENT_STEP_FINISHED:
		step_ended(notices, event);
		break;
	case EVENT_MAINTENANCE_ON:
	case EVENT_MAINTENANCE_OFF:
		halt_seen(notices, event);
		break;
	case EVENT_GO_LIVE:
		tell_config_changes(notices);
		break;
	case EVENT_DEPLOY_FINISHED:
		tell_ended(notices, event);
		break;
	default:
		break;
	}
}

/* ---- its life ---- */

struct notices *notices_new(const struct notices_options *options)
{
	struct notices *notices;

	if (!notify_names_any(options->session->config->notify))
		return NULL;
	notices = arena_new(options->session->arena, struct notices);
	*notices = (struct notices){.options = *options, .arena = options->session->arena};
	return notices;
}

static void told(void *context, const char *name, const struct error *failure)
{
	const struct notices *notices = context;
	struct event event = {.type = EVENT_NOTIFY, .name = name, .exit_code = -1,
			      .status = failure ? STATUS_FAILED : STATUS_OK};

	if (failure)
		event.reason = failure->hint[0] ? arena_format(notices->arena, "%s; %s",
							       failure->message, failure->hint)
						: failure->message;
	event_emit(notices->options.hub, &event);
}

static void over(void *context)
{
	const struct notices *notices = context;

	notices->options.over(notices->options.context);
}

void notices_begin(struct notices *notices, struct loop *loop, struct http *http,
		   const struct step_services *services)
{
	struct error ignored = {0};

	if (!notices || notices->notify || !http)
		return;
	const struct notify_options options = {
		.arena = notices->arena,
		.loop = loop,
		.http = http,
		.node = notices->options.session->config->notify,
		.lookup = &services->values,
		.redactor = services->redactor,
		.deploy = notices->options.deploy,
		.environment = run_environment(notices->options.plan, notices->options.run,
					       &ignored),
		.directory = notices->options.run->root,
		.memory = path_join(notices->arena, notices->options.folder, "notify.json"),
		.told = told,
		.over = over,
		.context = notices,
	};
	notices->notify = notify_new(&options);
	for (size_t i = 0; i < notices->waiting.count; i++)
		notify_send(notices->notify, &notices->waiting.items[i]);
	notices->waiting.count = 0;
}

bool notices_busy(const struct notices *notices)
{
	return notices && notify_busy(notices->notify);
}

void notices_under_way(const struct notices *notices, struct buffer *names)
{
	if (notices)
		notify_under_way(notices->notify, names);
}

void notices_give_up(struct notices *notices)
{
	if (notices)
		notify_give_up(notices->notify);
}

void notices_cancel(struct notices *notices)
{
	if (notices)
		notify_cancel(notices->notify);
}
