/* Kind heartbeat: tells a dead-man switch that the deploy has begun; how it ended is told behind
 * the verdict. Never fails. */
#include "services/heartbeat.h"
#include "steps/kinds_internal.h"
#include "steps/request_step.h"

struct running {
	struct request_step step;
	struct outside_call *call;
};

static void pinged(void *context, const struct outside_answer *answer)
{
	struct running *running = context;

	running->call = NULL;
	request_step_say(&running->step, "%s",
			 answer->ok ? "the dead-man switch knows that it began"
				    : answer->failure.message);
	if (!answer->ok && answer->failure.hint[0])
		request_step_say(&running->step, "  %s", answer->failure.hint);
	request_step_end(&running->step, true, answer->ok ? NULL : answer->failure.message);
}

void *heartbeat_step_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const char *url;

	if (request_step_open(&running->step, request, 1, err))
		return NULL;
	url = request_step_url(&running->step, object_text(&request->step->object, "url"), err);
	if (url)
		running->call =
			heartbeat_start(running->step.http, url, HEARTBEAT_START, request->id,
					request->services->redactor, pinged, running, err);
	if (running->call)
		return running;
	http_free(running->step.http);
	return NULL;
}

void heartbeat_step_stop(void *context)
{
	struct running *running = context;

	if (running->call)
		outside_cancel(running->call);
	running->call = NULL;
	request_step_end(&running->step, false, "it was stopped before the answer came");
}

void heartbeat_describe(const struct step_config *step, struct buffer *out)
{
	buffer_add_format(out, "ping %s, and tell it how the deploy ended",
			  object_text(&step->object, "url"));
}
