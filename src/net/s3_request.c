/* What is asked for, as a query and lines of headers: all that stays the same from try to try. */
#include <ctype.h>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/hash.h"
#include "net/s3_internal.h"

enum { KEY_MAXIMUM = 1024, TEXT_MAXIMUM = 16 << 20, MANY_MAXIMUM = 1000 };

static const struct s3_action_row rows[] = {
	[S3_GET] = {"GET", "s3:GetObject", "read", false, false},
	[S3_HEAD] = {"HEAD", "s3:GetObject", "look at", false, false},
	[S3_PUT] = {"PUT", "s3:PutObject", "write", false, false},
	[S3_COPY] = {"PUT", "s3:PutObject", "copy to", false, true},
	[S3_DELETE] = {"DELETE", "s3:DeleteObject", "delete", false, false},
	[S3_LIST] = {"GET", "s3:ListBucket", "list", true, false},
	[S3_DELETE_MANY] = {"POST", "s3:DeleteObject", "delete from", true, true},
	[S3_PARTS_CREATE] = {"POST", "s3:PutObject", "write", false, false},
	[S3_PARTS_PUT] = {"PUT", "s3:PutObject", "write", false, false},
	[S3_PARTS_COMPLETE] = {"POST", "s3:PutObject", "write", false, true},
	[S3_PARTS_ABORT] = {"DELETE", "s3:AbortMultipartUpload", "take back", false, false},
};

const struct s3_action_row *s3_action_row(int action)
{
	return &rows[action];
}

/* "name:value" with the value's blanks as the signature wants them. */
static char *line_text(struct arena *arena, const char *name, const char *value)
{
	size_t length = strlen(name), out = length + 1;
	char *line = arena_alloc(arena, length + strlen(value) + 2);

	for (size_t i = 0; i < length; i++)
		line[i] = (char)tolower((unsigned char)name[i]);
	line[length] = ':';
	for (; *value; value++) {
		bool blank = *value == ' ' || *value == '\t';
		if (!blank)
			line[out++] = *value;
		else if (line[out - 1] != ' ' && out > length + 1)
			line[out++] = ' ';
	}
	while (out > length + 1 && line[out - 1] == ' ')
		out--;
	line[out] = '\0';
	return line;
}

static int compare_names(const char *one, const char *other)
{
	size_t a = strcspn(one, ":"), b = strcspn(other, ":");
	int order = memcmp(one, other, a < b ? a : b);

	return order ? order : (a > b) - (a < b);
}

int s3_line_add(struct s3_transfer *transfer, const char *name, const char *value,
		struct error *err)
{
	struct arena *arena = &transfer->arena;
	size_t at;

	for (const char *text = value; *text; text++)
		if ((unsigned char)*text < 0x20 && *text != '\t')
			return error_set(err, "the header %s of %s holds a control character", name,
					 transfer->key);
	if (!*value)
		return 0;
	if (!transfer->lines)
		transfer->lines = arena_array(arena, S3_LINES, sizeof(*transfer->lines));
	/* Those of a try come to these. */
	if (transfer->line_count + 8 >= S3_LINES)
		return error_set(err, "%s has too many headers", transfer->key);
	const char *line = line_text(arena, name, value);
	for (at = transfer->line_count; at; at--) {
		if (compare_names(transfer->lines[at - 1], line) <= 0)
			break;
		transfer->lines[at] = transfer->lines[at - 1];
	}
	transfer->lines[at] = line;
	transfer->line_count++;
	transfer->has_type = transfer->has_type || !strncmp(line, "content-type:", 13);
	return 0;
}

bool s3_unquote(struct s3_transfer *transfer)
{
	static const char name[] = "if-match:\"";
	size_t size = sizeof(name) - 1;

	for (size_t i = 0; i < transfer->line_count; i++) {
		const char *line = transfer->lines[i];
		if (strncmp(line, name, size) != 0 || line[strlen(line) - 1] != '"')
			continue;
		transfer->lines[i] = arena_format(&transfer->arena, "if-match:%.*s",
						  (int)(strlen(line) - size - 1), line + size);
		return true;
	}
	return false;
}

/* In the order of their names, which is the callers' business. */
static void query_add(struct buffer *query, const char *name, const char *value)
{
	if (!value)
		return;
	if (query->length)
		buffer_add_char(query, '&');
	buffer_add_text(query, name);
	buffer_add_char(query, '=');
	sigv4_encode(query, value, strlen(value), false);
}

static void query_list(struct buffer *query, const struct s3_request *request)
{
	char page[16];

	snprintf(page, sizeof(page), "%d", request->page ? request->page : MANY_MAXIMUM);
	query_add(query, "continuation-token", request->token);
	query_add(query, "delimiter", request->delimiter);
	query_add(query, "encoding-type", "url");
	query_add(query, "list-type", "2");
	query_add(query, "max-keys", page);
	query_add(query, "prefix", request->prefix ? request->prefix : "");
	query_add(query, "start-after", request->token ? NULL : request->after);
}

static void xml_escape(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '&')
			buffer_add_text(out, "&amp;");
		else if (byte == '<')
			buffer_add_text(out, "&lt;");
		else if (byte == '>')
			buffer_add_text(out, "&gt;");
		else if (byte < 0x20 || byte == 0x7f)
			buffer_add_format(out, "&#%d;", byte);
		else
			buffer_add_char(out, *text);
	}
}

/* XML 1.0 knows no other control characters, not even escaped: such keys go one by one. */
static bool xml_holds(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 && !strchr("\t\n\r", *text))
			return false;
	return true;
}

/* The request's body. Returns how many keys are in it; the others come to odd. */
static size_t write_delete(struct buffer *body, const struct s3_request *request,
			   struct arena *arena, struct text_list *odd)
{
	buffer_add_text(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
			      "<Quiet>true</Quiet>");
	for (size_t i = 0; i < request->key_count; i++) {
		if (!xml_holds(request->keys[i])) {
			text_list_add(arena, odd, request->keys[i]);
			continue;
		}
		buffer_add_text(body, "<Object><Key>");
		xml_escape(body, request->keys[i]);
		buffer_add_text(body, "</Key></Object>");
	}
	buffer_add_text(body, "</Delete>");
	return request->key_count - odd->count;
}

static int body_delete(struct s3_transfer *transfer, const struct s3_request *request,
		       struct error *err)
{
	unsigned char md5[DIGEST_MAXIMUM];
	char encoded[32];
	struct buffer body;
	struct text_list odd = {0};
	size_t held;

	if (!request->key_count || request->key_count > MANY_MAXIMUM)
		return error_set(err, "between 1 and 1,000 keys are deleted at once, not %zu",
				 request->key_count);
	buffer_init(&body, TEXT_MAXIMUM);
	held = write_delete(&body, request, &transfer->arena, &odd);
	digest_bytes(DIGEST_MD5, body.data, body.length, md5);
	base64_format(md5, 16, encoded);
	transfer->body.length = (int64_t)body.length;
	transfer->body.bytes = arena_bytes(&transfer->arena, body.data, body.length);
	buffer_release(&body);
	if (odd.count)
		transfer->many = s3_many_new(transfer, &odd);
	if (!held) {
		s3_many_next(transfer);
		return 0;
	}
	return s3_line_add(transfer, "content-md5", encoded, err) ||
	       s3_line_add(transfer, "content-type", "application/xml", err);
}

static int copy_source(struct s3_transfer *transfer, const char *from, bool replace,
		       struct error *err)
{
	struct buffer source;
	int result;

	buffer_init(&source, TEXT_MAXIMUM);
	buffer_add_format(&source, "/%s/", transfer->s3->options.bucket);
	sigv4_encode(&source, from, strlen(from), true);
	result = s3_line_add(transfer, "x-amz-copy-source", source.data, err) ||
		 s3_line_add(transfer, "x-amz-metadata-directive", replace ? "REPLACE" : "COPY",
			     err);
	buffer_release(&source);
	return result;
}

static int check_key(const char *key, struct error *err)
{
	if (!key || !*key)
		return error_set(err, "an object's key must not be empty");
	if (strlen(key) > KEY_MAXIMUM)
		return error_set(err, "the key '%.60s...' is longer than 1,024 bytes", key);
	return 0;
}

int s3_request_read(struct s3_transfer *transfer, const struct s3_request *request,
		    struct error *err)
{
	struct arena *arena = &transfer->arena;
	struct buffer query;

	transfer->key = arena_string(arena, request->key ? request->key : "");
	transfer->query = "";
	transfer->sink = request->sink;
	transfer->progress = request->progress;
	transfer->maximum_body = request->maximum_body ? request->maximum_body : S3_BODY_MAXIMUM;
	if (!rows[request->action].of_bucket && check_key(request->key, err))
		return -1;
	for (size_t i = 0; i < request->header_count; i++)
		if (s3_line_add(transfer, request->headers[i].name, request->headers[i].value, err))
			return -1;
	if ((request->if_match && s3_line_add(transfer, "if-match", request->if_match, err)) ||
	    (request->if_none_match &&
	     s3_line_add(transfer, "if-none-match", request->if_none_match, err)))
		return -1;
	if (transfer->s3->unquotes && request->action == S3_PUT)
		s3_unquote(transfer);
	if (request->action == S3_COPY)
		return copy_source(transfer, request->copy_from, request->header_count, err);
	if (request->action == S3_DELETE_MANY) {
		transfer->query = "delete=";
		return body_delete(transfer, request, err);
	}
	if (request->action == S3_LIST) {
		buffer_init(&query, TEXT_MAXIMUM);
		query_list(&query, request);
		transfer->query = arena_string(arena, query.data);
		buffer_release(&query);
	}
	if (request->action != S3_PUT)
		return 0;
	if (request->body.length && !request->body.bytes && !request->body.path)
		return error_set(err, "there is nothing to send");
	transfer->body = request->body;
	transfer->body.path = request->body.bytes ? NULL : arena_string(arena, request->body.path);
	transfer->hashed = request->body.sha256;
	if (transfer->hashed)
		memcpy(transfer->sha256, request->body.sha256, sizeof(transfer->sha256));
	return 0;
}
