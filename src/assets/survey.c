/* What lies at a place, key by key, and what becomes of it. */
#include "assets/job_internal.h"
#include "base/text.h"

enum { LIVE = 1, KEPT = 2, DEAD = 4 };

struct survey {
	struct job *job;
	struct merge merge;
	char key[ASSET_KEY_MAXIMUM + 1];
	int64_t size;
	unsigned kinds;
	int more;
};

static unsigned kind_of(const struct job *job, const struct index_release *release)
{
	const struct assets_options *options = job->options;

	if (release->published && !release->superseded)
		return LIVE;
	return index_keeps(job->index, release, options->keep, options->grace, options->now) ? KEPT
											     : DEAD;
}

static int open_all(struct survey *self, struct error *err)
{
	struct job *job = self->job;
	const struct index *index = job->index;

	self->merge.sources = calloc(index->releases.count + 1, sizeof(*self->merge.sources));
	if (!self->merge.sources)
		abort();
	for (size_t i = 0; i < index->releases.count; i++) {
		const struct index_release *release = &index->releases.items[i];
		struct merge_source source = {.release = release, .kind = kind_of(job, release)};
		struct error why = {0};
		int result = job_open_manifest(job, release, &source.manifest, &why);

		if (result == 0) {
			self->merge.sources[self->merge.count++] = source;
			continue;
		}
		manifest_close(&source.manifest);
		if (result < 0) {
			*err = why;
			return -1;
		}
		if (release->published)
			job_note(job, "%s/%s cannot be read: %s", job->options->to,
				 release->manifest, why.message);
		else
			job_note(job, "release %s of %s was begun and has not come to its end",
				 release->id, release->env);
	}
	return merge_rewind(&self->merge, err);
}

static void count(struct survey *self, const char *what, struct assets_sum *sum, const char *key,
		  int64_t size)
{
	sum_add(sum, size);
	if (self->job->options->with_items)
		job_item(self->job, what, key, size);
}

static int advance(struct survey *self, struct error *err)
{
	self->more = merge_next(&self->merge, self->key, &self->size, &self->kinds, err);
	return self->more < 0 ? -1 : 0;
}

/* Named by a manifest of something that lives, and not there. */
static void count_gone(struct survey *self)
{
	if (self->kinds != DEAD)
		count(self, "gone", &self->job->result->gone, self->key, self->size);
}

static int look_at(void *context, const char *key, int64_t size, int64_t modified,
		   struct error *err)
{
	struct survey *self = context;
	struct assets_result *result = self->job->result;

	(void)modified;
	while (self->more > 0 && strcmp(self->key, key) < 0) {
		count_gone(self);
		if (advance(self, err) < 0)
			return -1;
	}
	if (self->more <= 0 || strcmp(self->key, key) != 0) {
		count(self, "unknown", &result->unknown, key, size);
		return 0;
	}
	if (self->kinds & LIVE)
		count(self, "live", &result->live, key, size);
	else if (self->kinds & KEPT)
		count(self, "kept", &result->kept, key, size);
	else
		count(self, "dead", &result->dead, key, size);
	return advance(self, err);
}

static int survey(struct survey *self, struct error *err)
{
	struct asset_target *target = self->job->target;

	if (job_read_index(self->job, err) < 0 || open_all(self, err) < 0 ||
	    advance(self, err) < 0 || target->kind->list(target, false, look_at, self, err) < 0)
		return -1;
	while (self->more > 0) {
		count_gone(self);
		if (advance(self, err) < 0)
			return -1;
	}
	return 0;
}

int job_survey(struct job *job, struct error *err)
{
	struct survey self = {.job = job};
	int result = survey(&self, err);

	merge_close(&self.merge);
	return result;
}
