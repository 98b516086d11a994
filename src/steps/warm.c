/* Kind warm: gets pages, so that a new release's empty caches are not filled by a stampede. */
#include "base/clock.h"
#include "services/probe.h"
#include "steps/kinds_internal.h"
#include "steps/request_step.h"

enum { TIMEOUT = 60000, RETRIES = 1, REDIRECTS = 5, NAMED = 3, REASON = 1024 };

struct page {
	struct running *running;
	const char *shown;
};

struct running {
	struct request_step step;
	struct smoke_check expect; /* any of 200 to 299 */
	struct page *pages;
	size_t count, next, ended, failed, parallel;
	bool pumping;
	struct buffer reason;
};

static void pump(struct running *running);

static void finish(struct running *running)
{
	struct buffer text;

	buffer_init(&text, (size_t)REASON * 2);
	buffer_add_format(&text, "%zu of %zu pages did not answer well: %s", running->failed,
			  running->count, running->reason.data);
	if (running->failed > NAMED)
		buffer_add_text(&text, ", ...");
	request_step_end(&running->step, !running->failed, running->failed ? text.data : NULL);
	buffer_release(&text);
	buffer_release(&running->reason);
}

static void page_ended(struct page *page, const char *problem, int64_t duration)
{
	struct running *running = page->running;
	char took[32];

	running->ended++;
	if (problem) {
		request_step_say(&running->step, "failed  %s: %s", page->shown, problem);
		if (running->failed++ < NAMED)
			buffer_add_format(&running->reason, "%s%s (%s)",
					  running->reason.length ? ", " : "", page->shown, problem);
	} else {
		request_step_say(&running->step, "ok      %s (%s)", page->shown,
				 duration_format(took, duration));
	}
	pump(running);
}

static void answered(void *context, const struct probe_answer *answer)
{
	page_ended(context, answer->reason, answer->response->duration);
}

static void page_start(struct running *running, struct page *page)
{
	struct error err = {0};
	const struct http_request get = {
		.url = request_step_url(&running->step, page->shown, &err),
		.timeout = request_step_timeout(&running->step, TIMEOUT),
		.retries = RETRIES,
		.redirects = REDIRECTS,
	};
	const struct probe_options options = {
		.request = &get,
		.shown = page->shown,
		.expect = &running->expect,
		.redactor = running->step.request->services->redactor,
	};

	if (!get.url || !probe_start(running->step.http, &options, answered, page, &err))
		page_ended(page, err.message, 0);
}

static void pump(struct running *running)
{
	if (running->pumping)
		return;
	running->pumping = true;
	while (running->next < running->count && running->next - running->ended < running->parallel)
		page_start(running, &running->pages[running->next++]);
	running->pumping = false;
	if (running->ended == running->count)
		finish(running);
}

void *warm_start(const struct step_request *request, struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);
	const struct object *object = &request->step->object;
	struct text_list urls = object_texts(request->arena, object, "urls");

	running->parallel = (size_t)object_integer(object, "parallel");
	if (request_step_open(&running->step, request, running->parallel, err))
		return NULL;
	buffer_init(&running->reason, REASON);
	running->expect = (struct smoke_check){.max = -1, .timeout = -1};
	running->count = urls.count;
	running->pages = arena_array(request->arena, urls.count, sizeof(*running->pages));
	for (size_t i = 0; i < urls.count; i++)
		running->pages[i] = (struct page){.running = running, .shown = urls.items[i]};
	pump(running);
	return running;
}

void warm_stop(void *context)
{
	struct running *running = context;

	buffer_release(&running->reason);
	request_step_end(&running->step, false, "it was stopped before all pages had come");
}

void warm_describe(const struct step_config *step, struct buffer *out)
{
	const struct node *urls = node_get(step->arguments, "urls");
	size_t count = urls && urls->type == NODE_LIST ? urls->count : 1;

	buffer_add_format(out, "GET %zu page%s, %s at once", count, count == 1 ? "" : "s",
			  object_text(&step->object, "parallel"));
}
