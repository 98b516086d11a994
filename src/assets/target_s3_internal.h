/* What the files of target_s3 share. */
#pragma once
#include "assets/target.h"
#include "base/arena.h"
#include "net/s3.h"
#include "proc/loop.h"

/* The longest key that a server gives, with its NUL. */
#define S3_KEY_SIZE (ASSET_KEY_MAXIMUM + 1)

struct s3_target {
	struct asset_target base;
	struct arena arena;
	const char *bucket, *prefix; /* the latter "", or with a "/" at its end */
	size_t prefix_length;
	struct loop *loop; /* of the working thread: what blocks runs it */
	struct s3 *s3;
};

struct s3_target *s3_target_of(struct asset_target *target);
/* The whole key of one that is relative to the place. -1 with err: it is too long. */
int s3_target_key(const struct s3_target *self, const char *key, char out[S3_KEY_SIZE],
		  struct error *err) MUST_USE;

/* Many requests at once. Embedded first in what knows what they are for. */
struct s3_batch {
	struct s3_target *target;
	/* Starts one with s3_batch_start; false: there is no more, or none for now. */
	bool (*next)(struct s3_batch *batch);
	size_t most; /* at once; 0: as many as the client likes */
	size_t running;
	bool failed;
	struct error *err;
};
/* Until none runs any more and next has none. -1 with the first failure: no more were begun. */
int s3_batch_run(struct s3_batch *batch) MUST_USE;
/* The context of done is the caller's; done ends with s3_batch_done. */
void s3_batch_start(struct s3_batch *batch, const struct s3_request *request, s3_done_fn *done,
		    void *context);
/* failure NULL: it went well. */
void s3_batch_done(struct s3_batch *batch, const struct error *failure);

/* 1: the object's content is in the file at path; 0: it is not there; -1. */
int s3_target_get(struct s3_target *self, const char *key, const char *path,
		  struct error *err) MUST_USE;

/* The methods that have files of their own. */
int s3_target_fetch(struct asset_target *target, struct arena *arena, const char *key,
		    const char *digest, const char **path, struct error *err);
void s3_target_keep(struct asset_target *target, const char *digest, const char *path);
int s3_target_send(struct asset_target *target, const struct target_sends *sends,
		   struct error *err);
int s3_target_compare(struct asset_target *target, struct asset_table *assets, const char *folder,
		      struct error *err);
int s3_target_list(struct asset_target *target, bool releases,
		   int (*each)(void *context, const char *key, int64_t size, int64_t modified,
			       struct error *err),
		   void *context, struct error *err);

/* Something that sorts before the key, with next to nothing between the two; good as what a list
 * begins behind. */
void s3_key_before(const char *key, char out[S3_KEY_SIZE + 8]);
/* What a server's list must not do. */
int s3_out_of_order(const struct s3_target *self, const char *key, struct error *err);
