/* Credentials that others hand out: STS, the SSO portal, a container, an EC2 instance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "aws_world.h"

#define SOURCE "aws_access_key_id = SOURCE\naws_secret_access_key = source-s3cr3t\n"

static const char *file_get(struct world *world, const char *name)
{
	struct error err = {0};
	struct buffer bytes;

	buffer_init(&bytes, 1 << 20);
	if (file_read(in_home(world, name), &bytes, &err))
		fail_msg("%s", err.message);
	const char *text = arena_string(&world->arena, bytes.data);
	buffer_release(&bytes);
	return text;
}

static void assert_asked(struct world *world, const char *lines)
{
	assert_string_equal(file_get(world, "requests.log"), lines);
	file_put(world, "requests.log", "", 0644);
}

/* ---- roles ---- */

static void test_role(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile p]\n"
		   "role_arn = arn:aws:iam::1:role/web\n"
		   "source_profile = s\n"
		   "role_session_name = me\nexternal_id = a b&c\nduration_seconds = 900\n",
		   "[s]\n" SOURCE);
	struct credentials found = load_as(world, "p");
	assert_string_equal(found.access_key, "ROLE-web");
	assert_string_equal(found.secret_key, "s3cr3t-of-ROLE-web");
	assert_string_equal(found.token, "token-s3cr3t-of-ROLE-web");
	assert_true(found.expires == INT64_C(1893456000000));
	assert_string_equal(found.source, "the profile 'p' (role arn:aws:iam::1:role/web)");
	assert_non_null(strstr(found.renew, "the profile 's'"));
	credentials_release(&found);
	assert_asked(world, "AssumeRole SOURCE web me a b&c 900\n");
	config_put(world,
		   "[profile p]\n"
		   "role_arn = arn:aws:iam::1:role/web\n"
		   "source_profile = s\nduration_seconds = x\n",
		   "[s]\n" SOURCE);
	assert_key(world, "p", "ROLE-web", "role/web");
	assert_asked(world, "AssumeRole SOURCE web shipit-1795478400 - -\n");
}

static void test_role_of_a_role(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile a]\n"
		   "role_arn = arn:aws:iam::1:role/a\n"
		   "source_profile = b\n"
		   "[profile b]\n"
		   "role_arn = arn:aws:iam::1:role/b\n"
		   "source_profile = b\n" SOURCE "[profile c]\n"
		   "role_arn = arn:aws:iam::1:role/c\n"
		   "source_profile = d\n"
		   "[profile d]\n"
		   "role_arn = arn:aws:iam::1:role/d\n"
		   "source_profile = e\n"
		   "[profile e]\nsso_role_name = R\nsso_account_id = 1\nsso_region = eu-1\n"
		   "sso_start_url = https://x\n",
		   "");
	assert_key(world, "b", "ROLE-b", "role/b");
	assert_key(world, "a", "ROLE-a", "role/a");
	assert_no_key(world, "c", 0, "the profile 'e' is not logged in", "--profile e");
}

static void test_role_by_source(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile e]\n"
		   "role_arn = arn:aws:iam::1:role/e\n"
		   "credential_source = Environment\n"
		   "[profile i]\n"
		   "role_arn = arn:aws:iam::1:role/i\n"
		   "credential_source = Ec2InstanceMetadata\n"
		   "[profile c]\n"
		   "role_arn = arn:aws:iam::1:role/c\n"
		   "credential_source = EcsContainer\n"
		   "[profile x]\n"
		   "role_arn = arn:aws:iam::1:role/x\n"
		   "credential_source = Enviroment\n",
		   "");
	assert_no_key(world, "e", 3, "'Environment' of the profile 'e' has no credentials", "");
	setenv("AWS_ACCESS_KEY_ID", "SOURCE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "source-s3cr3t", 1);
	assert_key(world, "e", "ROLE-e", "role/e");
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", world->url, 1);
	assert_key(world, "i", "ROLE-i", "role/i");
	assert_no_key(world, "c", 9, "'EcsContainer' of the profile 'c' has no", "");
	assert_no_key(world, "x", 12, "is none of", "'Environment'");
}

static void test_roles_that_cannot_be(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile circle]\n"
		   "role_arn = arn:aws:iam::1:role/a\n"
		   "source_profile = round\n"
		   "[profile round]\n"
		   "role_arn = arn:aws:iam::1:role/b\n"
		   "source_profile = circle\n"
		   "[profile self]\n"
		   "role_arn = arn:aws:iam::1:role/c\n"
		   "source_profile = self\n"
		   "[profile both]\n"
		   "role_arn = arn:aws:iam::1:role/d\n"
		   "source_profile = x\ncredential_source = y\n"
		   "[profile none]\n"
		   "role_arn = arn:aws:iam::1:role/e\n"
		   "[profile gone]\n"
		   "role_arn = arn:aws:iam::1:role/f\n"
		   "source_profile = circel\n"
		   "[profile empty]\nregion = x\n"
		   "[profile poor]\n"
		   "role_arn = arn:aws:iam::1:role/g\n"
		   "source_profile = empty\n"
		   "[profile code]\n"
		   "role_arn = arn:aws:iam::1:role/h\n"
		   "source_profile = s\nmfa_serial = arn:x\n",
		   "");
	assert_no_key(world, "circle", 6, "in a circle: circle, round, circle", "keys of its own");
	assert_no_key(world, "self", 9, "in a circle: self, self", "");
	assert_no_key(world, "both", 13, "both a source_profile and", "");
	assert_no_key(world, "none", 15, "neither a source_profile nor", "");
	assert_no_key(world, "gone", 18, "the source_profile of 'gone' is wrong: ", "'circle'?");
	assert_no_key(world, "poor", 23, "the profile 'empty', which is the source_profile of", "");
	assert_no_key(world, "code", 27, "asks for a code", "get-caller-identity --profile code");
}

static void test_roles_that_are_refused(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile denied]\n"
		   "role_arn = arn:aws:iam::1:role/denied\n"
		   "source_profile = s\n"
		   "[profile garbled]\n"
		   "role_arn = arn:aws:iam::1:role/garbled\n"
		   "source_profile = s\n"
		   "[profile wrong]\n"
		   "role_arn = arn:aws:iam::1:role/a\n"
		   "source_profile = w\n"
		   "[profile unknown]\n"
		   "role_arn = arn:aws:iam::1:role/a\n"
		   "source_profile = u\n"
		   "[profile elsewhere]\n"
		   "role_arn = arn:aws:iam::1:role/a\n"
		   "source_profile = s\nregion = a/b\n",
		   "[s]\n" SOURCE "[w]\naws_access_key_id = SOURCE\naws_secret_access_key = wrong\n"
		   "[u]\naws_access_key_id = UNKNOWN\naws_secret_access_key = wrong\n");
	assert_no_key(world, "denied", 2,
		      "refuses the role arn:aws:iam::1:role/denied to the "
		      "profile 's' in ",
		      "needs sts:AssumeRole");
	assert_no_key(world, "garbled", 5, "cannot read the answer", "");
	assert_no_key(world, "wrong", 8, "SignatureDoesNotMatch", "clock");
	assert_no_key(world, "unknown", 11, "InvalidClientTokenId", "Correct the keys of");
	unsetenv("AWS_REGION");
	assert_no_key(world, "elsewhere", 14, "'a/b' is not a region", "");
	setenv("AWS_REGION", "eu-west-9", 1);
	setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1", 1);
	assert_no_key(world, "denied", 2, "cannot get http://127.0.0.1:1", "");
}

/* sha1 of {"DurationSeconds": 900, "ExternalId": "a/b", "RoleArn": "arn:r", "SerialNumber":
 * "arn:m"} */
#define CODE_FILE ".aws/cli/cache/93ec4c444eb72554825e9f7c3344800fc91664d6.json"
#define CODE_KEYS(expires) \
	"{\"Credentials\": {\"AccessKeyId\": \"CODE\", \"SecretAccessKey\": \"c-s3cr3t\", " \
	"\"SessionToken\": \"t-s3cr3t\", \"Expiration\": \"" expires "\"}}"

static void test_role_by_code(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile p]\nrole_arn = arn:r\nsource_profile = s\nmfa_serial = arn:m\n"
		   "external_id = a/b\nduration_seconds = 900\n",
		   "[s]\n" SOURCE);
	file_put(world, CODE_FILE, CODE_KEYS("2026-11-24T00:30:00+00:00"), 0600);
	assert_key(world, "p", "CODE", "the profile 'p' (role arn:r)");
	file_put(world, CODE_FILE, CODE_KEYS("2026-11-23T23:30:00Z"), 0600);
	assert_no_key(world, "p", 4, "asks for a code", "get-caller-identity --profile p");
	file_put(world, CODE_FILE, "[]", 0600);
	assert_no_key(world, "p", 4, "asks for a code", "get-caller-identity --profile p");
	assert_asked(world, "");
}

/* ---- web identity ---- */

static void test_web_identity(void **state)
{
	struct world *world = *state;

	file_put(world, "token", "identity-s3cr3t\n", 0600);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", in_home(world, "token"), 1);
	assert_no_key(world, NULL, 0, "no role to ask for", "AWS_ROLE_ARN");
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci", 1);
	setenv("AWS_ROLE_SESSION_NAME", "job-7", 1);
	assert_key(world, NULL, "ROLE-ci", "the role arn:aws:iam::1:role/ci (web identity)");
	assert_asked(world, "AssumeRoleWithWebIdentity - ci job-7 - -\n");
	/* A profile that was asked for does not mean the environment's. */
	config_put(world,
		   arena_format(&world->arena,
				"[profile p]\nweb_identity_token_file = %s\n"
				"role_arn = arn:aws:iam::1:role/mine\n",
				in_home(world, "token")),
		   "");
	assert_key(world, "p", "ROLE-mine", "web identity");

	file_put(world, "token", "old-s3cr3t", 0600);
	assert_no_key(world, NULL, 0, "to the web identity: ExpiredTokenException", "run the job");
	assert_no_key(world, "p", 2, "ExpiredTokenException", "run the job");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere", 1);
	assert_no_key(world, NULL, 0, "the web identity's token: cannot read /nowhere", "");
}

/* ---- SSO ---- */

/* sha1("corp") and sha1("https://corp.example/start") */
#define SESSION_FILE ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define OLD_FILE ".aws/sso/cache/f7c9b39d0b4c7a7d82c79307585f77e1c5e74378.json"
#define SSO_ROLE "sso_role_name = Deploy\nsso_account_id = 123\n"
#define SSO_WHERE "sso_region = eu-1\nsso_start_url = https://corp.example/start\n"

static void token_put(struct world *world, const char *file, const char *access,
		      const char *expires, const char *refresh)
{
	file_put(world, file,
		 arena_format(&world->arena,
			      "{\"startUrl\": \"https://corp.example/start\", \"accessToken\": "
			      "\"%s\", \"expiresAt\": \"%s\", \"clientId\": \"client\", "
			      "\"clientSecret\": \"client-s3cr3t\", \"registrationExpiresAt\": "
			      "\"2026-12-24T00:00:00Z\", \"refreshToken\": \"%s\"}",
			      access, expires, refresh),
		 0600);
}

static void sso_put(struct world *world)
{
	config_put(world,
		   "[profile new]\nsso_session = corp\n" SSO_ROLE "[sso-session corp]\n" SSO_WHERE
		   "[profile old]\n" SSO_ROLE SSO_WHERE
		   "[profile nobody]\nsso_session = corp\nsso_role_name = Nobody\n"
		   "sso_account_id = 5\n",
		   "");
}

static void test_sso(void **state)
{
	struct world *world = *state;

	sso_put(world);
	assert_no_key(world, "new", 0, "'new' is not logged in", "aws sso login --profile new.");
	token_put(world, SESSION_FILE, "bearer-s3cr3t", "2026-11-24T04:00:00Z", "refresh-s3cr3t");
	token_put(world, OLD_FILE, "bearer-s3cr3t", "2026-11-24T04:00:00UTC", "");
	struct credentials found = load_as(world, "new");
	assert_string_equal(found.access_key, "SSO");
	assert_string_equal(found.token, "sso-token-s3cr3t");
	assert_true(found.expires == INT64_C(1893456000000));
	assert_string_equal(found.source, "the profile 'new' (SSO)");
	assert_string_equal(found.renew, "Run aws sso login --profile new.");
	credentials_release(&found);
	assert_key(world, "old", "SSO", "the profile 'old' (SSO)");
	assert_asked(world, "GetRoleCredentials Deploy 123\nGetRoleCredentials Deploy 123\n");
	assert_no_key(world, "nobody", 0, "'Nobody' in the account 5: No access", "ask for access");

	token_put(world, OLD_FILE, "bearer-s3cr3t", "2026-11-23T23:59:59Z", "");
	assert_no_key(world, "old", 0, "the login of the profile 'old' is over", "--profile old");
	token_put(world, OLD_FILE, "revoked-s3cr3t", "2026-11-24T04:00:00Z", "");
	assert_no_key(world, "old", 0, "no longer accepted", "--profile old");
	file_put(world, OLD_FILE, "{\"accessToken\": \"s3cr3t", 0600);
	assert_no_key(world, "old", 0, "not logged in", "--profile old");
}

static void test_sso_is_refreshed(void **state)
{
	struct world *world = *state;
	struct stat status;

	sso_put(world);
	token_put(world, SESSION_FILE, "stale-s3cr3t", "2026-11-24T00:10:00Z", "refresh-s3cr3t");
	assert_key(world, "new", "SSO", "SSO");
	assert_asked(world, "CreateToken\nGetRoleCredentials Deploy 123\n");
	const char *kept = file_get(world, SESSION_FILE);
	assert_non_null(strstr(kept, "\"accessToken\":\"newer-s3cr3t\""));
	assert_non_null(strstr(kept, "\"expiresAt\":\"2026-11-24T01:00:00Z\""));
	assert_non_null(strstr(kept, "\"refreshToken\":\"next-s3cr3t\""));
	assert_non_null(strstr(kept, "\"clientSecret\":\"client-s3cr3t\""));
	assert_int_equal(stat(in_home(world, SESSION_FILE), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);

	/* One that still holds is used when there is no other. */
	token_put(world, SESSION_FILE, "bearer-s3cr3t", "2026-11-24T00:10:00Z", "used-s3cr3t");
	assert_key(world, "new", "SSO", "SSO");
	assert_asked(world, "CreateToken\nGetRoleCredentials Deploy 123\n");
	token_put(world, SESSION_FILE, "bearer-s3cr3t", "2026-11-23T00:10:00Z", "used-s3cr3t");
	assert_no_key(world, "new", 0, "is over", "aws sso login --profile new.");
}

static void test_sso_settings(void **state)
{
	struct world *world = *state;

	config_put(world,
		   "[profile gone]\nsso_session = crop\n" SSO_ROLE
		   "[profile less]\nsso_role_name = R\nsso_region = eu-1\nsso_start_url = x\n"
		   "[profile other]\nsso_session = corp\n" SSO_ROLE "sso_region = us-1\n"
		   "[sso-session corp]\n" SSO_WHERE "[profile host]\n" SSO_ROLE
		   "sso_start_url = x\nsso_region = a.b\n",
		   "");
	assert_no_key(world, "gone", 2, "no [sso-session crop]", "");
	assert_no_key(world, "less", 6, "has no sso_account_id", "aws configure sso");
	assert_no_key(world, "other", 13, "another sso_region", "");
	assert_no_key(world, "host", 0, "'a.b' of the profile 'host' is not a region", "");
}

/* ---- machines ---- */

static void test_container(void **state)
{
	struct world *world = *state;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI",
	       arena_format(&world->arena, "%s/container/s3cr3t", world->url), 1);
	assert_no_key(world, NULL, 0, "container's credentials: status 401, Unauthorized: no token",
		      "");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-s3cr3t", 1);
	assert_key(world, NULL, "CONTAINER", "the container");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong", 1);
	file_put(world, "token", "container-s3cr3t\n", 0600);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", in_home(world, "token"), 1);
	assert_key(world, NULL, "CONTAINER", "the container");
	file_put(world, "token", "a\nb", 0600);
	assert_no_key(world, NULL, 0, "token holds a line break", "");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere", 1);
	assert_no_key(world, NULL, 0, "_TOKEN_FILE: cannot read /nowhere", "");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/s3cr3t", 1);
	assert_no_key(world, NULL, 0, "neither https nor", "");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://127.0.0.1:1/s3cr3t", 1);
	assert_no_key(world, NULL, 0, "https://127.0.0.1:1", "");
}

static void instance_at(struct world *world, const char *path)
{
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT",
	       arena_format(&world->arena, "%s%s", world->url, path), 1);
}

static void test_instance(void **state)
{
	struct world *world = *state;

	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	instance_at(world, "/");
	struct credentials found = load_as(world, NULL);
	assert_string_equal(found.access_key, "INSTANCE");
	assert_string_equal(found.token, "instance-token-s3cr3t");
	assert_string_equal(found.source, "the role 'web-role' of this instance");
	assert_true(found.expires == INT64_C(1893456000000));
	credentials_release(&found);

	instance_at(world, "/old");
	found = load_as(world, NULL);
	assert_true(found.expires >= NOW + 15 * 60000 && found.expires <= NOW + 20 * 60000);
	credentials_release(&found);
	instance_at(world, "/norole");
	assert_no_key(world, NULL, 0, "instance (it has no role)", "");
	instance_at(world, "/badrole");
	assert_no_key(world, NULL, 0, "'web-role': status 200, AssumeRoleUnauthorizedAccess: not",
		      "");
	instance_at(world, "/notoken");
	assert_no_key(world, NULL, 0, "(what answers there gives no token)", "");
	file_put(world, "requests.log", "", 0644);
	setenv("AWS_EC2_METADATA_DISABLED", "TRUE", 1);
	assert_no_key(world, NULL, 0, "(AWS_EC2_METADATA_DISABLED is set)", "");
	assert_asked(world, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_reset)
	const struct CMUnitTest tests[] = {
		TEST(test_role),
		TEST(test_role_of_a_role),
		TEST(test_role_by_source),
		TEST(test_roles_that_cannot_be),
		TEST(test_roles_that_are_refused),
		TEST(test_role_by_code),
		TEST(test_web_identity),
		TEST(test_sso),
		TEST(test_sso_is_refreshed),
		TEST(test_sso_settings),
		TEST(test_container),
		TEST(test_instance),
	};

	return cmocka_run_group_tests_name("identities", tests, world_make, world_remove);
}
