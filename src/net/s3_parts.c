/* Large bodies go up in parts, many at once, and as one at the end; or not at all. */
#include <sys/stat.h>

#include "crypto/digest.h"
#include "crypto/hash.h"
#include "net/s3_internal.h"

enum { PARTS_MAXIMUM = 10000, MEBIBYTE = 1 << 20, MD5_SIZE = 16, XML_MAXIMUM = 4 << 20 };

struct s3_part {
	struct s3_upload *upload;
	int number; /* from 1 */
	struct s3_transfer *transfer;
	const char *etag; /* NULL: not there yet */
};

struct s3_upload {
	struct s3_transfer *parent;
	struct s3_transfer *step; /* which creates, completes, aborts or looks */
	const char *name;         /* the server's */
	struct s3_part *parts;
	int64_t part_size;
	int count, next, running, there;
	bool stopping;
	struct s3_answer end; /* the parent's, behind an abort */
	struct stat stat;     /* of the file at the start */
};

static void part_start(struct s3_upload *upload);
static void complete(struct s3_upload *upload);

bool s3_goes_in_parts(const struct s3_transfer *transfer)
{
	return transfer->action == S3_PUT &&
	       transfer->body.length >= transfer->s3->options.multipart_from;
}

bool s3_parts_stopping(const struct s3_transfer *transfer)
{
	return transfer->upload && transfer->upload->stopping;
}

/* A transfer of the upload's, before all others that wait. */
static struct s3_transfer *child_new(struct s3_transfer *parent, int action, s3_done_fn *done,
				     void *context)
{
	struct s3_transfer *child = s3_transfer_new(parent->s3, action, done, context);

	child->key = arena_string(&child->arena, parent->key);
	return child;
}

static void child_query(struct s3_transfer *child, int number, const char *name)
{
	struct buffer query;

	buffer_init(&query, MEBIBYTE);
	if (number)
		buffer_add_format(&query, "partNumber=%d&", number);
	buffer_add_text(&query, "uploadId=");
	sigv4_encode(&query, name, strlen(name), false);
	child->query = arena_string(&child->arena, query.data);
	buffer_release(&query);
}

static bool is_condition(const char *line)
{
	return !strncmp(line, "if-match:", 9) || !strncmp(line, "if-none-match:", 14);
}

/* What describes the object goes to the first step, conditions to the last. */
static void child_lines(struct s3_transfer *child, const struct s3_transfer *parent,
			bool conditions)
{
	child->lines = arena_array(&child->arena, S3_LINES, sizeof(*child->lines));
	for (size_t i = 0; i < parent->line_count; i++)
		if (is_condition(parent->lines[i]) == conditions)
			child->lines[child->line_count++] =
				arena_string(&child->arena, parent->lines[i]);
	child->has_type = parent->has_type && !conditions;
}

static void child_drop(struct s3_transfer **child)
{
	if (!*child)
		return;
	s3_detach(*child);
	s3_transfer_free(*child);
	*child = NULL;
}

/* ---- the end ---- */

static void parent_end(struct s3_upload *upload, const struct s3_answer *answer)
{
	s3_transfer_end(upload->parent, answer);
}

static void aborted(void *context, const struct s3_answer *answer)
{
	struct s3_upload *upload = context;
	struct s3_answer *end = &upload->end;

	upload->step = NULL;
	if (answer->outcome == S3_FAILED && answer->status != 404 && !end->failure.hint[0])
		error_hint(&end->failure, "the parts that went up could not be deleted: look for "
					  "unfinished uploads there");
	parent_end(upload, end);
}

static void abort_start(struct s3_upload *upload)
{
	upload->step = child_new(upload->parent, S3_PARTS_ABORT, aborted, upload);
	child_query(upload->step, 0, upload->name);
	s3_wait(upload->step, true);
}

/* Without its answer nobody could take back what it creates. */
static bool is_being_created(const struct s3_upload *upload)
{
	return upload->step && upload->step->action == S3_PARTS_CREATE &&
	       upload->step->state == S3_RUNNING;
}

/* Nothing of it stays at the server; then the parent ends like that. */
static void give_up(struct s3_upload *upload, const struct s3_answer *answer)
{
	upload->stopping = true;
	for (int i = 0; i < upload->count; i++)
		child_drop(&upload->parts[i].transfer);
	upload->end = (struct s3_answer){
		.outcome = answer->outcome,
		.failure = answer->failure,
		.status = answer->status,
		.code = arena_string(&upload->parent->arena, answer->code),
		.etag = "",
		.length = -1,
		.tries = answer->tries,
		.unsure = answer->unsure,
	};
	if (is_being_created(upload))
		return;
	child_drop(&upload->step);
	if (upload->name)
		abort_start(upload);
	else
		parent_end(upload, &upload->end);
}

static void fail(struct s3_upload *upload, const struct error *reason)
{
	const struct s3_transfer *parent = upload->parent;
	struct s3_answer answer = {.outcome = S3_FAILED, .failure = *reason, .code = ""};

	error_wrap(&answer.failure, "cannot write %s/%s", parent->s3->name, parent->key);
	give_up(upload, &answer);
}

void s3_parts_stop(struct s3_transfer *transfer, const struct error *reason)
{
	if (!transfer->upload->stopping)
		fail(transfer->upload, reason);
}

/* ---- one whole of the parts ---- */

/* What the ETag of the whole is at Amazon and most others; false when it cannot be known. */
static bool etag_expected(const struct s3_upload *upload, char etag[64])
{
	unsigned char md5[DIGEST_MAXIMUM], byte;
	char hex[2 * MD5_SIZE + 1];
	struct digest *digest = digest_new(DIGEST_MD5);
	bool known = true;

	for (int i = 0; i < upload->count && known; i++) {
		const char *text = upload->parts[i].etag + (upload->parts[i].etag[0] == '"');
		known = strspn(text, "0123456789abcdef") == sizeof(hex) - 1;
		for (size_t j = 0; j + 1 < sizeof(hex) && known; j += 2) {
			const char two[3] = {text[j], text[j + 1], '\0'};
			byte = (unsigned char)strtoul(two, NULL, 16);
			digest_add(digest, &byte, 1);
		}
	}
	digest_finish(digest, md5);
	digest_free(digest);
	hex_format(md5, MD5_SIZE, hex);
	snprintf(etag, 64, "\"%s-%d\"", hex, upload->count);
	return known;
}

static void looked(void *context, const struct s3_answer *answer)
{
	struct s3_upload *upload = context;
	char etag[64];

	upload->step = NULL;
	if (answer->outcome == S3_DONE && etag_expected(upload, etag) &&
	    !strcmp(etag, answer->etag)) {
		parent_end(upload, answer);
		return;
	}
	const struct error lost = {.message = "the upload in parts is not there any more",
				   .hint = "run it again"};
	fail(upload, &lost);
}

static void completed(void *context, const struct s3_answer *answer)
{
	struct s3_upload *upload = context;

	upload->step = NULL;
	if (answer->outcome == S3_DONE) {
		struct s3_answer whole = *answer;
		char etag[64];
		/* radosgw does not tell it. */
		if (!*whole.etag && etag_expected(upload, etag))
			whole.etag = etag;
		parent_end(upload, &whole);
		return;
	}
	/* An earlier try may have done it, and its answer was lost. */
	if (answer->unsure && !strcmp(answer->code, "NoSuchUpload")) {
		upload->step = child_new(upload->parent, S3_HEAD, looked, upload);
		s3_wait(upload->step, true);
		return;
	}
	give_up(upload, answer);
}

static void body_complete(const struct s3_upload *upload, struct s3_transfer *step)
{
	struct buffer body;

	buffer_init(&body, XML_MAXIMUM);
	buffer_add_text(&body, "<CompleteMultipartUpload "
			       "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (int i = 0; i < upload->count; i++) {
		const char *etag = upload->parts[i].etag;
		buffer_add_format(&body, "<Part><PartNumber>%d</PartNumber><ETag>", i + 1);
		for (; *etag; etag++)
			if (*etag == '"')
				buffer_add_text(&body, "&quot;");
			else if (!strchr("<>&", *etag))
				buffer_add_char(&body, *etag);
		buffer_add_text(&body, "</ETag></Part>");
	}
	buffer_add_text(&body, "</CompleteMultipartUpload>");
	step->body.length = (int64_t)body.length;
	step->body.bytes = arena_bytes(&step->arena, body.data, body.length);
	buffer_release(&body);
}

static bool file_changed(const struct s3_upload *upload)
{
	const char *path = upload->parent->body.path;
	const struct stat *old = &upload->stat;
	struct stat now;

	if (upload->parent->body.bytes)
		return false;
	return stat(path, &now) || now.st_ino != old->st_ino || now.st_size != old->st_size ||
	       now.st_mtime != old->st_mtime || now.st_ctime != old->st_ctime;
}

static void complete(struct s3_upload *upload)
{
	struct s3_transfer *parent = upload->parent, *step;
	struct error reason = {0};

	if (upload->there < upload->count || parent->on_thread)
		return;
	if (file_changed(upload)) {
		s3_body_changed(parent, &reason);
		fail(upload, &reason);
		return;
	}
	step = upload->step = child_new(parent, S3_PARTS_COMPLETE, completed, upload);
	child_query(step, 0, upload->name);
	child_lines(step, parent, true);
	body_complete(upload, step);
	s3_wait(step, true);
}

void s3_parts_hashed(struct s3_transfer *transfer)
{
	struct s3_upload *upload = transfer->upload;

	if (upload->stopping)
		return;
	if (transfer->trouble.message[0])
		fail(upload, &transfer->trouble);
	else
		complete(upload);
}

/* ---- the parts ---- */

static void part_moved(void *context, int64_t bytes)
{
	const struct s3_part *part = context;
	const struct s3_transfer *parent = part->upload->parent;

	parent->progress(parent->context, bytes);
}

static void part_done(void *context, const struct s3_answer *answer)
{
	struct s3_part *part = context;
	struct s3_upload *upload = part->upload;

	part->transfer = NULL;
	upload->running--;
	if (answer->outcome != S3_DONE) {
		give_up(upload, answer);
		return;
	}
	part->etag = arena_string(&upload->parent->arena, answer->etag);
	upload->there++;
	part_start(upload);
	complete(upload);
}

/* Starts as many as may be under way. */
static void part_start(struct s3_upload *upload)
{
	const struct s3_body *whole = &upload->parent->body;

	while (upload->running < S3_PARTS_AT_ONCE && upload->next < upload->count) {
		struct s3_part *part = &upload->parts[upload->next];
		int64_t at = upload->next++ * upload->part_size, left = whole->length - at;
		struct s3_transfer *child =
			child_new(upload->parent, S3_PARTS_PUT, part_done, part);

		part->transfer = child;
		child_query(child, part->number, upload->name);
		child->body.length = left < upload->part_size ? left : upload->part_size;
		if (whole->bytes) {
			child->body.bytes = (const char *)whole->bytes + at;
		} else {
			child->body.path = arena_string(&child->arena, whole->path);
			child->offset = at;
		}
		child->progress = upload->parent->progress ? part_moved : NULL;
		upload->running++;
		s3_wait(child, true);
	}
}

static void created(void *context, const struct s3_answer *answer)
{
	struct s3_upload *upload = context;

	upload->step = NULL;
	if (answer->outcome == S3_DONE && answer->token)
		upload->name = arena_string(&upload->parent->arena, answer->token);
	if (!upload->stopping && upload->name)
		part_start(upload);
	else if (!upload->stopping)
		give_up(upload, answer);
	else if (upload->name)
		abort_start(upload);
	else
		parent_end(upload, &upload->end);
}

static int64_t part_size_of(const struct s3_transfer *transfer)
{
	int64_t size = transfer->s3->options.part_size;
	int64_t least = transfer->body.length / PARTS_MAXIMUM + 1;

	if (size < least)
		size = (least + MEBIBYTE - 1) / MEBIBYTE * MEBIBYTE;
	return size;
}

void s3_parts_start(struct s3_transfer *transfer)
{
	struct arena *arena = &transfer->arena;
	struct s3_upload *upload = arena_new(arena, struct s3_upload);
	struct s3_transfer *step;

	transfer->upload = upload;
	upload->parent = transfer;
	upload->part_size = part_size_of(transfer);
	upload->count = (int)((transfer->body.length + upload->part_size - 1) / upload->part_size);
	upload->parts = arena_array(arena, (size_t)upload->count, sizeof(*upload->parts));
	for (int i = 0; i < upload->count; i++)
		upload->parts[i] = (struct s3_part){.upload = upload, .number = i + 1};
	if (!transfer->body.bytes && stat(transfer->body.path, &upload->stat)) {
		struct error reason = {0};
		s3_body_changed(transfer, &reason);
		fail(upload, &reason);
		return;
	}
	step = upload->step = child_new(transfer, S3_PARTS_CREATE, created, upload);
	step->query = "uploads=";
	child_lines(step, transfer, false);
	s3_wait(step, true);
	/* The parts have hashes of their own; the whole is compared with the one that was given. */
	if (transfer->hashed && !transfer->body.bytes) {
		transfer->verifying = true;
		s3_hash_start(transfer);
	}
}
