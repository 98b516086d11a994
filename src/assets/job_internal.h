/* What the files of the work share. */
#pragma once
#include "assets/assets.h"
#include "assets/manifest.h"
#include "assets/scan.h"

struct job {
	const struct assets_options *options;
	struct assets_result *result;
	struct arena *arena;
	struct asset_target *target;
	struct assets_progress *progress;
	const char *cache; /* absolute, made */
	struct index *index;
	const char *id; /* of the release; options->id unless that is taken */
};

int job_prepare(struct job *job, struct error *err) MUST_USE;
int job_publish(struct job *job, struct error *err) MUST_USE;
int job_undo(struct job *job, struct error *err) MUST_USE;
int job_kept(struct job *job, struct error *err) MUST_USE;
int job_prune(struct job *job, struct error *err) MUST_USE;
int job_survey(struct job *job, struct error *err) MUST_USE;

void job_note(struct job *job, const char *format, ...) PRINTF_LIKE(2, 3);
void job_item(struct job *job, const char *what, const char *key, int64_t size);
void sum_add(struct assets_sum *sum, int64_t size);
/* Reads the index; a damaged one is put together from the manifests that are there. */
int job_read_index(struct job *job, struct error *err) MUST_USE;
/* Reads the index, lets change() change it, writes it; again when somebody else was quicker. */
int job_change_index(struct job *job,
		     int (*change)(struct job *job, void *context, struct error *err),
		     void *context, struct error *err) MUST_USE;
/* 0; 1 with err: it is not there, damaged, or of a newer version; -1. manifest_close in any
 * case. */
int job_open_manifest(struct job *job, const struct index_release *release,
		      struct manifest *manifest, struct error *err) MUST_USE;

/* Several manifests as one stream of keys. */
struct merge_source {
	struct manifest manifest;
	const struct index_release *release;
	struct asset asset; /* its next; key NULL: at its end */
	unsigned kind;      /* a bit, the caller's */
};
struct merge {
	struct merge_source *sources;
	size_t count;
};
/* Back to the first key of all. */
int merge_rewind(struct merge *merge, struct error *err) MUST_USE;
/* 1 with the next key, its size, and the kinds of all that name it; 0 at the end; -1. key is a
 * buffer of ASSET_KEY_MAXIMUM + 1 bytes. */
int merge_next(struct merge *merge, char *key, int64_t *size, unsigned *kinds,
	       struct error *err) MUST_USE;
void merge_close(struct merge *merge);

/* encode.c: the compressed copies that rules ask for are added to the table. live may be NULL: what
 * it says of those whose original is the same is taken, and no file of them is made. */
int encode_all(struct job *job, struct asset_table *assets, struct asset_headers_list *headers,
	       struct manifest *live, struct error *err) MUST_USE;
/* Whether it is a copy of which no file was made. */
bool encode_lacks(const struct asset *asset);
void encode_clean(const struct asset_table *assets);
