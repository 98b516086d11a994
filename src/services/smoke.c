/* Drives the checks of the smoke test: how many at once, when again, and the verdict. */
#include "base/clock.h"
#include "base/text.h"
#include "services/smoke_run_internal.h"

enum { PARALLEL = 8, FIRST_PAUSE = 200, LONGEST_PAUSE = 2000 };

const char *smoke_status_name(enum smoke_status status)
{
	static const char *const names[] = {
		[SMOKE_OK] = "ok",
		[SMOKE_FAILED] = "failed",
		[SMOKE_TIMED_OUT] = "timed_out",
		[SMOKE_CANCELLED] = "cancelled",
	};
	return names[status];
}

/* Reasons hold what strangers' pages say: one line of valid UTF-8 is what others may rely on. */
static const char *reason_text(struct smoke *smoke, const struct buffer *reason)
{
	struct buffer clean;
	buffer_init(&clean, SIZE_MAX / 2);
	redact_text(smoke->options.redactor, reason->data, reason->length, &clean);
	char *text = arena_string(&smoke->arena, clean.data);
	size_t length = strlen(text), bad;
	buffer_release(&clean);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
	while (!text_is_utf8(text, length, &bad))
		text[bad] = '?';
	/* U+0080 to U+009F are control characters too. */
	for (size_t i = 0; i + 1 < length; i++)
		if ((unsigned char)text[i] == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
			text[i] = text[i + 1] = '?';
	return text;
}

static void check_end(struct running_check *running, enum smoke_status status)
{
	struct smoke *smoke = running->smoke;
	struct smoke_check_result *result = running->result;

	running->state = CHECK_DONE;
	smoke->done++;
	result->status = status;
	result->reason = status == SMOKE_OK ? NULL : reason_text(smoke, &running->reason);
	if (status != SMOKE_OK)
		smoke->result.failed++;
	if (smoke->options.on_check)
		smoke->options.on_check(smoke->options.context, result);
}

static void check_cancel(struct running_check *running, const char *reason)
{
	buffer_clear(&running->reason);
	buffer_add_text(&running->reason, reason);
	check_end(running, SMOKE_CANCELLED);
}

static int64_t pause_before(int attempts)
{
	int64_t pause = FIRST_PAUSE;

	while (--attempts > 0 && pause < LONGEST_PAUSE)
		pause *= 2;
	return pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE;
}

void check_tried(struct running_check *running, bool ok)
{
	struct smoke *smoke = running->smoke;
	struct smoke_check_result *result = running->result;
	int64_t now = clock_monotonic();

	smoke->trying--;
	result->attempts++;
	result->duration = now - running->started;
	running->due = now + pause_before(result->attempts);
	if (ok) {
		check_end(running, SMOKE_OK);
	} else if (smoke->stopping) {
		check_cancel(running, "the smoke test was stopped");
	} else if (running->due < smoke->deadline) {
		running->state = CHECK_WAITING;
		result->reason = reason_text(smoke, &running->reason);
		if (smoke->options.on_retry)
			smoke->options.on_retry(smoke->options.context, result);
	} else {
		check_end(running, running->timed_out ? SMOKE_TIMED_OUT : SMOKE_FAILED);
	}
	loop_timer_again(smoke->pump, 0);
}

/* A test that was told a commit and saw it nowhere has proved nothing. */
static void judge_commit(struct smoke *smoke)
{
	struct smoke_check_result *result = &smoke->results[smoke->count];

	if (smoke->result.failed || !smoke->commit_match || !smoke->options.commit)
		return;
	for (size_t i = 0; i < smoke->count; i++)
		if (smoke->checks[i].showed_commit)
			return;
	*result = (struct smoke_check_result){
		.name = "commit",
		.status = SMOKE_FAILED,
		.attempts = 1,
		.reason = arena_format(&smoke->arena,
				       "no page showed a commit, so nothing proves "
				       "that %.10s is live",
				       smoke->options.commit),
	};
	smoke->result.count++;
	smoke->result.failed++;
	if (smoke->options.on_check)
		smoke->options.on_check(smoke->options.context, result);
}

static void finish(struct smoke *smoke)
{
	struct smoke_result *result = &smoke->result;

	if (smoke->finished)
		return;
	smoke->finished = true;
	judge_commit(smoke);
	result->passed = !result->failed;
	result->duration = clock_monotonic() - smoke->started;
	for (size_t i = 0; i < result->count && !result->first_failed; i++)
		if (result->checks[i].status == SMOKE_FAILED ||
		    result->checks[i].status == SMOKE_TIMED_OUT)
			result->first_failed = &result->checks[i];
	for (size_t i = 0; i < result->count && !result->first_failed; i++)
		if (result->checks[i].status != SMOKE_OK)
			result->first_failed = &result->checks[i];
	if (smoke->options.on_done)
		smoke->options.on_done(smoke->options.context, result);
}

/* What a waiting check does now: end, begin a try, or go on waiting until *next. */
static void consider(struct running_check *running, int64_t now, int64_t *next)
{
	struct smoke *smoke = running->smoke;
	size_t parallel = smoke->config->parallel > 0 ? (size_t)smoke->config->parallel : PARALLEL;

	if (smoke->stopping)
		check_cancel(running, "the smoke test was stopped");
	else if (now >= smoke->deadline && running->result->attempts)
		check_end(running, running->timed_out ? SMOKE_TIMED_OUT : SMOKE_FAILED);
	else if (now >= smoke->deadline && smoke->result.failed)
		check_cancel(running, "not tried: others had failed when the time was over");
	else if (smoke->trying >= parallel)
		return;
	else if (running->due <= now)
		check_try(running);
	else if (running->due < *next)
		*next = running->due;
}

static void pump(void *context)
{
	struct smoke *smoke = context;
	int64_t now = clock_monotonic(), next = INT64_MAX;

	for (size_t i = 0; i < smoke->count; i++)
		if (smoke->checks[i].state == CHECK_WAITING)
			consider(&smoke->checks[i], now, &next);
	if (smoke->done == smoke->count)
		finish(smoke);
	else if (next != INT64_MAX)
		loop_timer_again(smoke->pump, next - now);
}

static int prepare(struct smoke *smoke, struct error *err)
{
	const struct smoke_config *config = smoke->config;
	bool requests = false;

	if (config->commit_match) {
		smoke->commit_match = regex_new(config->commit_match, REGEX_PLAIN, err);
		if (!smoke->commit_match)
			return error_wrap(err, "smoke.commit.match");
	}
	for (size_t i = 0; i < smoke->count; i++) {
		struct running_check *running = &smoke->checks[i];
		*running = (struct running_check){.smoke = smoke,
						  .result = &smoke->results[i],
						  .config = &config->checks.items[i]};
		running->result->name = running->config->name;
		requests |= running->config->get != NULL;
		if (check_prepare(running, err))
			return -1;
	}
	if (!requests)
		return 0;
	smoke->http = http_new(smoke->options.loop, 0, err);
	return smoke->http ? 0 : -1;
}

/* Frees what no child of ours refers to any more. */
static void destroy(struct smoke *smoke)
{
	for (size_t i = 0; i < smoke->count; i++) {
		if (!smoke->checks[i].smoke)
			continue;
		buffer_release(&smoke->checks[i].reason);
		buffer_release(&smoke->checks[i].tail);
	}
	regex_free(smoke->commit_match);
	arena_release(&smoke->arena);
	free(smoke);
}

struct smoke *smoke_start(const struct smoke_options *options, struct error *err)
{
	struct smoke *smoke = calloc(1, sizeof(*smoke));

	if (!smoke)
		abort();
	smoke->options = *options;
	smoke->config = options->config;
	smoke->count = options->config->checks.count;
	smoke->checks = arena_array(&smoke->arena, smoke->count + 1, sizeof(*smoke->checks));
	smoke->results = arena_array(&smoke->arena, smoke->count + 1, sizeof(*smoke->results));
	smoke->result.checks = smoke->results;
	smoke->result.count = smoke->count;
	if (prepare(smoke, err)) {
		http_free(smoke->http);
		destroy(smoke);
		return NULL;
	}
	smoke->started = clock_monotonic();
	smoke->deadline = smoke->started + (smoke->config->within > 0 ? smoke->config->within : 0);
	smoke->pump = loop_timer_start(options->loop, 0, 0, pump, smoke);
	return smoke;
}

void smoke_stop(struct smoke *smoke)
{
	if (smoke->finished)
		return;
	smoke->stopping = true;
	for (size_t i = 0; i < smoke->count; i++)
		if (smoke->checks[i].state == CHECK_TRYING)
			check_interrupt(&smoke->checks[i]);
	loop_timer_again(smoke->pump, 0);
}

void smoke_child_gone(struct smoke *smoke)
{
	if (!smoke->children)
		destroy(smoke);
}

void smoke_free(struct smoke *smoke)
{
	if (!smoke)
		return;
	smoke->freed = smoke->finished = true;
	loop_timer_stop(smoke->pump);
	http_free(smoke->http);
	for (size_t i = 0; i < smoke->count; i++)
		if (smoke->checks[i].child)
			child_stop(smoke->checks[i].child);
	smoke_child_gone(smoke);
}
