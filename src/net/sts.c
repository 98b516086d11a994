/* AssumeRole and AssumeRoleWithWebIdentity. */
#include "net/sts_internal.h"

#include "crypto/hash.h"
#include "crypto/key.h"
#include "net/sigv4.h"
#include "net/xml_internal.h"

#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"

enum { FORM_MAXIMUM = 1 << 17, ANSWER_MAXIMUM = 1 << 18 };

struct call {
	struct search *search;
	const struct sts_role *role;
	const struct credentials *source; /* NULL: not signed */
	struct buffer form;
	const char *url, *host, *path, *region;
};

struct answer {
	struct credentials keys;
	char *expiration, *code, *message;
};

/* ---- where ---- */

/* It becomes a part of a host's name. */
static bool is_region(const char *text)
{
	return *text && strlen(text) < 64 &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

/* The host as curl sends it, and the path. */
static void call_split_url(struct call *call)
{
	struct arena *arena = &call->search->arena;
	const char *host = strstr(call->url, "://");
	const char *port = text_starts_with(call->url, "https") ? ":443" : ":80";
	size_t length;

	host = host ? host + 3 : call->url;
	length = strcspn(host, "/?#");
	call->path = arena_string(arena, host + length);
	char *name = arena_bytes(arena, host, length);
	if (text_ends_with(name, port))
		name[length - strlen(port)] = '\0';
	call->host = name;
}

static int call_aim(struct call *call, struct error *err)
{
	static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
	struct search *search = call->search;
	const char *region = environment_first(variables);
	const char *url = service_endpoint(search, "sts");

	if (!region)
		region = profile_value(search, search->profile, "region");
	if (region && !is_region(region))
		return error_set(err, "'%s' is not a region of Amazon's", region);
	call->region = region ? region : "us-east-1";
	if (!url && !region)
		url = "https://sts.amazonaws.com";
	if (!url)
		url = arena_format(&search->arena, "https://sts.%s.amazonaws.com%s", region,
				   text_starts_with(region, "cn-") ? ".cn" : "");
	call->url = arena_format(&search->arena, "%s%s", url, text_ends_with(url, "/") ? "" : "/");
	call_split_url(call);
	return 0;
}

/* ---- what ---- */

static void form_add(struct call *call, const char *name, const char *value)
{
	if (!value)
		return;
	buffer_add_format(&call->form, "%s%s=", call->form.length ? "&" : "", name);
	sigv4_encode(&call->form, value, strlen(value), false);
}

static void form_begin(struct call *call, const char *action)
{
	struct search *search = call->search;
	const struct sts_role *role = call->role;
	const char *session = role->session;
	char *end = NULL;

	if (!session)
		session = arena_format(&search->arena, "shipit-%lld",
				       (long long)clock_now(search->clock) / 1000);
	buffer_init(&call->form, FORM_MAXIMUM);
	form_add(call, "Action", action);
	form_add(call, "Version", "2011-06-15");
	form_add(call, "RoleArn", role->arn);
	form_add(call, "RoleSessionName", session);
	/* As botocore has it, a duration that is no number does not count. */
	if (role->duration && strtol(role->duration, &end, 10) > 0 && !*end)
		form_add(call, "DurationSeconds", role->duration);
	form_add(call, "ExternalId", role->external_id);
}

static void sign(const struct call *call, const char *date, struct buffer *authorization)
{
	const struct credentials *source = call->source;
	struct arena *arena = &call->search->arena;
	struct sigv4_key key = {0};
	const struct sigv4_credentials who = {source->access_key, source->secret_key, call->region,
					      "sts"};
	char payload[HASH_HEX_SIZE];
	struct buffer token;

	buffer_init(&token, FORM_MAXIMUM);
	buffer_add_format(&token, "x-amz-security-token:%s", source->token ? source->token : "");
	const char *const headers[] = {
		"content-type:" FORM_TYPE,
		arena_format(arena, "host:%s", call->host),
		arena_format(arena, "x-amz-date:%s", date),
		token.data,
	};
	const struct sigv4_request request = {
		.method = "POST",
		.path = call->path,
		.query = "",
		.headers = headers,
		.header_count = source->token ? 4 : 3,
		.payload = hash_bytes_hex(call->form.data, call->form.length, payload),
		.date = date,
	};
	sigv4_sign(&key, &who, &request, authorization);
	memory_wipe(&key, sizeof(key));
	memory_wipe(token.data, token.length);
	buffer_release(&token);
}

static int call_send(const struct call *call, struct http_response *response, struct error *err)
{
	const struct credentials *source = call->source;
	struct http_header headers[4] = {{"content-type", FORM_TYPE}};
	char date[SIGV4_DATE_SIZE];
	struct buffer authorization;
	struct http_request request = {
		.url = call->url,
		.headers = headers,
		.header_count = 1,
		.body = call->form.data,
		.body_length = call->form.length,
		.maximum_body = ANSWER_MAXIMUM,
		.retries = 3,
		.retry_delay = 200,
		.repeatable = true, /* at worst there are keys that nobody uses */
	};

	buffer_init(&authorization, FORM_MAXIMUM);
	if (source) {
		sign(call, sigv4_date(date, clock_now(call->search->clock)), &authorization);
		headers[request.header_count++] = (struct http_header){"x-amz-date", date};
		headers[request.header_count++] =
			(struct http_header){"authorization", authorization.data};
	}
	if (source && source->token)
		headers[request.header_count++] =
			(struct http_header){"x-amz-security-token", source->token};
	int result = secret_fetch(&request, response, err);
	buffer_release(&authorization);
	return result;
}

/* ---- the answer ---- */

static int element(void *context, const char *name, const char *text, struct error *err)
{
	struct answer *answer = context;
	const struct {
		const char *name;
		char **slot;
	} wanted[] = {
		{"AccessKeyId", &answer->keys.access_key},
		{"SecretAccessKey", &answer->keys.secret_key},
		{"SessionToken", &answer->keys.token},
		{"Expiration", &answer->expiration},
		{"Code", &answer->code},
		{"Message", &answer->message},
	};

	(void)err;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!strcmp(name, wanted[i].name) && !*wanted[i].slot)
			*wanted[i].slot = secret_copy(text);
	return 0;
}

static const struct {
	const char *code, *hint;
} hints[] = {
	{"AccessDenied",
	 "Whoever asks needs sts:AssumeRole on this role, and its trust policy must "
	 "name them."},
	{"ExpiredToken", NULL},
	{"ExpiredTokenException", "The identity's token is over: run the job again."},
	{"InvalidIdentityToken", "The role's account must have an OpenID Connect provider for the "
				 "token's issuer and audience."},
	{"IDPRejectedClaim", "The identity's token is over or not for this audience: run the job "
			     "again."},
	{"InvalidClientTokenId", NULL},
	{"SignatureDoesNotMatch", "The secret key is wrong, or this machine's clock is."},
	{"RequestExpired", "This machine's clock is wrong."},
	{"RegionDisabledException", "Activate the region's STS endpoint in the account, or use "
				    "another AWS_REGION."},
	{"ValidationError", "Correct the role's settings."},
};

static void add_hint(const struct call *call, const char *code, struct error *err)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++) {
		const char *hint = hints[i].hint;
		if (strcmp(code, hints[i].code))
			continue;
		if (!hint)
			hint = call->source ? call->source->renew : "Run the job again.";
		error_hint(err, "%s", hint);
		return;
	}
}

static int refused(const struct call *call, const struct http_response *response,
		   const struct answer *answer, struct error *err)
{
	error_clear(err);
	error_set(err, "%s refuses the role %s to %s: %s%s%s (status %d)", call->host,
		  call->role->arn, call->source ? call->source->source : "the web identity",
		  answer->code ? answer->code : "it says no more",
		  answer->message && *answer->message ? ": " : "",
		  answer->message ? answer->message : "", response->status);
	if (answer->code)
		add_hint(call, answer->code, err);
	return -1;
}

static int read_answer(const struct call *call, const struct http_response *response,
		       struct credentials *out, struct error *err)
{
	static const struct xml_visitor visitor = {.close = element};
	struct answer answer = {0};
	int result = xml_read(response->body.data, response->body.length, &visitor, &answer, err);

	if (response->status != 200 || answer.code)
		result = refused(call, response, &answer, err);
	else if (result)
		error_wrap(err, "cannot read the answer of %s", call->host);
	else if (!answer.keys.access_key || !answer.keys.secret_key || !answer.keys.token)
		result = error_set(err, "the answer of %s has no keys", call->host);
	else if (answer.expiration)
		result = expiry_parse(answer.expiration, &answer.keys.expires, err);
	if (!result) {
		*out = answer.keys;
		answer.keys = (struct credentials){0};
	}
	credentials_release(&answer.keys);
	free(answer.expiration);
	free(answer.code);
	free(answer.message);
	return result;
}

static int call_finish(struct call *call, struct credentials *out, struct error *err)
{
	struct http_response response;
	int result = call->form.overflowed ? error_set(err, "what the role needs is too long")
					   : call_aim(call, err);

	if (!result)
		result = call_send(call, &response, err);
	if (!result) {
		result = read_answer(call, &response, out, err);
		secret_response_release(&response);
	}
	memory_wipe(call->form.data, call->form.length);
	buffer_release(&call->form);
	return result;
}

int sts_assume(struct search *search, const struct sts_role *role, const struct credentials *source,
	       struct credentials *out, struct error *err)
{
	struct call call = {.search = search, .role = role, .source = source};

	form_begin(&call, "AssumeRole");
	return call_finish(&call, out, err);
}

int sts_assume_by_token(struct search *search, const struct sts_role *role, const char *token,
			struct credentials *out, struct error *err)
{
	struct call call = {.search = search, .role = role};

	form_begin(&call, "AssumeRoleWithWebIdentity");
	form_add(&call, "WebIdentityToken", token);
	return call_finish(&call, out, err);
}
