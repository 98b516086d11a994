/* Amazon's service that hands out the keys of roles.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
#pragma once
#include "net/credentials_internal.h"

struct sts_role {
	const char *arn;
	const char *session;     /* NULL: one that says that it was shipit, and when */
	const char *external_id; /* NULL: none */
	const char *duration;    /* seconds; NULL: an hour */
};

/* Keys of the role, asked for with those of source. Sets only keys and expires of out. */
int sts_assume(struct search *search, const struct sts_role *role, const struct credentials *source,
	       struct credentials *out, struct error *err) MUST_USE;
/* The same, with the token of somebody whom the role trusts; nothing is signed. */
int sts_assume_by_token(struct search *search, const struct sts_role *role, const char *token,
			struct credentials *out, struct error *err) MUST_USE;
/* What the AWS command line got for the same role when it asked for a code, while it lasts. */
enum found credentials_from_cache(struct search *search, const struct sts_role *role,
				  const char *mfa_serial, struct credentials *out);
