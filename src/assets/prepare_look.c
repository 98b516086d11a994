/* What of a release is there already: by the manifest of the one that is live, or by a look. */
#include "assets/prepare_internal.h"

struct asset_headers *prepare_headers(struct prepare *self, const struct asset *asset)
{
	return &self->head.headers.list.items[asset->headers];
}

static void mark_one(struct prepare *self, struct asset *asset, const struct asset *live)
{
	const struct asset_headers *headers = &self->live.head.headers.list.items[live->headers];

	if (memcmp(asset->hash, live->hash, HASH_SIZE) != 0)
		asset->flags |= ASSET_DIFFERENT;
	else if (live->flags & ASSET_ADOPTED)
		asset->flags |= self->job->options->verify ? ASSET_HEADERS : ASSET_ADOPTED;
	else if (!asset_headers_equal(headers, prepare_headers(self, asset)))
		asset->flags |= ASSET_HEADERS;
}

/* By the manifest of the release that is live: no request. */
static int mark(struct prepare *self, uint32_t kind, struct error *err)
{
	struct asset live = {0};
	int more;

	if (manifest_rewind(&self->live, err) < 0 ||
	    (more = manifest_next(&self->live, &live, err)) < 0)
		return -1;
	for (size_t i = 0; i < self->assets.count; i++) {
		struct asset *asset = &self->assets.items[i];
		int order = -1;

		if ((asset->flags & ASSET_OBJECT) != kind)
			continue;
		while (more > 0 && (order = strcmp(live.key, asset->key)) < 0)
			if ((more = manifest_next(&self->live, &live, err)) < 0)
				return -1;
		if (more > 0 && order == 0)
			mark_one(self, asset, &live);
		else
			asset->flags |= ASSET_MISSING;
	}
	return 0;
}

/* By what lies there. Those of a kind stand together. */
static int compare(struct prepare *self, uint32_t kind, struct error *err)
{
	struct job *job = self->job;
	struct asset_table some = {.items = self->assets.items};
	size_t end = self->assets.count;

	while (some.items < self->assets.items + end && (some.items->flags & ASSET_OBJECT) != kind)
		some.items++;
	while (some.items + some.count < self->assets.items + end &&
	       (some.items[some.count].flags & ASSET_OBJECT) == kind)
		some.count++;
	if (!some.count)
		return 0;
	return job->target->kind->compare(job->target, &some, job->options->folder, err);
}

static void mark_missing(struct prepare *self)
{
	for (size_t i = 0; i < self->assets.count; i++)
		if (self->assets.items[i].flags & ASSET_OBJECT)
			self->assets.items[i].flags |= ASSET_MISSING;
}

int prepare_look(struct prepare *self, uint32_t kind, struct error *err)
{
	if (self->has_live && mark(self, kind, err) < 0)
		return -1;
	if (!self->looks)
		return 0;
	/* Where no index ever was, none are stored. */
	if (kind && !self->has_live && !*self->job->index->version.text) {
		mark_missing(self);
		return 0;
	}
	if (compare(self, kind, err) < 0)
		return -1;
	for (size_t i = 0; self->adopts && !kind && i < self->assets.count; i++)
		if (!(self->assets.items[i].flags & (ASSET_MISSING | ASSET_DIFFERENT)))
			self->assets.items[i].flags |= ASSET_ADOPTED;
	return 0;
}
