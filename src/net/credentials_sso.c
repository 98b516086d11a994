/* Keys for who has logged in by `aws sso login`: its token lies in ~/.aws/sso/cache, and the
 * portal gives the keys of a role for it.
 * https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
 * https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html */
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "net/credentials_internal.h"
#include "net/sigv4.h"

enum { FILE_MAXIMUM = 1 << 16, URL_MAXIMUM = 8192, REFRESH_BEFORE = 15 * 60000 };

struct sso {
	struct search *search;
	const char *profile;
	const char *session; /* NULL: the settings stand in the profile itself, as of old */
	const char *role, *account, *start_url, *region;
	const char *path; /* of the token's file */
	json_t *token;
	int64_t expires;
};

/* ---- settings ---- */

/* Of the session, or of the profile; one that both have must be the same. */
static int sso_setting(struct sso *sso, const struct ini_section *session, const char *key,
		       const char **value, struct error *err)
{
	const struct ini_entry *shared = ini_entry(session, key);
	const char *own = profile_value(sso->search, sso->profile, key);

	*value = shared && *shared->value ? shared->value : own;
	if (shared && own && strcmp(shared->value, own)) {
		error_set(err, "the profile '%s' has another %s than its sso_session '%s'",
			  sso->profile, key, sso->session);
		return profile_error_at(sso->search, sso->profile, key, err);
	}
	if (*value)
		return 0;
	error_set(err, "the profile '%s' is one for SSO and has no %s", sso->profile, key);
	if (sso->session && !profile_error_at(sso->search, sso->profile, "sso_session", err))
		return -1;
	profile_error_at(sso->search, sso->profile, sso->role ? "sso_role_name" : "sso_account_id",
			 err);
	return error_hint(err, "Run aws configure sso --profile %s.", sso->profile);
}

static int sso_settings(struct sso *sso, struct error *err)
{
	struct search *search = sso->search;
	const struct ini_section *session = NULL;

	sso->session = profile_value(search, sso->profile, "sso_session");
	if (sso->session) {
		session = config_section(search, "sso-session", sso->session);
		if (!session) {
			error_set(err, "there is no [sso-session %s], which the profile '%s' names",
				  sso->session, sso->profile);
			return profile_error_at(search, sso->profile, "sso_session", err);
		}
	}
	if (sso_setting(sso, session, "sso_role_name", &sso->role, err) ||
	    sso_setting(sso, session, "sso_account_id", &sso->account, err) ||
	    sso_setting(sso, session, "sso_start_url", &sso->start_url, err) ||
	    sso_setting(sso, session, "sso_region", &sso->region, err))
		return -1;
	if (!sso->region[strspn(sso->region, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return 0;
	return error_set(err, "the sso_region '%s' of the profile '%s' is not a region",
			 sso->region, sso->profile);
}

static const char *login_hint(const struct sso *sso)
{
	if (!strcmp(sso->profile, "default"))
		return "Run aws sso login.";
	return arena_format(&sso->search->arena, "Run aws sso login --profile %s.", sso->profile);
}

static const char *sso_url(const struct sso *sso, const char *service, const char *host)
{
	const char *url = service_endpoint(sso->search, service);
	struct arena *arena = &sso->search->arena;

	if (!url)
		return arena_format(arena, "https://%s.%s.amazonaws.com%s", host, sso->region,
				    text_starts_with(sso->region, "cn-") ? ".cn" : "");
	size_t length = strlen(url);
	return arena_bytes(arena, url, length - (length && url[length - 1] == '/'));
}

/* ---- the token ---- */

static const char *token_text(const struct sso *sso, const char *key)
{
	const char *text = json_string_value(json_object_get(sso->token, key));

	return text && *text ? text : NULL;
}

static void token_release(struct sso *sso)
{
	static const char *const keys[] = {"accessToken", "refreshToken", "clientSecret"};

	for (size_t i = 0; i < 3; i++) {
		const char *text = token_text(sso, keys[i]);
		if (text)
			memory_wipe((void *)(uintptr_t)text, strlen(text));
	}
	json_decref(sso->token);
	sso->token = NULL;
}

static int token_read(struct sso *sso, struct error *err)
{
	char *text = secret_file(sso->path, err);
	const char *expires;

	token_release(sso);
	if (text) {
		sso->token = json_loads(text, 0, NULL);
		secret_free(text);
	}
	expires = token_text(sso, "expiresAt");
	if (token_text(sso, "accessToken") && expires && !expiry_parse(expires, &sso->expires, err))
		return 0;
	error_clear(err);
	error_set(err, "the profile '%s' is not logged in: there is no token in %s", sso->profile,
		  sso->path);
	return error_hint(err, "%s", login_hint(sso));
}

static void token_find(struct sso *sso)
{
	const char *name = sso->session ? sso->session : sso->start_url;
	unsigned char digest[DIGEST_MAXIMUM];
	char hex[2 * DIGEST_MAXIMUM + 1];

	hex_format(digest, digest_bytes(DIGEST_SHA1, name, strlen(name), digest), hex);
	sso->path = home_path(sso->search,
			      arena_format(&sso->search->arena, ".aws/sso/cache/%s.json", hex));
}

/* ---- a new token for the old one ---- */

static void token_store(struct sso *sso, const json_t *answer)
{
	const json_t *seconds = json_object_get(answer, "expiresIn");
	json_t *access = json_object_get(answer, "accessToken");
	json_t *refresh = json_object_get(answer, "refreshToken");
	struct error ignored = {0};
	char when[32];

	if (!json_is_string(access) || !json_is_integer(seconds))
		return;
	sso->expires =
		clock_now(sso->search->clock) / 1000 * 1000 + json_integer_value(seconds) * 1000;
	memcpy(strchr(time_format(when, sso->expires), '.') ? strchr(when, '.') : when + 19, "Z",
	       2);
	json_object_set(sso->token, "accessToken", access);
	json_object_set_new(sso->token, "expiresAt", json_string(when));
	if (json_is_string(refresh))
		json_object_set(sso->token, "refreshToken", refresh);
	char *text = json_dumps(sso->token, JSON_COMPACT);
	/* This run has what it needs also when the next one has to log in. */
	if (text && file_write(sso->path, text, strlen(text), 0600, &ignored))
		error_clear(&ignored);
	secret_free(text);
}

static char *refresh_form(const struct sso *sso)
{
	json_t *form = json_pack("{s:s, s:s, s:s, s:s}", "grantType", "refresh_token", "clientId",
				 token_text(sso, "clientId"), "clientSecret",
				 token_text(sso, "clientSecret"), "refreshToken",
				 token_text(sso, "refreshToken"));
	char *text = json_dumps(form, JSON_COMPACT);

	json_decref(form);
	return text;
}

static bool can_refresh(const struct sso *sso)
{
	const char *until = token_text(sso, "registrationExpiresAt");
	struct error ignored = {0};
	int64_t when;

	return sso->session && token_text(sso, "refreshToken") && token_text(sso, "clientId") &&
	       token_text(sso, "clientSecret") && until && !expiry_parse(until, &when, &ignored) &&
	       when > clock_now(sso->search->clock);
}

/* Whether it works or not: the token that is there then is judged by its own time. */
static void token_refresh(struct sso *sso)
{
	const char *url =
		arena_format(&sso->search->arena, "%s/token", sso_url(sso, "sso_oidc", "oidc"));
	const struct http_header header = {"content-type", "application/json"};
	struct error ignored = {0};
	struct http_response response;
	char *form = refresh_form(sso);
	const struct http_request request = {
		.url = url,
		.headers = &header,
		.header_count = 1,
		.body = form,
		.body_length = form ? strlen(form) : 0,
		.maximum_body = FILE_MAXIMUM,
		.retries = 2,
		.retry_delay = 200,
	};
	int result = form ? secret_fetch(&request, &response, &ignored) : -1;

	secret_free(form);
	if (result)
		return;
	if (response.status == 200) {
		json_t *answer = json_loadb(response.body.data, response.body.length, 0, NULL);
		token_store(sso, answer);
		json_decref(answer);
	} else if (token_read(sso, &ignored)) {
		/* Somebody else was quicker, perhaps, and then the file has theirs. */
		sso->expires = 0;
	}
	secret_response_release(&response);
}

static int token_get(struct sso *sso, struct error *err)
{
	int64_t now = clock_now(sso->search->clock);

	token_find(sso);
	if (token_read(sso, err))
		return -1;
	if (sso->expires - now < REFRESH_BEFORE && can_refresh(sso))
		token_refresh(sso);
	if (sso->expires > now)
		return 0;
	error_set(err, "the login of the profile '%s' is over", sso->profile);
	return error_hint(err, "%s", login_hint(sso));
}

/* ---- the keys ---- */

static int refused(const struct sso *sso, const struct http_response *response, json_t *answer,
		   struct error *err)
{
	const char *message = json_string_value(json_object_get(answer, "message"));

	if (response->status == 401) {
		error_set(err, "the login of the profile '%s' is no longer accepted", sso->profile);
		return error_hint(err, "%s", login_hint(sso));
	}
	error_set(err,
		  "the SSO portal gives no keys for the role '%s' in the account %s: %s%sstatus %d",
		  sso->role, sso->account, message ? message : "", message ? ", " : "",
		  response->status);
	if (response->status == 403 || response->status == 404)
		return error_hint(err,
				  "Correct sso_role_name and sso_account_id of the profile "
				  "'%s', or ask for access.",
				  sso->profile);
	return -1;
}

static int keys_fetch(const struct sso *sso, struct credentials *out, struct error *err)
{
	static const struct key_names names = {"accessKeyId", "secretAccessKey", "sessionToken",
					       "expiration"};
	const struct http_header header = {"x-amz-sso_bearer_token",
					   token_text(sso, "accessToken")};
	struct http_response response;
	struct buffer url;

	buffer_init(&url, URL_MAXIMUM);
	buffer_add_text(&url, sso_url(sso, "sso", "portal.sso"));
	buffer_add_text(&url, "/federation/credentials?role_name=");
	sigv4_encode(&url, sso->role, strlen(sso->role), false);
	buffer_add_text(&url, "&account_id=");
	sigv4_encode(&url, sso->account, strlen(sso->account), false);
	const struct http_request request = {
		.url = url.data,
		.headers = &header,
		.header_count = 1,
		.maximum_body = FILE_MAXIMUM,
		.retries = 3,
		.retry_delay = 200,
	};
	int result = secret_fetch(&request, &response, err);
	buffer_release(&url);
	if (result)
		return error_wrap(err, "cannot get keys for the profile '%s'", sso->profile);
	json_t *answer = json_loadb(response.body.data, response.body.length, 0, NULL);
	json_t *keys = json_object_get(answer, "roleCredentials");
	result = response.status == 200 ? credentials_from_json(keys, &names, out, err)
					: refused(sso, &response, answer, err);
	json_decref(answer);
	secret_response_release(&response);
	return result;
}

enum found credentials_from_sso(struct search *search, const char *profile, struct credentials *out,
				struct error *err)
{
	struct sso sso = {
		.search = search,
		.profile = profile,
		.role = profile_value(search, profile, "sso_role_name"),
		.account = profile_value(search, profile, "sso_account_id"),
	};

	if (!sso.role && !sso.account)
		return FOUND_NOTHING;
	if (sso_settings(&sso, err))
		return FOUND_ERROR;
	int result = token_get(&sso, err);
	if (!result)
		result = keys_fetch(&sso, out, err);
	token_release(&sso);
	if (result)
		return FOUND_ERROR;
	out->source = secret_copy(arena_format(&search->arena, "the profile '%s' (SSO)", profile));
	out->renew = secret_copy(login_hint(&sso));
	return FOUND;
}
