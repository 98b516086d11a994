/* The second half: what is seen is replaced, `last` files after all others, then the index says
 * which release is live. Every step can be done again after it was cut off. */
#include "assets/job_internal.h"
#include "base/text.h"

struct publish {
	struct job *job;
	const struct index_release *release;
	struct manifest target, live;
	bool has_live; /* ... and it is compared with: the release is made live once more */
	bool again;
	bool last; /* this pass: `last` files only, else all others */
	struct asset asset, old;
	int old_more;
	char from[96];
	struct error *err;
	bool failed;
};

enum need { NEED_NOTHING, NEED_CONTENT, NEED_HEADERS };

static enum need need_of_new(const struct asset *asset)
{
	if (!(asset->flags & ASSET_AT_PUBLISH))
		return NEED_NOTHING;
	return asset->flags & ASSET_HEADERS ? NEED_HEADERS : NEED_CONTENT;
}

/* Of a release that was live before, all that is not as it was then; of a new one, what prepare
 * left for now. */
static enum need need_of(struct publish *self)
{
	const struct asset *asset = &self->asset, *old = &self->old;
	int order = -1;

	if (asset->flags & ASSET_OBJECT)
		return NEED_NOTHING;
	if (!self->again)
		return need_of_new(asset);
	while (self->has_live && self->old_more > 0 && (order = strcmp(old->key, asset->key)) < 0)
		self->old_more = manifest_next(&self->live, &self->old, self->err);
	if (self->old_more < 0) {
		self->failed = true;
		return NEED_NOTHING;
	}
	if (!self->has_live || self->old_more == 0 || order != 0 ||
	    memcmp(asset->hash, old->hash, HASH_SIZE) != 0)
		return asset->flags & ASSET_STORED ? NEED_CONTENT : NEED_NOTHING;
	if ((asset->flags & ASSET_ADOPTED) ||
	    asset_headers_equal(&self->target.head.headers.list.items[asset->headers],
				&self->live.head.headers.list.items[old->headers]))
		return NEED_NOTHING;
	return NEED_HEADERS;
}

static bool next_send(void *context, struct target_send *send)
{
	struct publish *self = context;
	const struct asset *asset = &self->asset;
	int more = 0;

	while (!self->failed &&
	       (more = manifest_next(&self->target, &self->asset, self->err)) > 0) {
		enum need need = need_of(self);

		if (!need || !(asset->flags & ASSET_LAST) == self->last)
			continue;
		*send = (struct target_send){
			.key = asset->key,
			.from = need == NEED_CONTENT ? asset_object_key(self->from, asset->hash)
						     : asset->key,
			.size = asset->size,
			.hash = asset->hash,
			.headers = &self->target.head.headers.list.items[asset->headers],
		};
		return true;
	}
	self->failed = self->failed || more < 0;
	return false;
}

static int rewind_all(struct publish *self, struct error *err)
{
	self->old_more = 0;
	if (manifest_rewind(&self->target, err) < 0)
		return -1;
	if (!self->has_live)
		return 0;
	if (manifest_rewind(&self->live, err) < 0)
		return -1;
	self->old_more = manifest_next(&self->live, &self->old, err);
	return self->old_more < 0 ? -1 : 0;
}

static int send_pass(struct publish *self, bool last, struct error *err)
{
	const struct target_sends sends = {next_send, self};
	struct asset_target *target = self->job->target;

	self->last = last;
	self->err = err;
	if (rewind_all(self, err) < 0)
		return -1;
	return target->kind->send(target, &sends, err) < 0 || self->failed ? -1 : 0;
}

static int note_published(struct job *job, void *context, struct error *err)
{
	const char *id = context;
	struct index_release *release = index_find(job->index, &job->options->line, id);

	if (!release)
		return error_set(err, "release %s vanished from %s/" ASSETS_INDEX, id,
				 job->options->to);
	for (size_t i = 0; i < job->index->releases.count; i++) {
		struct index_release *other = &job->index->releases.items[i];

		if (other != release && other->published && !other->superseded &&
		    index_is_of(other, &job->options->line))
			other->superseded = job->options->now;
	}
	release->published = job->options->now;
	release->superseded = 0;
	return 0;
}

static int open_release(struct publish *self, struct error *err)
{
	struct job *job = self->job;
	struct error why = {0};
	int result = job_open_manifest(job, self->release, &self->target, &why);

	if (result == 0)
		return 0;
	*err = why;
	if (result > 0)
		error_wrap(err, "release %s cannot be published: %s/%s", self->release->id,
			   job->options->to, self->release->manifest);
	return -1;
}

/* `over`: the release whose content is there now; NULL: nobody knows. */
static int apply(struct publish *self, const struct index_release *over, struct error *err)
{
	struct error ignored = {0};
	int result;

	if (open_release(self, err) < 0)
		return -1;
	if (over && self->again) {
		result = job_open_manifest(self->job, over, &self->live, &ignored);
		if (result < 0) {
			*err = ignored;
			return -1;
		}
		self->has_live = result == 0;
	}
	if (send_pass(self, false, err) < 0 || send_pass(self, true, err) < 0)
		return -1;
	return job_change_index(self->job, note_published, (void *)self->release->id, err);
}

static void end(struct publish *self)
{
	manifest_close(&self->target);
	manifest_close(&self->live);
}

/* 0; 1: it is live already. */
static int find(struct publish *self, struct error *err)
{
	struct job *job = self->job;
	const struct assets_options *options = job->options;

	/* A sync has just written it. */
	if (options->act != ASSETS_SYNC && job_read_index(job, err) < 0)
		return -1;
	self->release = index_find(job->index, &options->line, job->id);
	if (!self->release) {
		error_set(err, "%s has no release %s of %s in %s", options->to, job->id,
			  options->line.from, options->line.env);
		return error_hint(err, "shipit assets status shows those that it has");
	}
	self->again = self->release->published != 0;
	return self->release->published && !self->release->superseded;
}

int job_publish(struct job *job, struct error *err)
{
	struct publish self = {.job = job};
	int result = find(&self, err);

	if (result == 0) {
		struct assets_sum *total = &job->result->total;

		total->objects = self.release->objects;
		total->bytes = self.release->bytes;
		result = apply(&self, index_live(job->index, &job->options->line), err);
	}
	end(&self);
	return result < 0 ? -1 : 0;
}

/* ---- taking it back ---- */

static const struct index_release *before(const struct job *job,
					  const struct index_release *release)
{
	const struct index *index = job->index;
	const struct index_release *found = index_live(index, &job->options->line);

	if (found && found != release)
		return found;
	found = NULL;
	for (size_t i = 0; i < index->releases.count; i++) {
		const struct index_release *other = &index->releases.items[i];

		if (other != release && other->superseded &&
		    index_is_of(other, &job->options->line) &&
		    (!found || other->superseded >= found->superseded))
			found = other;
	}
	return found;
}

static int note_withdrawn(struct job *job, void *context, struct error *err)
{
	struct index_release *release = index_find(job->index, &job->options->line, context);

	(void)err;
	if (release && release->published && !release->superseded)
		release->superseded = job->options->now;
	return 0;
}

/* Whether or not it got as far as the index: what it may have replaced is put back. */
int job_undo(struct job *job, struct error *err)
{
	struct publish self = {.job = job};
	const struct index_release *over;
	int result = find(&self, err);

	if (result < 0)
		return -1;
	over = self.release;
	self.release = before(job, over);
	self.again = true;
	/* The first release of all: nothing was there to put back. */
	if (!self.release)
		return job_change_index(job, note_withdrawn, (void *)over->id, err);
	result = apply(&self, over, err);
	end(&self);
	return result;
}

/* ---- whether it could be done ---- */

/* What the publishing reads or relies on: stored contents, and all that has none. */
static int needed(struct publish *self, struct asset_table *table, struct error *err)
{
	struct asset asset;
	int more;

	if (manifest_rewind(&self->target, err) < 0)
		return -1;
	while ((more = manifest_next(&self->target, &asset, err)) > 0) {
		struct asset *copy;

		if (asset.flags & ASSET_STORED)
			continue;
		copy = asset_table_add(table);
		*copy = asset;
		copy->key = arena_string(self->job->arena, asset.key);
		copy->original = NULL;
	}
	return more;
}

static int check_there(struct publish *self, struct asset_table *table, struct error *err)
{
	struct job *job = self->job;
	const char *first = NULL;
	size_t gone = 0;

	if (needed(self, table, err) < 0 ||
	    job->target->kind->compare(job->target, table, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < table->count; i++) {
		if (!(table->items[i].flags & (ASSET_MISSING | ASSET_DIFFERENT)))
			continue;
		first = first ? first : table->items[i].key;
		gone++;
	}
	if (!gone)
		return 0;
	return error_set(err, "%zu of its objects %s not at %s any more, %s first of all", gone,
			 gone == 1 ? "is" : "are", job->options->to, first);
}

int job_kept(struct job *job, struct error *err)
{
	struct publish self = {.job = job};
	struct asset_table table = {0};
	int result = find(&self, err);

	if (result >= 0)
		result = open_release(&self, err);
	if (result == 0)
		result = check_there(&self, &table, err);
	asset_table_release(&table);
	end(&self);
	return result;
}
