/* AWS Signature Version 4, in the form that S3 wants: paths and queries are encoded once and never
 * normalised.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define SIGV4_DATE_SIZE 17 /* "20261123T142233Z" and NUL */
#define SIGV4_KEY_SIZE 32

/* The signing key of one day, region and service: made anew when one of them changes. Zeroed by its
 * owner when the secret key does. */
struct sigv4_key {
	unsigned char bytes[SIGV4_KEY_SIZE];
	char scope[96]; /* "20261123/eu-west-1/s3/aws4_request"; "" at first */
};

struct sigv4_credentials {
	const char *access_key, *secret_key;
	const char *region, *service;
};

/* What is signed. Each header is "name:value" in lower case and trimmed, sorted by name; host,
 * x-amz-date and x-amz-content-sha256 among them. */
struct sigv4_request {
	const char *method;
	const char *path;  /* encoded, begins with '/' */
	const char *query; /* encoded and sorted, without '?'; "" for none */
	const char *const *headers;
	size_t header_count;
	const char *payload; /* its SHA-256 as hex, or "UNSIGNED-PAYLOAD" */
	const char *date;    /* as x-amz-date has it */
};

const char *sigv4_date(char date[SIGV4_DATE_SIZE], int64_t milliseconds);
/* Adds the value of the Authorization header. */
void sigv4_sign(struct sigv4_key *key, const struct sigv4_credentials *credentials,
		const struct sigv4_request *request, struct buffer *authorization);

/* The two texts between a request and its signature, for tests and for who has to compare. */
void sigv4_canonical(const struct sigv4_request *request, struct buffer *out);
void sigv4_string_to_sign(const struct sigv4_key *key, const struct sigv4_request *request,
			  struct buffer *out);

/* Percent-encodes all bytes but A-Z a-z 0-9 - _ . ~ (and '/', when it is kept). */
void sigv4_encode(struct buffer *out, const char *text, size_t length, bool keep_slash);
