/* shipit version */
#include "commands/command.h"

static int run_version(struct call *call, struct error *err)
{
	if (call->json)
		return call_print_json(json_pack("{s:s}", "version", SHIPIT_VERSION), err);
	puts("shipit " SHIPIT_VERSION);
	return EXIT_DONE;
}

const struct command command_version = {
	.name = "version",
	.summary = "say which shipit this is",
	.run = run_version,
};
