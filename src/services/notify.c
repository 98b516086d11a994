/* Who is told, in what order, and what was told already. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "config/keys.h"
#include "crypto/redact.h"
#include "proc/loop.h"
#include "services/notify_internal.h"

enum { TIMEOUT = 5000, WITHIN = 30000, MEMORY_MAXIMUM = 1 << 20, TEXT_MAXIMUM = 8000 };

static const struct notify_kind *const kinds[] = {&notify_slack, &notify_slack_webhook,
						  &notify_webhook};

const struct outside_api *notify_api(size_t index, const char **name)
{
	if (index >= sizeof(kinds) / sizeof(*kinds))
		return NULL;
	*name = kinds[index]->name;
	return kinds[index]->api;
}

bool notify_names_any(const struct node *node)
{
	return node_get(node, "slack") || node_get(node, "webhooks") || node_get(node, "command");
}

static void clean_points(struct buffer *out, const char *text, size_t length)
{
	const char *cursor = text, *end = text + length;

	while (cursor < end && !out->overflowed) {
		const char *start = cursor;
		uint32_t point = text_next(&cursor, end);
		if (point == 0xfffd && cursor == start + 1)
			buffer_add_text(out, "\xef\xbf\xbd");
		else if (point != '\n' && (point < 0x20 || (point >= 0x7f && point < 0xa0)))
			buffer_add_char(out, ' ');
		else
			buffer_add(out, start, (size_t)(cursor - start));
	}
}

const char *notify_clean(const struct notify *notify, const char *text)
{
	struct buffer hidden, clean;

	buffer_init(&hidden, SIZE_MAX / 2);
	buffer_init(&clean, TEXT_MAXIMUM);
	if (text)
		redact_text(notify->options.redactor, text, strlen(text), &hidden);
	clean_points(&clean, hidden.data, hidden.length);
	text = arena_string(notify->options.arena, clean.data);
	buffer_release(&hidden);
	buffer_release(&clean);
	return text;
}

/* ---- what is known of earlier ---- */

static struct notify_target *find(const struct notify *notify, const char *name)
{
	for (size_t i = 0; i < notify->targets.count; i++)
		if (!strcmp(notify->targets.items[i]->name, name))
			return notify->targets.items[i];
	return NULL;
}

/* A memory that cannot be read makes messages appear twice at worst. */
static void recall(struct notify *notify)
{
	struct arena *arena = notify->options.arena;
	struct notify_target *slack = find(notify, notify_slack.name);
	struct error ignored = {0};
	struct buffer bytes;
	json_error_t problem;
	json_t *memory = NULL;

	if (!notify->options.memory)
		return;
	buffer_init(&bytes, MEMORY_MAXIMUM);
	if (!file_read(notify->options.memory, &bytes, &ignored))
		memory = json_loadb(bytes.data, bytes.length, 0, &problem);
	json_list_get(arena, memory, "told", &notify->told);
	if (slack) {
		slack->channel = json_text_get(arena, memory, "channel");
		slack->ts = json_text_get(arena, memory, "ts");
		slack->below = json_text_get(arena, memory, "below");
	}
	json_decref(memory);
	buffer_release(&bytes);
}

void notify_remember(const struct notify *notify)
{
	const struct notify_target *slack = find(notify, notify_slack.name);
	struct error ignored = {0};
	json_t *memory;
	char *text;

	if (!notify->options.memory)
		return;
	memory = json_object();
	json_list_set(memory, "told", &notify->told);
	if (slack) {
		json_text_set(memory, "channel", slack->channel);
		json_text_set(memory, "ts", slack->ts);
		json_text_set(memory, "below", slack->below);
	}
	text = json_dumps(memory, JSON_COMPACT);
	json_decref(memory);
	if (!text)
		abort();
	/* Only a deploy that is resumed asks for it. */
	(void)!file_write(notify->options.memory, text, strlen(text), 0644, &ignored);
	free(text);
}

/* ---- whom to tell ---- */

static struct notify_target *add(struct notify *notify, const struct notify_kind *kind,
				 const char *name, const struct key *row, const struct node *node)
{
	struct arena *arena = notify->options.arena;
	const struct template template = {.arena = arena, .lookup = notify->options.lookup};
	struct notify_target *target = arena_new(arena, struct notify_target);

	*target = (struct notify_target){.notify = notify, .kind = kind, .name = name};
	target->last = &target->first;
	if (node)
		target->object = (struct object){
			template_expand(&template, row, node, &target->problem), row->keys};
	vec_push(arena, &notify->targets, target);
	return target;
}

static void add_slack(struct notify *notify, const struct node *node)
{
	bool webhook = node_get(node, "webhook") != NULL;
	struct notify_target *target = add(notify, webhook ? &notify_slack_webhook : &notify_slack,
					   notify_slack.name, schema_row(notify_keys, "slack"),
					   node);

	if (!target->object.node || webhook || object_text(&target->object, "channel"))
		return;
	error_set(&target->problem,
		  "Slack cannot be told: notify.slack has a token and no channel");
	error_hint(&target->problem, "write channel: \"#operations\" beside the token");
}

static void add_webhooks(struct notify *notify, const struct node *node)
{
	const struct key *row = schema_row(notify_keys, "webhooks");

	for (size_t i = 0; i < node->count; i++)
		add(notify, &notify_webhook,
		    i ? arena_format(notify->options.arena, "webhook-%zu", i + 1) : "webhook",
		    row->each, node->items[i]);
}

struct notify *notify_new(const struct notify_options *options)
{
	struct notify *notify;

	if (!notify_names_any(options->node))
		return NULL;
	notify = arena_new(options->arena, struct notify);
	*notify = (struct notify){.options = *options,
				  .command = node_get(options->node, "command")};
	if (node_get(options->node, "slack"))
		add_slack(notify, node_get(options->node, "slack"));
	if (node_get(options->node, "webhooks"))
		add_webhooks(notify, node_get(options->node, "webhooks"));
	if (notify->command)
		add(notify, NULL, "command", NULL, NULL);
	recall(notify);
	return notify;
}

/* ---- sending ---- */

static void start_all(void *context);

static void pump(struct notify *notify)
{
	if (!notify->pump)
		notify->pump = loop_timer_start(notify->options.loop, 0, 0, start_all, notify);
}

bool notify_busy(const struct notify *notify)
{
	for (size_t i = 0; notify && i < notify->targets.count; i++)
		if (notify->targets.items[i]->first)
			return true;
	return false;
}

void notify_under_way(const struct notify *notify, struct buffer *names)
{
	for (size_t i = 0; notify && i < notify->targets.count; i++)
		if (notify->targets.items[i]->first)
			buffer_add_format(names, "%s%s", names->length ? ", " : "",
					  notify->targets.items[i]->name);
}

static void tell(struct notify_target *target, const struct error *failure)
{
	const struct notify_options *options = &target->notify->options;

	if (failure && target->failed)
		return;
	target->failed = target->failed || failure;
	options->told(options->context, target->name, failure);
}

/* The message is over, and the next one's turn. */
void notify_ended(struct notify_target *target, const struct error *failure)
{
	struct notify *notify = target->notify;

	target->first = target->first->next;
	if (!target->first)
		target->last = &target->first;
	target->step = 0;
	tell(target, failure);
	if (target->first)
		pump(notify);
	else if (!notify_busy(notify) && notify->options.over)
		notify->options.over(notify->options.context);
}

static void request_next(struct notify_target *target);

static void answered(void *context, const struct outside_answer *answer)
{
	struct notify_target *target = context;
	const struct notice *notice = &target->first->notice;

	target->call = NULL;
	if (!answer->ok) {
		notify_ended(target, &answer->failure);
		return;
	}
	if (target->kind->learn)
		target->kind->learn(target, notice, answer);
	target->step++;
	request_next(target);
}

static int request_start(struct notify_target *target, const struct notify_request *made,
			 struct error *err)
{
	const struct notify_options *options = &target->notify->options;
	const struct outside_request request = {
		.api = target->kind->api,
		.what = "the message",
		.url = made->url,
		.method = made->method,
		.headers = made->headers ? made->headers : made->own,
		.header_count = made->header_count,
		.json = made->json,
		.repeatable = made->repeatable,
		.timeout = TIMEOUT,
		.within = WITHIN,
		.redactor = options->redactor,
	};

	target->call = outside_start(options->http, &request, answered, target, err);
	return target->call ? 0 : -1;
}

static void request_next(struct notify_target *target)
{
	struct notify_request made = {0};
	struct error err = {0};
	int more = target->kind->build(target, &target->first->notice, &made, &err);

	if (more > 0 && request_start(target, &made, &err))
		more = -1;
	json_decref(made.json);
	if (more <= 0)
		notify_ended(target, more < 0 ? &err : NULL);
}

static void begin(struct notify_target *target)
{
	struct error err = {0};

	if (target->problem.message[0])
		notify_ended(target, &target->problem);
	else if (target->kind)
		request_next(target);
	else if (notify_command_start(target, &target->first->notice, &err))
		notify_ended(target, &err);
}

static void start_all(void *context)
{
	struct notify *notify = context;

	loop_timer_stop(notify->pump);
	notify->pump = NULL;
	for (size_t i = 0; i < notify->targets.count; i++) {
		struct notify_target *target = notify->targets.items[i];
		if (target->first && !target->call && !target->child)
			begin(target);
	}
}

static struct notice copy_of(const struct notify *notify, const struct notice *notice)
{
	struct arena *arena = notify->options.arena;

	return (struct notice){
		.event = arena_string(arena, notice->event),
		.headline = notice->headline ? notify_clean(notify, notice->headline) : NULL,
		.text = notice->text ? notify_clean(notify, notice->text) : NULL,
		.details = notice->details ? notify_clean(notify, notice->details) : NULL,
		.link = notice->link ? notify_clean(notify, notice->link) : NULL,
		.status = notice->status ? arena_string(arena, notice->status) : NULL,
		.apart = notice->apart,
	};
}

void notify_send(struct notify *notify, const struct notice *notice)
{
	struct notice copy;

	if (!notify || text_list_has(&notify->told, notice->event))
		return;
	copy = copy_of(notify, notice);
	text_list_add(notify->options.arena, &notify->told, copy.event);
	notify_remember(notify);
	for (size_t i = 0; i < notify->targets.count; i++) {
		struct notify_target *target = notify->targets.items[i];
		struct notify_message *message =
			arena_new(notify->options.arena, struct notify_message);
		if (!copy.text && target->kind != &notify_slack)
			continue;
		message->notice = copy;
		*target->last = message;
		target->last = &message->next;
	}
	pump(notify);
}

static void stop(struct notify_target *target)
{
	if (target->call)
		outside_cancel(target->call);
	target->call = NULL;
	notify_command_stop(target);
	target->first = NULL;
	target->last = &target->first;
}

void notify_cancel(struct notify *notify)
{
	for (size_t i = 0; notify && i < notify->targets.count; i++)
		stop(notify->targets.items[i]);
	if (notify)
		loop_timer_stop(notify->pump);
	if (notify)
		notify->pump = NULL;
}

void notify_give_up(struct notify *notify)
{
	for (size_t i = 0; notify && i < notify->targets.count; i++) {
		struct notify_target *target = notify->targets.items[i];
		struct error failure = {0};
		if (!target->first)
			continue;
		error_set(&failure, "%s did not take the message in time",
			  target->kind ? target->kind->api->name : "the command of notify");
		error_hint(&failure, "tell the team by yourself how the deploy ended");
		stop(target);
		tell(target, &failure);
	}
	notify_cancel(notify);
}
