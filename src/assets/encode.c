/* Compressed copies (app.js.br, app.js.gz) beside the files that rules name. */
#include <brotli/encode.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <zlib.h>

#include "assets/job_internal.h"
#include "assets/names.h"
#include "base/file.h"
#include "base/library.h"
#include "base/text.h"

enum { THREADS_MAXIMUM = 16, BROTLI_BEST = 11, BROTLI_LARGE = 9 };

/* Above it the best quality takes seconds a file and gains little. */
#define LARGE ((int64_t)1 << 20)

struct brotli {
	__typeof__(&BrotliEncoderCreateInstance) create;
	__typeof__(&BrotliEncoderDestroyInstance) destroy;
	__typeof__(&BrotliEncoderSetParameter) set;
	__typeof__(&BrotliEncoderCompressStream) compress;
};

struct encoding {
	const char *ending, *name;
	unsigned bit;
};
static const struct encoding encodings[] = {{".br", "br", ENCODE_BR}, {".gz", "gzip", ENCODE_GZIP}};

/* One copy to be made. */
struct variant {
	const struct encoding *encoding;
	const char *key, *from; /* of the original, absolute */
	const char *path;       /* where it is made, absolute */
	int64_t from_size, size;
	unsigned char original[HASH_SIZE], hash[HASH_SIZE];
	bool known;
};
struct encode {
	struct job *job;
	struct brotli brotli;
	VEC(struct variant) variants;
	atomic_size_t next;
	atomic_bool failed;
	pthread_mutex_t lock; /* of err */
	struct error *err;
};

static int load_brotli(struct brotli *brotli, struct error *err)
{
#ifdef __APPLE__
	static const char *const files[] = {"libbrotlienc.1.dylib",
					    "/opt/homebrew/lib/libbrotlienc.1.dylib",
					    "/usr/local/lib/libbrotlienc.1.dylib", NULL};
#else
	static const char *const files[] = {"libbrotlienc.so.1", NULL};
#endif
	static const struct library library = {
		.files = files, .name = "libbrotlienc", .purpose = "files with `encode: br`",
		.package = "libbrotli1"};
	const struct library_function functions[] = {
		{"BrotliEncoderCreateInstance", &brotli->create},
		{"BrotliEncoderDestroyInstance", &brotli->destroy},
		{"BrotliEncoderSetParameter", &brotli->set},
		{"BrotliEncoderCompressStream", &brotli->compress},
	};

	return library_load(&library, functions, sizeof(functions) / sizeof(*functions), err);
}

/* ---- one file ---- */

#define PIECE ((size_t)128 << 10)

struct stream {
	int from, to;
	unsigned char *in, *out;
	struct hash original, hash;
	int64_t size;
	struct error *err;
	const struct variant *variant;
};

static ssize_t read_piece(struct stream *stream)
{
	ssize_t length;

	do
		length = read(stream->from, stream->in, PIECE);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		error_set_errno(stream->err, errno, "cannot read '%s'", stream->variant->from);
	else
		hash_add(&stream->original, stream->in, (size_t)length);
	return length;
}

static int write_piece(struct stream *stream, size_t length)
{
	hash_add(&stream->hash, stream->out, length);
	stream->size += (int64_t)length;
	for (size_t done = 0; done < length;) {
		ssize_t once = write(stream->to, stream->out + done, length - done);

		if (once < 0 && errno != EINTR)
			return error_set_errno(stream->err, errno, "cannot write '%s'",
					       stream->variant->path);
		done += once < 0 ? 0 : (size_t)once;
	}
	return 0;
}

/* No name and no time in it: the same content gives the same copy. */
static int gzip(struct stream *stream)
{
	z_stream zlib = {0};
	ssize_t length = 1;
	int result = 0;

	if (deflateInit2(&zlib, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return error_set(stream->err, "zlib cannot compress");
	while (result == 0 && length > 0) {
		length = read_piece(stream);
		result = length < 0 ? -1 : 0;
		zlib.next_in = stream->in;
		zlib.avail_in = (uInt)(length > 0 ? length : 0);
		do {
			zlib.next_out = stream->out;
			zlib.avail_out = (uInt)PIECE;
			deflate(&zlib, length ? Z_NO_FLUSH : Z_FINISH);
			if (result == 0)
				result = write_piece(stream, PIECE - zlib.avail_out);
		} while (result == 0 && zlib.avail_out == 0);
	}
	deflateEnd(&zlib);
	return result;
}

static int brotli_compress(struct stream *stream, const struct brotli *brotli)
{
	BrotliEncoderState *state = brotli->create(NULL, NULL, NULL);
	bool large = stream->variant->from_size > LARGE;
	ssize_t length = 1;
	int result = 0;

	if (!state)
		abort();
	brotli->set(state, BROTLI_PARAM_QUALITY, large ? BROTLI_LARGE : BROTLI_BEST);
	brotli->set(state, BROTLI_PARAM_LGWIN, BROTLI_DEFAULT_WINDOW);
	brotli->set(state, BROTLI_PARAM_SIZE_HINT, (uint32_t)stream->variant->from_size);
	while (result == 0 && length > 0) {
		const uint8_t *in = stream->in;
		size_t left, room;

		length = read_piece(stream);
		result = length < 0 ? -1 : 0;
		left = length > 0 ? (size_t)length : 0;
		do {
			uint8_t *out = stream->out;

			room = PIECE;
			if (result == 0 && !brotli->compress(state,
							     length ? BROTLI_OPERATION_PROCESS
								    : BROTLI_OPERATION_FINISH,
							     &left, &in, &room, &out, NULL))
				result = error_set(stream->err, "brotli cannot compress '%s'",
						   stream->variant->from);
			if (result == 0)
				result = write_piece(stream, PIECE - room);
		} while (result == 0 && (left || room == 0));
	}
	brotli->destroy(state);
	return result;
}

static int compress_open(struct encode *self, struct variant *variant, struct stream *stream)
{
	unsigned char original[HASH_SIZE];
	int result;

	hash_init(&stream->original);
	hash_init(&stream->hash);
	result = variant->encoding->bit == ENCODE_BR ? brotli_compress(stream, &self->brotli)
						     : gzip(stream);
	hash_finish(&stream->original, original);
	hash_finish(&stream->hash, variant->hash);
	variant->size = stream->size;
	if (result == 0 && memcmp(original, variant->original, HASH_SIZE) != 0)
		result = error_set(stream->err, "'%s' changed while it was read", variant->from);
	return result;
}

static int compress_one(struct encode *self, struct variant *variant, struct error *err)
{
	struct stream stream = {
		.from = open(variant->from, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
		.to = open(variant->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644),
		.in = malloc(PIECE),
		.out = malloc(PIECE),
		.err = err,
		.variant = variant,
	};
	int result;

	if (!stream.in || !stream.out)
		abort();
	if (stream.from < 0 || stream.to < 0)
		result = error_set_errno(err, errno, "cannot compress '%s'", variant->from);
	else
		result = compress_open(self, variant, &stream);
	if (stream.from >= 0)
		close(stream.from);
	if (stream.to >= 0 && close(stream.to) < 0 && result == 0)
		result = error_set_errno(err, errno, "cannot write '%s'", variant->path);
	free(stream.in);
	free(stream.out);
	return result;
}

/* ---- all of them ---- */

static void *compress_some(void *context)
{
	struct encode *self = context;
	struct error err = {0};
	size_t i;

	while ((i = atomic_fetch_add(&self->next, 1)) < self->variants.count) {
		struct variant *variant = &self->variants.items[i];

		if (atomic_load(&self->failed))
			break;
		if (variant->known || (target_check(self->job->target, &err) == 0 &&
				       compress_one(self, variant, &err) == 0))
			continue;
		pthread_mutex_lock(&self->lock);
		if (!atomic_exchange(&self->failed, true))
			*self->err = err;
		pthread_mutex_unlock(&self->lock);
	}
	return NULL;
}

static int compress_all(struct encode *self)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	long wanted = processors < THREADS_MAXIMUM ? processors : THREADS_MAXIMUM;
	pthread_t threads[THREADS_MAXIMUM];
	long started = 0;

	pthread_mutex_init(&self->lock, NULL);
	while (started + 1 < wanted && started + 1 < (long)self->variants.count &&
	       pthread_create(&threads[started], NULL, compress_some, self) == 0)
		started++;
	compress_some(self);
	while (started)
		pthread_join(threads[--started], NULL);
	pthread_mutex_destroy(&self->lock);
	return atomic_load(&self->failed) ? -1 : 0;
}

static bool has_key(const struct asset_table *assets, const char *key)
{
	size_t low = 0, high = assets->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(assets->items[middle].key, key);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* What the build compressed itself is taken as it is. */
static void want(struct encode *self, const struct asset_table *assets, const struct asset *asset,
		 const struct encoding *encoding)
{
	struct arena *arena = self->job->arena;
	struct variant variant = {
		.encoding = encoding,
		.key = arena_format(arena, "%s%s", asset->key, encoding->ending),
		.from = path_join(arena, self->job->options->folder, asset->path),
		.from_size = asset->size,
	};
	char token[33];

	if (has_key(assets, variant.key))
		return;
	memcpy(variant.original, asset->hash, HASH_SIZE);
	random_hex(token, sizeof(token));
	variant.path =
		arena_format(arena, "%s/variants/%s%s", self->job->cache, token, encoding->ending);
	vec_push(arena, &self->variants, variant);
}

static void want_all(struct encode *self, const struct asset_table *assets)
{
	for (size_t i = 0; i < assets->count; i++) {
		const struct asset *asset = &assets->items[i];
		struct asset_service service =
			asset_rules_apply(&self->job->options->rules, NULL, asset->key);

		if (!asset->size || service.headers.content_encoding)
			continue;
		for (size_t e = 0; e < sizeof(encodings) / sizeof(*encodings); e++)
			if (service.encode & encodings[e].bit)
				want(self, assets, asset, &encodings[e]);
	}
}

static int compare_variants(const void *one, const void *other)
{
	return strcmp(((const struct variant *)one)->key, ((const struct variant *)other)->key);
}

/* Those whose original has not changed are where they were. */
static int take_known(struct encode *self, struct manifest *live, struct error *err)
{
	struct asset asset;
	size_t i = 0;
	int more = manifest_rewind(live, err) < 0 ? -1 : 1;

	while (more > 0 && i < self->variants.count &&
	       (more = manifest_next(live, &asset, err)) > 0) {
		struct variant *variant;

		while (i < self->variants.count &&
		       strcmp(self->variants.items[i].key, asset.key) < 0)
			i++;
		if (i == self->variants.count)
			break;
		variant = &self->variants.items[i];
		if (strcmp(variant->key, asset.key) != 0 || !asset.original ||
		    memcmp(asset.original, variant->original, HASH_SIZE) != 0)
			continue;
		variant->known = true;
		variant->size = asset.size;
		memcpy(variant->hash, asset.hash, HASH_SIZE);
	}
	return more < 0 ? -1 : 0;
}

static void add_all(struct encode *self, struct asset_table *assets,
		    struct asset_headers_list *headers)
{
	for (size_t i = 0; i < self->variants.count; i++) {
		const struct variant *variant = &self->variants.items[i];
		const struct asset_headers encoded = {.content_encoding = variant->encoding->name};
		struct asset *asset = asset_table_add(assets);

		asset->key = variant->key;
		asset->path = variant->path;
		asset->size = variant->size;
		asset->original = variant->original;
		asset->headers = asset_headers_index(self->job->arena, headers, &encoded);
		memcpy(asset->hash, variant->hash, HASH_SIZE);
	}
	asset_table_sort(assets);
}

bool encode_lacks(const struct asset *asset)
{
	return asset->original && !file_exists(asset->path);
}

void encode_clean(const struct asset_table *assets)
{
	for (size_t i = 0; i < assets->count; i++)
		if (assets->items[i].original)
			unlink(assets->items[i].path);
}

int encode_all(struct job *job, struct asset_table *assets, struct asset_headers_list *headers,
	       struct manifest *live, struct error *err)
{
	struct encode self = {.job = job, .err = err};
	bool brotli = false;

	want_all(&self, assets);
	if (!self.variants.count)
		return 0;
	qsort(self.variants.items, self.variants.count, sizeof(*self.variants.items),
	      compare_variants);
	if (live && take_known(&self, live, err) < 0)
		return -1;
	for (size_t i = 0; i < self.variants.count; i++)
		brotli = brotli || self.variants.items[i].encoding->bit == ENCODE_BR;
	if ((brotli && load_brotli(&self.brotli, err) < 0) ||
	    folder_make(arena_format(job->arena, "%s/variants", job->cache), 0755, err) < 0 ||
	    compress_all(&self) < 0)
		return -1;
	add_all(&self, assets, headers);
	return 0;
}
