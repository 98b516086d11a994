/* The work on a place: a thread of its own, with the index and manifests at hand. */
#include <time.h>

#include "assets/job_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "proc/loop.h"

enum { TRIES = 20 }; /* against others who write the index */

struct assets {
	const struct assets_options *options;
	struct assets_result result;
	struct assets_progress progress;
	struct target_options target;
	struct job job;
	atomic_bool stopped;
	void (*done)(void *context, struct assets_result *result);
	void *context;
};

static const char *cache_folder(struct arena *arena, struct error *err)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *path;

	if (base && *base == '/')
		path = arena_format(arena, "%s/shipit/assets", base);
	else
		path = arena_format(arena, "%s/.cache/shipit/assets", home ? home : "/tmp");
	return folder_make(path, 0755, err) < 0 ? NULL : path;
}

static void run(void *context)
{
	static int (*const acts[])(struct job * job, struct error * err) = {
		[ASSETS_PREPARE] = job_prepare, [ASSETS_PUBLISH] = job_publish,
		[ASSETS_SYNC] = job_prepare,    [ASSETS_UNDO] = job_undo,
		[ASSETS_KEPT] = job_kept,       [ASSETS_PRUNE] = job_prune,
		[ASSETS_SURVEY] = job_survey,
	};
	struct assets *assets = context;
	const struct assets_options *options = assets->options;
	struct assets_result *result = &assets->result;
	int code = acts[options->act](&assets->job, &result->failure);

	if (code == 0 && options->act == ASSETS_SYNC && !options->dry_run && !result->unchanged)
		code = job_publish(&assets->job, &result->failure);
	result->ok = code == 0;
}

static void end(void *context)
{
	struct assets *assets = context;

	target_free(assets->job.target);
	assets->job.target = NULL;
	assets->done(assets->context, &assets->result);
}

struct assets *assets_start(const struct assets_options *options,
			    void (*done)(void *context, struct assets_result *result),
			    void *context, struct error *err)
{
	struct assets *assets = arena_new(options->arena, struct assets);

	assets->options = options;
	assets->done = done;
	assets->context = context;
	assets->job = (struct job){
		.options = options,
		.result = &assets->result,
		.arena = options->arena,
		.progress = &assets->progress,
		.cache = cache_folder(options->arena, err),
		.index = &assets->result.index,
		.id = options->id,
	};
	if (!assets->job.cache)
		return NULL;
	assets->target = (struct target_options){
		.loop = options->loop,
		.to = options->to,
		.endpoint = options->endpoint,
		.region = options->region,
		.concurrency = options->concurrency,
		.cache = assets->job.cache,
		.stopped = &assets->stopped,
		.progress = &assets->progress,
	};
	assets->job.target = target_open(&assets->target, err);
	if (!assets->job.target)
		return NULL;
	if (loop_thread(options->loop, run, end, assets, err) == 0)
		return assets;
	target_free(assets->job.target);
	return NULL;
}

void assets_stop(struct assets *assets)
{
	atomic_store(&assets->stopped, true);
}

const struct assets_progress *assets_progress(const struct assets *assets)
{
	return &assets->progress;
}

/* ---- for the acts ---- */

void job_note(struct job *job, const char *format, ...)
{
	struct buffer text;
	va_list args;

	buffer_init(&text, (size_t)16 << 10);
	va_start(args, format);
	buffer_add_vformat(&text, format, args);
	va_end(args);
	text_list_add(job->arena, &job->result->notes, arena_string(job->arena, text.data));
	buffer_release(&text);
}

void job_item(struct job *job, const char *what, const char *key, int64_t size)
{
	struct assets_item item = {what, arena_string(job->arena, key), size};

	vec_push(job->arena, &job->result->items, item);
}

void sum_add(struct assets_sum *sum, int64_t size)
{
	sum->objects++;
	sum->bytes += size;
}

static int describe(struct job *job, const char *path, const struct manifest *manifest,
		    struct index_release *release, struct error *err)
{
	unsigned char hash[HASH_SIZE];
	char hex[HASH_HEX_SIZE];
	int64_t length;

	if (scan_hash_file(path, hash, &length, err) < 0)
		return -1;
	hex_format(hash, HASH_SIZE, hex);
	release->sha256 = arena_string(job->arena, hex);
	release->id = manifest->head.id;
	release->app = manifest->head.app;
	release->env = manifest->head.env;
	release->from = manifest->head.from;
	release->objects = manifest->count;
	release->bytes = manifest->bytes;
	release->prepared = release->published = manifest->head.made;
	return 0;
}

struct found {
	const char *key;
	int64_t modified;
};
struct restoring {
	struct arena *arena;
	VEC(struct found) manifests;
};

/* A release of which the index says nothing any more. */
static int restore_one(struct job *job, const struct found *found, struct error *err)
{
	struct index_release release = {
		.id = "?",
		.app = "?",
		.env = "?",
		.from = "?",
		.sha256 = "?",
		.manifest = found->key,
		.prepared = found->modified,
		.published = found->modified,
	};
	struct manifest manifest = {0};
	const char *path;
	struct error why = {0};
	int result =
		job->target->kind->fetch(job->target, job->arena, found->key, NULL, &path, err);

	if (result <= 0)
		return result;
	result = 0;
	if (manifest_open(job->arena, path, NULL, &manifest, &why) == 0)
		result = describe(job, path, &manifest, &release, err);
	manifest_close(&manifest);
	vec_push(job->arena, &job->index->releases, release);
	return result;
}

static int found_one(void *context, const char *key, int64_t size, int64_t modified,
		     struct error *err)
{
	struct restoring *restoring = context;
	struct found found = {arena_string(restoring->arena, key), modified};

	(void)size;
	(void)err;
	vec_push(restoring->arena, &restoring->manifests, found);
	return 0;
}

/* All that are found count as live until the next publish: nothing is deleted by mistake. */
static int restore(struct job *job, struct error *err)
{
	struct restoring restoring = {.arena = job->arena};

	if (job->target->kind->list(job->target, true, found_one, &restoring, err) < 0)
		return -1;
	for (size_t i = 0; i < restoring.manifests.count; i++)
		if (restore_one(job, &restoring.manifests.items[i], err) < 0)
			return -1;
	return 0;
}

int job_read_index(struct job *job, struct error *err)
{
	if (index_read(job->arena, job->target, job->index, err) < 0)
		return -1;
	if (!job->index->damaged)
		return 0;
	job_note(job,
		 "%s/" ASSETS_INDEX " cannot be used (%s): it is put together anew from the "
		 "manifests beside it, all of which count as live until the next release",
		 job->options->to, job->index->why);
	return restore(job, err);
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

int job_change_index(struct job *job,
		     int (*change)(struct job *job, void *context, struct error *err),
		     void *context, struct error *err)
{
	for (int try = 0; try < TRIES; try++) {
		int result;

		if (try && job_read_index(job, err) < 0)
			return -1;
		if (target_check(job->target, err) < 0 || change(job, context, err) < 0)
			return -1;
		result = index_write(job->arena, job->target, job->index, err);
		if (result <= 0)
			return result;
		pause_a_little();
	}
	error_set(err, "somebody else keeps writing %s/" ASSETS_INDEX, job->options->to);
	return error_hint(err, "try again in a moment");
}

int job_open_manifest(struct job *job, const struct index_release *release,
		      struct manifest *manifest, struct error *err)
{
	const char *path;
	int result = job->target->kind->fetch(job->target, job->arena, release->manifest,
					      release->sha256, &path, err);

	*manifest = (struct manifest){0};
	if (result < 0)
		return -1;
	if (result == 0) {
		error_set(err, "it is not there");
		return 1;
	}
	return manifest_open(job->arena, path, release->sha256, manifest, err);
}

static const char *count_text(struct arena *arena, int64_t count, const char *one)
{
	return arena_format(arena, "%lld %s%s", (long long)count, one, count == 1 ? "" : "s");
}

const char *assets_words(struct arena *arena, const struct assets_options *options,
			 const struct assets_result *result)
{
	char bytes[32];
	const char *headers = "";

	if (options->act == ASSETS_PRUNE)
		return arena_format(arena, "%s%s removed, %s",
				    count_text(arena, result->removed.objects, "object"),
				    options->dry_run ? " would be" : "",
				    size_format(bytes, result->removed.bytes));
	if (options->act == ASSETS_UNDO)
		return "what was published is taken back";
	if (result->unchanged)
		return arena_format(arena, "nothing to send: all %s are there",
				    count_text(arena, result->total.objects, "object"));
	if (result->headers.objects)
		headers = arena_format(arena, ", new headers for %lld",
				       (long long)result->headers.objects);
	return arena_format(arena, "%lld of %s %s, %s%s", (long long)result->sent.objects,
			    count_text(arena, result->total.objects, "object"),
			    options->dry_run ? "would be sent" : "sent",
			    size_format(bytes, result->sent.bytes), headers);
}
