/* The S3 client's door: made, asked, stopped, freed. */
#include "net/s3.h"

#include "base/clock.h"
#include "net/s3_internal.h"
#include "proc/loop.h"

enum { CONCURRENCY = 64, STALL = 30000, TRIES = 10, RETRY_DELAY = 1000, KEY_SHOWN = 200 };

static const int64_t part_size = 16 << 20, multipart_from = 64 << 20;

static char *copy(const char *text)
{
	char *out = text ? strdup(text) : NULL;

	if (text && !out)
		abort();
	return out;
}

static void set_defaults(struct s3_options *options)
{
	if (!options->concurrency)
		options->concurrency = CONCURRENCY;
	if (!options->clock)
		options->clock = &clock_system;
	if (!options->stall)
		options->stall = STALL;
	if (!options->tries)
		options->tries = TRIES;
	if (!options->retry_delay)
		options->retry_delay = RETRY_DELAY;
	if (!options->part_size)
		options->part_size = part_size;
	if (!options->multipart_from)
		options->multipart_from = multipart_from;
}

/* Endpoint and region: what was given, else what the environment or the profile say. */
static int find_place(struct s3 *s3, const struct s3_options *options, struct error *err)
{
	static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
	const struct credentials_options profile = {options->profile, options->clock};
	char *endpoint = options->endpoint && *options->endpoint
				 ? copy(options->endpoint)
				 : credentials_endpoint(&profile, "s3");
	int result;

	s3->region = options->region && *options->region
			     ? copy(options->region)
			     : credentials_setting(&profile, regions, "region");
	if (!s3->region)
		s3->region = copy("us-east-1");
	result = s3_place_find(options, endpoint, s3->region, &s3->place, err);
	free(endpoint);
	return result;
}

static void slots_new(struct s3 *s3)
{
	size_t count = s3->options.concurrency;

	s3->slots = calloc(count, sizeof(*s3->slots));
	if (!s3->slots)
		abort();
	for (size_t i = count; i-- > 0;) {
		s3_slot_init(s3, &s3->slots[i]);
		s3->slots[i].next_free = s3->free_slots;
		s3->free_slots = &s3->slots[i];
	}
}

static void multi_make(struct s3 *s3)
{
	CURLM *multi;

	s3->multi = multi_new(s3->curl, s3->loop, s3_ended, s3);
	multi = multi_handle(s3->multi);
	s3->curl->multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)s3->options.concurrency);
	s3->curl->multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)s3->options.concurrency);
}

static void name_make(struct s3 *s3)
{
	struct buffer name;

	buffer_init(&name, 4096);
	buffer_add_format(&name, "s3://%s", s3->options.bucket);
	s3->name = buffer_take(&name, NULL);
}

struct s3 *s3_new(struct loop *loop, const struct s3_options *options, struct error *err)
{
	struct s3 *s3 = calloc(1, sizeof(*s3));

	if (!s3)
		abort();
	s3->loop = loop;
	s3->options = *options;
	s3->options.bucket = copy(options->bucket);
	s3->options.profile = copy(options->profile);
	s3->options.endpoint = s3->options.region = NULL;
	set_defaults(&s3->options);
	s3->curl = curl_load(err);
	if (!s3->curl || find_place(s3, options, err)) {
		s3_destroy(s3);
		return NULL;
	}
	if (options->credentials) {
		s3->credentials = *options->credentials;
		s3->has_credentials = true;
	}
	s3->budget = S3_BUDGET;
	s3->limit = (double)s3->options.concurrency;
	multi_make(s3);
	name_make(s3);
	slots_new(s3);
	return s3;
}

void s3_destroy(struct s3 *s3)
{
	for (size_t i = 0; s3->slots && i < s3->options.concurrency; i++)
		s3_slot_release(&s3->slots[i]);
	free(s3->slots);
	if (!s3->options.credentials)
		credentials_release(&s3->credentials);
	s3_place_release(&s3->place);
	free((char *)(uintptr_t)s3->options.bucket);
	free((char *)(uintptr_t)s3->options.profile);
	free(s3->region);
	free(s3->name);
	free(s3);
}

void s3_free(struct s3 *s3)
{
	if (!s3 || s3->freed)
		return;
	s3_enter(s3);
	s3->freed = true;
	for (struct s3_transfer *transfer;
	     (transfer = s3->others.first ? s3->others.first : s3->waiting.first);) {
		s3_detach(transfer);
		s3_transfer_free(transfer);
	}
	loop_timer_stop(s3->kick);
	loop_timer_stop(s3->watch);
	multi_free(s3->multi);
	s3_leave(s3);
}

void s3_stop(struct s3 *s3)
{
	s3->stopping = true;
	s3_kick(s3, 0);
}

/* ---- transfers ---- */

struct s3_transfer *s3_transfer_new(struct s3 *s3, int action, s3_done_fn *done, void *context)
{
	struct s3_transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		abort();
	transfer->s3 = s3;
	transfer->action = action;
	transfer->done = done;
	transfer->context = context;
	transfer->key = transfer->query = "";
	transfer->maximum_body = S3_BODY_MAXIMUM;
	return transfer;
}

void s3_transfer_free(struct s3_transfer *transfer)
{
	if (transfer->on_thread) {
		transfer->cancelled = true;
		return;
	}
	arena_release(&transfer->arena);
	free(transfer);
}

void s3_transfer_end(struct s3_transfer *transfer, const struct s3_answer *answer)
{
	s3_detach(transfer);
	if (transfer->done)
		transfer->done(transfer->context, answer);
	s3_transfer_free(transfer);
}

void s3_transfer_fail(struct s3_transfer *transfer, const struct error *reason,
		      struct s3_reading *reading)
{
	static const struct s3_answer none = {.code = "", .etag = "", .length = -1};
	const struct s3_action_row *row = s3_action_row(transfer->action);
	struct s3_answer answer = reading ? reading->answer : none;

	answer.outcome = S3_FAILED;
	answer.failure = *reason;
	answer.tries = transfer->tries;
	answer.unsure = transfer->unsure;
	error_wrap(&answer.failure, "cannot %s %s%s%.*s%s", row->words, transfer->s3->name,
		   *transfer->key ? "/" : "", KEY_SHOWN, transfer->key,
		   strlen(transfer->key) > KEY_SHOWN ? "..." : "");
	s3_transfer_end(transfer, &answer);
}

struct s3_transfer *s3_start(struct s3 *s3, const struct s3_request *request, s3_done_fn *done,
			     void *context)
{
	struct s3_transfer *transfer = s3_transfer_new(s3, (int)request->action, done, context);

	if (s3_request_read(transfer, request, &transfer->trouble))
		transfer->refused = true;
	s3_wait(transfer, false);
	s3_kick(s3, 0);
	return transfer;
}

void s3_cancel(struct s3_transfer *transfer)
{
	static const struct error cancelled = {.message = "cancelled"};
	struct s3 *s3 = transfer->s3;

	transfer->done = NULL;
	transfer->progress = NULL;
	if (transfer->upload) {
		s3_parts_stop(transfer, &cancelled);
	} else {
		s3_detach(transfer);
		s3_transfer_free(transfer);
	}
	s3_kick(s3, 0);
}

/* ---- how it goes ---- */

size_t s3_room(const struct s3 *s3)
{
	size_t wanted = 2 * (size_t)s3->limit, has = s3->waiting.count + s3->others.count;

	return wanted > has ? wanted - has : 0;
}

const char *s3_name(const struct s3 *s3)
{
	return s3->name;
}

struct s3_totals s3_totals(const struct s3 *s3)
{
	struct s3_totals totals = s3->totals;

	totals.running = s3->running;
	totals.waiting = s3->waiting.count;
	totals.limit = (size_t)s3->limit;
	return totals;
}
