/* A request, sent and judged. */
#include "services/probe.h"
#include "services/outside.h"
#include "services/smoke_internal.h"

struct probe {
	struct http_transfer *transfer;
	char *url, *shown;
	struct smoke_check expect;
	const struct redactor *redactor;
	void (*done)(void *context, const struct probe_answer *answer);
	void *context;
};

static void probe_free(struct probe *probe)
{
	free(probe->url);
	free(probe->shown);
	free(probe);
}

static void judged(void *context, const struct http_response *response)
{
	struct probe *probe = context;
	const struct smoke_expectation expectation = {.check = &probe->expect};
	struct probe_answer answer = {.response = response};
	char text[sizeof(response->failure.message)];
	struct buffer reason;
	bool showed = false;

	buffer_init(&reason, sizeof(text) - 1);
	if (!probe->expect.status)
		probe->expect.status = response->status / 100 == 2 ? response->status : 200;
	answer.ok = smoke_judge(&expectation, response, &showed, &reason);
	memcpy(text, reason.data, reason.length + 1);
	buffer_release(&reason);
	outside_clean(probe->redactor, probe->url, probe->shown, text, sizeof(text));
	answer.reason = answer.ok ? NULL : text;
	probe->done(probe->context, &answer);
	probe_free(probe);
}

struct probe *probe_start(struct http *http, const struct probe_options *options,
			  void (*done)(void *context, const struct probe_answer *answer),
			  void *context, struct error *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		abort();
	probe->url = strdup(options->request->url);
	probe->shown = strdup(options->shown);
	if (!probe->url || !probe->shown)
		abort();
	probe->expect = *options->expect;
	probe->redactor = options->redactor;
	probe->done = done;
	probe->context = context;
	probe->transfer = http_start(http, options->request, judged, probe, err);
	if (probe->transfer)
		return probe;
	outside_clean(probe->redactor, probe->url, probe->shown, err->message,
		      sizeof(err->message));
	probe_free(probe);
	return NULL;
}

void probe_cancel(struct probe *probe)
{
	if (!probe)
		return;
	http_cancel(probe->transfer);
	probe_free(probe);
}
