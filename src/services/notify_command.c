/* Messages handed to a command of the team's: the text in SHIPIT_NOTICE_TEXT. */
#include "config/keys.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "services/notify_internal.h"

enum { LIMIT = 30000, GRACE = 1000 };

static void ended(void *context, const struct child_exit *exit)
{
	struct notify_target *target = context;
	struct error failure = {0};
	char text[64];

	loop_timer_stop(target->limit);
	target->limit = NULL;
	target->child = NULL;
	if (!target->timed_out && !exit->code && !exit->signal) {
		notify_ended(target, NULL);
		return;
	}
	if (target->timed_out)
		error_set(&failure, "the command of notify did not end within %d s", LIMIT / 1000);
	else
		error_set(&failure, "the command of notify failed (%s)",
			  child_exit_text(text, exit));
	error_hint(&failure, "try it by hand: its text is in SHIPIT_NOTICE_TEXT");
	target->timed_out = false;
	notify_ended(target, &failure);
}

static void too_long(void *context)
{
	struct notify_target *target = context;

	target->timed_out = true;
	child_stop(target->child);
}

static const char *const *arguments_of(struct arena *arena, const struct node *node)
{
	size_t count = node->type == NODE_LIST ? node->count : 3;
	const char **list = arena_array(arena, count + 1, sizeof(*list));

	if (node->type != NODE_LIST) {
		list[0] = "sh";
		list[1] = "-euc";
		list[2] = node->text;
		return list;
	}
	for (size_t i = 0; i < node->count; i++)
		list[i] = node->items[i]->text;
	return list;
}

static const char *variable(struct arena *arena, const char *name, const char *value)
{
	return arena_format(arena, "%s=%s", name, value ? value : "");
}

static const char *const *environment_of(const struct notify *notify, const struct notice *notice)
{
	struct arena *arena = notify->options.arena;
	const char *const *given = notify->options.environment;
	const char **list;
	size_t count = 0;

	while (given && given[count])
		count++;
	list = arena_array(arena, count + 6, sizeof(*list));
	for (size_t i = 0; i < count; i++)
		list[i] = given[i];
	list[count++] = variable(arena, "SHIPIT_NOTICE", notice->event);
	list[count++] = variable(arena, "SHIPIT_NOTICE_TEXT", notice->text);
	list[count++] = variable(arena, "SHIPIT_NOTICE_DETAILS", notice->details);
	list[count++] = variable(arena, "SHIPIT_NOTICE_LINK", notice->link);
	list[count++] = variable(arena, "SHIPIT_STATUS", notice->status);
	return list;
}

int notify_command_start(struct notify_target *target, const struct notice *notice,
			 struct error *err)
{
	struct notify *notify = target->notify;
	const struct child_options options = {
		.arguments = arguments_of(notify->options.arena, notify->command),
		.environment = environment_of(notify, notice),
		.directory = notify->options.directory,
		.grace = GRACE,
		.done = ended,
		.context = target,
	};

	target->child = child_start(notify->options.loop, &options, err);
	if (!target->child)
		return error_wrap(err, "the command of notify");
	target->limit = loop_timer_start(notify->options.loop, LIMIT, 0, too_long, target);
	return 0;
}

void notify_command_stop(struct notify_target *target)
{
	loop_timer_stop(target->limit);
	target->limit = NULL;
	if (target->child)
		child_leave(target->child);
	target->child = NULL;
}
