/* One try on a slot: the URL, the signed headers, the body, and the answer as it arrives. */
#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/hash.h"
#include "net/s3_internal.h"

enum { HEADERS_MAXIMUM = 256 << 10, URL_MAXIMUM = 1 << 20, ERROR_MAXIMUM = 64 << 10 };

static const char *const nothing = "";

/* ---- what curl calls ---- */

void s3_progress(struct s3_transfer *transfer, int64_t bytes)
{
	transfer->progressed += bytes;
	if (transfer->progress)
		transfer->progress(transfer->context, bytes);
}

void s3_progress_undo(struct s3_transfer *transfer)
{
	if (transfer->progressed)
		s3_progress(transfer, -transfer->progressed);
}

static size_t body_wanted(char *out, size_t size, size_t count, void *context)
{
	struct s3_slot *slot = context;
	struct s3_transfer *transfer = slot->transfer;
	int64_t left = transfer->body.length - slot->position;
	size_t room = size * count;
	ssize_t length;

	if (left <= 0)
		return 0;
	if ((int64_t)room > left)
		room = (size_t)left;
	if (transfer->body.bytes) {
		memcpy(out, (const char *)transfer->body.bytes + slot->position, room);
		length = (ssize_t)room;
	} else {
		do
			length = pread(slot->file, out, room, transfer->offset + slot->position);
		while (length < 0 && errno == EINTR);
	}
	if (length <= 0) {
		slot->changed = true;
		return CURL_READFUNC_ABORT;
	}
	slot->position += length;
	s3_progress(transfer, length);
	return (size_t)length;
}

static int body_seek(void *context, curl_off_t offset, int origin)
{
	struct s3_slot *slot = context;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	s3_progress(slot->transfer, offset - slot->position);
	slot->position = offset;
	return CURL_SEEKFUNC_OK;
}

static size_t body_arrives(char *bytes, size_t size, size_t count, void *context)
{
	struct s3_slot *slot = context;
	struct s3_transfer *transfer = slot->transfer;
	size_t length = size * count;

	if (transfer->action == S3_GET && slot->status / 100 == 2) {
		if (slot->md5)
			digest_add(slot->md5, bytes, length);
		s3_progress(transfer, (int64_t)length);
		if (transfer->sink) {
			slot->sunk =
				transfer->sink(transfer->context, slot->received, bytes, length);
			slot->received += (int64_t)length;
			return slot->sunk ? 0 : length;
		}
	}
	slot->received += (int64_t)length;
	/* Of an error's page the beginning is enough. */
	if (buffer_add(&slot->body, bytes, length) && slot->status / 100 == 2)
		return 0;
	return length;
}

/* Keeps the lines of the last answer: "100 Continue" begins anew. */
static size_t header_arrives(char *bytes, size_t size, size_t count, void *context)
{
	struct s3_slot *slot = context;
	struct buffer *headers = &slot->headers;
	size_t length = size * count, start = headers->length;

	if (length >= 12 && !memcmp(bytes, "HTTP/", 5)) {
		const char *blank = memchr(bytes, ' ', length);
		buffer_clear(headers);
		slot->status = blank ? (int)strtol(blank + 1, NULL, 10) : 0;
		return length;
	}
	while (length && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	if (!length)
		return size * count;
	buffer_add(headers, bytes, length);
	buffer_add_char(headers, '\n');
	for (size_t i = start; i < headers->length && headers->data[i] != ':'; i++)
		headers->data[i] = (char)tolower((unsigned char)headers->data[i]);
	return size * count;
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* curl sends a request once more by itself when a kept connection died under it. */
static int request_begins(void *context, char *from, char *to, int from_port, int to_port)
{
	struct s3_slot *slot = context;

	(void)from;
	(void)to;
	(void)from_port;
	(void)to_port;
	if (slot->begun) {
		slot->transfer->unsure = true;
		slot->s3->totals.requests++;
		slot->s3->totals.retries++;
	}
	slot->begun = true;
	return CURL_PREREQFUNC_OK;
}
#endif

/* ---- a slot ---- */

static void set_options(struct s3 *s3, struct s3_slot *slot)
{
	const struct curl_api *curl = s3->curl;
	CURL *easy = slot->easy;
	const char *authorities = getenv("AWS_CA_BUNDLE");

	curl->easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->words);
	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrives);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, slot);
	curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_arrives);
	curl->easy_setopt(easy, CURLOPT_HEADERDATA, slot);
	curl->easy_setopt(easy, CURLOPT_READFUNCTION, body_wanted);
	curl->easy_setopt(easy, CURLOPT_READDATA, slot);
	curl->easy_setopt(easy, CURLOPT_SEEKFUNCTION, body_seek);
	curl->easy_setopt(easy, CURLOPT_SEEKDATA, slot);
	curl->easy_setopt(easy, CURLOPT_USERAGENT, "shipit");
	curl->easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl->easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A client that is freed does not wait for a name server. */
	curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
	curl->easy_setopt(easy, CURLOPT_PREREQFUNCTION, request_begins);
	curl->easy_setopt(easy, CURLOPT_PREREQDATA, slot);
#endif
	if (authorities && *authorities)
		curl->easy_setopt(easy, CURLOPT_CAINFO, authorities);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

void s3_slot_init(struct s3 *s3, struct s3_slot *slot)
{
	slot->s3 = s3;
	slot->file = -1;
	buffer_init(&slot->url, URL_MAXIMUM);
	buffer_init(&slot->headers, HEADERS_MAXIMUM);
	buffer_init(&slot->body, S3_BODY_MAXIMUM);
	buffer_init(&slot->authorization, HEADERS_MAXIMUM);
}

void s3_slot_clear(struct s3_slot *slot)
{
	if (slot->file >= 0)
		close(slot->file);
	slot->file = -1;
	slot->transfer = NULL;
	/* Pages of a listing are large: 64 of them would stay. */
	if (slot->body.capacity > S3_SMALL_BODY)
		buffer_release(&slot->body);
}

void s3_slot_release(struct s3_slot *slot)
{
	s3_slot_clear(slot);
	if (slot->easy)
		slot->s3->curl->easy_cleanup(slot->easy);
	buffer_release(&slot->url);
	buffer_release(&slot->headers);
	buffer_release(&slot->body);
	buffer_release(&slot->authorization);
	digest_free(slot->md5);
	free(slot->host_line);
	free(slot->token_line);
	free(slot->small);
}

/* ---- the body ---- */

/* Reads a small file whole, and hashes it when nobody has. */
static int small_body(struct s3_slot *slot, struct s3_transfer *transfer, struct error *err)
{
	size_t length = (size_t)transfer->body.length, at = 0;

	if (!slot->small)
		slot->small = malloc(S3_SMALL_BODY + 1);
	if (!slot->small)
		abort();
	while (at < length) {
		ssize_t got = pread(slot->file, slot->small + at, length - at,
				    transfer->offset + (int64_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(err, errno, "cannot read %s", transfer->body.path);
		if (!got)
			return error_set(err, "%s became shorter while it was being sent",
					 transfer->body.path);
		at += (size_t)got;
	}
	close(slot->file);
	slot->file = -1;
	return 0;
}

static int prepare_body(struct s3_slot *slot, struct s3_transfer *transfer, struct error *err)
{
	const struct s3_body *body = &transfer->body;
	const void *bytes = body->bytes ? body->bytes : nothing;

	if (body->path) {
		slot->file = s3_body_open(transfer, err);
		if (slot->file < 0 ||
		    (body->length <= S3_SMALL_BODY && small_body(slot, transfer, err)))
			return -1;
		bytes = slot->small;
	}
	if (!transfer->hashed) {
		digest_bytes(DIGEST_SHA256, bytes, (size_t)body->length, transfer->sha256);
		transfer->hashed = true;
	}
	return 0;
}

/* ---- the headers ---- */

static void add_line(struct s3_slot *slot, const char *line)
{
	slot->lines[slot->line_count++] = line;
}

static char *line_of(char *old, const char *name, const char *value)
{
	struct buffer line;

	free(old);
	buffer_init(&line, HEADERS_MAXIMUM);
	buffer_add_format(&line, "%s:%s", name, value);
	return buffer_take(&line, NULL);
}

/* The transfer's lines and those of this try, by name. */
static void gather_lines(struct s3_slot *slot, struct s3_transfer *transfer)
{
	const struct s3 *s3 = slot->s3;
	const char *ours[8];
	size_t count = 0, i = 0, j = 0;

	transfer->checked = transfer->action == S3_PUT && !s3->plain;
	ours[count++] = slot->host_line;
	if (transfer->checked)
		ours[count++] = slot->checksum_line;
	ours[count++] = slot->hash_line;
	ours[count++] = slot->date_line;
	if (s3->credentials.token)
		ours[count++] = slot->token_line;
	slot->line_count = 0;
	while (i < count || j < transfer->line_count) {
		if (i < count &&
		    (j == transfer->line_count || strcmp(ours[i], transfer->lines[j]) < 0))
			add_line(slot, ours[i++]);
		else
			add_line(slot, transfer->lines[j++]);
	}
}

static void format_lines(struct s3_slot *slot, const struct s3_transfer *transfer)
{
	const struct s3 *s3 = slot->s3;
	char date[SIGV4_DATE_SIZE], hex[HASH_HEX_SIZE], encoded[48];

	slot->host_line = line_of(slot->host_line, "host", s3->place.host);
	if (s3->credentials.token)
		slot->token_line =
			line_of(slot->token_line, "x-amz-security-token", s3->credentials.token);
	snprintf(slot->date_line, sizeof(slot->date_line), "x-amz-date:%s",
		 sigv4_date(date, s3_now(s3)));
	hex_format(transfer->sha256, HASH_SIZE, hex);
	snprintf(slot->hash_line, sizeof(slot->hash_line), "x-amz-content-sha256:%s", hex);
	base64_format(transfer->sha256, HASH_SIZE, encoded);
	snprintf(slot->checksum_line, sizeof(slot->checksum_line), "x-amz-checksum-sha256:%s",
		 encoded);
}

static void sign(struct s3_slot *slot, const struct s3_transfer *transfer)
{
	struct s3 *s3 = slot->s3;
	const struct sigv4_credentials credentials = {
		.access_key = s3->credentials.access_key,
		.secret_key = s3->credentials.secret_key,
		.region = s3->region,
		.service = "s3",
	};
	size_t start = strlen(s3->place.https ? "https://" : "http://") + strlen(s3->place.host);
	char *query = strchr(slot->url.data, '?');
	const struct sigv4_request request = {
		.method = s3_action_row(transfer->action)->method,
		.path = slot->url.data + start,
		.query = transfer->query,
		.headers = slot->lines,
		.header_count = slot->line_count,
		.payload = slot->hash_line + strlen("x-amz-content-sha256:"),
		.date = slot->date_line + strlen("x-amz-date:"),
	};

	if (query)
		*query = '\0';
	buffer_clear(&slot->authorization);
	buffer_add_text(&slot->authorization, "Authorization:");
	sigv4_sign(&s3->signing_key, &credentials, &request, &slot->authorization);
	if (query)
		*query = '?';
}

/* curl only reads the list, so its nodes are ours. */
static struct curl_slist *list_headers(struct s3_slot *slot, bool typed)
{
	size_t count = 0;
	const char *more[] = {slot->authorization.data,
			      "Expect:", "Accept:", typed ? NULL : "Content-Type:"};

	for (size_t i = 0; i < slot->line_count; i++)
		slot->nodes[count++].data = (char *)(uintptr_t)slot->lines[i];
	for (size_t i = 0; i < sizeof(more) / sizeof(*more) && more[i]; i++)
		slot->nodes[count++].data = (char *)(uintptr_t)more[i];
	for (size_t i = 0; i < count; i++)
		slot->nodes[i].next = i + 1 < count ? &slot->nodes[i + 1] : NULL;
	return slot->nodes;
}

/* ---- off it goes ---- */

static void write_url(struct s3_slot *slot, const struct s3_transfer *transfer)
{
	const struct s3_place *place = &slot->s3->place;

	buffer_clear(&slot->url);
	buffer_add_format(&slot->url, "%s%s%s", place->https ? "https://" : "http://", place->host,
			  place->path);
	if (*transfer->key) {
		buffer_add_char(&slot->url, '/');
		sigv4_encode(&slot->url, transfer->key, strlen(transfer->key), true);
	} else if (!*place->path) {
		buffer_add_char(&slot->url, '/');
	}
	if (*transfer->query)
		buffer_add_format(&slot->url, "?%s", transfer->query);
}

static void set_method(struct s3_slot *slot, const struct s3_transfer *transfer)
{
	const struct curl_api *curl = slot->s3->curl;
	CURL *easy = slot->easy;
	const char *method = s3_action_row(transfer->action)->method;
	const struct s3_body *body = &transfer->body;
	const char *bytes = body->bytes ? body->bytes : body->path ? slot->small : nothing;

	/* Takes away what the request before has set. */
	curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	curl->easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl->easy_setopt(easy, CURLOPT_NOBODY, (long)(transfer->action == S3_HEAD));
	if (*method != 'P') {
		if (*method == 'D')
			curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	} else if (body->length <= S3_SMALL_BODY) {
		curl->easy_setopt(easy, CURLOPT_POST, 1L);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDS, body->length ? bytes : nothing);
		curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	} else {
		curl->easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl->easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->length);
		curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	}
}

static void empty_slot(struct s3_slot *slot, struct s3_transfer *transfer)
{
	buffer_clear(&slot->headers);
	buffer_clear(&slot->body);
	slot->body.maximum = transfer->maximum_body;
	slot->words[0] = '\0';
	slot->position = slot->received = 0;
	slot->status = 0;
	slot->changed = slot->sunk = slot->begun = false;
	if (transfer->action == S3_GET && !slot->md5)
		slot->md5 = digest_new(DIGEST_MD5);
	if (slot->md5)
		digest_clear(slot->md5);
	transfer->progressed = 0;
}

int s3_send(struct s3_slot *slot, struct s3_transfer *transfer, struct error *err)
{
	struct s3 *s3 = slot->s3;
	const struct curl_api *curl = s3->curl;
	CURLMcode code;

	if (!slot->easy) {
		slot->easy = curl->easy_init();
		if (!slot->easy)
			abort();
		set_options(s3, slot);
	}
	slot->transfer = transfer;
	empty_slot(slot, transfer);
	if (prepare_body(slot, transfer, err))
		return -1;
	write_url(slot, transfer);
	format_lines(slot, transfer);
	gather_lines(slot, transfer);
	sign(slot, transfer);
	curl->easy_setopt(slot->easy, CURLOPT_URL, slot->url.data);
	curl->easy_setopt(slot->easy, CURLOPT_HTTPHEADER, list_headers(slot, transfer->has_type));
	set_method(slot, transfer);
	transfer->tries++;
	transfer->keys = s3->keys;
	code = curl->multi_add_handle(multi_handle(s3->multi), slot->easy);
	if (code != CURLM_OK)
		return error_set(err, "cannot start a request to %s (curl %d)", s3->place.host,
				 (int)code);
	return 0;
}
