/* The kinds of halts. Adding one is adding a row. */
#include "base/text.h"
#include "run/maintenance_internal.h"

static struct command_text run_command(struct arena *arena, const struct halt *halt,
				       enum halt_act act)
{
	(void)arena;
	return act == HALT_LOOK ? halt->running_if : act == HALT_STOP ? halt->stop : halt->start;
}

/* 126 and 127 are the shell's own: the command that should tell cannot be run. */
static enum halt_runs run_judge(struct arena *arena, struct halt *halt,
				const struct child_exit *ended, const char *output,
				const char **reason)
{
	char text[64];
	size_t length = strlen(output);
	(void)halt;

	if (ended->code == 0)
		return HALT_RUNS;
	if (ended->code > 0 && ended->code < 126)
		return HALT_STANDS;
	while (length && output[length - 1] == '\n')
		length--;
	*reason = arena_format(arena, "its running_if cannot tell: %s%s%.*s",
			       child_exit_text(text, ended), length ? ": " : "",
			       length > 300 ? 300 : (int)length, output);
	return HALT_UNKNOWN;
}

static struct command_text systemd_command(struct arena *arena, const struct halt *halt,
					   enum halt_act act)
{
	static const char *const verbs[] = {
		[HALT_LOOK] = "show", [HALT_STOP] = "stop", [HALT_START] = "start"};
	struct command_text command = {0};

	text_list_add(arena, &command.arguments, "systemctl");
	text_list_add(arena, &command.arguments, "--no-ask-password");
	text_list_add(arena, &command.arguments, verbs[act]);
	if (act == HALT_LOOK)
		text_list_add(arena, &command.arguments, "--property=LoadState,ActiveState");
	text_list_add(arena, &command.arguments, "--");
	for (size_t i = 0; i < halt->units.count; i++)
		text_list_add(arena, &command.arguments, halt->units.items[i]);
	return command;
}

/* A block of NAME=VALUE lines a unit, in the order asked for, an empty line between them. */
static enum halt_runs systemd_judge(struct arena *arena, struct halt *halt,
				    const struct child_exit *ended, const char *output,
				    const char **reason)
{
	struct text_list blocks = {0};
	size_t running = 0, standing = 0;
	const char *at = output, *between;

	for (; (between = strstr(at, "\n\n")); at = between + 2)
		text_list_add(arena, &blocks, arena_bytes(arena, at, (size_t)(between - at)));
	if (*at && *at != '\n')
		text_list_add(arena, &blocks, at);
	if (ended->code != 0 || blocks.count != halt->units.count) {
		*reason = arena_format(arena, "systemctl cannot tell: %s",
				       text_join(arena, &blocks, " "));
		return HALT_UNKNOWN;
	}
	halt->active.count = 0;
	for (size_t i = 0; i < blocks.count; i++) {
		const char *block = blocks.items[i];
		bool active = strstr(block, "ActiveState=active") ||
			      strstr(block, "ActiveState=reloading");

		if (strstr(block, "LoadState=not-found")) {
			*reason = arena_format(arena, "systemd knows no unit '%s'",
					       halt->units.items[i]);
			return HALT_UNKNOWN;
		}
		vec_push(arena, &halt->active, active);
		running += active;
		standing += strstr(block, "ActiveState=inactive") ||
			    strstr(block, "ActiveState=failed");
	}
	return running == blocks.count	? HALT_RUNS
	       : standing == blocks.count ? HALT_STANDS
					  : HALT_PARTLY;
}

void halt_narrow(struct halt *halt)
{
	struct text_list running = {0};

	for (size_t i = 0; i < halt->active.count; i++)
		if (halt->active.items[i])
			text_list_add(halt->maintenance->options.arena, &running,
				      halt->units.items[i]);
	if (running.count)
		halt->units = running;
}

static const struct halt_kind kinds[] = {
	{.name = "run", .command = run_command, .judge = run_judge},
	{.name = "systemd", .command = systemd_command, .judge = systemd_judge},
	{.name = MAINTENANCE_PAGE, .blind = true, .command = run_command},
};

const struct halt_kind *halt_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}
