/* What came back, understood: status, headers, and whether the body is what the server has. */
#include "crypto/digest.h"
#include "crypto/hash.h"
#include "net/s3_internal.h"

enum { MD5_SIZE = 16 };

/* Lines are "name: value\n". */
static const char *line_find(const struct buffer *headers, const char *name, size_t *length)
{
	size_t size = strlen(name);

	for (const char *line = headers->data; *line;) {
		const char *end = strchr(line, '\n');
		if (!end)
			return NULL;
		if (!strncmp(line, name, size) && line[size] == ':') {
			const char *value = line + size + 1;
			while (*value == ' ' || *value == '\t')
				value++;
			*length = (size_t)(end - value);
			return value;
		}
		line = end + 1;
	}
	return NULL;
}

const char *s3_header(const struct s3_answer *answer, const char *name, char *text, size_t size)
{
	size_t length;
	const char *value = answer->headers ? line_find(answer->headers, name, &length) : NULL;

	if (!value || length >= size)
		return NULL;
	memcpy(text, value, length);
	text[length] = '\0';
	return text;
}

static int64_t header_time(const struct curl_api *curl, const struct s3_answer *answer,
			   const char *name)
{
	char text[64];
	time_t seconds =
		s3_header(answer, name, text, sizeof(text)) ? curl->getdate(text, NULL) : -1;

	return seconds > 0 ? (int64_t)seconds * 1000 : 0;
}

static int64_t header_number(const struct s3_answer *answer, const char *name)
{
	char text[24];

	if (!s3_header(answer, name, text, sizeof(text)) || !*text ||
	    strspn(text, "0123456789") != strlen(text))
		return -1;
	return strtoll(text, NULL, 10);
}

/* Seconds, or a date by the server's own clock. */
static int64_t asked_for(const struct curl_api *curl, const struct s3_reading *reading)
{
	int64_t seconds = header_number(&reading->answer, "retry-after");
	int64_t then = header_time(curl, &reading->answer, "retry-after");
	int64_t asked = seconds >= 0                            ? seconds * 1000
			: then > reading->date && reading->date ? then - reading->date
								: 0;

	return asked < S3_ASKED_MAXIMUM ? asked : S3_ASKED_MAXIMUM;
}

static void read_headers(const struct curl_api *curl, struct s3_reading *reading)
{
	struct s3_answer *answer = &reading->answer;
	char text[256];

	reading->date = header_time(curl, answer, "date");
	if (s3_header(answer, "etag", text, sizeof(text)))
		answer->etag = arena_string(&reading->arena, text);
	if (s3_header(answer, "x-amz-bucket-region", text, sizeof(text)))
		reading->region = arena_string(&reading->arena, text);
	answer->length = header_number(answer, "content-length");
	answer->modified = header_time(curl, answer, "last-modified");
	if (answer->status >= 400)
		reading->asked = asked_for(curl, reading);
}

/* Whether the ETag is the body's MD5, as Amazon promises for what was stored by one PUT and not
 * encrypted by keys of the user's own. */
static bool etag_is_md5(const struct s3_transfer *transfer, const struct s3_answer *answer)
{
	const char *etag = answer->etag, *bucket = transfer->s3->options.bucket;
	size_t length = strlen(bucket);
	char text[32];

	if (s3_header(answer, "x-amz-server-side-encryption", text, sizeof(text)) &&
	    strcmp(text, "AES256") != 0)
		return false;
	if (s3_header(answer, "x-amz-server-side-encryption-customer-algorithm", text,
		      sizeof(text)))
		return false;
	if (length > 6 && !strcmp(bucket + length - 6, "--x-s3"))
		return false;
	return etag[0] == '"' && strspn(etag + 1, "0123456789abcdef") == 32 && etag[33] == '"';
}

static bool body_is_damaged(const struct s3_transfer *transfer, struct s3_slot *slot,
			    const struct s3_answer *answer)
{
	unsigned char md5[DIGEST_MAXIMUM];
	char hex[2 * MD5_SIZE + 1];

	if (!etag_is_md5(transfer, answer))
		return false;
	digest_finish(slot->md5, md5);
	hex_format(md5, MD5_SIZE, hex);
	return memcmp(hex, answer->etag + 1, sizeof(hex) - 1) != 0;
}

static bool has_xml(const struct s3_transfer *transfer, int status)
{
	switch (transfer->action) {
	case S3_COPY:
	case S3_LIST:
	case S3_DELETE_MANY:
	case S3_PARTS_CREATE:
	case S3_PARTS_COMPLETE:
		return true;
	default:
		return status >= 300;
	}
}

void s3_answer_read(const struct s3_transfer *transfer, struct s3_slot *slot, CURLcode code,
		    struct s3_reading *reading)
{
	struct s3_answer *answer = &reading->answer;

	*answer = (struct s3_answer){
		.status = slot->status,
		.code = "",
		.etag = "",
		.length = -1,
		.headers = &slot->headers,
		.body = &slot->body,
		.tries = transfer->tries,
	};
	reading->curl = code;
	reading->sunk = slot->sunk;
	reading->changed = slot->changed;
	reading->timed_out = code == CURLE_OPERATION_TIMEDOUT;
	reading->words = slot->words[0] ? slot->words : slot->s3->curl->easy_strerror(code);
	if (code != CURLE_OK)
		return;
	read_headers(slot->s3->curl, reading);
	if (has_xml(transfer, answer->status))
		s3_xml_read(transfer->action, &slot->body, reading);
	else if (transfer->action == S3_GET && answer->status == 200)
		reading->is_damaged = body_is_damaged(transfer, slot, answer);
}
