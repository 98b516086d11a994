/* Keys of the machine that we run on: the container's address, and the EC2 instance's (IMDSv2).
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
#include <arpa/inet.h>

#include "crypto/hash.h"
#include "net/credentials_internal.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST "http://169.254.169.254"
#define INSTANCE_HOST_6 "http://[fd00:ec2::254]"
#define ROLES "/latest/meta-data/iam/security-credentials/"

enum {
	CONTAINER_TIMEOUT = 2000,
	INSTANCE_TIMEOUT = 1000,
	ANSWER_MAXIMUM = 1 << 16,
	EXTENSION = 15 * 60000,
	EXTENSION_SPREAD = 5 * 60000,
};

static const struct key_names answer_names = {"AccessKeyId", "SecretAccessKey", "Token",
					      "Expiration"};

static int read_answer(const struct http_response *response, struct credentials *out,
		       struct error *err)
{
	json_t *answer = json_loadb(response->body.data, response->body.length, 0, NULL);
	const char *code = json_string_value(json_object_get(answer, "Code"));
	const char *message = json_string_value(json_object_get(answer, "Message"));
	int result;

	if (!json_is_object(answer))
		result = error_set(err, "the answer (status %d) is no JSON object",
				   response->status);
	else if (response->status != 200 || (code && strcmp(code, "Success")))
		result = error_set(err, "status %d, %s%s%s", response->status,
				   code ? code : "no code", message ? ": " : "",
				   message ? message : "");
	else
		result = credentials_from_json(answer, &answer_names, out, err);
	json_decref(answer);
	return result;
}

/* ---- the container ---- */

static bool is_local(const char *host)
{
	static const char *const known[] = {"localhost", "169.254.170.2", "169.254.170.23"};
	struct in6_addr six, wanted;
	struct in_addr four;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcasecmp(host, known[i]))
			return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (inet_pton(AF_INET6, "fd00:ec2::23", &wanted) == 1 &&
					      !memcmp(&six, &wanted, sizeof(six)));
}

bool container_url_allowed(const char *url)
{
	char host[256];
	const char *authority, *start, *end;

	if (!strncasecmp(url, "https://", 8))
		return true;
	if (strncasecmp(url, "http://", 7))
		return false;
	authority = start = url + 7;
	/* Nothing that two readers of URLs could read differently. */
	size_t length = strspn(authority, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789.-:[]");
	if (authority[length] && !strchr("/?#", authority[length]))
		return false;
	end = *start == '[' ? memchr(start, ']', length) : start + strcspn(start, ":/?#");
	if (*start == '[')
		start++;
	if (!end || (size_t)(end - start) >= sizeof(host))
		return false;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return is_local(host);
}

char *container_url(struct arena *arena, const char *relative, const char *full, struct error *err)
{
	if (relative && *relative != '/') {
		error_set(err, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
		return NULL;
	}
	if (relative)
		return arena_format(arena, CONTAINER_HOST "%s", relative);
	if (container_url_allowed(full))
		return arena_string(arena, full);
	error_set(err, "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of this "
		       "machine, so that keys could be read on their way");
	return NULL;
}

/* What the container wants to be shown; *token is NULL when it wants nothing. */
static int container_token(char **token, struct error *err)
{
	const char *file = environment_value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *text = environment_value("AWS_CONTAINER_AUTHORIZATION_TOKEN");

	*token = file ? secret_file(file, err) : secret_copy(text);
	if (file && !*token)
		return error_wrap(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	if (*token && strpbrk(*token, "\r\n"))
		return error_set(err, "the container's authorization token holds a line break");
	return 0;
}

static int container_fetch(const char *url, struct credentials *out, struct error *err)
{
	struct http_header headers[2] = {{"accept", "application/json"}};
	struct http_request request = {
		.url = url,
		.headers = headers,
		.header_count = 1,
		.timeout = CONTAINER_TIMEOUT,
		.maximum_body = ANSWER_MAXIMUM,
		.retries = 2,
		.retry_delay = 200,
		.direct = true,
	};
	struct http_response response;
	char *token = NULL;
	int result = container_token(&token, err);

	if (token)
		headers[request.header_count++] = (struct http_header){"authorization", token};
	if (!result)
		result = secret_fetch(&request, &response, err);
	secret_free(token);
	if (result)
		return -1;
	result = read_answer(&response, out, err);
	secret_response_release(&response);
	return result;
}

enum found credentials_from_container(struct search *search, struct credentials *out,
				      struct error *err)
{
	const char *relative = environment_value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = environment_value("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *url;

	if (!relative && !full) {
		text_list_add(&search->arena, &search->silent, "not from a container");
		return FOUND_NOTHING;
	}
	url = container_url(&search->arena, relative, full, err);
	if (!url)
		return FOUND_ERROR;
	if (container_fetch(url, out, err))
		return error_wrap(err, "cannot get the container's credentials");
	out->source = secret_copy("the container");
	out->renew = secret_copy("See which role this container's task or pod has.");
	return FOUND;
}

/* ---- the instance ---- */

struct instance {
	const char *host;
	int64_t timeout;
	int attempts;
	char *token; /* proves that we are on the machine and not behind a proxy on it */
};

static const char *setting(struct search *search, const char *variable, const char *key)
{
	const char *value = environment_value(variable);

	return value ? value : profile_value(search, search->profile, key);
}

static void instance_init(struct search *search, struct instance *instance)
{
	const char *host = setting(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
				   "ec2_metadata_service_endpoint");
	const char *mode = setting(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
				   "ec2_metadata_service_endpoint_mode");
	const char *timeout =
		setting(search, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout");
	const char *attempts = setting(search, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
				       "metadata_service_num_attempts");
	long seconds = timeout ? strtol(timeout, NULL, 10) : 0;
	long tries = attempts ? strtol(attempts, NULL, 10) : 0;

	if (!host)
		host = mode && !strcasecmp(mode, "ipv6") ? INSTANCE_HOST_6 : INSTANCE_HOST;
	char *trimmed = arena_string(&search->arena, host);
	for (size_t length = strlen(trimmed); length && trimmed[length - 1] == '/'; length--)
		trimmed[length - 1] = '\0';
	*instance = (struct instance){
		.host = trimmed,
		.timeout = seconds > 0 && seconds <= 60 ? seconds * 1000 : INSTANCE_TIMEOUT,
		.attempts = tries > 0 && tries <= 10 ? (int)tries : 1,
	};
}

static int instance_ask(struct search *search, const struct instance *instance, const char *path,
			struct http_response *response, struct error *err)
{
	const struct http_header header =
		instance->token
			? (struct http_header){"x-aws-ec2-metadata-token", instance->token}
			: (struct http_header){"x-aws-ec2-metadata-token-ttl-seconds", "21600"};
	const struct http_request request = {
		.url = arena_format(&search->arena, "%s%s", instance->host, path),
		.method = instance->token ? "GET" : "PUT",
		.headers = &header,
		.header_count = 1,
		.timeout = instance->timeout,
		.connect_timeout = instance->timeout,
		.maximum_body = ANSWER_MAXIMUM,
		.retries = instance->attempts - 1,
		.retry_delay = 200,
		.direct = true,
	};

	return http_fetch(&request, response, err);
}

static enum found silent(struct search *search, const char *why)
{
	text_list_add(&search->arena, &search->silent,
		      arena_format(&search->arena, "not from an EC2 instance (%s)", why));
	return FOUND_NOTHING;
}

/* The first line of an answer, of what may stand in a role's name. */
static char *first_line(struct arena *arena, const struct buffer *body)
{
	size_t length = strcspn(body->data, "\r\n");

	for (size_t i = 0; i < length; i++)
		if (body->data[i] <= ' ' || strchr("/?#%\x7f", body->data[i]))
			return NULL;
	return length && length < 256 ? arena_bytes(arena, body->data, length) : NULL;
}

static enum found instance_keys(struct search *search, const struct instance *instance,
				struct credentials *out, struct error *err)
{
	struct http_response response;
	char *role;

	if (instance_ask(search, instance, ROLES, &response, err))
		return error_wrap(err, "cannot ask for this instance's role");
	role = response.status == 200 ? first_line(&search->arena, &response.body) : NULL;
	http_response_release(&response);
	if (!role)
		return silent(search, "it has no role");
	const char *path = arena_format(&search->arena, ROLES "%s", role);
	int result = instance_ask(search, instance, path, &response, err);
	if (!result) {
		result = read_answer(&response, out, err);
		secret_response_release(&response);
	}
	if (result)
		return error_wrap(err, "cannot get the credentials of this instance's role '%s'",
				  role);
	out->source =
		secret_copy(arena_format(&search->arena, "the role '%s' of this instance", role));
	out->renew = secret_copy(
		arena_format(&search->arena, "See the role '%s' of this instance.", role));
	return FOUND;
}

/* When the service that renews them is ill, the instance hands out old keys, which Amazon lets
 * pass longer then: they are asked for again a little later. */
static void extend(const struct search *search, struct credentials *out)
{
	int64_t now = clock_now(search->clock);

	if (out->expires && out->expires < now + EXTENSION)
		out->expires = now + EXTENSION + random_below(EXTENSION_SPREAD);
}

enum found credentials_from_instance(struct search *search, struct credentials *out,
				     struct error *err)
{
	const char *disabled = environment_value("AWS_EC2_METADATA_DISABLED");
	struct instance instance;
	struct http_response response;
	struct error ignored = {0};
	enum found found;

	if (disabled && !strcasecmp(disabled, "true"))
		return silent(search, "AWS_EC2_METADATA_DISABLED is set");
	instance_init(search, &instance);
	if (instance_ask(search, &instance, "/latest/api/token", &response, &ignored))
		return silent(search, "nobody answers where it would");
	if (response.status != 200 || !response.body.length || response.body.length >= 4096 ||
	    strpbrk(response.body.data, "\r\n")) {
		http_response_release(&response);
		return silent(search, "what answers there gives no token");
	}
	instance.token = secret_copy(response.body.data);
	secret_response_release(&response);
	found = instance_keys(search, &instance, out, err);
	secret_free(instance.token);
	if (found == FOUND)
		extend(search, out);
	return found;
}
