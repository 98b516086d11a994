/* Several sorted manifests read as one. */
#include "assets/job_internal.h"

static int advance(struct merge_source *source, struct error *err)
{
	int result = manifest_next(&source->manifest, &source->asset, err);

	if (result == 0)
		source->asset.key = NULL;
	if (result < 0)
		return error_wrap(err, "%s", source->release->manifest);
	return 0;
}

int merge_rewind(struct merge *merge, struct error *err)
{
	for (size_t i = 0; i < merge->count; i++)
		if (manifest_rewind(&merge->sources[i].manifest, err) < 0 ||
		    advance(&merge->sources[i], err) < 0)
			return -1;
	return 0;
}

int merge_next(struct merge *merge, char *key, int64_t *size, unsigned *kinds, struct error *err)
{
	const struct merge_source *least = NULL;

	for (size_t i = 0; i < merge->count; i++) {
		const struct merge_source *source = &merge->sources[i];

		if (source->asset.key &&
		    (!least || strcmp(source->asset.key, least->asset.key) < 0))
			least = source;
	}
	if (!least)
		return 0;
	memcpy(key, least->asset.key, strlen(least->asset.key) + 1);
	*size = least->asset.size;
	*kinds = 0;
	for (size_t i = 0; i < merge->count; i++) {
		struct merge_source *source = &merge->sources[i];

		if (!source->asset.key || strcmp(source->asset.key, key) != 0)
			continue;
		*kinds |= source->kind;
		if (advance(source, err) < 0)
			return -1;
	}
	return 1;
}

void merge_close(struct merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		manifest_close(&merge->sources[i].manifest);
	free(merge->sources);
	*merge = (struct merge){0};
}
