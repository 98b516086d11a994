/* What the AWS command line got for a role that asks for a code: it keeps that in ~/.aws/cli/cache,
 * by the SHA-1 of what it asked for (botocore's AssumeRoleCredentialFetcher). */
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/hash.h"
#include "net/credentials_internal.h"
#include "net/sts_internal.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static const char *cache_path(struct search *search, const struct sts_role *role,
			      const char *mfa_serial)
{
	json_t *asked = json_object();
	unsigned char digest[DIGEST_MAXIMUM];
	char hex[2 * DIGEST_MAXIMUM + 1];
	char *text, *end = NULL;

	set_text(asked, "ExternalId", role->external_id);
	set_text(asked, "RoleArn", role->arn);
	set_text(asked, "RoleSessionName", role->session);
	set_text(asked, "SerialNumber", mfa_serial);
	long seconds = role->duration ? strtol(role->duration, &end, 10) : 0;
	if (end && end != role->duration && !*end)
		json_object_set_new(asked, "DurationSeconds", json_integer(seconds));
	/* As Python writes it, blanks behind commas and colons included. */
	text = json_dumps(asked, JSON_SORT_KEYS);
	json_decref(asked);
	if (!text)
		return NULL;
	hex_format(digest, digest_bytes(DIGEST_SHA1, text, strlen(text), digest), hex);
	free(text);
	return home_path(search, arena_format(&search->arena, ".aws/cli/cache/%s.json", hex));
}

enum found credentials_from_cache(struct search *search, const struct sts_role *role,
				  const char *mfa_serial, struct credentials *out)
{
	static const struct key_names names = {"AccessKeyId", "SecretAccessKey", "SessionToken",
					       "Expiration"};
	const char *path = cache_path(search, role, mfa_serial);
	struct error ignored = {0};
	char *text = path ? secret_file(path, &ignored) : NULL;
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;
	int result = credentials_from_json(json_object_get(answer, "Credentials"), &names, out,
					   &ignored);

	secret_free(text);
	json_decref(answer);
	if (!result && out->expires > clock_now(search->clock))
		return FOUND;
	credentials_release(out);
	return FOUND_NOTHING;
}
