/* The reader of events that tells outside services. */
#include "commands/announce.h"

#include "base/text.h"
#include "commands/notices.h"
#include "commands/session.h"
#include "git/change.h"
#include "net/http.h"
#include "proc/loop.h"
#include "run/past.h"
#include "services/heartbeat.h"
#include "services/markers.h"
#include "services/template.h"
#include "steps/kind.h"

enum { HURRY = 2000, LIMIT = 30000, PATIENCE = 1000, NAMES = 512 };

/* A dead-man switch that a step tells of the beginning. */
struct beat {
	struct announcer *announcer;
	const struct step_config *step;
	struct outside_call *call;
	bool told; /* the step has said already that it is out of order */
};

struct announcer {
	struct event_sink sink;
	struct run_telling telling;
	struct session *session;
	const struct plan *plan; /* of what goes live */
	const struct run_past *past;
	const char *id;
	struct event_hub *hub;
	struct loop *loop;
	struct http *http;
	struct loop_timer *soon, *limit, *patience;
	const char *status; /* of the deploy, at its end */
	struct trace trace;
	struct trace_spans *spans;
	struct markers *markers;
	struct notices *notices;
	struct service_deploy deploy;
	struct step_services services;
	VEC(struct beat *) beats;
	size_t under_way;
	bool ready, marked, waiting, said, ended, hurried;
};

static struct http *client(struct announcer *announcer)
{
	struct error err = {0};

	if (!announcer->http)
		announcer->http = http_new(announcer->loop, 0, &err);
	if (!announcer->http)
		event_message(announcer->hub, LEVEL_WARNING, "%s", err.message);
	return announcer->http;
}

static void one_ended(struct announcer *announcer)
{
	announcer->under_way--;
	if (announcer->waiting && !announcer->under_way && !notices_busy(announcer->notices))
		loop_stop(announcer->loop);
}

/* ---- markers ---- */

static void marker_told(void *context, const char *name, const struct error *failure)
{
	struct announcer *announcer = context;
	struct event event = {.type = EVENT_MARKER,
			      .name = name,
			      .exit_code = -1,
			      .status = failure ? STATUS_FAILED : STATUS_OK};
	struct buffer reason;

	buffer_init(&reason, sizeof(struct error));
	if (failure)
		buffer_add_format(&reason, "%s%s%s", failure->message, failure->hint[0] ? "; " : "",
				  failure->hint);
	event.reason = failure ? reason.data : NULL;
	event_emit(announcer->hub, &event);
	buffer_release(&reason);
	one_ended(announcer);
}

static void add_commits(struct announcer *announcer)
{
	const struct change *change = announcer->plan->change;

	announcer->deploy.commits.count = 0;
	for (size_t i = 0; change && !announcer->plan->rollback && i < change->commits.count; i++) {
		const struct change_commit *from = &change->commits.items[i];
		struct service_commit commit = {.id = from->id,
						.author = from->author,
						.email = from->email,
						.subject = from->subject,
						.time = from->time};
		vec_push(announcer->session->arena, &announcer->deploy.commits, commit);
	}
}

static void fill_deploy(struct announcer *announcer)
{
	const struct session *session = announcer->session;
	const struct plan *plan = announcer->plan;
	struct service_deploy *deploy = &announcer->deploy;

	deploy->app = plan->app;
	deploy->env = plan->env;
	deploy->commit = plan->commit;
	deploy->previous = plan->previous;
	deploy->branch = session->branch;
	deploy->deployer = session->deployer;
	deploy->url = session->config->url;
	deploy->rollback = plan->rollback != NULL;
	deploy->repository = announce_repository(session);
	add_commits(announcer);
}

static void send_marks(struct announcer *announcer, enum marker_turn turn)
{
	if (!announcer->markers || !announcer->ready || !client(announcer))
		return;
	announcer->under_way += markers_turn_count(announcer->markers, turn);
	markers_send(announcer->markers, turn, announcer->http, &announcer->deploy, marker_told,
		     announcer);
}

static void send_soon(void *context)
{
	struct announcer *announcer = context;

	loop_timer_stop(announcer->soon);
	announcer->soon = NULL;
	fill_deploy(announcer);
	send_marks(announcer, MARKER_LIVE);
	one_ended(announcer);
}

/* From the loop: what the verdict waits for starts first. */
static void mark_live(struct announcer *announcer, const char *id, const char *status)
{
	const struct clock *clock = announcer->hub->clock;

	announcer->marked = true;
	announcer->deploy.id = id;
	announcer->deploy.status = status;
	announcer->deploy.ended = clock_now(clock ? clock : &clock_system);
	if (!announcer->deploy.live && announcer->past)
		announcer->deploy.live = announcer->past->live_at;
	announcer->under_way++;
	announcer->soon = loop_timer_start(announcer->loop, 0, 0, send_soon, announcer);
}

/* ---- dead-man switches ---- */

static void beat_answered(void *context, const struct outside_answer *answer)
{
	struct beat *beat = context;

	beat->call = NULL;
	if (!answer->ok && !beat->told)
		event_message(beat->announcer->hub, LEVEL_WARNING, "%s; %s",
			      answer->failure.message, answer->failure.hint);
	one_ended(beat->announcer);
}

static void beat_send(struct beat *beat, enum heartbeat heartbeat)
{
	struct announcer *announcer = beat->announcer;
	const struct template template = {.arena = announcer->session->arena,
					  .lookup = &announcer->services.values};
	struct error err = {0};
	const char *url = template_text(&template, object_text(&beat->step->object, "url"), &err);
	struct buffer whole;

	buffer_init(&whole, 8192);
	if (url && client(announcer) &&
	    !http_url_join(&whole, announcer->session->config->url, url, &err))
		beat->call =
			heartbeat_start(announcer->http, whole.data, heartbeat, announcer->id,
					announcer->services.redactor, beat_answered, beat, &err);
	buffer_release(&whole);
	if (beat->call)
		announcer->under_way++;
	else if (err.message[0])
		event_message(announcer->hub, LEVEL_WARNING, "%s", err.message);
}

static const struct step_config *find_step(const struct announcer *announcer,
					   const struct event *event)
{
	const struct plan *plan = announcer->plan;

	for (size_t i = 0; i < plan->steps.count; i++)
		if (text_equal(plan->steps.items[i].stage, event->stage) &&
		    text_equal(plan->steps.items[i].name, event->step))
			return plan->steps.items[i].config;
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (text_equal(plan->tasks.items[i].name, event->step))
			return plan->tasks.items[i].step.config;
	return NULL;
}

/* A switch that may know that it began waits for the end, whoever told it. */
static void step_seen(struct announcer *announcer, const struct event *event)
{
	const struct step_config *step = find_step(announcer, event);
	struct beat *beat;

	if (!step || strcmp(step->kind, "heartbeat") || event->action)
		return;
	for (size_t i = 0; i < announcer->beats.count; i++) {
		beat = announcer->beats.items[i];
		if (strcmp(object_text(&beat->step->object, "url"),
			   object_text(&step->object, "url")) != 0)
			continue;
		beat->told = beat->told || (event->status == STATUS_OK && event->reason);
		return;
	}
	beat = arena_new(announcer->session->arena, struct beat);
	*beat = (struct beat){.announcer = announcer, .step = step};
	vec_push(announcer->session->arena, &announcer->beats, beat);
}

/* ---- the reader ---- */

static void on_finished(struct announcer *announcer, const struct event *event)
{
	announcer->hurried = event->status == STATUS_INTERRUPTED;
	announcer->ended = true;
	announcer->status = event_status_name(event->status);
}

static void on_event(struct event_sink *sink, const struct event *event)
{
	struct announcer *announcer = (struct announcer *)(void *)sink;

	if (announcer->spans)
		trace_spans_add(announcer->spans, event);
	notices_event(announcer->notices, event);
	if (event->type == EVENT_DEPLOY_STARTED)
		announcer->deploy.started = announcer->past && announcer->past->started
						    ? announcer->past->started
						    : event->time;
	else if (event->type == EVENT_GO_LIVE)
		announcer->deploy.live = event->time;
	else if (event->type == EVENT_STEP_STARTED ||
		 (event->type == EVENT_STEP_FINISHED &&
		  (event->status == STATUS_OK || event->status == STATUS_RESUMED)))
		step_seen(announcer, event);
	else if (event->type == EVENT_DEPLOY_FINISHED)
		on_finished(announcer, event);
}

static void messages_over(void *context)
{
	struct announcer *announcer = context;

	if (announcer->waiting && !announcer->under_way)
		loop_stop(announcer->loop);
}

static void on_begun(void *context, const struct step_services *services)
{
	struct announcer *announcer = context;

	announcer->services = *services;
	announcer->deploy.id = announcer->id;
	fill_deploy(announcer);
	if (announcer->notices)
		notices_begin(announcer->notices, announcer->loop, client(announcer),
			      &announcer->services);
}

static void on_ready(void *context, const struct step_services *services)
{
	struct announcer *announcer = context;
	const struct markers_options options = {
		.arena = announcer->session->arena,
		.node = announcer->session->config->markers,
		.lookup = &announcer->services.values,
		.redactor = services->redactor,
		.spans = announcer->spans,
		.told = announcer->past ? &announcer->past->told : NULL,
	};

	announcer->services = *services;
	announcer->ready = true;
	if (announcer->session->config->markers)
		announcer->markers = markers_new(&options);
}

static void on_passed(void *context, const struct run_identity *identity)
{
	struct announcer *announcer = context;

	if (!strcmp(identity->id, announcer->id))
		notices_live(announcer->notices);
	mark_live(announcer, identity->id, announcer->plan->rollback ? "rolled_back" : "ok");
}

/* The verdict is known and nothing else is left to do. */
static void send_last(struct announcer *announcer)
{
	const char *status = announcer->status;
	bool well = status && !strcmp(status, "ok");

	announcer->ended = false;
	if (!announcer->marked && text_equal(status, "failed_live"))
		mark_live(announcer, announcer->id, status);
	send_marks(announcer, MARKER_END);
	for (size_t i = 0; i < announcer->beats.count; i++)
		beat_send(announcer->beats.items[i], well ? HEARTBEAT_SUCCESS : HEARTBEAT_FAILURE);
}

static void cancel_all(struct announcer *announcer)
{
	if (announcer->markers)
		markers_cancel(announcer->markers);
	for (size_t i = 0; i < announcer->beats.count; i++) {
		if (announcer->beats.items[i]->call)
			outside_cancel(announcer->beats.items[i]->call);
		announcer->beats.items[i]->call = NULL;
	}
	loop_timer_stop(announcer->soon);
	announcer->soon = NULL;
	announcer->under_way = 0;
}

static void limit_over(void *context)
{
	struct announcer *announcer = context;

	notices_give_up(announcer->notices);
	cancel_all(announcer);
	loop_stop(announcer->loop);
}

static void emit_waiting(const struct announcer *announcer, const char *text)
{
	struct event event = {.type = EVENT_WAITING, .exit_code = -1, .text = text};

	event_emit(announcer->hub, &event);
}

/* Nothing else is left to do, and it takes long enough to be wondered about. */
static void say_for_what(void *context)
{
	struct announcer *announcer = context;
	struct buffer names;

	buffer_init(&names, NAMES);
	if (announcer->markers)
		markers_under_way(announcer->markers, &names);
	for (size_t i = 0; i < announcer->beats.count; i++)
		if (announcer->beats.items[i]->call)
			buffer_add_format(&names, "%sthe dead-man switch",
					  names.length ? ", " : "");
	notices_under_way(announcer->notices, &names);
	buffer_add_text(&names, " to be told (Ctrl-C: do not wait)");
	emit_waiting(announcer, names.data);
	announcer->said = true;
	buffer_release(&names);
}

static void unsay(struct announcer *announcer)
{
	if (announcer->said)
		emit_waiting(announcer, "");
	announcer->said = false;
}

static bool on_busy(void *context)
{
	struct announcer *announcer = context;

	if (announcer->ended)
		send_last(announcer);
	announcer->waiting = true;
	bool busy = announcer->under_way > 0 || notices_busy(announcer->notices);
	if (busy && !announcer->patience)
		announcer->patience =
			loop_timer_start(announcer->loop, PATIENCE, 0, say_for_what, announcer);
	/* With Ctrl-C somebody wants to go. */
	if (busy && !announcer->limit)
		announcer->limit = loop_timer_start(announcer->loop,
						    announcer->hurried ? HURRY : LIMIT, 0,
						    limit_over, announcer);
	if (!busy)
		unsay(announcer);
	return busy;
}

/* ---- its life ---- */

static bool has_otlp(const struct node *markers)
{
	bool found = node_get(markers, "otlp") != NULL;

	for (size_t i = 0; markers && markers->type == NODE_LIST && i < markers->count; i++)
		found = found || node_get(markers->items[i], "otlp");
	return found;
}

static bool has_heartbeat(const struct plan *plan)
{
	for (size_t i = 0; i < plan->steps.count; i++)
		if (text_equal(plan->steps.items[i].config->kind, "heartbeat"))
			return true;
	for (size_t i = 0; i < plan->tasks.count; i++)
		if (text_equal(plan->tasks.items[i].step.config->kind, "heartbeat"))
			return true;
	return false;
}

struct announcer *announcer_new(const struct announce_options *options)
{
	const struct config *config = options->session->config;
	struct announcer *announcer;

	if (!config->markers && !has_heartbeat(options->plan) &&
	    !notify_names_any(config->notify))
		return NULL;
	announcer = arena_new(options->session->arena, struct announcer);
	*announcer = (struct announcer){
		.sink = {.event = on_event},
		.telling = {.begun = on_begun,
			    .ready = on_ready,
			    .passed = on_passed,
			    .busy = on_busy,
			    .context = announcer},
		.session = options->session,
		.plan = options->plan,
		.past = options->past,
		.id = options->id,
		.hub = options->hub,
	};
	trace_begin(&announcer->trace, getenv("TRACEPARENT"));
	if (has_otlp(config->markers))
		announcer->spans = trace_spans_new(&announcer->trace);
	announcer->notices = notices_new(&(struct notices_options){
		.session = options->session,
		.plan = options->plan,
		.run = options->run,
		.hub = options->hub,
		.folder = options->folder,
		.deploy = &announcer->deploy,
		.over = messages_over,
		.context = announcer,
	});
	event_hub_add(options->hub, &announcer->sink);
	return announcer;
}

const struct run_telling *announcer_telling(struct announcer *announcer)
{
	return announcer ? &announcer->telling : NULL;
}

const struct trace *announcer_trace(const struct announcer *announcer)
{
	return announcer ? &announcer->trace : NULL;
}

void announcer_begin(struct announcer *announcer, struct loop *loop)
{
	if (announcer)
		announcer->loop = loop;
}

void announcer_roll_back(struct announcer *announcer, const struct plan *plan)
{
	if (announcer)
		announcer->plan = plan;
}

void announcer_free(struct announcer *announcer)
{
	if (!announcer)
		return;
	unsay(announcer);
	event_hub_remove(announcer->hub, &announcer->sink);
	cancel_all(announcer);
	notices_cancel(announcer->notices);
	loop_timer_stop(announcer->limit);
	loop_timer_stop(announcer->patience);
	http_free(announcer->http);
	trace_spans_free(announcer->spans);
}
