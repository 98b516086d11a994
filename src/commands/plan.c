/* shipit plan: what would be deployed and why, changing nothing. */
#include <unistd.h>

#include "commands/deploy_flags.h"
#include "commands/deploy_run.h"
#include "commands/lock_facts.h"
#include "commands/session.h"
#include "commands/session_ci.h"

static const struct option_row plan_options[] = {
	DEPLOY_CHOICE_OPTIONS,
	{ "at", 0, "TIME", "the plan as it would be then", 0 },
	{ "run-commands", 0, NULL, "ask the commands that list hosts (never those of secrets)", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};

static void draw(const struct call *call, const struct plan *plan, int descriptor,
		 struct buffer *out)
{
	struct plan_text_options options = {
		.color = terminal_color(descriptor, call->color),
		.verbose = call->verbose,
		.now = clock_now(call->clock),
	};
	int rows;

	if (isatty(descriptor))
		terminal_size(descriptor, &options.columns, &rows);
	plan_to_text(plan, &options, out);
}

void plan_print(const struct call *call, const struct plan *plan)
{
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 64 << 20);
	draw(call, plan, STDERR_FILENO, &out);
	terminal_write(STDERR_FILENO, out.data, out.length);
}

int plan_show(struct call *call, const struct plan *plan, struct error *err)
{
	struct buffer out CLEANUP(buffer_release);

	buffer_init(&out, 64 << 20);
	if (deploy_writes_json(call))
		return call_print_json(plan_to_json(plan), err);
	draw(call, plan, STDOUT_FILENO, &out);
	return stdout_write(out.data, out.length, err) < 0 ? -1 : EXIT_DONE;
}

static int run_plan(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	const char *at = options_value(&call->options, "at");
	struct session_options target;
	struct plan_flags flags;
	int64_t now = clock_now(call->clock);
	struct plan *plan;

	if (at && time_parse(at, &now, err) < 0)
		return error_code(err, EXIT_USAGE);
	if (deploy_flags_read(call, &target, &flags, err) < 0)
		return -1;
	target.quick = true;
	target.looking = true;
	target.run_commands = options_has(&call->options, "run-commands");
	if (session_open_target(&session, call, &target, err) < 0 ||
	    session_check_here(&session, err) < 0)
		return -1;
	if (lock_tell_plan(&session, false, err) < 0 || session_ci_gather(&session, 0, err) < 0)
		return -1;
	plan = session_plan(&session, &flags, now, err);
	return plan ? plan_show(call, plan, err) : -1;
}

const struct command command_plan = {
	.name = "plan",
	.summary = "show what would be deployed and why, changing nothing",
	.details = "Exits 0 also when a guard would refuse.",
	.options = plan_options,
	.run = run_plan,
};
