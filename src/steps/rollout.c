/* A step's keys as a fleet's options. */
#include "steps/rollout.h"

#include <limits.h>

#include "base/text.h"
#include "proc/loop.h"
#include "services/hosts.h"

bool rollout_has_hosts(const struct step_config *step)
{
	return object_has(&step->object, "hosts");
}

struct text_list rollout_names(struct arena *arena, const struct step_config *step)
{
	return object_texts(arena, &step->object, "hosts");
}

/* "25%" of the hosts, rounded up: never none. */
static size_t batch_of(const struct step_config *step, size_t hosts)
{
	const char *text = object_text(&step->object, "batch");
	unsigned long number = text ? strtoul(text, NULL, 10) : 0;

	if (!text || !text_ends_with(text, "%"))
		return number;
	number = (hosts * number + 99) / 100;
	return number ? number : 1;
}

int rollout_options(const struct step_request *request, struct fleet_hosts *hosts,
		    struct fleet_options *options, struct error *err)
{
	const struct object *object = &request->step->object;
	const char *user = object_text(object, "user");
	struct text_list *arguments = arena_new(request->arena, struct text_list);
	int64_t jitter = object_duration(object, "jitter");
	int64_t timeout = object_duration(object, "host_timeout");

	*arguments = object_texts(request->arena, object, "options");
	if (user) {
		user = expand_text(request->arena, user, &request->services->values, err);
		if (!user)
			return -1;
		if (ssh_check_host(user, err) < 0)
			return error_set(err, "user: '%.80s' is no user's name", user);
	}
	*options = (struct fleet_options){
		.loop = request->loop,
		.arena = request->arena,
		.ssh = hosts_ssh(request->services->hosts, err),
		.hosts = hosts,
		.user = user,
		.options = arguments,
		.batch = batch_of(request->step, hosts->count),
		.max_fail = object_integer(object, "max_fail"),
		.jitter = jitter > INT_MAX ? INT_MAX : jitter,
		.timeout = timeout,
		.grace = request->grace,
		.redactor = request->services->redactor,
		.output = request->output,
		.started = request->started,
	};
	return options->ssh ? 0 : -1;
}

void rollout_outcome(const struct step_request *request, const struct fleet_hosts *hosts,
		     const char *failure, struct step_outcome *outcome)
{
	const char *failures = fleet_failures(request->arena, hosts);

	outcome->ok = !failure;
	outcome->exit = (struct child_exit){.code = -1};
	outcome->reason = failure;
	if (failure)
		return;
	outcome->remark = failures;
	fleet_remember(hosts, request->services->hosts);
}

void rollout_describe(const struct step_config *step, struct buffer *out)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct text_list names = rollout_names(&arena, step);

	buffer_add_text(out, text_join(&arena, &names, ", "));
}
