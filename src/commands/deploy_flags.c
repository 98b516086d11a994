/* Reads the flags that plan and deploy share. */
#include "commands/deploy_flags.h"

#include "base/text.h"

int deploy_flags_read(struct call *call, struct session_options *target, struct plan_flags *flags,
		      struct error *err)
{
	const struct options *options = &call->options;
	struct arena *arena = call->arena;

	*target = (struct session_options){
		.ref = options_value(options, "ref"),
		.from = options_value(options, "from"),
		.offline = options_has(options, "offline"),
		.redeploy = options_has(options, "redeploy"),
	};
	*flags = (struct plan_flags){
		.only = options_values(arena, options, "only"),
		.skip = options_values(arena, options, "skip"),
		.task = options_values(arena, options, "task"),
		.no_task = options_values(arena, options, "no-task"),
		.override = options_values(arena, options, "override"),
		.override_reason = options_value(options, "reason"),
		.redeploy = options_has(options, "redeploy"),
		.maintenance = options_value(options, "maintenance"),
	};
	if (flags->maintenance && strcmp(flags->maintenance, "on") != 0 &&
	    strcmp(flags->maintenance, "off") != 0 && strcmp(flags->maintenance, "auto") != 0)
		error_set(err, "--maintenance takes on, off or auto, not '%s'", flags->maintenance);
	else if (flags->override.count && (!flags->override_reason || !*flags->override_reason))
		error_set(
			err,
			"--override needs --reason TEXT: it is recorded and shown in the history");
	else if (target->ref && target->redeploy)
		error_set(err,
			  "--redeploy deploys the commit that is live: it does not go with --ref");
	else if (target->ref && !*target->ref)
		error_set(err, "--ref needs the name of a commit");
	else
		return 0;
	return error_code(err, EXIT_USAGE);
}
