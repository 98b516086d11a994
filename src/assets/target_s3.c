/* A bucket as the place of assets. The thread that works for it has a loop of its own, on which
 * the requests of each call run. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "assets/target_s3_internal.h"
#include "base/file.h"
#include "base/text.h"

enum {
	WATCH = 100,         /* ms: how soon a stop is seen */
	KEYS_MAXIMUM = 1000, /* of one request that deletes */
	DELETES_AT_ONCE = 16,
};

struct s3_target *s3_target_of(struct asset_target *target)
{
	return (struct s3_target *)(void *)target;
}

int s3_target_key(const struct s3_target *self, const char *key, char out[S3_KEY_SIZE],
		  struct error *err)
{
	int length = snprintf(out, S3_KEY_SIZE, "%s%s", self->prefix, key);

	if (length < S3_KEY_SIZE)
		return 0;
	error_set(err, "with '%s' before it a path is longer than the 1,024 bytes of a key: '%s'",
		  self->prefix, key);
	return error_hint(err, "shorten it, or leave it out with `exclude`");
}

/* ---- opening ---- */

static void watch(void *context)
{
	struct s3_target *self = context;

	if (atomic_load(self->base.options->stopped))
		s3_stop(self->s3);
}

static void close_bucket(struct asset_target *target)
{
	struct s3_target *self = s3_target_of(target);

	if (self->s3)
		s3_free(self->s3);
	if (self->loop)
		loop_free(self->loop);
	arena_release(&self->arena);
	free(self);
}

/* "s3://BUCKET/PREFIX"; slashes around the prefix do not count. */
static int read_place(struct s3_target *self, const char *to, struct error *err)
{
	const char *bucket = to + strlen("s3://"), *slash = strchr(bucket, '/');
	const char *prefix = slash ? slash : "";
	size_t length = strcspn(bucket, "/");

	prefix += strspn(prefix, "/");
	if (!length) {
		error_set(err, "'%s' names no bucket", to);
		error_hint(err, "write s3://BUCKET/PREFIX");
		return error_code(err, EXIT_USAGE);
	}
	self->bucket = arena_bytes(&self->arena, bucket, length);
	length = strlen(prefix);
	while (length && prefix[length - 1] == '/')
		length--;
	self->prefix = length ? arena_format(&self->arena, "%.*s/", (int)length, prefix) : "";
	self->prefix_length = strlen(self->prefix);
	return 0;
}

static struct asset_target *open_bucket(const struct target_options *options, struct error *err)
{
	struct s3_target *self = calloc(1, sizeof(*self));

	if (!self)
		abort();
	self->base = (struct asset_target){&target_s3, options};
	if (read_place(self, options->to, err) == 0)
		self->loop = loop_new(err);
	if (self->loop)
		self->s3 = s3_new(self->loop,
				  &(struct s3_options){
					  .bucket = self->bucket,
					  .endpoint = options->endpoint,
					  .region = options->region,
					  .concurrency = (size_t)options->concurrency,
				  },
				  err);
	if (self->s3) {
		loop_timer_start(self->loop, WATCH, WATCH, watch, self);
		return &self->base;
	}
	close_bucket(&self->base);
	return NULL;
}

/* ---- many at once ---- */

static void pump(struct s3_batch *batch)
{
	struct s3_target *self = batch->target;

	/* One always, or nobody would be there to go on. */
	while (!batch->failed && (!batch->most || batch->running < batch->most) &&
	       (!batch->running || s3_room(self->s3) > 0))
		if (!batch->next(batch))
			break;
	if (!batch->running)
		loop_stop(self->loop);
}

int s3_batch_run(struct s3_batch *batch)
{
	pump(batch);
	while (batch->running)
		loop_run(batch->target->loop);
	return batch->failed ? -1 : 0;
}

void s3_batch_start(struct s3_batch *batch, const struct s3_request *request, s3_done_fn *done,
		    void *context)
{
	batch->running++;
	s3_start(batch->target->s3, request, done, context);
}

void s3_batch_done(struct s3_batch *batch, const struct error *failure)
{
	batch->running--;
	if (failure && !batch->failed) {
		batch->failed = true;
		*batch->err = *failure;
	}
	pump(batch);
}

/* ---- small objects ---- */

struct one {
	struct s3_target *self;
	bool done;
	enum s3_outcome outcome;
	int tries;
	struct buffer *out;
	struct target_version *version;
	struct error *err;
};

static void one_done(void *context, const struct s3_answer *answer)
{
	struct one *one = context;

	one->done = true;
	one->outcome = answer->outcome;
	one->tries = answer->tries;
	if (answer->outcome == S3_FAILED)
		*one->err = answer->failure;
	if (answer->outcome == S3_DONE && one->version)
		snprintf(one->version->text, sizeof(one->version->text), "%s", answer->etag);
	if (answer->outcome == S3_DONE && one->out && answer->body)
		buffer_add(one->out, answer->body->data, answer->body->length);
	loop_stop(one->self->loop);
}

static void ask(struct one *one, const struct s3_request *request)
{
	s3_start(one->self->s3, request, one_done, one);
	while (!one->done)
		loop_run(one->self->loop);
}

static int read_object(struct asset_target *target, const char *key, struct buffer *out,
		       struct target_version *version, struct error *err)
{
	struct one one = {.self = s3_target_of(target), .out = out, .version = version, .err = err};
	char full[S3_KEY_SIZE];

	version->text[0] = 0;
	if (s3_target_key(one.self, key, full, err) < 0)
		return -1;
	ask(&one, &(struct s3_request){.action = S3_GET, .key = full});
	if (one.outcome == S3_DONE && out->overflowed)
		return error_set(err, "%s/%s is too long", target->options->to, key);
	return one.outcome == S3_DONE ? 1 : one.outcome == S3_MISSING ? 0 : -1;
}

/* The answer to a try before may have been lost: then what is there is what was to be written. */
static bool is_there(struct asset_target *target, const char *key, const void *bytes, size_t length,
		     struct target_version *version)
{
	struct target_version now;
	struct error ignored = {0};
	struct buffer there;
	bool same;

	buffer_init(&there, length + 1);
	same = read_object(target, key, &there, &now, &ignored) > 0 && there.length == length &&
	       memcmp(there.data, bytes, length) == 0;
	buffer_release(&there);
	if (same)
		*version = now;
	return same;
}

static int write_object(struct asset_target *target, const char *key, const void *bytes,
			size_t length, struct target_version *version, struct error *err)
{
	static const struct http_header headers[] = {{"content-type", "application/json"},
						     {"cache-control", "no-store"}};
	struct target_version new = {""};
	struct one one = {.self = s3_target_of(target), .version = &new, .err = err};
	char full[S3_KEY_SIZE];

	if (s3_target_key(one.self, key, full, err) < 0)
		return -1;
	ask(&one, &(struct s3_request){
			  .action = S3_PUT,
			  .key = full,
			  .body = {.bytes = bytes, .length = (int64_t)length},
			  .headers = headers,
			  .header_count = sizeof(headers) / sizeof(*headers),
			  .if_match = *version->text ? version->text : NULL,
			  .if_none_match = *version->text ? NULL : "*",
		  });
	if (one.outcome == S3_FAILED)
		return -1;
	if (one.outcome == S3_DONE)
		*version = new;
	else if (one.tries < 2 || !is_there(target, key, bytes, length, version))
		return 1;
	return 0;
}

/* ---- whole files ---- */

struct fetching {
	struct one one;
	int file;
};

static int take_piece(void *context, int64_t offset, const void *bytes, size_t length)
{
	struct fetching *fetching = context;
	const char *at = bytes;

	if (!offset && ftruncate(fetching->file, 0) < 0)
		return -1;
	while (length) {
		ssize_t once = pwrite(fetching->file, at, length, offset);

		if (once < 0 && errno != EINTR)
			return -1;
		at += once < 0 ? 0 : once;
		offset += once < 0 ? 0 : once;
		length -= once < 0 ? 0 : (size_t)once;
	}
	return 0;
}

int s3_target_get(struct s3_target *self, const char *key, const char *path, struct error *err)
{
	struct fetching fetching = {.one = {.self = self, .err = err}};
	char full[S3_KEY_SIZE];

	if (s3_target_key(self, key, full, err) < 0)
		return -1;
	fetching.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fetching.file < 0)
		return error_set_errno(err, errno, "cannot write '%s'", path);
	ask(&fetching.one, &(struct s3_request){.action = S3_GET, .key = full, .sink = take_piece});
	if (close(fetching.file) < 0 && fetching.one.outcome == S3_DONE)
		return error_set_errno(err, errno, "cannot write '%s'", path);
	return fetching.one.outcome == S3_DONE ? 1 : fetching.one.outcome == S3_MISSING ? 0 : -1;
}

/* ---- removing ---- */

struct removing {
	struct s3_batch batch;
	const struct target_keys *keys;
	const char *held; /* it could not go with the others */
	int64_t *removed;
	bool ended;
};
struct removal {
	struct removing *all;
	struct arena arena;
	size_t count;
	const char *keys[KEYS_MAXIMUM];
};

static void removal_done(void *context, const struct s3_answer *answer)
{
	struct removal *removal = context;
	struct removing *all = removal->all;
	struct s3_target *self = all->batch.target;
	bool failed = answer->outcome == S3_FAILED;
	size_t gone = removal->count;

	if (failed)
		gone = answer->refusal_count ? gone - answer->refusal_count : 0;
	*all->removed += (int64_t)gone;
	atomic_fetch_add(&self->base.options->progress->files, (long long)gone);
	arena_release(&removal->arena);
	free(removal);
	s3_batch_done(&all->batch, failed ? &answer->failure : NULL);
}

/* XML, in which many are named at once, has no words for some characters. */
static bool goes_alone(const char *key)
{
	for (; *key; key++)
		if ((unsigned char)*key < ' ' || (unsigned char)*key == 0x7f ||
		    !strncmp(key, "\xef\xbf\xbe", 3) || !strncmp(key, "\xef\xbf\xbf", 3))
			return true;
	return false;
}

static const char *next_removed(struct removing *all)
{
	const char *key = all->held;

	all->held = NULL;
	if (!key && !all->ended)
		key = all->keys->next(all->keys->context);
	all->ended = !key;
	return key;
}

static bool remove_some(struct s3_batch *batch)
{
	struct removing *all = (struct removing *)(void *)batch;
	struct s3_target *self = batch->target;
	struct removal *removal = malloc(sizeof(*removal));
	struct s3_request request = {.action = S3_DELETE_MANY};
	const char *key = NULL;

	if (!removal)
		abort();
	*removal = (struct removal){.all = all};
	while (removal->count < KEYS_MAXIMUM && (key = next_removed(all)) != NULL) {
		bool alone = goes_alone(key);

		if (alone && removal->count) {
			all->held = key;
			break;
		}
		removal->keys[removal->count++] =
			arena_format(&removal->arena, "%s%s", self->prefix, key);
		if (alone) {
			request.action = S3_DELETE;
			break;
		}
	}
	if (!removal->count || atomic_load(self->base.options->stopped)) {
		arena_release(&removal->arena);
		free(removal);
		return false;
	}
	request.key = request.action == S3_DELETE ? removal->keys[0] : NULL;
	request.keys = removal->keys;
	request.key_count = removal->count;
	s3_batch_start(batch, &request, removal_done, removal);
	return true;
}

static int remove_all(struct asset_target *target, const struct target_keys *keys, int64_t *removed,
		      struct error *err)
{
	struct removing all = {
		.batch =
			{
				.target = s3_target_of(target),
				.next = remove_some,
				.most = DELETES_AT_ONCE,
				.err = err,
			},
		.keys = keys,
		.removed = removed,
	};

	if (s3_batch_run(&all.batch) < 0)
		return -1;
	return target_check(target, err);
}

const struct target_kind target_s3 = {
	.prefix = "s3://",
	.open = open_bucket,
	.free = close_bucket,
	.read = read_object,
	.write = write_object,
	.fetch = s3_target_fetch,
	.keep = s3_target_keep,
	.send = s3_target_send,
	.compare = s3_target_compare,
	.remove = remove_all,
	.list = s3_target_list,
	.has_headers = true,
};
