/* What is sent to a bucket: files, copies of what is there, and new headers for what is there. */
#include "assets/target_s3_internal.h"
#include "base/text.h"

enum { HEADERS_MAXIMUM = 24 };

struct sends {
	struct s3_batch batch;
	const struct target_sends *list;
	bool ended;
};
struct sending {
	struct sends *all;
	struct arena arena;
	const char *key;     /* relative to the place */
	const char *full;    /* ... and whole */
	const char *from;    /* NULL: sent from a file */
	int64_t size, moved; /* bytes; what the progress has of them */
	struct asset_headers headers;
};

static size_t headers_of(const struct asset_headers *headers, struct http_header *out)
{
	size_t count = 0;

	/* One at least, or a copy would keep those of its source. */
	out[count++] = (struct http_header){"content-type", headers->content_type
								    ? headers->content_type
								    : "application/octet-stream"};
	if (headers->cache_control)
		out[count++] = (struct http_header){"cache-control", headers->cache_control};
	if (headers->content_encoding)
		out[count++] = (struct http_header){"content-encoding", headers->content_encoding};
	return count;
}

/* ---- one is done ---- */

static void end(struct sending *sending, const struct error *failure)
{
	struct sends *all = sending->all;
	struct assets_progress *progress = all->batch.target->base.options->progress;

	if (!failure) {
		atomic_fetch_add(&progress->files, 1);
		atomic_fetch_add(&progress->bytes, sending->size - sending->moved);
	}
	arena_release(&sending->arena);
	free(sending);
	s3_batch_done(&all->batch, failure);
}

static void on_progress(void *context, int64_t bytes)
{
	struct sending *sending = context;

	sending->moved += bytes;
	atomic_fetch_add(&sending->all->batch.target->base.options->progress->bytes, bytes);
}

static void sent(void *context, const struct s3_answer *answer)
{
	struct sending *sending = context;
	struct s3_target *self = sending->all->batch.target;
	struct error failure = answer->failure;

	if (answer->outcome == S3_MISSING && sending->from) {
		error_set(&failure, "the content of '%s' is not at %s any more: there is no '%s'",
			  sending->key, self->base.options->to, sending->from);
		error_hint(&failure, "shipit assets sync --verify sends what is missing");
	}
	end(sending, answer->outcome == S3_DONE ? NULL : &failure);
}

/* ---- new headers alone ---- */

/* Others' headers stay, those that a copy would forget included. */
static bool is_kept(const char *name)
{
	static const char *const names[] = {
		"content-disposition",
		"content-language",
		"expires",
		"x-amz-website-redirect-location",
		"x-amz-storage-class",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return text_starts_with(name, "x-amz-meta-") ||
	       text_starts_with(name, "x-amz-server-side-encryption");
}

/* Adds what stays of "name: value\n" lines. */
static size_t keep_headers(struct arena *arena, const char *lines, struct http_header *out,
			   size_t count)
{
	while (*lines && count < HEADERS_MAXIMUM) {
		size_t length = strcspn(lines, "\n"), name = strcspn(lines, ":\n");
		const char *value = lines + name + (lines[name] == ':');
		struct http_header header = {.name = arena_bytes(arena, lines, name)};

		value += *value == ' ';
		header.value = arena_bytes(arena, value, (size_t)(lines + length - value));
		if (is_kept(header.name))
			out[count++] = header;
		lines += length + (lines[length] == '\n');
	}
	return count;
}

static void looked(void *context, const struct s3_answer *answer)
{
	struct sending *sending = context;
	struct sends *all = sending->all;
	struct http_header headers[HEADERS_MAXIMUM];
	size_t count = headers_of(&sending->headers, headers);

	if (answer->outcome != S3_DONE || all->batch.failed) {
		sent(sending, answer);
		return;
	}
	if (answer->headers && answer->headers->length)
		count = keep_headers(&sending->arena, answer->headers->data, headers, count);
	/* Still the one that runs: another takes its place. */
	s3_start(all->batch.target->s3,
		 &(struct s3_request){
			 .action = S3_COPY,
			 .key = sending->full,
			 .copy_from = sending->full,
			 .headers = headers,
			 .header_count = count,
		 },
		 sent, sending);
}

static void start_headers(struct sending *sending, const struct target_send *send)
{
	struct arena *arena = &sending->arena;
	const struct asset_headers *headers = send->headers;

	sending->headers = (struct asset_headers){
		arena_string(arena, headers->content_type),
		arena_string(arena, headers->cache_control),
		arena_string(arena, headers->content_encoding),
	};
	s3_batch_start(&sending->all->batch,
		       &(struct s3_request){.action = S3_HEAD, .key = sending->full}, looked,
		       sending);
}

/* ---- all of them ---- */

static void start_copy(struct sending *sending, const struct target_send *send)
{
	const struct s3_target *self = sending->all->batch.target;
	struct http_header headers[HEADERS_MAXIMUM];

	s3_batch_start(&sending->all->batch,
		       &(struct s3_request){
			       .action = S3_COPY,
			       .key = sending->full,
			       .copy_from = arena_format(&sending->arena, "%s%s", self->prefix,
							 send->from),
			       .headers = headers,
			       .header_count = headers_of(send->headers, headers),
		       },
		       sent, sending);
}

static void start_file(struct sending *sending, const struct target_send *send)
{
	struct http_header headers[HEADERS_MAXIMUM];

	s3_batch_start(&sending->all->batch,
		       &(struct s3_request){
			       .action = S3_PUT,
			       .key = sending->full,
			       .body =
				       {
					       .path = send->path,
					       .length = send->size,
					       .sha256 = send->hash,
				       },
			       .headers = headers,
			       .header_count = headers_of(send->headers, headers),
			       .progress = on_progress,
		       },
		       sent, sending);
}

static bool next(struct s3_batch *batch)
{
	struct sends *all = (struct sends *)(void *)batch;
	struct s3_target *self = batch->target;
	struct target_send send = {0};
	struct sending *sending;
	char full[S3_KEY_SIZE];

	all->ended = all->ended || atomic_load(self->base.options->stopped) ||
		     !all->list->next(all->list->context, &send);
	if (all->ended)
		return false;
	if (s3_target_key(self, send.key, full, batch->err) < 0) {
		batch->failed = true;
		return false;
	}
	sending = malloc(sizeof(*sending));
	if (!sending)
		abort();
	*sending = (struct sending){.all = all, .size = send.size};
	sending->key = arena_string(&sending->arena, send.key);
	sending->full = arena_string(&sending->arena, full);
	sending->from = send.from ? arena_string(&sending->arena, send.from) : NULL;
	if (!send.from)
		start_file(sending, &send);
	else if (strcmp(send.from, send.key) == 0)
		start_headers(sending, &send);
	else
		start_copy(sending, &send);
	return true;
}

int s3_target_send(struct asset_target *target, const struct target_sends *sends, struct error *err)
{
	struct sends all = {
		.batch = {.target = s3_target_of(target), .next = next, .err = err},
		.list = sends,
	};

	if (s3_batch_run(&all.batch) < 0)
		return -1;
	return target_check(target, err);
}
