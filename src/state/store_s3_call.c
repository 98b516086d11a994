/* Requests that are waited for, on a loop of the store's own. */
#include "state/store_s3_internal.h"

#include "base/text.h"
#include "proc/interrupt.h"
#include "proc/loop.h"

/* A lease of two minutes must not run out while one renewal is tried in vain. */
enum { CONCURRENCY = 32, STALL = 10000, TRIES = 6, RETRY_DELAY = 500, LOOK = 100 };

static int connect_bucket(struct s3_store *self, struct error *err)
{
	const struct s3_options options = {
		.bucket = self->bucket,
		.concurrency = CONCURRENCY,
		.stall = STALL,
		.tries = TRIES,
		.retry_delay = RETRY_DELAY,
	};
	if (!self->loop)
		self->loop = loop_new(err);
	if (self->loop && !self->s3)
		self->s3 = s3_new(self->loop, &options, err);
	return self->s3 ? 0 : -1;
}

void s3_store_disconnect(struct s3_store *self)
{
	s3_free(self->s3);
	loop_free(self->loop);
	self->s3 = NULL;
	self->loop = NULL;
}

struct waiting {
	struct loop *loop;
	size_t left;
	bool interrupted;
};

static void call_ended(void *context, const struct s3_answer *answer)
{
	struct s3_call *call = context;
	call->transfer = NULL;
	call->outcome = answer->outcome;
	call->failure = answer->failure;
	call->status = answer->status;
	snprintf(call->etag, sizeof(call->etag), "%s", answer->etag ? answer->etag : "");
	if (answer->body)
		buffer_add(&call->body, answer->body->data, answer->body->length);
	if (--call->waiting->left == 0)
		loop_stop(call->waiting->loop);
}

static void look_for_signal(void *context)
{
	struct waiting *waiting = context;
	if (!interrupt_signal())
		return;
	waiting->interrupted = true;
	loop_stop(waiting->loop);
}

int s3_calls_run(struct store *store, struct s3_call *calls, size_t count, struct error *err)
{
	struct s3_store *self = s3_store_of(store);
	if (connect_bucket(self, err) < 0)
		return -1;
	struct waiting waiting = {.loop = self->loop, .left = count};
	struct loop_timer *timer =
		loop_timer_start(self->loop, LOOK, LOOK, look_for_signal, &waiting);
	for (size_t i = 0; i < count; i++) {
		calls[i].waiting = &waiting;
		buffer_init(&calls[i].body, S3_HEAD_MAXIMUM);
		calls[i].transfer = s3_start(self->s3, &calls[i].request, call_ended, &calls[i]);
	}
	while (waiting.left && !waiting.interrupted && loop_run(self->loop) == 0)
		;
	loop_timer_stop(timer);
	for (size_t i = 0; i < count; i++) {
		if (calls[i].transfer)
			s3_cancel(calls[i].transfer);
		calls[i].transfer = NULL;
		calls[i].waiting = NULL;
	}
	loop_poll(self->loop);
	if (waiting.left)
		return waiting.interrupted ? interrupt_check(err)
					   : error_set(err, "no answer from %s", self->name);
	return 0;
}

void s3_calls_release(struct s3_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_release(&calls[i].body);
}

int s3_call_failed(const struct s3_call *call, const char *tried, struct error *err)
{
	*err = call->failure;
	/* What S3 refuses to this key or this bucket, no later try will get. */
	if (!err->exit_code && call->status >= 300 && call->status < 500 && call->status != 408 &&
	    call->status != 429)
		err->exit_code = EXIT_USAGE;
	return error_wrap(err, "%s", tried);
}

struct s3_call s3_call_get(const char *key)
{
	return (struct s3_call){
		.request = {.action = S3_GET, .key = key, .maximum_body = S3_HEAD_MAXIMUM},
	};
}

struct s3_call s3_call_put(const char *key, const char *text, size_t length)
{
	static const struct http_header json[] = {{"content-type", "application/json"}};
	return (struct s3_call){
		.request = {.action = S3_PUT,
			    .key = key,
			    .body = {.bytes = text, .length = (int64_t)length},
			    .headers = json,
			    .header_count = 1},
	};
}
