/* What is done about an answer: the end, another try, or something put right before one. */
#include "base/clock.h"
#include "crypto/hash.h"
#include "net/s3_internal.h"
#include "proc/loop.h"

int64_t s3_backoff(const struct s3_transfer *transfer)
{
	int64_t most = transfer->s3->options.retry_delay;

	for (int i = 1; i < transfer->tries && most < S3_WAIT_MAXIMUM; i++)
		most *= 2;
	if (most > S3_WAIT_MAXIMUM)
		most = S3_WAIT_MAXIMUM;
	return (int64_t)random_below((uint32_t)most + 1);
}

static void give_up(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct error reason = {0};

	s3_explain(transfer, reading, &reason);
	s3_transfer_fail(transfer, &reason, reading);
}

/* ---- the end ---- */

static void succeed(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3 *s3 = transfer->s3;

	s3->worked[transfer->action] = true;
	if (s3->budget < S3_BUDGET)
		s3->budget++;
	s3_faster(s3);
	if (reading->answer.outcome != S3_DONE)
		s3_explain(transfer, reading, &reading->answer.failure);
	reading->answer.unsure = transfer->unsure;
	s3_transfer_end(transfer, &reading->answer);
}

static void end(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3_answer *answer = &reading->answer;

	answer->outcome = s3_outcome_of(transfer, reading);
	if (transfer->many && answer->outcome == S3_DONE) {
		s3_many_gather(transfer, reading);
		if (s3_many_next(transfer)) {
			s3_rest(transfer, 0);
			return;
		}
	}
	if (answer->outcome == S3_FAILED || answer->refusal_count)
		give_up(transfer, reading);
	else
		succeed(transfer, reading);
}

/* ---- later ---- */

/* Whether another try is allowed: what succeeds pays for it. */
static bool may_retry(struct s3_transfer *transfer)
{
	struct s3 *s3 = transfer->s3;

	if (transfer->tries >= s3->options.tries || !s3->budget)
		return false;
	s3->budget--;
	s3->totals.retries++;
	s3_progress_undo(transfer);
	return true;
}

static void slower(struct s3_transfer *transfer, struct s3_reading *reading)
{
	int64_t delay = s3_backoff(transfer);

	s3_slower(transfer, reading->asked);
	if (may_retry(transfer))
		s3_rest(transfer, delay > reading->asked ? delay : reading->asked);
	else
		give_up(transfer, reading);
}

/* 500 and lost answers do not say that nothing was done. With fewer at once it is: a network that
 * is down would use up everybody's tries. */
static void again(struct s3_transfer *transfer, struct s3_reading *reading)
{
	transfer->unsure = true;
	slower(transfer, reading);
}

static void changed(struct s3_transfer *transfer, struct s3_reading *reading)
{
	if (!transfer->body.length || !may_retry(transfer)) {
		give_up(transfer, reading);
		return;
	}
	transfer->verifying = true;
	transfer->state = S3_HASHING;
	transfer->s3->hashing++;
	s3_hash_start(transfer);
}

/* ---- put right, then at once ---- */

static void fatal(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct error *reason = &transfer->s3->fatal;

	error_clear(reason);
	s3_explain(transfer, reading, reason);
	s3_transfer_fail(transfer, reason, reading);
}

static void at_once(struct s3_transfer *transfer)
{
	transfer->s3->totals.retries++;
	s3_progress_undo(transfer);
	s3_rest(transfer, 0);
}

static void skew(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3 *s3 = transfer->s3;

	if (transfer->skewed || !reading->date) {
		fatal(transfer, reading);
		return;
	}
	transfer->skewed = true;
	s3->skew = reading->date - clock_now(s3->options.clock);
	at_once(transfer);
}

static int region_change(struct s3 *s3, const char *region, struct error *err)
{
	struct s3_place place = {0};

	if (s3->place.amazon) {
		if (s3_place_find(&s3->options, NULL, region, &place, err))
			return -1;
		s3_place_release(&s3->place);
		s3->place = place;
	}
	free(s3->region);
	s3->region = strdup(region);
	return 0;
}

static void region(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3 *s3 = transfer->s3;
	struct error err = {0};

	if (transfer->redirected || !reading->region ||
	    (strcmp(reading->region, s3->region) && region_change(s3, reading->region, &err))) {
		fatal(transfer, reading);
		return;
	}
	transfer->redirected = true;
	at_once(transfer);
}

static void renew(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3 *s3 = transfer->s3;

	if (transfer->renewed || (transfer->keys == s3->keys && !s3_keys_renew(s3))) {
		fatal(transfer, reading);
		return;
	}
	transfer->renewed = true;
	at_once(transfer);
}

static void plain(struct s3_transfer *transfer, struct s3_reading *reading)
{
	(void)reading;
	transfer->s3->plain = true;
	at_once(transfer);
}

static void unquote(struct s3_transfer *transfer, struct s3_reading *reading)
{
	if (!s3_unquote(transfer)) {
		end(transfer, reading);
		return;
	}
	transfer->s3->unquotes = true;
	at_once(transfer);
}

static void denied(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3 *s3 = transfer->s3;
	struct error reason = {0};

	s3_explain(transfer, reading, &reason);
	if (!s3->worked[transfer->action])
		s3->denied[transfer->action] = reason;
	s3_transfer_fail(transfer, &reason, reading);
}

void s3_react(struct s3_transfer *transfer, struct s3_reading *reading)
{
	static void (*const reactions[S3_VERDICTS])(struct s3_transfer *, struct s3_reading *) = {
		[S3_VERDICT_END] = end,         [S3_VERDICT_AGAIN] = again,
		[S3_VERDICT_SLOWER] = slower,   [S3_VERDICT_SKEW] = skew,
		[S3_VERDICT_REGION] = region,   [S3_VERDICT_RENEW] = renew,
		[S3_VERDICT_CHANGED] = changed, [S3_VERDICT_PLAIN] = plain,
		[S3_VERDICT_UNQUOTE] = unquote, [S3_VERDICT_DENIED] = denied,
		[S3_VERDICT_FATAL] = fatal,
	};

	reactions[s3_judge(transfer, reading)](transfer, reading);
}
