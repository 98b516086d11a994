/* AWS Signature Version 4. */
#include "net/sigv4.h"

#include <time.h>

#include "crypto/digest.h"
#include "crypto/hash.h"

enum { CANONICAL_MAXIMUM = 1 << 20 };

const char *sigv4_date(char date[SIGV4_DATE_SIZE], int64_t milliseconds)
{
	time_t seconds = (time_t)(milliseconds / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
	return date;
}

/* RFC 3986's unreserved characters. */
static bool is_plain(unsigned char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.' ||
	       byte == '~';
}

void sigv4_encode(struct buffer *out, const char *text, size_t length, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t start = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (is_plain(byte) || (byte == '/' && keep_slash))
			continue;
		const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
		buffer_add(out, text + start, i - start);
		buffer_add(out, escape, sizeof(escape));
		start = i + 1;
	}
	buffer_add(out, text + start, length - start);
}

static void add_signed_headers(const struct sigv4_request *request, struct buffer *out)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const char *header = request->headers[i];
		if (i)
			buffer_add_char(out, ';');
		buffer_add(out, header, strcspn(header, ":"));
	}
}

void sigv4_canonical(const struct sigv4_request *request, struct buffer *out)
{
	buffer_add_text(out, request->method);
	buffer_add_char(out, '\n');
	buffer_add_text(out, request->path);
	buffer_add_char(out, '\n');
	buffer_add_text(out, request->query);
	buffer_add_char(out, '\n');
	for (size_t i = 0; i < request->header_count; i++) {
		buffer_add_text(out, request->headers[i]);
		buffer_add_char(out, '\n');
	}
	buffer_add_char(out, '\n');
	add_signed_headers(request, out);
	buffer_add_char(out, '\n');
	buffer_add_text(out, request->payload);
}

void sigv4_string_to_sign(const struct sigv4_key *key, const struct sigv4_request *request,
			  struct buffer *out)
{
	struct buffer canonical;
	unsigned char hash[DIGEST_MAXIMUM];
	char hex[HASH_HEX_SIZE];

	buffer_init(&canonical, CANONICAL_MAXIMUM);
	sigv4_canonical(request, &canonical);
	digest_bytes(DIGEST_SHA256, canonical.data, canonical.length, hash);
	hex_format(hash, HASH_SIZE, hex);
	buffer_release(&canonical);
	buffer_add_format(out, "AWS4-HMAC-SHA256\n%s\n%s\n%s", request->date, key->scope, hex);
}

static void key_step(unsigned char key[SIGV4_KEY_SIZE], const char *text, size_t length)
{
	digest_hmac(key, SIGV4_KEY_SIZE, text, length, key);
}

static void key_derive(struct sigv4_key *key, const struct sigv4_credentials *credentials,
		       const char *date)
{
	char scope[sizeof(key->scope)];
	struct buffer secret;

	snprintf(scope, sizeof(scope), "%.8s/%s/%s/aws4_request", date, credentials->region,
		 credentials->service);
	if (!strcmp(scope, key->scope))
		return;
	buffer_init(&secret, CANONICAL_MAXIMUM);
	buffer_add_format(&secret, "AWS4%s", credentials->secret_key);
	digest_hmac(secret.data, secret.length, date, 8, key->bytes);
	key_step(key->bytes, credentials->region, strlen(credentials->region));
	key_step(key->bytes, credentials->service, strlen(credentials->service));
	key_step(key->bytes, "aws4_request", strlen("aws4_request"));
	memcpy(key->scope, scope, sizeof(scope));
	memset(secret.data, 0, secret.length);
	buffer_release(&secret);
}

void sigv4_sign(struct sigv4_key *key, const struct sigv4_credentials *credentials,
		const struct sigv4_request *request, struct buffer *authorization)
{
	struct buffer text;
	unsigned char signature[HASH_SIZE];
	char hex[HASH_HEX_SIZE];

	buffer_init(&text, CANONICAL_MAXIMUM);
	key_derive(key, credentials, request->date);
	sigv4_string_to_sign(key, request, &text);
	digest_hmac(key->bytes, SIGV4_KEY_SIZE, text.data, text.length, signature);
	buffer_release(&text);
	hex_format(signature, HASH_SIZE, hex);
	buffer_add_format(authorization, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=",
			  credentials->access_key, key->scope);
	add_signed_headers(request, authorization);
	buffer_add_format(authorization, ", Signature=%s", hex);
}
