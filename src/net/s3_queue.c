/* Who goes when: the line, the slots, how many at once, rests between tries. */
#include "base/clock.h"
#include "net/s3_internal.h"
#include "proc/loop.h"

enum { SLOW_FACTOR = 10 };

static void line_push(struct s3_line *line, struct s3_transfer *transfer, bool first)
{
	transfer->next = first ? line->first : NULL;
	transfer->previous = first ? NULL : line->last;
	if (transfer->next)
		transfer->next->previous = transfer;
	else
		line->last = transfer;
	if (transfer->previous)
		transfer->previous->next = transfer;
	else
		line->first = transfer;
	line->count++;
}

static void line_take(struct s3_line *line, struct s3_transfer *transfer)
{
	if (transfer->previous)
		transfer->previous->next = transfer->next;
	else
		line->first = transfer->next;
	if (transfer->next)
		transfer->next->previous = transfer->previous;
	else
		line->last = transfer->previous;
	transfer->next = transfer->previous = NULL;
	line->count--;
}

/* The slot's buffers stay as they are: an answer in them may still be read. */
static void slot_stop(struct s3_transfer *transfer)
{
	struct s3 *s3 = transfer->s3;
	struct s3_slot *slot = transfer->slot;

	s3->curl->multi_remove_handle(multi_handle(s3->multi), slot->easy);
	slot->transfer = NULL;
	transfer->slot = NULL;
	s3->running--;
}

static void slot_give_back(struct s3_slot *slot)
{
	s3_slot_clear(slot);
	slot->next_free = slot->s3->free_slots;
	slot->s3->free_slots = slot;
}

void s3_detach(struct s3_transfer *transfer)
{
	struct s3 *s3 = transfer->s3;
	struct s3_slot *slot = transfer->slot;

	line_take(transfer->state == S3_WAITING ? &s3->waiting : &s3->others, transfer);
	if (transfer->state == S3_HASHING)
		s3->hashing--;
	if (slot) {
		slot_stop(transfer);
		slot_give_back(slot);
	}
	loop_timer_stop(transfer->rest);
	transfer->rest = NULL;
}

void s3_wait(struct s3_transfer *transfer, bool first)
{
	transfer->state = S3_WAITING;
	line_push(&transfer->s3->waiting, transfer, first);
}

/* From one line to the other: what was under way waits again, before all others. */
static void wait_again(struct s3_transfer *transfer)
{
	s3_detach(transfer);
	s3_wait(transfer, true);
}

/* ---- stalls ---- */

static int64_t bytes_moved(const struct s3_slot *slot)
{
	const struct curl_api *curl = slot->s3->curl;
	curl_off_t up = 0, down = 0;
	long headers = 0;

	curl->easy_getinfo(slot->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl->easy_getinfo(slot->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	curl->easy_getinfo(slot->easy, CURLINFO_HEADER_SIZE, &headers);
	return up + down + headers;
}

static bool slot_stalls(struct s3_slot *slot)
{
	struct s3 *s3 = slot->s3;
	int64_t moved = bytes_moved(slot), now = loop_now(s3->loop);
	int64_t patience = s3->options.stall;

	if (s3_action_row(slot->transfer->action)->slow)
		patience *= SLOW_FACTOR;
	if (moved != slot->moved) {
		slot->moved = moved;
		slot->moved_at = now;
	}
	return now - slot->moved_at >= patience;
}

static void watch_start(struct s3 *s3);

static void watch(void *context)
{
	struct s3 *s3 = context;

	s3_enter(s3);
	s3->watching = false;
	for (size_t i = 0; i < s3->options.concurrency && !s3->freed; i++) {
		struct s3_slot *slot = &s3->slots[i];
		if (slot->transfer && slot_stalls(slot))
			s3_ended(s3, slot->easy, CURLE_OPERATION_TIMEDOUT);
	}
	if (s3->running && !s3->freed)
		watch_start(s3);
	s3_leave(s3);
}

static void watch_start(struct s3 *s3)
{
	int64_t every = s3->options.stall / 4 + 1;

	if (s3->watching)
		return;
	s3->watching = true;
	if (s3->watch)
		loop_timer_again(s3->watch, every);
	else
		s3->watch = loop_timer_start(s3->loop, every, 0, watch, s3);
}

/* ---- how many at once ---- */

void s3_slower(struct s3_transfer *transfer, int64_t asked)
{
	struct s3 *s3 = transfer->s3;
	int64_t now = loop_now(s3->loop);

	if (asked > 0 && s3->paused_until < now + asked)
		s3->paused_until = now + asked;
	/* Those that were under way together are refused together: one sign, not many. */
	if (transfer->number <= s3->cut_at)
		return;
	s3->cut_at = s3->totals.requests;
	s3->limit = s3->limit * 0.6 > 1 ? s3->limit * 0.6 : 1;
}

void s3_faster(struct s3 *s3)
{
	double most = (double)s3->options.concurrency;

	s3->limit += 2 / s3->limit;
	if (s3->limit > most)
		s3->limit = most;
}

static bool may_go(struct s3 *s3)
{
	int64_t pause = s3->paused_until - loop_now(s3->loop);

	if (s3->running + s3->hashing >= (size_t)s3->limit || !s3_keys_ready(s3))
		return false;
	if (pause <= 0)
		return true;
	s3_kick(s3, pause);
	return false;
}

/* ---- the line moves on ---- */

static void run(struct s3_transfer *transfer)
{
	struct s3 *s3 = transfer->s3;
	struct s3_slot *slot = s3->free_slots;
	struct error err = {0};

	s3->free_slots = slot->next_free;
	slot->next_free = NULL;
	transfer->slot = slot;
	transfer->state = S3_RUNNING;
	s3->running++;
	transfer->number = ++s3->totals.requests;
	slot->moved = 0;
	slot->moved_at = loop_now(s3->loop);
	watch_start(s3);
	if (s3_send(slot, transfer, &err))
		s3_transfer_fail(transfer, &err, NULL);
}

static void go(struct s3_transfer *transfer)
{
	struct s3 *s3 = transfer->s3;

	line_take(&s3->waiting, transfer);
	line_push(&s3->others, transfer, false);
	if (s3_goes_in_parts(transfer)) {
		transfer->state = S3_SPREAD;
		s3_parts_start(transfer);
	} else if (s3_needs_hash(transfer)) {
		transfer->state = S3_HASHING;
		s3->hashing++;
		s3_hash_start(transfer);
	} else {
		run(transfer);
	}
}

static const struct error *refusal_of(const struct s3_transfer *transfer)
{
	static const struct error stopped = {.message = "stopped"};
	const struct s3 *s3 = transfer->s3;

	if (transfer->refused)
		return &transfer->trouble;
	if (s3->stopping && transfer->action != S3_PARTS_ABORT)
		return &stopped;
	if (s3->fatal.message[0])
		return &s3->fatal;
	return s3->denied[transfer->action].message[0] ? &s3->denied[transfer->action] : NULL;
}

/* Whether s3_stop leaves it alone: it takes back, or creates what must be taken back. */
static bool goes_on(const struct s3_transfer *transfer)
{
	return transfer->action == S3_PARTS_ABORT || s3_parts_stopping(transfer) ||
	       (transfer->action == S3_PARTS_CREATE && transfer->state == S3_RUNNING);
}

static struct s3_transfer *find_stoppable(const struct s3 *s3)
{
	struct s3_transfer *transfer = s3->others.first;

	while (transfer && goes_on(transfer))
		transfer = transfer->next;
	return transfer;
}

static void stop_all(struct s3 *s3)
{
	struct s3_transfer *transfer;

	while (!s3->freed && (transfer = find_stoppable(s3))) {
		if (transfer->upload)
			s3_parts_stop(transfer, refusal_of(transfer));
		else
			s3_transfer_fail(transfer, refusal_of(transfer), NULL);
	}
}

static void move_on(struct s3 *s3)
{
	if (s3->stopping)
		stop_all(s3);
	while (!s3->freed && s3->waiting.first) {
		struct s3_transfer *transfer = s3->waiting.first;
		const struct error *refused = refusal_of(transfer);

		if (refused)
			s3_transfer_fail(transfer, refused, NULL);
		else if (may_go(s3))
			go(transfer);
		else
			return;
	}
	if (s3->freed || s3->others.count)
		return;
	error_clear(&s3->fatal);
	memset(s3->denied, 0, sizeof(s3->denied));
}

void s3_enter(struct s3 *s3)
{
	s3->depth++;
}

void s3_leave(struct s3 *s3)
{
	if (s3->depth == 1 && !s3->freed)
		move_on(s3);
	s3->depth--;
	if (s3->freed && !s3->depth && !s3->on_threads)
		s3_destroy(s3);
}

static void kicked(void *context)
{
	s3_enter(context);
	s3_leave(context);
}

void s3_kick(struct s3 *s3, int64_t delay)
{
	if (s3->depth && !delay)
		return;
	if (s3->kick)
		loop_timer_again(s3->kick, delay);
	else
		s3->kick = loop_timer_start(s3->loop, delay, 0, kicked, s3);
}

/* ---- what comes back ---- */

static void count_bytes(struct s3_slot *slot)
{
	const struct curl_api *curl = slot->s3->curl;
	curl_off_t up = 0, down = 0;

	curl->easy_getinfo(slot->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl->easy_getinfo(slot->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	slot->s3->totals.sent += (uint64_t)up;
	slot->s3->totals.received += (uint64_t)down;
}

void s3_ended(void *context, CURL *easy, CURLcode code)
{
	struct s3 *s3 = context;
	struct s3_reading reading = {0};
	char *private = NULL;

	s3->curl->easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	struct s3_slot *slot = (struct s3_slot *)(void *)private;
	struct s3_transfer *transfer = slot->transfer;
	s3_enter(s3);
	count_bytes(slot);
	/* curl does not ask for the pieces of these. */
	if (code == CURLE_OK && transfer->body.length && transfer->body.length <= S3_SMALL_BODY)
		s3_progress(transfer, transfer->body.length);
	s3_answer_read(transfer, slot, code, &reading);
	slot_stop(transfer);
	transfer->state = S3_SETTLING;
	s3_react(transfer, &reading);
	arena_release(&reading.arena);
	slot_give_back(slot);
	s3_leave(s3);
}

/* It is what it was, so it was damaged on its way. */
static void verified(struct s3_transfer *transfer)
{
	transfer->verifying = false;
	transfer->state = S3_SETTLING;
	transfer->s3->hashing--;
	s3_rest(transfer, s3_backoff(transfer));
}

void s3_hashed(void *context)
{
	struct s3_transfer *transfer = context;
	struct s3 *s3 = transfer->s3;

	s3_enter(s3);
	s3->on_threads--;
	transfer->on_thread = false;
	if (transfer->cancelled)
		s3_transfer_free(transfer);
	else if (transfer->state == S3_SPREAD)
		s3_parts_hashed(transfer);
	else if (transfer->trouble.message[0])
		s3_transfer_fail(transfer, &transfer->trouble, NULL);
	else if (transfer->verifying)
		verified(transfer);
	else
		wait_again(transfer);
	s3_leave(s3);
}

static void rest_over(void *context)
{
	struct s3_transfer *transfer = context;
	struct s3 *s3 = transfer->s3;

	s3_enter(s3);
	wait_again(transfer);
	s3_leave(s3);
}

void s3_rest(struct s3_transfer *transfer, int64_t delay)
{
	if (delay <= 0) {
		wait_again(transfer);
		return;
	}
	transfer->state = S3_RESTING;
	transfer->rest = loop_timer_start(transfer->s3->loop, delay, 0, rest_over, transfer);
}

int64_t s3_now(const struct s3 *s3)
{
	return clock_now(s3->options.clock) + s3->skew;
}
