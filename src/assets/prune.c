/* What is dead goes: objects that no live manifest names, nor any of the last releases, nor any
 * that was superseded less than the grace period ago. Never by age, never without a manifest's
 * word, unless what no manifest knows is asked for. */
#include "assets/job_internal.h"
#include "base/clock.h"
#include "base/text.h"

enum { KEPT = 1, DEAD = 2, MANIFESTS_MAXIMUM = 500 };

/* ms: a sync that has not come to its end within it never will. */
#define SYNC_GONE ((int64_t)24 * 3600 * 1000)

struct prune {
	struct job *job;
	struct merge merge;
	struct text_list unlisted;  /* keys */
	int64_t listed;             /* objects that a listing showed */
	struct text_list manifests; /* keys of those that go */
	size_t next_unlisted, next_manifest;
	char key[ASSET_KEY_MAXIMUM + 1];
	struct error *err;
	bool failed, marked, waits;
	int more; /* unlisted: of the merge */
	int64_t size;
	unsigned kinds;
};

static bool keeps(const struct prune *self, const struct index_release *release)
{
	const struct assets_options *options = self->job->options;

	return index_keeps(self->job->index, release, options->keep, options->grace, options->now);
}

/* A release that is being sent: its objects may be dead ones that come to life again. */
static bool is_under_way(const struct prune *self, const struct index_release *release)
{
	return !release->published && !index_dead_since(self->job->index, release) &&
	       self->job->options->now - release->prepared < SYNC_GONE;
}

static int open_one(struct prune *self, const struct index_release *release, struct error *err)
{
	struct job *job = self->job;
	struct merge_source source = {.release = release,
				      .kind = keeps(self, release) ? KEPT : DEAD};
	struct error why = {0};
	int result = job_open_manifest(job, release, &source.manifest, &why);

	if (result == 0) {
		self->merge.sources[self->merge.count++] = source;
		if (source.kind == DEAD)
			text_list_add(job->arena, &self->manifests, release->manifest);
		return 0;
	}
	manifest_close(&source.manifest);
	if (result < 0) {
		*err = why;
		return -1;
	}
	if (is_under_way(self, release)) {
		job_note(job, "nothing is removed: a sync of %s is under way in %s", release->from,
			 release->env);
		self->waits = true;
		return 0;
	}
	/* Nothing of a release that never came to be lives; what it sent, no manifest knows. */
	if (source.kind == DEAD || !release->published) {
		text_list_add(job->arena, &self->manifests, release->manifest);
		return 0;
	}
	error_set(err,
		  "nothing is removed: %s/%s cannot be read (%s), so nobody knows what it needs",
		  job->options->to, release->manifest, why.message);
	return error_hint(err,
			  "deploy %s once more, or remove that file by hand when nothing uses it",
			  release->env);
}

static int open_all(struct prune *self, struct error *err)
{
	const struct index *index = self->job->index;

	self->merge.sources = calloc(index->releases.count + 1, sizeof(*self->merge.sources));
	if (!self->merge.sources)
		abort();
	for (size_t i = 0; i < index->releases.count; i++) {
		const struct index_release *release = &index->releases.items[i];

		/* The rest of very many has its turn the next time. */
		if (self->merge.count >= MANIFESTS_MAXIMUM && !keeps(self, release))
			continue;
		if (open_one(self, release, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- what goes ---- */

static int count(struct prune *self, struct error *err)
{
	struct job *job = self->job;
	struct assets_result *result = job->result;
	int more;

	if (merge_rewind(&self->merge, err) < 0)
		return -1;
	while ((more = merge_next(&self->merge, self->key, &self->size, &self->kinds, err)) > 0) {
		sum_add(&result->total, self->size);
		if (self->kinds != DEAD)
			continue;
		sum_add(&result->removed, self->size);
		if (job->options->dry_run)
			job_item(job, "delete", self->key, self->size);
	}
	return more;
}

/* Keys come in order: the manifests are read beside them. */
static int look_at(void *context, const char *key, int64_t size, int64_t modified,
		   struct error *err)
{
	struct prune *self = context;
	struct job *job = self->job;

	while (self->more > 0 && strcmp(self->key, key) < 0)
		self->more = merge_next(&self->merge, self->key, &self->size, &self->kinds, err);
	if (self->more < 0)
		return -1;
	self->listed++;
	if ((self->more > 0 && strcmp(self->key, key) == 0) ||
	    job->options->now - modified < job->options->older_than)
		return 0;
	sum_add(&job->result->removed, size);
	if (job->options->dry_run)
		job_item(job, "delete", key, size);
	else
		text_list_add(job->arena, &self->unlisted, arena_string(job->arena, key));
	return 0;
}

static int find_unlisted(struct prune *self, struct error *err)
{
	if (self->job->options->older_than < 0)
		return 0;
	if (merge_rewind(&self->merge, err) < 0)
		return -1;
	self->more = merge_next(&self->merge, self->key, &self->size, &self->kinds, err);
	if (self->more < 0)
		return -1;
	return self->job->target->kind->list(self->job->target, false, look_at, self, err);
}

static int check_limit(const struct prune *self, struct error *err)
{
	const struct assets_limit *limit = &self->job->options->limit;
	const struct assets_result *result = self->job->result;
	int64_t removed = result->removed.objects, all = result->total.objects;

	if (self->listed > all)
		all = self->listed;
	if (limit->number >= 0 && removed > limit->number)
		error_set(err, "a prune of %s would remove %lld objects, which is more than %lld",
			  self->job->options->to, (long long)removed, (long long)limit->number);
	else if (limit->percent >= 0 && removed * 100 > all * limit->percent)
		error_set(err, "a prune of %s would remove %lld of %lld objects, more than %lld %%",
			  self->job->options->to, (long long)removed, (long long)all,
			  (long long)limit->percent);
	else
		return 0;
	error_hint(err, "if that is right: shipit assets prune --max-delete %lld",
		   (long long)removed);
	return error_code(err, EXIT_REFUSED);
}

/* ---- removing ---- */

static const char *next_key(void *context)
{
	struct prune *self = context;

	while (!self->failed) {
		int more =
			merge_next(&self->merge, self->key, &self->size, &self->kinds, self->err);

		self->failed = more < 0;
		if (more <= 0)
			break;
		if (self->kinds == DEAD)
			return self->key;
	}
	if (self->failed)
		return NULL;
	if (self->next_unlisted < self->unlisted.count)
		return self->unlisted.items[self->next_unlisted++];
	return NULL;
}

static const char *next_manifest(void *context)
{
	struct prune *self = context;

	return self->next_manifest < self->manifests.count
		       ? self->manifests.items[self->next_manifest++]
		       : NULL;
}

/* The manifests go last: what was not removed is known still. */
static int remove_all(struct prune *self, struct error *err)
{
	const struct target_keys keys = {next_key, self}, manifests = {next_manifest, self};
	struct asset_target *target = self->job->target;
	int64_t removed = 0;
	int result;

	self->err = err;
	if (merge_rewind(&self->merge, err) < 0)
		return -1;
	atomic_store(&self->job->progress->files_total, self->job->result->removed.objects);
	result = target->kind->remove(target, &keys, &removed, err);
	if (result == 0 && !self->failed)
		result = target->kind->remove(target, &manifests, &removed, err);
	if (result < 0)
		error_wrap(err, "%lld of %lld objects were removed, then", (long long)removed,
			   (long long)self->job->result->removed.objects);
	return result < 0 || self->failed ? -1 : 0;
}

static int note_begun(struct job *job, void *context, struct error *err)
{
	struct prune *self = context;

	(void)err;
	self->marked = true;
	job->index->pruning = job->options->now;
	job->index->pruner = job->options->who;
	return 0;
}

static int note_ended(struct job *job, void *context, struct error *err)
{
	struct prune *self = context;

	(void)err;
	job->index->pruning = 0;
	for (size_t i = job->index->releases.count; !self->failed && i-- > 0;)
		if (text_list_has(&self->manifests, job->index->releases.items[i].manifest))
			index_drop(job->index, &job->index->releases.items[i]);
	return 0;
}

static bool has_work(const struct prune *self)
{
	return self->job->result->removed.objects || self->manifests.count;
}

static int prune(struct prune *self, struct error *err)
{
	if (open_all(self, err) < 0)
		return -1;
	if (self->waits)
		return 0;
	if (count(self, err) < 0 || find_unlisted(self, err) < 0)
		return -1;
	if (!has_work(self))
		return 0;
	if (check_limit(self, err) < 0)
		return -1;
	return self->job->options->dry_run ? 0 : remove_all(self, err);
}

static int read_index(struct prune *self, struct error *err)
{
	struct job *job = self->job;

	if (job_read_index(job, err) < 0)
		return -1;
	if (job->index->damaged)
		return error_set(err, "nothing is removed: %s/" ASSETS_INDEX " cannot be used (%s)",
				 job->options->to, job->index->why);
	return 0;
}

static bool anything_dead(const struct prune *self)
{
	const struct index *index = self->job->index;

	for (size_t i = 0; i < index->releases.count; i++)
		if (!keeps(self, &index->releases.items[i]))
			return true;
	return self->job->options->older_than >= 0;
}

int job_prune(struct job *job, struct error *err)
{
	struct prune self = {.job = job};
	struct error ignored = {0};
	int result = read_index(&self, err);

	if (result == 0 && !anything_dead(&self))
		return 0;
	/* The mark comes first: who prepares a release from here on waits, and who did before is
	 * seen. */
	if (result == 0 && !job->options->dry_run)
		result = job_change_index(job, note_begun, &self, err);
	if (result == 0)
		result = prune(&self, err);
	self.failed = result < 0 || self.waits;
	merge_close(&self.merge);
	if (self.marked && job_change_index(job, note_ended, &self, &ignored) < 0 && result == 0) {
		*err = ignored;
		result = -1;
	}
	if (result < 0)
		job->result->removed = (struct assets_sum){0};
	return result;
}
