/* What a bucket has of what should be there: lists of the stretches in which the keys lie, several
 * at once, that skip what lies between; then the MD5 of local files where sizes are the same. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "assets/target_s3_internal.h"
#include "base/file.h"
#include "crypto/digest.h"

enum {
	LANES_MAXIMUM = 16,
	LANE_KEYS = 250, /* fewer than these are not worth another lane */
	MD5_SIZE = 16,
	THREADS_MAXIMUM = 16,
	PIECE = 128 << 10,
};

struct seen {
	bool there, same_size;
	int parts; /* 0: it went up at once; -1: its ETag is no MD5 */
	unsigned char md5[MD5_SIZE];
};
struct compare;
struct lane {
	struct compare *all;
	size_t next, end; /* assets whose keys it looks for still */
	char after[S3_KEY_SIZE + 8];
	bool busy;
};
struct compare {
	struct s3_batch batch;
	struct asset_table *assets;
	const char *folder;
	struct seen *seen;
	struct lane lanes[LANES_MAXIMUM];
	size_t lane_count;
	atomic_size_t next; /* to be hashed */
	atomic_bool failed;
	pthread_mutex_t lock; /* of err */
	struct error *err;
};

/* ---- what is listed ---- */

void s3_key_before(const char *key, char out[S3_KEY_SIZE + 8])
{
	size_t length = 0;
	unsigned char last;

	/* Servers repeat it in XML, which has no words for control characters. */
	while ((unsigned char)key[length] >= ' ' && key[length] != 0x7f)
		length++;
	if (key[length]) {
		snprintf(out, S3_KEY_SIZE + 8, "%.*s", (int)length, key);
		return;
	}
	last = length ? (unsigned char)key[length - 1] : 0;

	/* The last letter's neighbour, with the highest of all behind it. */
	if (last > ' ' && last < 0x7f) {
		snprintf(out, S3_KEY_SIZE + 8, "%.*s%c\xf4\x8f\xbf\xbf", (int)length - 1, key,
			 last - 1);
		return;
	}
	while (length && ((unsigned char)key[length - 1] & 0xc0) == 0x80)
		length--;
	snprintf(out, S3_KEY_SIZE + 8, "%.*s", length ? (int)length - 1 : 0, key);
}

int s3_out_of_order(const struct s3_target *self, const char *key, struct error *err)
{
	error_set(err, "the server of %s does not list keys in their order: '%s' comes too late",
		  s3_name(self->s3), key);
	return error_hint(err, "buckets like this cannot be compared with what should be there");
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* `"<32 hex>"`, or `"<32 hex>-<parts>"` when it went up in parts. */
static void read_etag(const char *etag, struct seen *seen)
{
	const char *at = etag + (*etag == '"');

	seen->parts = -1;
	for (size_t i = 0; i < MD5_SIZE; i++, at += 2) {
		int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);

		if (low < 0)
			return;
		seen->md5[i] = (unsigned char)(high * 16 + low);
	}
	if (*at == '-')
		seen->parts = atoi(at + 1);
	else if (!*at || *at == '"')
		seen->parts = 0;
}

static int take_object(struct lane *lane, const struct s3_object *object, struct error *err)
{
	struct compare *all = lane->all;
	const struct s3_target *self = all->batch.target;
	const char *key = object->key;
	int order = 1;

	if (strcmp(key, lane->after) <= 0)
		return s3_out_of_order(self, key, err);
	snprintf(lane->after, sizeof(lane->after), "%s", key);
	key += self->prefix_length;
	while (lane->next < lane->end &&
	       (order = strcmp(all->assets->items[lane->next].key, key)) < 0)
		lane->next++;
	if (lane->next == lane->end || order > 0)
		return 0;
	struct seen *seen = &all->seen[lane->next];

	seen->there = true;
	seen->same_size = object->size == all->assets->items[lane->next].size;
	read_etag(object->etag, seen);
	lane->next++;
	return 0;
}

/* There is more than a page: what is looked for still is divided among several. */
static void divide(struct compare *all)
{
	size_t begin = all->lanes[0].next, count = all->assets->count - begin;
	size_t wanted = count / LANE_KEYS;

	wanted = wanted < LANES_MAXIMUM ? wanted : LANES_MAXIMUM;
	for (size_t i = 0; i < wanted; i++) {
		struct lane *lane = &all->lanes[i];

		lane->all = all;
		lane->next = begin + count * i / wanted;
		lane->end = begin + count * (i + 1) / wanted;
	}
	all->lane_count = wanted ? wanted : 1;
}

static void listed(void *context, const struct s3_answer *answer)
{
	struct lane *lane = context;
	struct compare *all = lane->all;
	struct error failure = answer->failure;
	bool failed = answer->outcome != S3_DONE;

	lane->busy = false;
	for (size_t i = 0; !failed && i < answer->object_count; i++)
		failed = take_object(lane, &answer->objects[i], &failure) < 0;
	if (!answer->token)
		lane->next = lane->end;
	else if (all->lane_count == 1)
		divide(all);
	s3_batch_done(&all->batch, failed ? &failure : NULL);
}

/* Goes on behind what was listed, or just before the next key that it looks for. */
static void start_lane(struct lane *lane)
{
	struct compare *all = lane->all;
	const struct s3_target *self = all->batch.target;
	char before[S3_KEY_SIZE + 8], key[S3_KEY_SIZE];

	snprintf(key, sizeof(key), "%s%s", self->prefix, all->assets->items[lane->next].key);
	s3_key_before(key, before);
	if (strcmp(before, lane->after) > 0)
		snprintf(lane->after, sizeof(lane->after), "%s", before);
	lane->busy = true;
	s3_batch_start(&all->batch,
		       &(struct s3_request){
			       .action = S3_LIST,
			       .prefix = self->prefix,
			       .after = *lane->after ? lane->after : NULL,
		       },
		       listed, lane);
}

static bool next_lane(struct s3_batch *batch)
{
	struct compare *all = (struct compare *)(void *)batch;

	for (size_t i = 0; i < all->lane_count; i++) {
		struct lane *lane = &all->lanes[i];

		if (lane->busy || lane->next == lane->end)
			continue;
		start_lane(lane);
		return true;
	}
	return false;
}

static int list_all(struct compare *all)
{
	all->lane_count = 1;
	all->lanes[0] = (struct lane){.all = all, .end = all->assets->count};
	return s3_batch_run(&all->batch);
}

/* ---- what is in the files ---- */

/* MD5 of the next `length` bytes. */
static int hash_part(int file, int64_t length, struct digest *digest, unsigned char *piece,
		     unsigned char md5[MD5_SIZE])
{
	while (length) {
		size_t most = length < PIECE ? (size_t)length : PIECE;
		ssize_t once = read(file, piece, most);

		if (once == 0 || (once < 0 && errno != EINTR))
			return -1;
		if (once > 0)
			digest_add(digest, piece, (size_t)once);
		length -= once > 0 ? once : 0;
	}
	digest_finish(digest, md5);
	return 0;
}

/* An upload in parts has the MD5 of its parts' MD5s. */
static bool parts_match(int file, int64_t size, int64_t part, const struct seen *seen,
			unsigned char *piece)
{
	struct digest *digest = digest_new(DIGEST_MD5), *whole = digest_new(DIGEST_MD5);
	unsigned char md5[MD5_SIZE];
	bool readable = lseek(file, 0, SEEK_SET) == 0;

	for (int64_t done = 0; readable && done < size; done += part) {
		int64_t length = size - done < part ? size - done : part;

		readable = hash_part(file, length, digest, piece, md5) == 0;
		digest_add(whole, md5, MD5_SIZE);
	}
	digest_finish(whole, md5);
	digest_free(digest);
	digest_free(whole);
	return readable && memcmp(md5, seen->md5, MD5_SIZE) == 0;
}

static bool file_matches(int file, int64_t size, const struct seen *seen, unsigned char *piece)
{
	/* MiB: ours, and those of aws, rclone, s5cmd and others. */
	static const int64_t sizes[] = {16, 8, 5, 50, 10, 15, 20, 25, 32, 64, 100, 128, 256, 512};
	struct digest *digest;
	unsigned char md5[MD5_SIZE];
	bool same;

	if (seen->parts == 0) {
		digest = digest_new(DIGEST_MD5);
		same = hash_part(file, size, digest, piece, md5) == 0 &&
		       memcmp(md5, seen->md5, MD5_SIZE) == 0;
		digest_free(digest);
		return same;
	}
	for (size_t i = 0; seen->parts > 0 && i < sizeof(sizes) / sizeof(*sizes); i++) {
		int64_t part = sizes[i] << 20;

		if ((size + part - 1) / part == seen->parts &&
		    parts_match(file, size, part, seen, piece))
			return true;
	}
	return false;
}

static int compare_file(struct compare *all, size_t i, unsigned char *piece, struct error *err)
{
	struct asset *asset = &all->assets->items[i];
	struct arena arena = ARENA_INIT;
	const char *path = path_join(&arena, all->folder, asset->path);
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result = 0;

	if (file < 0)
		result = error_set_errno(err, errno, "cannot read '%s'", path);
	else if (!file_matches(file, asset->size, &all->seen[i], piece))
		asset->flags |= ASSET_DIFFERENT;
	if (file >= 0)
		close(file);
	arena_release(&arena);
	return result;
}

static void *compare_some(void *context)
{
	struct compare *all = context;
	unsigned char *piece = malloc(PIECE);
	struct error err = {0};
	size_t i;

	if (!piece)
		abort();
	while ((i = atomic_fetch_add(&all->next, 1)) < all->assets->count) {
		const struct seen *seen = &all->seen[i];

		if (atomic_load(&all->failed))
			break;
		if (!seen->there || !seen->same_size || !all->assets->items[i].path)
			continue;
		if (target_check(&all->batch.target->base, &err) == 0 &&
		    compare_file(all, i, piece, &err) == 0)
			continue;
		pthread_mutex_lock(&all->lock);
		if (!atomic_exchange(&all->failed, true))
			*all->err = err;
		pthread_mutex_unlock(&all->lock);
	}
	free(piece);
	return NULL;
}

static int compare_files(struct compare *all)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	long wanted = processors < THREADS_MAXIMUM ? processors : THREADS_MAXIMUM;
	pthread_t threads[THREADS_MAXIMUM];
	long started = 0;

	pthread_mutex_init(&all->lock, NULL);
	while (started + 1 < wanted &&
	       pthread_create(&threads[started], NULL, compare_some, all) == 0)
		started++;
	compare_some(all);
	while (started)
		pthread_join(threads[--started], NULL);
	pthread_mutex_destroy(&all->lock);
	return atomic_load(&all->failed) ? -1 : 0;
}

static void mark(struct compare *all)
{
	for (size_t i = 0; i < all->assets->count; i++) {
		uint32_t *flags = &all->assets->items[i].flags;

		*flags &= ~(uint32_t)(ASSET_MISSING | ASSET_DIFFERENT);
		if (!all->seen[i].there)
			*flags |= ASSET_MISSING;
		else if (!all->seen[i].same_size)
			*flags |= ASSET_DIFFERENT;
	}
}

int s3_target_compare(struct asset_target *target, struct asset_table *assets, const char *folder,
		      struct error *err)
{
	struct compare all = {
		.batch = {.target = s3_target_of(target), .next = next_lane, .err = err},
		.assets = assets,
		.folder = folder,
		.seen = calloc(assets->count + 1, sizeof(*all.seen)),
		.err = err,
	};
	int result;

	if (!all.seen)
		abort();
	result = list_all(&all);
	if (result == 0)
		mark(&all);
	if (result == 0 && folder)
		result = compare_files(&all);
	free(all.seen);
	return result;
}
