/* The first half of a sync: what nobody sees yet goes up, then the release's manifest. */
#include <time.h>
#include <unistd.h>

#include "assets/names.h"
#include "assets/prepare_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

/* ms: a prune that was killed stands in nobody's way for longer; how long to wait for one. */
#define PRUNE_GONE ((int64_t)3600 * 1000)
#define PRUNE_PATIENCE ((int64_t)300 * 1000)

/* ---- what is live ---- */

static int wait_for_prune(struct job *job, struct error *err)
{
	const int64_t give_up = clock_monotonic() + PRUNE_PATIENCE;

	while (job->index->pruning && job->options->now - job->index->pruning < PRUNE_GONE) {
		if (clock_monotonic() > give_up) {
			error_set(err, "%s is being pruned by %s", job->options->to,
				  job->index->pruner ? job->index->pruner : "somebody");
			return error_hint(err, "try again when that has ended");
		}
		nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
		if (target_check(job->target, err) < 0 || job_read_index(job, err) < 0)
			return -1;
	}
	return 0;
}

static int open_live(struct prepare *self, struct error *err)
{
	struct job *job = self->job;
	const struct index_line *line = &job->options->line;
	const struct index_release *live = index_live(job->index, line);
	struct error why = {0};
	int result;

	for (size_t i = 0; i < job->index->releases.count; i++) {
		const struct index_release *release = &job->index->releases.items[i];

		if (index_is_of(release, line) && !release->published &&
		    !index_dead_since(job->index, release))
			self->looks = true;
	}
	self->adopts = !live && !self->looks && job->target->kind->has_headers;
	self->looks = self->looks || !live || job->options->verify;
	if (!live)
		return 0;
	result = job_open_manifest(job, live, &self->live, &why);
	if (result < 0) {
		*err = why;
		return -1;
	}
	self->has_live = result == 0;
	if (result == 0)
		return 0;
	manifest_close(&self->live);
	self->looks = true;
	self->adopts = job->target->kind->has_headers;
	job_note(job, "%s/%s cannot be used (%s): what lies there is looked at anew",
		 job->options->to, live->manifest, why.message);
	return 0;
}

/* ---- what is to be there ---- */

static void serve(struct prepare *self)
{
	const struct asset_rules *rules = &self->job->options->rules;
	struct name_census *census = name_census_new();

	for (size_t i = 0; i < self->assets.count; i++)
		name_census_add(census, self->assets.items[i].key);
	for (size_t i = 0; i < self->assets.count; i++) {
		struct asset *asset = &self->assets.items[i];
		struct asset_service service;

		if (asset->flags & ASSET_OBJECT)
			continue;
		service = asset_rules_apply(rules, census, asset->key);
		/* A copy that we made has its headers already, but for what rules say of it. */
		if (asset->original)
			service.headers.content_encoding =
				prepare_headers(self, asset)->content_encoding;
		asset->headers = asset_headers_index(self->job->arena, &self->head.headers,
						     &service.headers);
		asset->flags |= service.last ? ASSET_LAST | ASSET_STORED : 0;
		asset->flags |= service.immutable ? 0 : ASSET_STORED;
	}
	name_census_free(census);
}

/* The contents of what changes under its name, kept below names that do not. */
static void add_objects(struct prepare *self)
{
	const struct asset_headers none = {.content_type = "application/octet-stream"};
	uint32_t headers = asset_headers_index(self->job->arena, &self->head.headers, &none);
	size_t count = self->assets.count, kept = 0;
	char key[96];

	for (size_t i = 0; i < count; i++) {
		struct asset *object;

		if (!(self->assets.items[i].flags & ASSET_STORED))
			continue;
		object = asset_table_add(&self->assets);
		*object = self->assets.items[i];
		asset_object_key(key, object->hash);
		object->key = arena_string(self->job->arena, key);
		object->headers = headers;
		object->flags = ASSET_OBJECT;
		object->original = NULL;
	}
	asset_table_sort(&self->assets);
	for (size_t i = 0; i < self->assets.count; i++)
		if (!i || strcmp(self->assets.items[kept - 1].key, self->assets.items[i].key) != 0)
			self->assets.items[kept++] = self->assets.items[i];
	self->assets.count = kept;
}

/* What is seen is replaced at go-live, from its stored content. */
static void divide(struct prepare *self)
{
	for (size_t i = 0; i < self->assets.count; i++) {
		struct asset *asset = &self->assets.items[i];
		uint32_t flags = asset->flags;

		if (flags & ASSET_OBJECT)
			continue;
		if (flags & (ASSET_MISSING | ASSET_DIFFERENT))
			asset->flags &= ~(uint32_t)ASSET_HEADERS;
		if (flags & ASSET_DIFFERENT)
			asset->flags |= ASSET_AT_PUBLISH | ASSET_STORED;
		else if ((flags & ASSET_HEADERS) ||
			 ((flags & ASSET_MISSING) && (flags & ASSET_LAST)))
			asset->flags |= ASSET_AT_PUBLISH;
	}
}

static int scan(struct prepare *self, struct error *err)
{
	struct job *job = self->job;
	const struct assets_options *options = job->options;
	char name[HASH_HEX_SIZE];
	const struct scan_options scan = {
		.folder = options->folder,
		.cache = arena_format(
			job->arena, "%s/hashes-%.16s", job->cache,
			hash_bytes_hex(options->folder, strlen(options->folder), name)),
		.rules = &options->rules,
		.stopped = job->target->options->stopped,
	};
	struct scan_result found = {0};
	int result = scan_folder(job->arena, &scan, &found, err);

	self->assets = found.assets;
	return result;
}

static bool goes_now(const struct asset *asset)
{
	if (asset->flags & ASSET_OBJECT)
		return asset->flags & (ASSET_MISSING | ASSET_DIFFERENT);
	return (asset->flags & ASSET_MISSING) && !(asset->flags & ASSET_AT_PUBLISH);
}

/* known: compressed copies that the live release has already need not be made. */
static int gather_once(struct prepare *self, bool known, struct error *err)
{
	struct manifest *live = known && self->has_live ? &self->live : NULL;

	if (scan(self, err) < 0 ||
	    encode_all(self->job, &self->assets, &self->head.headers, live, err) < 0)
		return -1;
	serve(self);
	if (prepare_look(self, 0, err) < 0)
		return -1;
	divide(self);
	add_objects(self);
	return prepare_look(self, ASSET_OBJECT, err);
}

static int gather(struct prepare *self, struct error *err)
{
	if (gather_once(self, !self->looks, err) < 0)
		return -1;
	for (size_t i = 0; i < self->assets.count; i++) {
		if (!goes_now(&self->assets.items[i]) || !encode_lacks(&self->assets.items[i]))
			continue;
		/* Rules have changed: one that is there has to go to another key too. */
		asset_table_release(&self->assets);
		return gather_once(self, false, err);
	}
	return 0;
}

/* ---- what is sent ---- */

static void count(struct prepare *self)
{
	struct job *job = self->job;
	struct assets_result *result = job->result;

	for (size_t i = 0; i < self->assets.count; i++) {
		const struct asset *asset = &self->assets.items[i];
		const char *what = NULL;

		if (goes_now(asset)) {
			atomic_fetch_add(&job->progress->files_total, 1);
			atomic_fetch_add(&job->progress->bytes_total, asset->size);
		}
		if (asset->flags & ASSET_OBJECT)
			continue;
		sum_add(&result->total, asset->size);
		if (asset->flags & ASSET_MISSING)
			what = "send";
		else if (asset->flags & ASSET_DIFFERENT)
			what = "replace";
		if (what)
			sum_add(&result->sent, asset->size);
		else if (asset->flags & ASSET_HEADERS)
			sum_add(&result->headers, asset->size);
		if (!what && (asset->flags & ASSET_HEADERS))
			what = "headers";
		if (what && job->options->dry_run)
			job_item(job, what, asset->key, asset->size);
	}
}

static const char *path_of(struct prepare *self, const struct asset *asset)
{
	if (*asset->path == '/')
		return asset->path;
	buffer_clear(&self->path);
	buffer_add_format(&self->path, "%s/%s", self->job->options->folder, asset->path);
	return self->path.data;
}

static bool next_send(void *context, struct target_send *send)
{
	struct prepare *self = context;

	while (self->next < self->assets.count && !goes_now(&self->assets.items[self->next]))
		self->next++;
	if (self->next == self->assets.count)
		return false;
	const struct asset *asset = &self->assets.items[self->next++];
	*send = (struct target_send){
		.key = asset->key,
		.path = path_of(self, asset),
		.size = asset->size,
		.hash = asset->hash,
		.headers = prepare_headers(self, asset),
	};
	return true;
}

static bool next_manifest(void *context, struct target_send *send)
{
	static const struct asset_headers headers = {.content_type = "application/json",
						     .cache_control = "no-store"};
	struct prepare *self = context;

	if (self->next)
		return false;
	self->next = 1;
	*send = (struct target_send){
		.key = self->release.manifest,
		.path = self->manifest_path,
		.size = self->manifest_size,
		.hash = self->manifest_hash,
		.headers = &headers,
	};
	return true;
}

static int note_prepared(struct job *job, void *context, struct error *err)
{
	struct prepare *self = context;
	struct index_release *release =
		index_find(job->index, &job->options->line, self->release.id);

	if (wait_for_prune(job, err) < 0)
		return -1;
	job->index->pruning = 0;
	if (release) {
		/* Prepared once more, by a second try of the step. */
		*release = self->release;
		return 0;
	}
	vec_push(job->arena, &job->index->releases, self->release);
	return 0;
}

static int write_manifest(struct prepare *self, struct error *err)
{
	struct job *job = self->job;
	const struct assets_options *options = job->options;
	char digest[HASH_HEX_SIZE], line[HASH_HEX_SIZE];
	struct hash hash;

	hash_init(&hash);
	hash_add_text(&hash, options->line.app);
	hash_add_text(&hash, options->line.env);
	hash_add_text(&hash, options->line.from);
	hash_finish_hex(&hash, line);
	self->manifest_path =
		arena_format(job->arena, "%s/manifest-%.16s-%ld", job->cache, line, (long)getpid());
	if (manifest_write(self->manifest_path, &self->head, &self->assets, digest, err) < 0 ||
	    scan_hash_file(self->manifest_path, self->manifest_hash, &self->manifest_size, err) < 0)
		return -1;
	self->release = (struct index_release){
		.id = job->id,
		.app = options->line.app,
		.env = options->line.env,
		.from = options->line.from,
		.manifest = arena_format(job->arena, ASSETS_RELEASES "%s.%.8s.json", job->id, line),
		.sha256 = arena_string(job->arena, digest),
		.objects = job->result->total.objects,
		.bytes = job->result->total.bytes,
		.prepared = options->now,
	};
	return 0;
}

/* The intent, all objects, then the manifest: who finds a manifest finds what it names. */
static int send(struct prepare *self, struct error *err)
{
	struct asset_target *target = self->job->target;
	const struct target_sends objects = {next_send, self}, manifest = {next_manifest, self};
	int result;

	if (job_change_index(self->job, note_prepared, self, err) < 0)
		return -1;
	self->next = 0;
	if (target->kind->send(target, &objects, err) < 0)
		return -1;
	self->next = 0;
	result = target->kind->send(target, &manifest, err);
	if (result == 0 && target->kind->keep)
		target->kind->keep(target, self->release.sha256, self->manifest_path);
	return result;
}

static bool is_unchanged(const struct prepare *self)
{
	size_t objects = 0;

	for (size_t i = 0; i < self->assets.count; i++) {
		if (self->assets.items[i].flags & (ASSET_MISSING | ASSET_DIFFERENT | ASSET_HEADERS))
			return false;
		objects++;
	}
	return self->has_live && (int64_t)objects == self->live.count;
}

/* Two syncs by hand in one second are two releases; a deploy that prepares once more is not. */
static void choose_id(struct job *job)
{
	const struct assets_options *options = job->options;

	for (int number = 2; options->may_skip; number++) {
		const struct index_release *other = index_find(job->index, &options->line, job->id);

		if (!other || !other->published)
			break;
		job->id = arena_format(job->arena, "%s-%d", options->id, number);
	}
}

static int prepare(struct prepare *self, struct error *err)
{
	struct job *job = self->job;
	const struct assets_options *options = job->options;
	int result;

	if (job_read_index(job, err) < 0)
		return -1;
	choose_id(job);
	self->head = (struct manifest_head){
		.id = job->id,
		.app = options->line.app,
		.env = options->line.env,
		.from = options->line.from,
		.made = options->now,
	};
	if (open_live(self, err) < 0 || gather(self, err) < 0)
		return -1;
	count(self);
	job->result->unchanged = options->may_skip && is_unchanged(self);
	if (options->dry_run || job->result->unchanged)
		return 0;
	job->result->id = job->id;
	result = write_manifest(self, err);
	if (result == 0)
		result = send(self, err);
	if (self->manifest_path)
		unlink(self->manifest_path);
	return result;
}

int job_prepare(struct job *job, struct error *err)
{
	struct prepare self = {.job = job};
	int result;

	buffer_init(&self.path, (size_t)64 << 10);
	result = prepare(&self, err);
	buffer_release(&self.path);
	encode_clean(&self.assets);
	manifest_close(&self.live);
	asset_table_release(&self.assets);
	return result;
}
