/* Who we are at Amazon's services and all that speak like them: found where the AWS command line
 * and botocore look, in their order. docs/credentials.md says it for users. */
#pragma once
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct credentials {
	char *access_key, *secret_key;
	char *token;     /* NULL: long-lived keys have none */
	int64_t expires; /* ms since 1970; 0: never */
	char *source;    /* for a person: "the environment", "the profile 'shop' (SSO)" */
	char *renew;     /* what a person does when they are refused: "run aws sso login ..." */
};

struct credentials_options {
	/* NULL: AWS_PROFILE, AWS_DEFAULT_PROFILE, then "default". One that is given here goes
	 * before the keys in the environment. */
	const char *profile;
	const struct clock *clock; /* NULL: the system's */
};

/* Looks, in this order, at: AWS_ACCESS_KEY_ID ...; a profile's role_arn with source_profile,
 * credential_source or web_identity_token_file; AWS_WEB_IDENTITY_TOKEN_FILE; the profile's SSO
 * cache; ~/.aws/credentials; credential_process; ~/.aws/config; the container's address; the EC2
 * instance (IMDSv2). Blocks (files, child processes, HTTP), so it runs off the loop; from any
 * thread. What was found but does not work, or is over, is an error, nothing at all is one that
 * tells where it looked. out is not touched then. No message holds a secret.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
int credentials_load(const struct credentials_options *options, struct credentials *out,
		     struct error *err) MUST_USE;
/* Wipes the keys. */
void credentials_release(struct credentials *credentials);

/* A setting of the profile, from the environment's variables (NULL-terminated, the first that is
 * set and not empty wins; NULL: none), else from ~/.aws/credentials and ~/.aws/config; NULL when
 * it is nowhere. The caller frees. */
char *credentials_setting(const struct credentials_options *options, const char *const *variables,
			  const char *key);
/* Where a service ("s3", "sts") is instead of at Amazon's: AWS_ENDPOINT_URL_<SERVICE>,
 * AWS_ENDPOINT_URL, the profile's services section, its endpoint_url; NULL when nothing says so,
 * or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS does. The caller frees. */
char *credentials_endpoint(const struct credentials_options *options, const char *service);
