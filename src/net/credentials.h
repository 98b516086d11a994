/* Who we are at Amazon's services and all that speak like them: found where the AWS command line
 * and botocore look, in their order. */
#pragma once
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct credentials {
	char *access_key, *secret_key;
	char *token;    /* NULL: long-lived keys have none */
	int64_t expires; /* ms since 1970; 0: never */
	char *source;   /* for a person: "the environment", "the profile 'shop' (SSO)" */
	char *renew;    /* what a person does when they are refused: "run aws sso login ..." */
};

struct credentials_options {
	const char *profile;	   /* NULL: AWS_PROFILE, AWS_DEFAULT_PROFILE, then "default" */
	const struct clock *clock; /* NULL: the system's */
};

/* Looks, in this order, at: AWS_ACCESS_KEY_ID ...; a profile's role_arn with source_profile,
 * credential_source or web_identity_token_file; AWS_WEB_IDENTITY_TOKEN_FILE; the profile's SSO
 * cache; ~/.aws/credentials; credential_process; ~/.aws/config; the container's address; the EC2
 * instance (IMDSv2). Blocks (files, child processes, HTTP), so it runs off the loop; from any
 * thread. What was found but does not work is an error, nothing at all is one that tells where it
 * looked. out is not touched then.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
int credentials_load(const struct credentials_options *options, struct credentials *out,
		     struct error *err) MUST_USE;
/* Wipes the keys. */
void credentials_release(struct credentials *credentials);

/* A setting of the profile, from the environment's variables (NULL-terminated, the first that is
 * set and not empty wins), else from ~/.aws/config; NULL when it is nowhere. The caller frees. */
char *credentials_setting(const struct credentials_options *options, const char *const *variables,
			  const char *key);
