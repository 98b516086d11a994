/* Hosts at work: who may start, who runs, who failed. */
#include "services/fleet.h"

#include <sys/resource.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "proc/loop.h"
#include "services/fleet_internal.h"
#include "services/hosts.h"

enum { NAMED = 8 }; /* hosts in a sentence, the others are counted */

struct fleet {
	struct fleet_options options;
	struct fleet_job *jobs;
	size_t batch_begin, batch_end; /* hosts */
	size_t running, at_once;
	struct loop_timer *pump;
	const char *failure; /* why it goes no further */
	int stops;
	bool waiting; /* for fleet_go_on */
};

struct fleet_hosts fleet_hosts_of(struct arena *arena, const struct hosts *hosts,
				  const struct text_list *names)
{
	struct fleet_hosts fleet = {.count = names->count};

	fleet.items = arena_array(arena, names->count, sizeof(*fleet.items));
	for (size_t i = 0; i < names->count; i++) {
		const char *reason = hosts_left_out(hosts, names->items[i]);

		fleet.items[i] = (struct fleet_host){
			.name = names->items[i],
			.left_out = reason != NULL,
			.failed = reason ? arena_string(arena, reason) : NULL,
		};
	}
	return fleet;
}

void fleet_release(struct fleet_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		if (hosts->items[i].output.data)
			buffer_release(&hosts->items[i].output);
	hosts->count = 0;
}

size_t fleet_failed(const struct fleet_hosts *hosts)
{
	size_t count = 0;

	for (size_t i = 0; i < hosts->count; i++)
		count += hosts->items[i].failed != NULL;
	return count;
}

const char *fleet_failures(struct arena *arena, const struct fleet_hosts *hosts)
{
	size_t failed = fleet_failed(hosts), named = 0;
	struct buffer text CLEANUP(buffer_release);

	buffer_init(&text, 1 << 16);
	if (!failed)
		return NULL;
	buffer_add_format(&text, "%zu of %zu host%s failed: ", failed, hosts->count,
			  hosts->count == 1 ? "" : "s");
	for (size_t i = 0; i < hosts->count; i++) {
		const struct fleet_host *host = &hosts->items[i];

		if (!host->failed || named++ >= NAMED)
			continue;
		buffer_add_format(&text, "%s%s (%s%s)", named > 1 ? ", " : "", host->name,
				  host->left_out ? "left out, as before: " : "", host->failed);
	}
	if (failed > NAMED)
		buffer_add_format(&text, " and %zu more", failed - NAMED);
	return arena_string(arena, text.data);
}

void fleet_remember(const struct fleet_hosts *fleet, struct hosts *hosts)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (fleet->items[i].failed)
			hosts_leave_out(hosts, fleet->items[i].name, fleet->items[i].failed);
}

/* Each takes three descriptors for its pipes, and one while it starts. */
static size_t most_at_once(void)
{
	struct rlimit limit;
	size_t most = 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    limit.rlim_cur < 64 + 4 * most)
		most = limit.rlim_cur > 96 ? (limit.rlim_cur - 64) / 4 : 8;
	return most;
}

static bool is_too_many(const struct fleet *fleet)
{
	size_t failed = fleet_failed(fleet->options.hosts);

	return failed > (size_t)fleet->options.max_fail || failed == fleet->options.hosts->count;
}

static void finish(struct fleet *fleet)
{
	const struct fleet_options *options = &fleet->options;

	loop_timer_stop(fleet->pump);
	fleet->pump = NULL;
	if (!fleet->failure && is_too_many(fleet))
		fleet->failure = fleet_failures(options->arena, options->hosts);
	options->done(options->context, fleet->failure);
}

static void begin_batch(struct fleet *fleet)
{
	const struct fleet_options *options = &fleet->options;
	size_t count = options->hosts->count, size = options->batch ? options->batch : count;

	fleet->batch_begin = fleet->batch_end;
	for (size_t taken = 0; fleet->batch_end < count && taken < size; fleet->batch_end++) {
		struct fleet_job *job = &fleet->jobs[fleet->batch_end];

		if (job->host->failed)
			continue;
		taken++;
		job->state = FLEET_READY;
		job->due = loop_now(options->loop);
		if (options->jitter > 0)
			job->due += random_below((uint32_t)options->jitter);
	}
	/* Hosts left out stand at the end of no batch of their own. */
	while (fleet->batch_end < count && options->hosts->items[fleet->batch_end].failed)
		fleet->batch_end++;
	loop_timer_again(fleet->pump, 0);
}

static void end_batch(struct fleet *fleet)
{
	const struct fleet_options *options = &fleet->options;

	if (fleet->stops || is_too_many(fleet) || fleet->batch_end == options->hosts->count) {
		if (fleet->stops && !fleet->failure)
			fleet->failure = "stopped";
		finish(fleet);
	} else if (options->batch_done) {
		fleet->waiting = true;
		options->batch_done(options->context);
	} else {
		begin_batch(fleet);
	}
}

void fleet_go_on(struct fleet *fleet, const char *failure)
{
	if (!fleet->waiting)
		return;
	fleet->waiting = false;
	if (!failure && fleet->stops)
		failure = "stopped";
	fleet->failure = failure;
	if (failure)
		finish(fleet);
	else
		begin_batch(fleet);
}

/* Starts who is due; later the next one. */
static void pump(void *context)
{
	struct fleet *fleet = context;
	int64_t now = loop_now(fleet->options.loop), next = -1;
	bool over = fleet->stops || is_too_many(fleet);

	for (size_t i = fleet->batch_begin; i < fleet->batch_end && !over; i++) {
		struct fleet_job *job = &fleet->jobs[i];

		if (job->state != FLEET_READY)
			continue;
		if (job->due > now || fleet->running >= fleet->at_once) {
			next = next < 0 || job->due < next ? job->due : next;
			continue;
		}
		fleet->running++;
		fleet_job_start(job);
		over = is_too_many(fleet);
	}
	if (!fleet->running && (over || next < 0))
		end_batch(fleet);
	else if (!over && next > now)
		loop_timer_again(fleet->pump, next - now);
}

/* From the loop, when a host's command has ended, or could not be started. */
void fleet_job_ended(struct fleet_job *job)
{
	struct fleet *fleet = job->fleet;

	fleet->running--;
	job->state = FLEET_OVER;
	job->host->did = !job->host->failed;
	loop_timer_again(fleet->pump, 0);
}

struct fleet *fleet_start(const struct fleet_options *options, struct error *err)
{
	struct fleet *fleet = arena_new(options->arena, struct fleet);
	size_t count = options->hosts->count;

	if (!options->ssh) {
		error_set(err, "there are no connections to hosts");
		return NULL;
	}
	fleet->options = *options;
	fleet->at_once = most_at_once();
	fleet->jobs = arena_array(options->arena, count, sizeof(*fleet->jobs));
	for (size_t i = 0; i < count; i++) {
		options->hosts->items[i].did = false;
		fleet->jobs[i] = (struct fleet_job){
			.fleet = fleet,
			.options = &fleet->options,
			.host = &options->hosts->items[i],
		};
	}
	fleet->pump = loop_timer_start(options->loop, 0, 0, pump, fleet);
	begin_batch(fleet);
	return fleet;
}

void fleet_stop(struct fleet *fleet)
{
	fleet->stops++;
	for (size_t i = 0; i < fleet->options.hosts->count; i++)
		if (fleet->jobs[i].state == FLEET_RUNNING)
			fleet_job_stop(&fleet->jobs[i]);
	if (fleet->pump && !fleet->waiting)
		loop_timer_again(fleet->pump, 0);
}
