/* The table of step kinds that can be run. */
#include "steps/kinds_internal.h"

const struct step_kind step_kinds[] = {
	{.name = "run", .start = run_start, .stop = step_command_stop, .describe = run_describe},
	{.name = "ssh", .start = ssh_step_start, .stop = ssh_step_stop,
	 .describe = ssh_step_describe},
	{.name = "release", .two_halves = true, .start = release_start, .stop = release_stop,
	 .undo = release_undo, .prune = release_prune, .kept = release_kept,
	 .check = release_check, .describe = release_describe},
	{.name = "slug", .two_halves = true, .start = slug_start, .stop = slug_stop,
	 .undo = slug_undo, .kept = slug_kept, .open = slug_open, .check = slug_check,
	 .describe = slug_describe},
	{.name = "assets_sync", .two_halves = true, .start = assets_sync_start,
	 .stop = assets_stop_step, .undo = assets_sync_undo, .prune = assets_prune_start,
	 .kept = assets_sync_kept, .check = assets_check, .describe = assets_sync_describe},
	{.name = "assets_prune", .harmless = true, .start = assets_prune_start,
	 .stop = assets_stop_step, .check = assets_check, .describe = assets_prune_describe},
	{.name = "http", .start = http_step_start, .stop = http_step_stop,
	 .is_harmless = http_step_is_harmless, .check = http_step_check,
	 .describe = http_step_describe},
	{.name = "wait_for", .harmless = true, .start = wait_for_start, .stop = wait_for_stop,
	 .check = wait_for_check, .describe = wait_for_describe},
	{.name = "warm", .harmless = true, .start = warm_start, .stop = warm_stop,
	 .describe = warm_describe},
	{.name = "heartbeat", .harmless = true, .start = heartbeat_step_start,
	 .stop = heartbeat_step_stop, .describe = heartbeat_describe},
	{.name = "mark", .harmless = true, .start = mark_start, .stop = mark_stop,
	 .check = mark_check, .describe = mark_describe},
	{.name = "notify", .harmless = true, .start = notify_step_start, .stop = notify_step_stop,
	 .check = notify_step_check, .describe = notify_step_describe},
	{.name = "smoke", .harmless = true, .start = smoke_step_start, .stop = smoke_step_stop,
	 .describe = smoke_describe},
	{.name = "sound", .harmless = true, .start = sound_step_start, .stop = sound_step_stop,
	 .describe = sound_describe},
};
const size_t step_kind_count = sizeof(step_kinds) / sizeof(*step_kinds);

const struct step_kind *step_kind_find(const char *name)
{
	for (size_t i = 0; i < step_kind_count; i++)
		if (!strcmp(step_kinds[i].name, name))
			return &step_kinds[i];
	return NULL;
}

const struct command_text *step_rollback(const struct step_config *step)
{
	const struct command_text *command = &step->rollback;

	return command->shell || command->arguments.count ? command : NULL;
}

const struct step_kind_keys *step_kind_rows(struct arena *arena, size_t *count)
{
	struct step_kind_keys *rows = arena_array(arena, step_kind_count, sizeof(*rows));
	*count = 0;
	for (size_t i = 0; i < step_kinds_known_count; i++) {
		if (!step_kind_find(step_kinds_known[i].row.name))
			continue;
		rows[*count] = step_kinds_known[i];
		rows[(*count)++].row.flags &= ~(unsigned)KEY_LATER;
	}
	return rows;
}
